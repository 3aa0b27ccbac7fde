"""A walk by hand: jittered cameras from a turntable's start."""

import numpy as np
import pytest
from levelform.backend.cameras.walk import solve_walk
from levelform.backend.silhouettes import trace_all

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
