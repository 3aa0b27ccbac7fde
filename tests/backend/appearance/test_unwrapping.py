"""UVs outside Blender: in the unit square, no two triangles on one texel, little area wasted."""

import numpy as np
import pytest
import torch
import trimesh
from levelform.backend.appearance.unwrapping import unwrap
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.raster import rasterize

SIZE = 512


@pytest.fixture(scope="module")
def knot():
    """A torus with bumps: no plane shows it without overlap."""
    shape = trimesh.creation.torus(0.6, 0.25, major_sections=60, minor_sections=24)
    vertices = np.asarray(shape.vertices, np.float32)
    vertices += 0.03 * np.sin(12 * vertices[:, [1, 2, 0]])
    return Mesh(vertices, np.asarray(shape.faces, np.int32))


def test_charts_do_not_overlap(knot):
    uvs = unwrap(knot, SIZE)
    assert uvs.shape == (len(knot.faces), 3, 2)
    assert uvs.min() >= 0
    assert uvs.max() <= 1
    places = np.concatenate([uvs * SIZE, np.ones((*uvs.shape[:2], 1), np.float32)], 2)
    corners = torch.from_numpy(places)
    view = torch.zeros(len(corners), dtype=torch.long)
    once = rasterize(corners, view, views=1, height=SIZE, width=SIZE, two_sided=True)
    edges = uvs[:, 1:] - uvs[:, :1]
    area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]).sum() / 2
    covered = len(once.sample) / SIZE**2
    assert covered == pytest.approx(area, rel=0.03)  # overlap would cover less than the sum
    assert covered > 0.4


def test_triangles_keep_their_proportions(knot):
    """The area in the texture goes with the area on the surface: no part is starved."""
    uvs = unwrap(knot, SIZE)
    edges = uvs[:, 1:] - uvs[:, :1]
    flat = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    corners = knot.vertices[knot.faces]
    solid = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    ratio = flat / solid
    assert np.quantile(ratio, 0.9) < 2.5 * np.quantile(ratio, 0.1)
