"""Streaming: levels, slabs with exact seams, honest progress, kept samples, identical runs."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.extraction import FieldSamples, extract, stream
from levelform.backend.ticket import Step, Ticket
from setups.analytic import Gyroid, Sphere, Torus


def triangles(mesh) -> set[bytes]:
    """Return the triangles as sets of coordinates, whatever the vertices' order."""
    corners = mesh.vertices[mesh.faces]
    first = np.lexsort(corners.transpose(2, 0, 1), axis=-1)[:, :1]
    turned = np.take_along_axis(corners, ((first + np.arange(3)) % 3)[:, :, None], axis=1)
    return set(np.ascontiguousarray(turned).reshape(-1, 9).view("V36")[:, 0].tolist())


@pytest.fixture(scope="module")
def updates():
    """Return every update of a streamed torus."""
    return list(stream(Torus(0.6, 0.2), 256))


def test_levels_come_coarse_to_fine_and_the_last_one_in_slabs(updates):
    assert [u.resolution for u in updates if u.block is None] == [32, 64, 128, 256]
    assert [u.final for u in updates] == [False] * (len(updates) - 1) + [True]
    blocks = [u.block for u in updates if u.block]
    assert [b.index for b in blocks] == list(range(blocks[0].count - 1))
    assert len(blocks) >= 3
    assert all(u.resolution == 256 for u in updates if u.block)


def test_progress_never_falls_and_ends_with_the_last_mesh(updates):
    fractions = [u.fraction for u in updates]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert max(fractions[:-1]) < 1.0
    work = updates[-1].stats.evaluations + updates[-1].stats.vertex_evaluations
    for update in updates[3:]:  # from 128 on the forecast is good
        assert update.stats.forecast == pytest.approx(work, rel=0.15)


def test_every_update_is_a_whole_mesh_and_levels_are_closed(updates):
    area = [surface(u.mesh) for u in updates]
    assert np.allclose(area, 4 * np.pi**2 * 0.6 * 0.2, rtol=0.03)
    for update in updates:
        assert update.stats.watertight == (update.block is None)
        assert len(update.mesh.normals) == len(update.mesh.vertices)


def surface(mesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_slabs_are_the_last_mesh_cut_up_with_exact_seams(updates):
    whole = triangles(updates[-1].mesh)
    slabs = [triangles(u.block.mesh) for u in updates if u.block]
    for slab, update in zip(slabs, [u for u in updates if u.block], strict=True):
        assert slab <= whole
        assert slab <= triangles(update.mesh)
        assert len(update.block.mesh.vertices) == len(np.unique(update.block.mesh.faces))
    union = set.union(*slabs)
    assert len(union) == sum(map(len, slabs))
    assert union < whole


def test_extract_is_the_last_mesh(updates):
    mesh = extract(Torus(0.6, 0.2), 256)
    assert triangles(mesh) == triangles(updates[-1].mesh)


def test_the_coarse_rest_lies_beyond_the_slabs(updates):
    for update in (u for u in updates if u.block):
        plane = update.block.upper[0]
        rest = triangles(update.mesh) - triangles(updates[-1].mesh)
        lowest = min(np.frombuffer(t, np.float32).reshape(3, 3)[:, 0].min() for t in rest)
        assert lowest >= plane - 1e-6


def test_progress_goes_out_through_the_ticket():
    steps: list[Step] = []
    list(stream(Sphere(), 128, ticket=Ticket(report=steps.append)))
    overall = [step.overall for step in steps]
    assert overall == sorted(overall)
    assert overall[-1] == 1.0
    assert len(overall) > 10


def test_kept_samples_cost_nothing_again():
    samples = FieldSamples()
    *_, first = stream(Sphere(), 128, samples=samples)
    *_, again = stream(Sphere(), 128, samples=samples)
    assert again.stats.evaluations > 0  # another field object: nothing may be kept
    field, samples = Torus(), FieldSamples()
    *_, first = stream(field, 128, samples=samples)
    *_, again = stream(field, 128, samples=samples)
    assert again.stats.evaluations == 0
    assert np.array_equal(first.mesh.vertices, again.mesh.vertices)
    *_, finer = stream(field, 256, samples=samples)
    *_, fresh = stream(field, 256)
    assert finer.stats.evaluations + first.stats.evaluations == fresh.stats.evaluations
    assert triangles(finer.mesh) == triangles(fresh.mesh)


def test_another_level_costs_only_what_is_new():
    field, samples = Sphere(0.7), FieldSamples()
    *_, first = stream(field, 128, samples=samples)
    *_, moved = stream(field, 128, level=0.01, samples=samples)
    *_, fresh = stream(field, 128, level=0.01)
    assert 0 < moved.stats.evaluations < 0.7 * fresh.stats.evaluations
    assert triangles(moved.mesh) == triangles(fresh.mesh)
    radius = np.linalg.norm(moved.mesh.vertices, axis=1)
    assert np.allclose(radius, 0.71, atol=1e-5)
    assert first.stats.level == 0.0


def test_another_box_starts_anew():
    field, samples = Sphere(0.7), FieldSamples()
    extract(field, 64, samples=samples)
    box = ((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5))
    *_, boxed = stream(field, 64, box=box, samples=samples)
    assert np.abs(boxed.mesh.vertices).max() <= 0.5
    assert boxed.stats.evaluations > 0


def test_runs_are_identical():
    one, two = (extract(Gyroid(1.5), 64) for _ in range(2))
    for part in ("vertices", "faces", "normals"):
        assert np.array_equal(getattr(one, part), getattr(two, part))


def test_first_level():
    assert [u.resolution for u in stream(Sphere(), 128, first=64)] == [64, 128]
    assert [u.resolution for u in stream(Sphere(), 64, first=512)] == [64]


def test_a_rounded_resolution_is_said():
    *_, update = stream(Sphere(), 100)
    assert update.resolution == 128
    assert "100" in update.stats.remarks[0]


@pytest.mark.parametrize("cap", [True, False])
@pytest.mark.parametrize("level", [-0.8, 1.2, -5, 5])
def test_a_level_that_the_field_does_not_take(level, cap):
    with pytest.raises(RequestError, match=r"The field is between -0\.[67]\d* and .*nothing is at"):
        extract(Sphere(0.7), 64, level=level, cap=cap)


@pytest.mark.parametrize("level", [float("nan"), float("inf"), 1e300])
def test_levels_that_are_no_numbers(level):
    with pytest.raises(RequestError, match="level"):
        extract(Sphere(), 32, level=level)


def test_requests_are_refused_before_the_first_mesh_is_asked_for():
    with pytest.raises(RequestError):
        stream(Sphere(), 5000)


@pytest.mark.slow
def test_a_sphere_at_1024():
    mesh = extract(Sphere(0.7), 1024)
    assert np.allclose(np.linalg.norm(mesh.vertices, axis=1), 0.7, atol=1e-6)
    assert len(mesh.faces) == 2 * len(mesh.vertices) - 4
