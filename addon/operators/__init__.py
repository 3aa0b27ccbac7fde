"""The buttons: thin operators that read properties, call the API's functions, and report.

`execute` is synchronous, for scripts and Blender in the background; `invoke`, called by a button in
a window, starts the work and leaves it to the timer.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from ...backend.contract.errors import LevelformError
from ..jobs.running import Running
from ..jobs.session import live
from ..scene.wording import sentence


class ReportingOperator:
    """An operator that does its work in `run`, and reports errors instead of raising them.

    An error is said once: by the panel where the artist sees it, else by Blender. Blender's classes
    can't be abstract, so a test checks that every operator defines the methods declared here.
    """

    options: Any  # Blender's: how the operator was called

    if TYPE_CHECKING:

        def run(self, context: bpy.types.Context) -> None:
            """Do the work, and block until it is done."""

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do the work, for a script or a button."""
        return self._attempt(self.run, context)

    def note(self, error: LevelformError) -> None:
        """Store an error where the panel shows it."""
        live.failure = error

    def _attempt(
        self, work: Callable[[bpy.types.Context], None], context: bpy.types.Context
    ) -> set[str]:
        try:
            work(context)
        except LevelformError as error:
            self.note(error)
            if not (self.options.is_invoke and tab_is_seen(context)):
                words = f"{sentence(error.message)} {sentence(error.hint)}".strip()
                self.report({"ERROR"}, words)  # a script, or an artist who sees no panel
            return {"CANCELLED"}
        return {"FINISHED"}


class Starter(ReportingOperator):
    """A reporter whose button begins a job by `start` and leaves it to the timer."""

    if TYPE_CHECKING:

        def start(self, context: bpy.types.Context) -> Running:
            """Begin the job."""
            ...

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin the job and return at once, for a button in a window."""
        return self._attempt(self._start_and_wake, context)

    def run(self, context: bpy.types.Context) -> None:
        """Run the job to its end, for a script."""
        for _ in live.drive(self.start(context)):
            pass

    def _start_and_wake(self, context: bpy.types.Context) -> None:
        self.start(context)
        live.wake()


def tab_is_seen(context: bpy.types.Context) -> bool:
    """Return whether a viewport of the current window shows the Levelform tab."""
    return context.screen is not None and any(map(tab_is_open, context.screen.areas))


def tab_is_open(area: bpy.types.Area) -> bool:
    """Return whether a viewport's sidebar shows the Levelform tab."""
    if area.type != "VIEW_3D" or not area.spaces.active.show_region_ui:
        return False
    sidebars = (region for region in area.regions if region.type == "UI")
    return any(region.active_panel_category == "Levelform" for region in sidebars)


def refuse(operator: type[bpy.types.Operator], reason: str) -> bool:
    """Return whether an operator's `poll` passes; if not, its tooltip states the reason."""
    if reason:
        operator.poll_message_set(sentence(reason))
    return not reason
