"""The derivatives of the residual, and least squares that end where the cameras are right."""

import numpy as np
import pytest
import torch
from levelform.backend.cameras.ring import Ring
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.silhouettes import Residual, Rig, trace_all
from levelform.backend.silhouettes.poses import Deviations, FreePoses
from levelform.backend.silhouettes.solving import affordable, solve
from levelform.backend.ticket import Ticket


def double(rig):
    """Return a rig in float64."""
    numbers = (rig.rotation, rig.translation, rig.focal, rig.center)
    return Rig(*(number.double() for number in numbers), rig.orthographic)


@pytest.fixture(scope="module")
def cameras(studio):
    return studio.around(6, elevation=25.0)


@pytest.fixture(scope="module")
def outlines(studio, cameras):
    return trace_all(studio.views_of(cameras))


@pytest.fixture(scope="module")
def residual(outlines):
    return Residual(outlines, torch.float64)


def models(cameras):
    """Yield models and parameters near the right ones."""
    poses = FreePoses(cameras)
    rng = np.random.default_rng(3)
    yield poses, rng.normal(size=poses.count) * 0.01
    ring = Ring(tuple(range(6)), (200, 150), 1, np.radians(62.0), None, True, True)
    start = np.zeros(ring.unknowns)
    start[:4] = np.log(1.4), np.radians(27.0), 0.02, 0.01
    yield ring, start


def test_linearized_values_are_the_residuals(cameras, residual):
    for model, numbers in models(cameras):
        rig = double(model.rig(numbers))
        values, rows = residual.linearized(rig)
        torch.testing.assert_close(values, residual(rig))
        assert rows.shape == (6, values.shape[1], 6, 7)
        assert not bool(rows[values == 0].any())


def test_derivatives_are_differences(cameras, residual):
    for model, numbers in models(cameras):
        values, rows = residual.linearized(double(model.rig(numbers)))
        slopes = rows.numpy().reshape(values.numel(), -1) @ model.twists(numbers).reshape(42, -1)
        for index in range(0, len(numbers), 5):
            nudge = np.zeros_like(numbers)
            nudge[index] = 2e-4
            above, below = (residual(double(model.rig(numbers + s * nudge))) for s in (1, -1))
            difference = ((above - below) / 4e-4).numpy().ravel()
            close = np.isclose(difference, slopes[:, index], rtol=0.05, atol=2.0)
            assert close.mean() > 0.85  # a few rays change the silhouettes that limit them
            assert np.corrcoef(difference[close], slopes[close, index])[0, 1] > 0.99


def test_poses_map_back_to_cameras(cameras):
    model = FreePoses(cameras)
    numbers = np.random.default_rng(0).normal(size=model.count) * 0.05
    moved = model.solved(numbers)
    direct, through = model.rig(numbers), Rig.of(moved)
    # `Rig.of` has a frame of its own; the relative poses are the same in both
    for rig in (direct, through):
        assert rig.rotation.shape == (6, 3, 3)
    relative = [r.rotation[0] @ r.rotation[3].T for r in (direct, through)]
    torch.testing.assert_close(relative[0], relative[1], atol=1e-5, rtol=0)
    assert moved[0].fx / cameras[0].fx == pytest.approx(np.exp(numbers[-1]))


def test_cameras_off_by_a_degree_come_back(studio, cameras, outlines):
    right = FreePoses(cameras)
    rng = np.random.default_rng(1)
    given = right.solved(np.concatenate([rng.normal(size=right.count - 1) * 0.015, [0.03]]))
    residual, model = Residual(outlines), FreePoses(given)
    start = np.zeros(model.count)
    with torch.no_grad():
        before = float(residual(model.rig(start)).mean())
    found = solve(
        residual, model, start, steps=30, prior=model.prior(Deviations(), 0.02), soft=True
    )
    assert before > 1.0
    assert found.loss < 0.03
    errors = studio.relative_errors(model.solved(found.numbers), cameras)
    assert max(errors) < 0.7 * max(studio.relative_errors(given, cameras))


def test_a_cancelled_ticket_ends_a_solution(cameras, outlines):
    model = FreePoses(cameras)
    with pytest.raises(JobCancelled):
        solve(
            Residual(outlines),
            model,
            np.full(model.count, 0.01),
            steps=5,
            ticket=Ticket(cancelled=lambda: True),
        )


def test_known_focal_lengths_stay(cameras):
    model = FreePoses(cameras, focal=False)
    assert model.count == 36
    assert model.solved(np.full(36, 0.01))[2].fx == cameras[2].fx


def test_many_views_have_fewer_points(outlines):
    few = Residual(outlines)
    assert affordable(few, 24).points.shape[1] == 24
    many = few.pick([0, 1, 2, 3, 4, 5] * 20)
    assert affordable(many, 48).points.shape[1] == 4
