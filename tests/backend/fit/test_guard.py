import torch
from levelform.backend.fit.appearance import first_globals
from levelform.backend.fit.grid import NodeGrid
from levelform.backend.fit.guard import Guard
from levelform.backend.fit.state import FitState


def state(iteration, value=0.0):
    grid = NodeGrid((0.0, 0.0, 0.0), 1.0, (2, 2, 2))
    return FitState(
        grid,
        torch.full((8,), value),
        torch.zeros(8, 3),
        first_globals(torch.device("cpu")),
        iteration,
    )


def test_the_last_state_not_clearly_worse_is_kept_and_every_look_noted():
    guard = Guard()
    assert guard.look(state(1), 0.5)
    assert guard.look(state(2), 0.3)
    assert guard.look(state(3), 0.31)  # as good, and later
    assert not guard.look(state(4), 0.34)
    assert guard.best is not None
    assert guard.best.iteration == 3
    assert guard.measure == 0.3
    assert guard.curve == ((1, 0.5), (2, 0.3), (3, 0.31), (4, 0.34))


def test_a_state_that_is_not_finite_is_never_the_best():
    guard = Guard()
    guard.look(state(1), 0.5)
    assert not guard.look(state(2, float("nan")), 0.1)
    assert not guard.look(state(3), float("nan"))
