"""The bar's per cent are of the time, by the last job of the same kind."""

import pytest
from levelform.addon.jobs import pace
from levelform.backend.contract.protocol import Progress

STAGES = ("Prepare images", "Mesh", "Color")
WEIGHTS = (0.2, 0.4, 0.4)  # as a worker plans them
SECONDS = (1.0, 2.0, 17.0)  # as they are


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(pace, "_known", {})


def course(kind="hull", seconds=SECONDS):
    """Run a job; return (time passed, fraction, left) at each report."""
    now = [0.0]
    tracked = pace.Pace(kind, clock=lambda: now[0])
    told, start = [], 0.0
    for number, name in enumerate(STAGES):
        for part in range(11):
            now[0] = start + seconds[number] * part / 10
            overall = sum(WEIGHTS[:number]) + WEIGHTS[number] * part / 10
            tracked.update(Progress("job", name, number, 3, part / 10, overall))
            told.append((now[0] / sum(seconds), tracked.fraction, tracked.left))
        start += seconds[number]
    tracked.finish()
    return told


def test_a_first_job_goes_by_the_stages_weights_and_never_back():
    fractions = [fraction for _, fraction, _ in course()]
    assert fractions == sorted(fractions)
    assert fractions[10] == pytest.approx(0.2)


def test_a_second_job_of_the_kind_tells_per_cent_of_the_time_and_the_time_left():
    course()
    for passed, fraction, left in course():
        assert fraction == pytest.approx(passed, abs=0.02)
        assert left == pytest.approx(20.0 * (1 - passed), abs=0.5)


def test_a_job_that_takes_twice_as_long_is_noticed_within_a_stage():
    course()
    slow = course(seconds=tuple(2 * s for s in SECONDS))
    errors = [abs(fraction - passed) for passed, fraction, _ in slow]
    assert max(errors[-8:-1]) < 0.1
    assert max(fraction for _, fraction, _ in slow) < 1.0


def test_another_kind_is_not_known():
    course("hull")
    first = course("fit")[5]
    assert first[1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s left"), (8.4, "8 s left"), (89, "89 s left"), (150, "2 min left")],
)
def test_the_time_left_in_words(seconds, words):
    assert pace.in_words(seconds) == words
