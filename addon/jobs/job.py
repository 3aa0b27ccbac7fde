"""A job: what was asked for, where it stands, what came of it. Knows no `bpy`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ...backend.contract import protocol


class JobState(StrEnum):
    """Where a job stands; the last three are its ends."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class WorkerState(StrEnum):
    """What the panel shows of the worker."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"


_ENDS = (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


Request = (
    protocol.Reconstruct
    | protocol.Remesh
    | protocol.EstimateVolume
    | protocol.CheckViews
    | protocol.Evaluate
)


_WITH_VIEWS = protocol.Reconstruct | protocol.EstimateVolume | protocol.CheckViews
# The last event about a job that succeeds; `Finished` for the requests not named here.
_LAST = {
    protocol.EstimateVolume: protocol.VolumeEstimate,
    protocol.CheckViews: protocol.ViewsChecked,
}
Update = protocol.MeshUpdate | protocol.Evaluation  # what a job has to show


@dataclass(eq=False)
class Job:
    """One request on its way; read it, never write to it.

    Attributes
    ----------
    id : its name in every message
    request : what was asked for; its pictures are let go when the job ends
    progress : where it stands, as last heard
    failure : what went wrong, if it FAILED
    stats : what `Finished` said, if it FINISHED
    placement : where the object stands, once the worker has said so
    checked : whether the views agree, once the worker has said so
    log : the tail of the worker's log, if the worker ended with the job
    submitted_at, started_at, ended_at : seconds of `time.monotonic`; None: not yet
    """

    id: str
    request: Request
    state: JobState = JobState.QUEUED
    progress: protocol.Progress | None = None
    failure: protocol.Failed | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    placement: protocol.Placement | None = None
    checked: protocol.ViewsChecked | None = None
    log: str = ""
    submitted_at: float = field(default_factory=time.monotonic)
    started_at: float | None = None
    ended_at: float | None = None
    cancelled_at: float | None = None
    heard: bool = False  # the worker has said something about it
    again: bool = False  # its first worker was gone before it said anything
    on_update: Callable[["Job", Update], None] | None = field(default=None, repr=False)
    on_end: Callable[["Job"], None] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether it has come to one of its three ends."""
        return self.state in _ENDS

    def ends_with(self, event: Any) -> bool:
        """Whether an event of the worker's is the last one about this job."""
        return isinstance(event, protocol.Failed | _LAST.get(type(self.request), protocol.Finished))

    def end(self, state: JobState) -> None:
        """Set its end state, and release its images."""
        self.state, self.ended_at = state, time.monotonic()
        if isinstance(self.request, _WITH_VIEWS):
            self.request = replace(self.request, views=())
