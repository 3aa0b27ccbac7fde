"""The buttons: thin operators that read properties, call what scripts call, and report.

`execute` is synchronous, as scripts and Blender in the background need it; `invoke`, which a button
in a window calls, starts the work and lets the timer go on with it.
"""

from collections.abc import Callable

import bpy

from ...backend.contract.errors import LevelformError
from ..jobs.session import Running, live


class Reporter:
    """An operator that does its work in `run`, and reports what is wrong rather than raising it."""

    def run(self, context: bpy.types.Context) -> None:
        """Do it, and block until it is done."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Do it, for a script or a button."""
        return self._attempt(self.run, context)

    def note(self, error: LevelformError) -> None:
        """Remember what went wrong where the panel shows it."""
        live.failure = error

    def _attempt(
        self, work: Callable[[bpy.types.Context], None], context: bpy.types.Context
    ) -> set[str]:
        try:
            work(context)
        except LevelformError as error:
            self.note(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class Starter(Reporter):
    """A reporter whose button begins a job with `start` and leaves it to the timer."""

    def start(self, context: bpy.types.Context) -> Running:
        """Begin the job."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin the job and return at once, for a button in a window."""
        return self._attempt(self._start_and_wake, context)

    def run(self, context: bpy.types.Context) -> None:
        """Drive the job to its end, for a script."""
        for _ in live.drive(self.start(context)):
            pass

    def _start_and_wake(self, context: bpy.types.Context) -> None:
        self.start(context)
        live.wake()


def refuse(operator: type[bpy.types.Operator], reason: str) -> bool:
    """Return whether an operator's `poll` passes; where it does not, the greyed button says why."""
    if reason:
        operator.poll_message_set(reason)
    return not reason
