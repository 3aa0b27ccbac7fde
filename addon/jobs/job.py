"""A job: its request, state and outcome. Does not use `bpy`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ...backend.contract import protocol


class JobState(StrEnum):
    """The state of a job; the last three are final."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class WorkerState(StrEnum):
    """The state of the worker, shown in the panel."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"


_ENDS = (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


Request = (
    protocol.Reconstruct
    | protocol.Remesh
    | protocol.Paint
    | protocol.EstimateVolume
    | protocol.CheckViews
    | protocol.FindMasks
    | protocol.RefineCameras
    | protocol.FindCameras
    | protocol.PlaceDrawings
    | protocol.PlacePhotographs
    | protocol.Evaluate
    | protocol.Blend
    | protocol.Show
    | protocol.Morph
    | protocol.SaveCode
)


_WITH_VIEWS = (
    protocol.Reconstruct
    | protocol.EstimateVolume
    | protocol.CheckViews
    | protocol.RefineCameras
    | protocol.FindCameras
    | protocol.FindMasks
)
# The last event about a job that succeeds; `Finished` for the requests not named here.
_LAST = {
    protocol.EstimateVolume: protocol.VolumeEstimate,
    protocol.CheckViews: protocol.ViewsChecked,
    protocol.FindMasks: protocol.ViewMasks,
    protocol.RefineCameras: protocol.CameraEstimates,
    protocol.FindCameras: protocol.CameraEstimates,
}
Update = (
    protocol.MeshUpdate | protocol.Evaluation | protocol.Painted
)  # intermediate output of a job


@dataclass(eq=False)
class Job:
    """One request in the queue; read-only except to `Jobs`.

    Attributes
    ----------
    id : its name in every message
    request : the request; its images are released when the job ends
    progress : its last known progress
    failure : the error, if it FAILED
    stats : the statistics in `Finished`, if it FINISHED
    placement : the volume, once the worker has reported it
    checked : the check of the views, once the worker has reported it
    masks : the masks of the views, once the worker has reported them
    exhibits : what the worker has shown, of a `Show` or a `Morph`
    cameras : the cameras of the images, once the worker has estimated them
    log : the tail of the worker's log, if the worker ended with the job
    submitted_at, started_at, ended_at : times in seconds of `time.monotonic`; None: not yet
    """

    id: str
    request: Request
    state: JobState = JobState.QUEUED
    progress: protocol.Progress | None = None
    failure: protocol.Failed | None = None
    stats: dict[str, Any] = field(default_factory=dict)
    placement: protocol.Placement | None = None
    checked: protocol.ViewsChecked | None = None
    masks: protocol.ViewMasks | None = None
    exhibits: list[protocol.Exhibit] = field(default_factory=list)
    cameras: protocol.CameraEstimates | None = None
    log: str = ""
    submitted_at: float = field(default_factory=time.monotonic)
    started_at: float | None = None
    ended_at: float | None = None
    cancelled_at: float | None = None
    heard: bool = False  # the worker has sent an event about it
    again: bool = False  # its first worker ended before sending any
    on_update: Callable[["Job", Update], None] | None = field(default=None, repr=False)
    on_end: Callable[["Job"], None] | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in _ENDS

    def ends_with(self, event: Any) -> bool:
        """Whether an event of the worker's is the last one about this job."""
        return isinstance(event, protocol.Failed | _LAST.get(type(self.request), protocol.Finished))

    def take(self, event: Any) -> None:
        """Store what an event of the worker's says about this job."""
        match event:
            case protocol.Progress():
                self.progress = event
            case protocol.Exhibit():
                self.exhibits.append(event)
            case protocol.Placed() | protocol.VolumeEstimate():
                self.placement = event.placement
            case protocol.ViewsChecked():
                self.checked = event
            case protocol.ViewMasks():
                self.masks = event
            case protocol.CameraEstimates():
                self.cameras = event
            case protocol.Finished():
                self.stats = event.stats

    def end(self, state: JobState) -> None:
        """Set its end state, and release its images."""
        self.state, self.ended_at = state, time.monotonic()
        if isinstance(self.request, _WITH_VIEWS):
            self.request = replace(self.request, views=())
