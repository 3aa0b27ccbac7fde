"""A texture holds at each texel the colour of the surface point that it is."""

import math

import numpy as np
import pytest
import torch
import trimesh
from levelform.backend.appearance.baking import bake
from levelform.backend.appearance.blending import Colors
from levelform.backend.appearance.unwrapping import unwrap
from levelform.backend.contract.errors import JobCancelled, RequestError
from levelform.backend.fields import Field
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.srgb import linear_from_srgb
from levelform.backend.ticket import Ticket

SIZE = 256


class Smooth:
    """Stands in for the photos: a colour that is a smooth function of the place."""

    def __call__(self, points, normals):
        assert float((normals.norm(dim=1) - 1).abs().max()) < 1e-5
        return Colors((points + 1) / 2, (points[:, 2] > 0).float())


@pytest.fixture(scope="module")
def ball():
    sphere = trimesh.creation.icosphere(3, radius=0.8)
    return Mesh(np.asarray(sphere.vertices, np.float32), np.asarray(sphere.faces, np.int32))


@pytest.fixture(scope="module")
def uvs(ball):
    return torch.from_numpy(unwrap(ball, SIZE))


def tensors(mesh):
    vertices = torch.from_numpy(mesh.vertices)
    return vertices, torch.nn.functional.normalize(vertices, dim=1), torch.from_numpy(mesh.faces)


def at(texture, uvs):
    """Return (N, 3) linear colours of the nearest texel."""
    column, row = (uvs[:, 0] * SIZE).long(), ((1 - uvs[:, 1]) * SIZE).long()
    texels = torch.from_numpy(texture.image)[row.clamp(0, SIZE - 1), column.clamp(0, SIZE - 1)]
    return linear_from_srgb(texels.float() / 255)


def test_texels_are_their_points_colours(ball, uvs):
    vertices, normals, faces = tensors(ball)
    texture = bake(Smooth(), vertices, normals, faces.long(), uvs, SIZE)
    middle = vertices[faces.long()].mean(1)
    error = at(texture, uvs.mean(1)) - (middle + 1) / 2
    assert float(error.abs().max()) < 0.03  # half a texel, and eight bits
    assert texture.seen == pytest.approx(0.5, abs=0.03)


def test_colours_go_on_beyond_the_charts(ball, uvs):
    """A corner's own texel is often half outside; filtering must meet no black there."""
    vertices, normals, faces = tensors(ball)
    texture = bake(Smooth(), vertices, normals, faces.long(), uvs, SIZE)
    corners = at(texture, uvs.reshape(-1, 2))
    error = corners - (vertices[faces.long().reshape(-1)] + 1) / 2
    assert float(error.abs().max()) < 0.06
    assert texture.image.min() > 0


def test_bands_make_the_same_texture(ball, uvs, monkeypatch):
    from levelform.backend.appearance import baking

    vertices, normals, faces = tensors(ball)
    whole = bake(Smooth(), vertices, normals, faces.long(), uvs, SIZE)
    monkeypatch.setattr(baking, "BAND", 7 * SIZE)
    parts = bake(Smooth(), vertices, normals, faces.long(), uvs, SIZE)
    assert int(np.abs(parts.image.astype(int) - whole.image).max()) <= 1


def test_known_light_is_divided_out(ball, uvs):
    """Half the light on one side: the base colour is the same on both, in the photos' hue.

    The field takes the light to be orange and the object to be grey; images alone can't tell.
    """
    orange = torch.tensor([1.0, 0.7, 0.4])

    class Lit(Field):
        def __call__(self, points):
            return points.norm(dim=1) - 0.8

        def albedo(self, points):
            return torch.full_like(points, 0.6)

        def color(self, points):
            light = torch.where(points[:, :1] > 0, 1.0, 0.5)
            return torch.cat([0.6 * light * orange, torch.ones_like(light)], 1)

    field = Lit()
    vertices, normals, faces = tensors(ball)

    def photographed(points, normals):
        return Colors(field.color(points)[:, :3], torch.ones(len(points)))

    texture = bake(photographed, vertices, normals, faces.long(), uvs, SIZE, field=field)
    assert float((at(texture, uvs.mean(1)) - 0.6 * math.sqrt(0.5) * orange).abs().max()) < 0.02


def test_uvs_that_cover_nothing_are_refused(ball):
    vertices, normals, faces = tensors(ball)
    nowhere = torch.zeros(len(faces), 3, 2)
    with pytest.raises(RequestError, match="cover no texel"):
        bake(Smooth(), vertices, normals, faces.long(), nowhere, SIZE)


def test_a_cancelled_bake_stops(ball, uvs):
    vertices, normals, faces = tensors(ball)
    with pytest.raises(JobCancelled):
        bake(
            Smooth(),
            vertices,
            normals,
            faces.long(),
            uvs,
            SIZE,
            ticket=Ticket(cancelled=lambda: True),
        )
