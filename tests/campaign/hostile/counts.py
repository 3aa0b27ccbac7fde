"""What a campaign counts, and the watch for processes that should never start."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from levelform.backend.contract.errors import JobCancelled, LevelformError

STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
_watching: list["Counts"] = []


@dataclass
class Counts:
    """What became of the cases of one kind.

    executed : cases that started a process or ran what lay in a file
    hangs : cases that took longer than their limit
    deaf : cases after which nothing was answered any more
    own : cases that ended in an exception that is none of ours
    lost : cases after which the next job failed, or something finished was gone
    own_starts : the cases start processes of ours
    refused, accepted : cases that ended in a sentence; that were worked with
    note : what else the row says
    """

    kind: str
    limit: float = 10.0
    own_starts: bool = False
    cases: int = 0
    executed: int = 0
    hangs: int = 0
    deaf: int = 0
    own: int = 0
    lost: int = 0
    refused: int = 0
    accepted: int = 0
    slowest: float = 0.0
    faults: Counter = field(default_factory=Counter)
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing happened that must never happen."""
        return not (self.executed or self.hangs or self.deaf or self.own or self.lost)

    def row(self) -> str:
        """Return the kind's line of the table."""
        numbers = (
            self.cases,
            self.refused,
            self.accepted,
            self.executed,
            self.hangs,
            self.deaf,
            self.own,
            self.lost,
        )
        return f"{self.kind:<28}" + "".join(f"{n:>10}" for n in numbers) + f"{self.slowest:>9.2f}"

    def attempt(self, name: str, action: Callable[[], object]) -> bool:
        """Try one case; return whether it was accepted."""
        self.cases += 1
        started = time.monotonic()
        accepted = False
        try:
            with nullcontext() if self.own_starts else watch(self):
                action()
            accepted = True
            self.accepted += 1
        except (LevelformError, JobCancelled):
            self.refused += 1
        except Exception as error:
            self.fault("own", f"{name}: {type(error).__name__}: {error}"[:300])
        took = time.monotonic() - started
        self.slowest = max(self.slowest, took)
        if took > self.limit:
            self.fault("hangs", f"{name}: {took:.1f} s")
        return accepted

    def fault(self, kind: str, words: str) -> None:
        """Count what must never happen, and keep the words for the report."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.faults[f"{kind}: {words}"] += 1


HEADINGS = ("cases", "refused", "accepted", "executed", "hangs", "deaf", "own", "lost")


def heading() -> str:
    """Return the table's first line."""
    return f"{'':<28}" + "".join(f"{word:>10}" for word in HEADINGS) + f"{'slowest':>9}"


@contextmanager
def watch(counts: Counts):
    """Count processes that start while a case is tried."""
    _watching.append(counts)
    try:
        yield
    finally:
        _watching.pop()


def _audit(event: str, arguments: tuple) -> None:
    if _watching and event in STARTS:
        _watching[-1].fault("executed", f"{event} {arguments[:2]}"[:200])


sys.addaudithook(_audit)
