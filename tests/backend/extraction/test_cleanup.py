"""Clean-up: what goes, what stays, and that a closed mesh stays closed."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.extraction import Cleanup, extract, stream
from levelform.backend.extraction.assembly import is_watertight
from levelform.backend.fields import Field
from setups.analytic import Sphere, Torus


class Nest(Field):
    """A ball of radius 0.6 with a void of 0.4 in which a ball of 0.2 floats; beside it a small ball
    of 0.15 with a void of 0.08."""

    lipschitz = 1.0

    def __call__(self, points):
        away = points - points.new_tensor([-0.3, 0.0, 0.0])
        radius = away.norm(dim=1)
        shell = torch.maximum(radius - 0.6, 0.4 - radius)
        beside = (points - points.new_tensor([0.7, 0.0, 0.0])).norm(dim=1)
        small = torch.maximum(beside - 0.15, 0.08 - beside)
        return torch.minimum(torch.minimum(shell, radius - 0.2), small)


def radii(mesh) -> set[float]:
    """Return the radii of the spheres that a mesh of the nest has."""
    beside = mesh.vertices[:, 0] > 0.45
    center = np.where(beside[:, None], [0.7, 0.0, 0.0], [-0.3, 0.0, 0.0])
    return set(np.round(np.linalg.norm(mesh.vertices - center, axis=1), 2).tolist())


def test_nothing_changes_by_default():
    assert radii(extract(Nest(), 64)) == {0.6, 0.4, 0.2, 0.15, 0.08}


def test_small_components_go_with_their_voids():
    mesh = extract(Nest(), 64, cleanup=Cleanup(min_component=0.08))
    assert radii(mesh) == {0.6, 0.4, 0.2}
    mesh = extract(Nest(), 64, cleanup=Cleanup(min_component=0.5))
    assert radii(mesh) == {0.6, 0.4}
    assert is_watertight(mesh.faces)


def test_voids_are_filled_with_all_that_is_in_them():
    mesh = extract(Nest(), 64, cleanup=Cleanup(fill_voids=True))
    assert radii(mesh) == {0.6, 0.15}
    assert is_watertight(mesh.faces)


def test_decimation_keeps_the_budget_the_closedness_and_the_shape():
    class Painted(Torus):
        def color(self, points):
            return torch.cat([points * 0.5 + 0.5, torch.ones(len(points), 1)], dim=1)

    updates = list(stream(Painted(0.6, 0.2), 64, cleanup=Cleanup(max_faces=1500)))
    mesh = updates[-1].mesh
    assert len(mesh.faces) <= 1500
    assert updates[-1].stats.watertight
    ring = np.hypot(np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 1]) - 0.6, mesh.vertices[:, 2])
    assert np.allclose(ring, 0.2, atol=0.01)
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    assert np.allclose(mesh.colors[:, :3], mesh.vertices * 0.5 + 0.5, atol=1e-6)
    assert len(updates[-2].mesh.faces) > 1500 or updates[-2].resolution < 64


def test_a_budget_that_would_tear_holes_is_refused_with_a_remark(monkeypatch):
    import fast_simplification

    def tear(points, faces, **_):
        return points, faces[1:]

    monkeypatch.setattr(fast_simplification, "simplify", tear)
    *_, last = stream(Sphere(0.7), 64, cleanup=Cleanup(max_faces=100))
    assert last.stats.watertight
    assert "not reduced to 100" in last.stats.remarks[-1]


@pytest.mark.parametrize(
    "cleanup", [Cleanup(min_component=-0.1), Cleanup(min_component=2), Cleanup(max_faces=3)]
)
def test_impossible_clean_ups(cleanup):
    with pytest.raises(RequestError):
        extract(Sphere(), 32, cleanup=cleanup)


def test_watertight_is_measured():
    faces = extract(Sphere(0.7), 64).faces
    assert is_watertight(faces)
    assert not is_watertight(faces[1:])
    assert not is_watertight(np.concatenate([faces[:1, ::-1], faces[1:]]))
    assert not is_watertight(faces[:0])
