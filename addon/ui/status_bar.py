"""The running job in Blender's status bar: its stage, the per cent of its time, and Esc."""

import bpy

from ..data.series import series
from ..jobs.session import live


def draw(header: bpy.types.Header, _context: bpy.types.Context) -> None:
    """Draw the running job's bar; nothing while there is none."""
    running = live.running
    if running is None:
        return
    row = header.layout.row(align=True)
    bar = row.row(align=True)
    bar.ui_units_x = 16
    title = f"{series.title}, {running.told()}" if series.running else running.told()
    bar.progress(factor=running.fraction, text=f"Levelform: {title}")
    row.operator("levelform.cancel", text="Cancel", icon="EVENT_ESC")
    header.layout.separator()


def register() -> None:
    """Add it before Blender's own contents."""
    bpy.types.STATUSBAR_HT_header.prepend(draw)


def unregister() -> None:
    """Remove it."""
    bpy.types.STATUSBAR_HT_header.remove(draw)
