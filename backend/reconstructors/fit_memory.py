"""What a kept fit remembers, so that it continues with the same options."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from torch import Tensor

from ..fit import FitOptimiser, FitState, checking
from ..fit.clock import Clock, going_on
from ..fit.guard import Guard
from .base import Code

HULL, AUTO = "hull", "auto"  # what a fit starts from, besides names of methods


@dataclass(frozen=True)
class Wishes:
    """Options that a continued fit keeps; see `Fit.codes`."""

    start: str = AUTO
    correct: bool = True
    exposure: bool = False

    @classmethod
    def of(cls, code: Code) -> "Wishes":
        """Return the options of the fit that made a code."""
        facts = memory_of(code)
        known = {f.name: facts[f.name] for f in fields(cls) if f.name in facts}
        for name, value in known.items():
            if type(value) is not type(getattr(cls, name)):
                raise checking.damaged(f"{name} is {value!r}")
        return cls(**known)


def remembered(
    fit: FitOptimiser, guard: Guard, clock: Clock | None, wishes: Wishes, names: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and facts that continue a fit of the views with these names."""
    tensors, facts = fit.memory()
    facts |= {
        "clock": None if clock is None else clock.facts(),
        "measure": guard.measure,
        "names": list(names),
        **asdict(wishes),
    }
    return tensors, facts


def clock_of(code: Code, time: str, steps: int | None) -> Clock | None:
    """Return the clock of a continued fit; None if steps end it.

    A stopped fit continues to its own end, of steps or of time. A finished one continues for the
    given steps or time.
    """
    facts = memory_of(code)
    if not facts or steps is not None:
        return None
    taken, planned = (checking.whole(facts, name) for name in ("iteration", "budget"))
    if facts.get("clock") is None and taken < planned:
        return None
    return going_on(facts, time)


def guard_of(code: Code) -> Guard:
    """Return the guard of the fit that made a code."""
    stats = code.meta.get("stats")
    looks = checking.pairs(stats.get("curve") if isinstance(stats, dict) else None, "curve")
    measure = checking.number(memory_of(code), "measure")
    return Guard(FitState.of(code.tensors, code.meta), measure, tuple(looks))


def memory_of(code: Code) -> dict[str, Any]:
    """Return the facts that a kept fit remembers; empty if it is not one."""
    facts = code.meta.get("memory", {})
    if not isinstance(facts, dict):
        raise checking.damaged(f"memory is {facts!r}")
    return facts
