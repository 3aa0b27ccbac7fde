"""A fit that ends by time: on a fast and on a slow machine, and when it goes on."""

from dataclasses import replace

import pytest
from levelform.backend.fit import FitOptimiser
from levelform.backend.fit.clock import END, Clock, going_on
from levelform.backend.fit.running import run
from levelform.backend.fit.settings import MOST_RAYS, STEPS, rays_for, settings_for
from levelform.backend.ticket import Ticket

from .conftest import hull_of
from .test_optimiser import SMALL


class Machine:
    """Time that passes only when a step is taken."""

    def __init__(self, step, setup=0.0):
        self.step, self.time, self.setup = step, 0.0, setup

    def now(self):
        return self.time

    def wait(self, *_):
        self.time += self.step


def ran(views, machine, clock, budget=400):
    """Run a fit whose steps cost only time; return it."""
    fit = FitOptimiser(views, hull_of(views), settings=replace(SMALL), budget=budget)

    def step():
        machine.wait()
        fit.iteration += 1

    fit.step, fit.judge = step, lambda: 1.0
    for _ in run(fit, Ticket(), plan=lambda: clock.plan(fit)):
        pass
    return fit


@pytest.mark.parametrize("seconds_a_step", [0.02, 0.2])
def test_it_takes_the_steps_that_the_time_allows(ball_views, seconds_a_step):
    machine = Machine(seconds_a_step)
    clock = Clock(10.0, now=machine.now)
    machine.time = 2.0  # the hull takes part of it
    fit = ran(ball_views, machine, clock)
    assert machine.time == pytest.approx(10.0 - END, abs=2 * seconds_a_step)
    assert fit.iteration == pytest.approx((8.0 - END) / seconds_a_step, abs=2)
    assert fit.fraction == 1.0


def test_steps_are_taken_even_where_the_hull_takes_all_the_time(ball_views):
    machine = Machine(0.1)
    clock = Clock(10.0, now=machine.now)
    machine.time = 30.0
    assert ran(ball_views, machine, clock).iteration == pytest.approx(25, abs=2)


def test_the_schedule_follows_the_time():
    machine = Machine(1.0)
    clock = Clock(61.0, now=machine.now)
    clock.begin()
    fractions = []
    for _ in range(60):
        fractions.append(clock.fraction)
        machine.wait()
    assert fractions[30] == pytest.approx(0.5, abs=0.02)
    assert fractions == sorted(fractions)


@pytest.mark.parametrize(
    ("facts", "limit", "spent"),
    [
        ({"clock": {"limit": 60.0, "spent": 20.0}}, 60.0, 20.0),  # was stopped
        ({"clock": {"limit": 60.0, "spent": 60.0}}, 70.0, 60.0),  # had ended
        ({"clock": None, "iteration": 800}, 30.0, 20.0),  # had ended by steps
    ],
)
def test_it_goes_on_for_the_rest_or_for_more(facts, limit, spent):
    clock = going_on(facts, "10s")
    assert clock.facts() == {"limit": limit, "spent": pytest.approx(spent, abs=0.01)}


def test_a_long_fit_has_more_rays_of_larger_images_instead_of_many_more_steps():
    short, usual, long = (settings_for(STEPS[name]) for name in ("10s", "1min", "5min"))
    assert short.rays == usual.rays < long.rays <= MOST_RAYS
    assert short.longest == usual.longest < long.longest
    assert rays_for(10**6) == MOST_RAYS
    assert [settings_for(3000).stages[-1][0], long.stages[-1][0]] == [96, 128]
