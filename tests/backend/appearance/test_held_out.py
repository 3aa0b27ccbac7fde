"""The textured sample, drawn from a camera that gave no colours, against that camera's image.

The geometry is the sample's own, so that the texture alone is measured: through the visual hull of
the seven other views the same texture reaches 21 to 23 dB, as the hull's surface is elsewhere.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from levelform.backend.appearance.baking import bake
from levelform.backend.appearance.blending import Appearance, sample
from levelform.backend.appearance.coloring import vertex_normals
from levelform.backend.appearance.photos import prepare
from levelform.backend.appearance.unwrapping import unwrap
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.protocol import Background
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.raster import rasterize
from levelform.backend.geometry.srgb import linear_from_srgb, srgb_from_linear
from levelform.backend.geometry.views import View
from levelform.backend.geometry.volume import Volume
from levelform.backend.images import to_view

CHAIR = Path(__file__).parents[3] / "assets" / "sample" / "chair"
LEAST = 26.0  # dB; 27.4 to 27.7 were measured
SIZE = 1024


@pytest.fixture(scope="module")
def chair():
    """The mesh and its eight views, in the volume's frame."""
    posed = read_posed_images(CHAIR / "transforms.json")
    place = Volume.from_matrix(posed.world_from_volume).world_from_cube
    views = [to_view(data, Background("auto")) for data in views_of(posed)]
    views = [View(view.image, view.camera.in_frame(place), view.name) for view in views]
    with np.load(CHAIR / "truth.npz") as arrays:
        mesh = Mesh(arrays["vertices"], arrays["faces"])
    return mesh, views, torch.from_numpy(unwrap(mesh, SIZE))


def seen_by(camera, vertices, faces):
    """Return the pixels that show the mesh, their triangles and (S, 3, 1) weights in space."""
    pixels, depth = camera.project(vertices)
    corners = torch.cat([pixels, (1 / depth)[:, None]], 1)[faces]
    view = torch.zeros(len(faces), dtype=torch.long)
    size = {"height": camera.height, "width": camera.width}
    cover = rasterize(corners, view, views=1, two_sided=True, **size)
    weights = cover.weights * corners[cover.triangle][:, :, 2]
    return cover.sample, cover.triangle, (weights / weights.sum(1, keepdim=True))[..., None]


def psnr(pixels, rgb, view):
    """Return dB inside the silhouette, in sRGB."""
    truth = view.image.reshape(-1, 4)[pixels]
    inside = truth[:, 3] >= 0.98
    error = (srgb_from_linear(rgb.clamp(0, 1)) - truth[:, :3])[inside]
    return -10 * math.log10(float((error**2).mean()))


@pytest.mark.parametrize(
    "held", [pytest.param(0, marks=pytest.mark.slow), 3, pytest.param(5, marks=pytest.mark.slow)]
)
def test_the_texture_shows_what_a_held_out_camera_saw(chair, held):
    mesh, views, uvs = chair
    vertices = torch.from_numpy(mesh.vertices)
    faces = torch.from_numpy(mesh.faces.astype(np.int64))
    normals = vertex_normals(vertices, faces)
    photos = prepare([view for index, view in enumerate(views) if index != held])
    appearance = Appearance(photos, vertices, normals, faces)
    texture = bake(appearance, vertices, normals, faces, uvs, SIZE)

    view = views[held]
    pixels, triangle, weights = seen_by(view.camera, vertices, faces)
    place = (uvs[triangle] * weights).sum(1)
    square = Camera(np.eye(4), 1, 1, 0, 0, SIZE, SIZE)
    at = torch.stack([place[:, 0], 1 - place[:, 1]], 1) * SIZE
    image = linear_from_srgb(torch.from_numpy(texture.image).float() / 255).permute(2, 0, 1)
    textured = psnr(pixels, sample(image, at, square), view)
    colors = appearance(vertices, normals).rgb
    by_vertex = psnr(pixels, (colors[faces[triangle]] * weights).sum(1), view)
    assert textured >= LEAST
    assert textured > by_vertex + 0.5
