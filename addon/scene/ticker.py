"""A timer of Blender's that drives one piece of long work, and ends when the work has ended."""

from collections.abc import Callable
from typing import Any

import bpy
from bpy.app.handlers import persistent

from .windows import in_window, redraw


class Ticker:
    """Calls a function until it returns False; the panels are redrawn after each call.

    Parameters
    ----------
    step
        Does a little of the work, in a window's context; returns whether there is more to do.
    every
        Seconds between two calls.
    on_load
        Called before another file is loaded, because the objects of this one are then gone.
    """

    def __init__(
        self,
        step: Callable[[], bool],
        *,
        every: float,
        on_load: Callable[[], object] | None = None,
    ) -> None:
        self._step, self._every = step, every
        self._timer = self._tick  # one object: Blender knows a timer by its identity
        self._on_load = None if on_load is None else _handler(on_load)

    def wake(self) -> None:
        """Start the timer; there is none in the background."""
        if not bpy.app.background and not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=0.0, persistent=True)

    def register(self) -> None:
        """Listen to file load."""
        if self._on_load is not None:
            bpy.app.handlers.load_pre.append(self._on_load)

    def unregister(self) -> None:
        """Stop the timer, and stop listening."""
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)
        if self._on_load is not None:
            bpy.app.handlers.load_pre.remove(self._on_load)

    def _tick(self) -> float | None:
        with in_window():
            more = self._step()
        redraw()
        return self._every if more else None


def _handler(act: Callable[[], object]) -> Callable[..., None]:
    """Return a handler that stays when a file is loaded; Blender marks functions alone so."""

    @persistent
    def on_load(*_: Any) -> None:
        act()

    return on_load
