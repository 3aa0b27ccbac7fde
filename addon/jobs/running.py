"""The running job: its meshes are shown as they arrive, and kept or removed at the end."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy

from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.unexpected import internal_error
from ..scene import gallery, masks, thumbnails, view_checks
from ..scene.provenance import plain
from ..scene.selection import select, selection
from ..scene.windows import in_window
from ..scene.wording import sentence, told
from .job import Job, JobState
from .pace import Pace, in_words
from .results import Deleted, Result

logger = logging.getLogger(__name__)


@dataclass
class Running:
    """The running job.

    Attributes
    ----------
    result : the object to fill
    facts : facts about the mesh known in advance, to store on its object
    selected : the selection when the job began
    job : the job in the queue
    error : the error in Blender for which the job is being stopped
    deleted : whether the user deleted the object
    outcome : the object, once the job has finished
    marks : where to write whether the views agree; None: nowhere
    then : begins a following job on the object, such as its texture
    next : the following job
    masks_shown : whether the panel has received the views' masks
    """

    result: Result
    facts: Mapping[str, Any]
    selected: frozenset[int]
    job: Job
    error: LevelformError | None = None
    deleted: bool = False
    outcome: bpy.types.Object | None = None
    marks: view_checks.Marks | None = None
    then: "Callable[[bpy.types.Object], Running] | None" = None
    next: "Running | None" = None
    masks_shown: bool = False
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        request = self.job.request
        views = len(getattr(request, "views", ()))
        kind = (getattr(request, name, "") for name in ("method", "resolution", "size"))
        self.pace = Pace((type(request).__name__, *kind, views))

    @property
    def fraction(self) -> float:
        """The fraction of the job's time that has passed, 0 to 1."""
        return self.pace.fraction

    def told(self) -> str:
        """Return the stage, the per cent of the time, and the time left, for the progress bar."""
        progress = self.job.progress
        if self.job.cancelled_at is not None:
            return told("Stopping")
        if self.job.ended:
            editing = bpy.context.mode != "OBJECT"
            return told("Done when you leave this mode") if editing else told("Done")
        if progress is None:
            begun = self.job.state is JobState.RUNNING
            return told("Preparing") if begun else told("Starting the backend")
        self.pace.update(progress)
        left = self.pace.left
        words = [f"{sentence(progress.stage)} {self.pace.fraction:.0%}"]
        return ", ".join([*words, *([sentence(in_words(left))] if left is not None else [])])

    @property
    def stopping(self) -> bool:
        """Whether no more meshes of the job will be shown."""
        return self.deleted or self.error is not None

    @property
    def finished(self) -> bool:
        """Whether to keep its result."""
        return self.job.state is JobState.FINISHED and not self.stopping

    @property
    def failure(self) -> LevelformError | None:
        """Why it failed; None if it did not."""
        return self.error or failure_of(self.job)

    def show(self) -> bool:
        """Show the newest mesh; return false if there is none or its object is being edited.

        The job is `stopping` afterwards if the user deleted the object or the mesh is broken.
        """
        self._show_masks()
        try:
            self.result.check()
            return self.result.flush()
        except Deleted:
            self.deleted = True
        except LevelformError as error:
            self.error = error
        except Exception as error:
            logger.exception("a mesh of the job %s could not be shown", self.job.id)
            self.error = internal_error(error, "Try again; the log has details.")
        return False

    def settle(self) -> None:
        """Keep or remove the result of an ended job; write whether its views agree."""
        try:
            with in_window():
                if self.marks is not None and self.job.checked is not None:
                    view_checks.remember(self.marks, self.job.checked, self.job.stats)
                self._show_masks()
                if self.finished:
                    self._keep()
                else:
                    self.result.discard()
        except Exception as error:  # Levelform must continue after any error
            logger.exception("the job %s could not be settled", self.job.id)
            self.outcome, self.error = (
                None,
                internal_error(error, "Try again; the log has details."),
            )
            self.discard()

    def _show_masks(self) -> None:
        """Show the views' masks, once, as soon as they are known."""
        if self.job.masks is None or self.masks_shown or self.result.scene is None:
            return
        if self.marks is None:  # neither the panel's image nor the scene's cameras
            return
        self.masks_shown = True
        try:
            if self.marks.on_cameras:
                thumbnails.remember(self.result.scene, self.job.masks.masks)
            else:
                masks.remember(self.result.scene, self.job.masks)
        except Exception:  # the job continues without them
            logger.exception("the masks of the job %s could not be shown", self.job.id)

    def begin_next(self) -> LevelformError | None:
        """Begin the job that follows this one, if any; return why it could not begin."""
        if self.then is None or self.outcome is None:
            return None
        try:
            with in_window():
                self.next = self.then(self.outcome)
        except LevelformError as error:
            return error
        except Exception as error:
            logger.exception("what follows the job %s could not begin", self.job.id)
            return internal_error(error, "Try again; the log has details.")
        return None

    def discard(self) -> None:
        """Remove everything the job has shown, as far as possible."""
        try:
            with in_window():
                self.result.discard()
        except Exception:
            logger.exception("the meshes of the job %s could not be removed", self.job.id)

    def _keep(self) -> None:
        self.pace.finish()
        try:
            outcome = self.result.finish({**self.facts, **plain(self.job.stats)})
        except Deleted:
            return
        hidden = self.result.hidden  # hiding them deselected them
        if self.result.selects and selection() - hidden == self.selected - hidden:
            select(outcome)
            gallery.choose(outcome, self.result.scene)
        self.outcome = outcome
        if not self.result.undoes or bpy.app.background:
            return
        if bpy.ops.ed.undo_push.poll():  # pyright: ignore[reportCallIssue]
            bpy.ops.ed.undo_push(message=self.result.label)


def failure_of(job: Job) -> LevelformError | None:
    """Return the error that a job failed with; None if it did not fail."""
    if job.failure is None:
        return None
    kind = RequestError if job.failure.status == RequestError.exit_status else WorkError
    return kind(job.failure.message, job.failure.hint)
