"""Fields that misbehave, memory that runs out, wishes to stop."""

import pytest
import torch
from levelform.backend.contract.errors import JobCancelled, RequestError, WorkError
from levelform.backend.extraction import FieldSamples, extract
from levelform.backend.extraction.grid import NestedGrid
from levelform.backend.extraction.sampler import BLOCK, FieldEvaluator
from levelform.backend.fields import Field
from levelform.backend.ticket import Ticket
from setups.analytic import Sphere, Torus


class Wrapped(Sphere):
    """A sphere with corrupted answers."""

    def __init__(self, spoil):
        super().__init__(0.7)
        self.spoil = spoil

    def __call__(self, points):
        return self.spoil(super().__call__(points), points)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_named_with_its_place(bad):
    field = Wrapped(lambda v, p: torch.where(p[:, 0] > 0.5, bad, v))
    with pytest.raises(WorkError, match=r"value is (nan|inf|-inf) at \(0\.\d+, -?\d") as error:
        extract(field, 64)
    assert float(str(error.value).split("(")[1].split(",")[0]) > 0.5


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (lambda v, p: v[:, None], "1) float32"),
        (lambda v, p: v[:-1], "float32"),
        (lambda v, p: v.double(), "float64"),
        (lambda v, p: v.half(), "float16"),
        (lambda v, p: v.numpy(), "ndarray"),
        (lambda v, p: None, "NoneType"),
    ],
)
def test_wrong_shapes_and_types(spoil, seen):
    with pytest.raises(WorkError, match="should be") as error:
        extract(Wrapped(spoil), 32)
    assert seen in str(error.value)


def test_a_slope_that_is_not_finite_does_no_harm():
    class Kinked(Field):
        def __call__(self, points):
            return points.square().sum(dim=1).sqrt() - 0.7 + 0 * points[:, 0].abs().sqrt()

    mesh = extract(Kinked(), 32)
    assert ((mesh.normals * mesh.vertices).sum(axis=1) > 0.5).all()


@pytest.mark.parametrize(
    "message", ["CUDA out of memory. Tried", "DefaultCPUAllocator: can't allocate memory"]
)
def test_smaller_blocks_when_memory_runs_out(message):
    sizes = []

    def spoil(values, points):
        sizes.append(len(points))
        if len(points) > 700:
            raise RuntimeError(message)
        return values

    whole = extract(Sphere(0.7), 64)
    mesh = extract(Wrapped(spoil), 64)
    assert len(mesh.faces) == len(whole.faces)
    assert sum(size > 700 for size in sizes) < 10


def test_progress_stays_below_its_end_however_low_the_forecast():
    steps = []
    ticket = Ticket(report=lambda step: steps.append(step.overall))
    sampler = FieldEvaluator(Sphere(0.7), NestedGrid.over(None), FieldSamples(), ticket)
    sampler.block, sampler.forecast = 64, 500
    sampler.values(torch.rand(2000, 3))
    assert sampler.vertex_evaluations == 4 * sampler.forecast
    assert steps == sorted(steps)
    assert 0.9 < max(steps) < 1
    assert sampler.fraction < 1
    sampler.forecast = 8000  # told too late
    assert sampler.fraction == max(steps)


def test_a_sentence_when_even_the_smallest_block_does_not_fit():
    def spoil(values, points):
        raise MemoryError

    with pytest.raises(WorkError, match="not enough memory"):
        extract(Wrapped(spoil), 32)


def test_other_errors_are_left_alone():
    def spoil(values, points):
        raise RuntimeError("a bug of the field")

    with pytest.raises(RuntimeError, match="a bug of the field"):
        extract(Wrapped(spoil), 32)


def test_blocks_have_the_size_of_the_rule_or_the_field():
    sizes = []
    field = Wrapped(lambda v, p: sizes.append(len(p)) or v)
    extract(field, 128)
    assert max(sizes) == BLOCK["cpu"]
    sizes.clear()
    field = Wrapped(lambda v, p: sizes.append(len(p)) or v)
    field.block = 3000
    extract(field, 128)
    assert max(sizes) == 3000


def test_cancel_at_any_moment_and_carry_on_with_what_is_kept():
    asked = 0

    def count() -> bool:
        nonlocal asked
        asked += 1
        return False

    field = Torus(0.6, 0.2)
    whole = extract(field, 64, ticket=Ticket(cancelled=count))
    samples, moments = FieldSamples(), asked
    for moment in {0, 1, 2, 5, *range(0, moments, max(1, moments // 20)), moments - 1}:
        left = moment

        def stop() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        with pytest.raises(JobCancelled):
            extract(field, 64, ticket=Ticket(cancelled=stop), samples=FieldSamples())
        left = moment // 2
        with pytest.raises(JobCancelled):
            extract(field, 64, ticket=Ticket(cancelled=lambda: stop() or True), samples=samples)
    mesh = extract(field, 64, samples=samples)
    assert (mesh.vertices == whole.vertices).all()
    assert (mesh.faces == whole.faces).all()


def test_the_ticket_is_asked_once_a_block():
    since = [0]

    def asked() -> bool:
        since[0] = 0
        return False

    def spoil(values, points):
        since[0] += 1
        assert since[0] <= 1
        return values

    extract(Wrapped(spoil), 128, ticket=Ticket(cancelled=asked), normals=False)


def test_dense_extraction_is_refused_where_it_does_not_fit(monkeypatch):
    from levelform.backend.extraction import dense

    monkeypatch.setattr(dense, "available_memory", lambda: 10**6)
    with pytest.raises(WorkError, match="not enough memory"):
        extract(Sphere(), 64, dense=True)


def test_nothing_wrong_is_silently_taken_for_a_field():
    with pytest.raises((RequestError, AttributeError, TypeError)):
        extract(None, 32)
