"""A window's context for code without one: timers, handlers, `--command`, scripts."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import bpy


def in_window() -> AbstractContextManager[Any]:
    """Provide the context of the first window if there is no current window.

    Timers, handlers and `blender -b FILE --command` have no window, so that operators lack
    `active_object` and `selected_objects`. For a file without windows, only these names are
    provided.
    """
    if bpy.context.window is not None:
        return nullcontext()
    windows = bpy.context.window_manager.windows
    if windows:
        return bpy.context.temp_override(window=windows[0])
    return bpy.context.temp_override(active_object=None, object=None, selected_objects=[])


def redraw() -> None:
    """Redraw the sidebars and the preferences."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                for region in area.regions:
                    if region.type in {"UI", "WINDOW"} and not _is_viewport(area, region):
                        region.tag_redraw()


def redraw_status_bar() -> None:
    """Redraw the status bar, whose region Python can't reach, unless a tool writes its hints there.

    Clearing the workspace's text, which is empty anyway, makes Blender draw the bar again.
    """
    for window in bpy.context.window_manager.windows:
        if not getattr(window, "modal_operators", ()):
            with bpy.context.temp_override(window=window):  # without one, Blender crashes here
                window.workspace.status_text_set_internal(None)


def _is_viewport(area: bpy.types.Area, region: bpy.types.Region) -> bool:
    return area.type == "VIEW_3D" and region.type == "WINDOW"
