"""What a kept fit remembers, so that it continues with the same options."""

from dataclasses import dataclass, fields

from ..fit import FitState
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
        facts = code.meta.get("memory", {})
        return cls(**{f.name: facts[f.name] for f in fields(cls) if f.name in facts})


def clock_of(code: Code, time: str, steps: int | None) -> Clock | None:
    """Return the clock of a continued fit; None if steps end it.

    A stopped fit continues to its own end, of steps or of time. A finished one continues for the
    given steps or time.
    """
    facts = code.meta.get("memory", {})
    if not facts or steps is not None:
        return None
    if facts.get("clock") is None and facts["iteration"] < facts["budget"]:
        return None
    return going_on(facts, time)


def guard_of(code: Code) -> Guard:
    """Return the guard of the fit that made a code."""
    looks = tuple((int(step), float(measure)) for step, measure in code.meta["stats"]["curve"])
    return Guard(FitState.of(code.tensors, code.meta), code.meta["memory"]["measure"], looks)
