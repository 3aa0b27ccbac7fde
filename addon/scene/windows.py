"""A window's context for code that has none: timers, handlers, `--command`, scripts."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import bpy


def in_window() -> AbstractContextManager[Any]:
    """Give the context of the first window where there is none.

    Timers and handlers have no window of their own; neither has `blender -b FILE --command`, where
    operators then miss `active_object` and `selected_objects`. A file without windows gets the
    names alone.
    """
    if bpy.context.window is not None:
        return nullcontext()
    windows = bpy.context.window_manager.windows
    if windows:
        return bpy.context.temp_override(window=windows[0])
    return bpy.context.temp_override(active_object=None, object=None, selected_objects=[])
