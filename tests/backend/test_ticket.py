"""The ticket: three levels of progress that only ever rise, and a cancel that is heard at once."""

import pytest
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.ticket import Ticket


def test_progress_has_three_levels_and_rises_to_one():
    steps = []
    ticket = Ticket(report=steps.append)
    ticket.plan({"Read": 1, "Mesh": 3})
    with ticket.stage("Read"):
        ticket.advance(0.5)
    with ticket.stage("Mesh"):
        ticket.advance(1 / 3)
    assert [step.overall for step in steps] == pytest.approx([0, 0.125, 0.25, 0.25, 0.5, 1.0])
    assert [(step.stage, step.index, step.count) for step in steps[::3]] == [
        ("Read", 0, 2),
        ("Mesh", 1, 2),
    ]


def test_fraction_is_kept_within_zero_and_one():
    steps = []
    ticket = Ticket(report=steps.append)
    ticket.advance(-3.0)
    ticket.advance(7.0)
    assert [step.fraction for step in steps] == [0.0, 1.0]


def test_the_rest_of_a_stage_goes_on_from_what_is_done():
    steps, stop = [], []
    ticket = Ticket(report=steps.append, cancelled=lambda: bool(stop), finishing=lambda: True)
    ticket.plan({"Read": 1, "Mesh": 1})
    with ticket.stage("Mesh"):
        rest = ticket.rest(0.2)
        rest.advance(0.5)
    assert [step.fraction for step in steps] == pytest.approx([0.0, 0.6, 1.0])
    assert steps[1].stage == "Mesh"
    assert rest.finishing
    stop.append(True)
    with pytest.raises(JobCancelled):
        rest.check()


def test_cancel_is_heard_at_the_next_check_and_no_stage_is_called_done():
    steps, stop = [], []
    ticket = Ticket(report=steps.append, cancelled=lambda: bool(stop))

    def work():
        with ticket.stage("Working"):
            ticket.check()
            stop.append(True)
            ticket.check()

    with pytest.raises(JobCancelled):
        work()
    assert max(step.fraction for step in steps) == 0.0


@pytest.mark.parametrize("plan", [{}, {"Read": 0.0}, {"Read": 1, "Mesh": -1}])
def test_a_plan_needs_positive_shares(plan):
    with pytest.raises(ValueError, match="positive"):
        Ticket().plan(plan)


def test_an_unplanned_stage_is_a_mistake():
    with pytest.raises(ValueError, match="Paint"), Ticket().stage("Paint"):
        pass
