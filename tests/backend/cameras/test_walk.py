"""A walk by hand: jittered cameras from a turntable's start."""

import numpy as np
import pytest
from levelform.backend.cameras.ring import Ring
from levelform.backend.cameras.turntable import Turned
from levelform.backend.cameras.walk import solve_walk
from levelform.backend.silhouettes import trace_all
from levelform.backend.ticket import Ticket

pytestmark = pytest.mark.slow


def walk(studio, count=12):
    """Return cameras of a walk: uneven steps, heights, distances, aims and rolls."""
    rng = np.random.default_rng(5)
    return [
        studio.camera_at(
            360.0 / count * k + rng.normal() * 2.3,
            22.0 + rng.uniform(-5, 5),
            4.2 * (1 + 0.05 * rng.normal()),
            target=0.04 * rng.normal(size=3),
            roll=2.0 * rng.normal(),
        )
        for k in range(count)
    ]


@pytest.mark.parametrize("focal", [1.4, None])
def test_free_poses_explain_a_walk(studio, focal):
    cameras = walk(studio)
    found = solve_walk(trace_all(studio.views_of(cameras), points=80), focal=focal)
    assert found.started > 1.0
    assert found.loss < 0.06
    assert max(studio.relative_errors(found.cameras, cameras)) < 5.0
    if focal is not None:
        assert found.cameras[0].fx == pytest.approx(focal * 200)


def test_a_start_in_the_wrong_direction_is_left_for_a_better_one(studio, monkeypatch):
    cameras = walk(studio)
    places, step = tuple(range(12)), np.radians(30.0)
    wrong = Ring(places, (200, 150), -1, step, 1.4)
    start = wrong.start(1.4, np.radians(5.0), 0.5)
    turned = Turned(wrong, start, tuple(wrong.cameras(start)), 9.0, 9.0, places)
    monkeypatch.setattr("levelform.backend.cameras.walk.fit_ring", lambda *_, **__: turned)
    told = []
    ticket = Ticket(lambda step: told.append(step.overall))
    found = solve_walk(trace_all(studio.views_of(cameras), points=80), focal=1.4, ticket=ticket)
    assert found.loss < 0.06
    assert max(studio.relative_errors(found.cameras, cameras)) < 5.0
    assert told == sorted(told)
