"""Messages about any job: its progress, its ends, how it is stopped."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cancel:
    """Stop a job, or take it out of the queue; answered by `Cancelled`."""

    job: str


@dataclass(frozen=True)
class FinishEarly:
    """Stop improving a job's result and keep it; answered by the job's own final event.

    Has no effect on a job whose method does not improve its result.
    """

    job: str


@dataclass(frozen=True)
class Progress:
    """The progress of a job; see `ticket.Step`."""

    job: str
    stage: str
    index: int
    count: int
    fraction: float
    overall: float


@dataclass(frozen=True)
class Finished:
    """The job is done; `stats` are the `--json` facts (method, weights, views, faces, ...)."""

    job: str
    stats: dict[str, Any]


@dataclass(frozen=True)
class Cancelled:
    """The job was stopped by the user."""

    job: str


@dataclass(frozen=True)
class Failed:
    """The job failed: a sentence for the artist, what to do, and the traceback for the log.

    status : the command's exit status: 1 the work failed, 2 the request was wrong
    """

    job: str
    message: str
    hint: str = ""
    detail: str = ""
    status: int = 1
