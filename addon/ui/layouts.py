"""What all panels are drawn with: paragraphs, columns, and the tab they are in."""

import textwrap
from typing import Any

import bpy

from .level_properties import LEVEL_PROPERTIES

CATEGORY = "Levelform"
_LETTER = 6.6  # width of a letter of Blender's interface font at scale 1, about
_MARGIN = 70  # width that a line can't use: icons, the scroll bar, the tabs


def paragraph(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, *, icon: str = "NONE"
) -> None:
    """Draw a text in as many lines as the region is wide for."""
    scale = context.preferences.system.ui_scale
    letters = max(16, int((context.region.width / scale - _MARGIN) / _LETTER))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon)


class Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class SubPanel(Sidebar):
    bl_parent_id = "LEVELFORM_PT_main"
    bl_options = {"DEFAULT_CLOSED"}


def draw_level(layout: bpy.types.UILayout, settings: Any, unit: str, prefix: str = "") -> None:
    """The level, by the property whose range and tooltip are the unit's."""
    value = LEVEL_PROPERTIES.get(unit, "level")
    heading = "Probability" if unit == "probability" else "Level (Offset)"
    draw_optional(layout, settings, f"{prefix}use_level", f"{prefix}{value}", heading)


def draw_optional(
    layout: bpy.types.UILayout, settings: Any, use: str, value: str, heading: str = ""
) -> None:
    """A tick, and the value that counts while it is set."""
    row = layout.row(heading=heading or settings.bl_rna.properties[use].name)
    row.prop(settings, use, text="")
    sub = row.row()
    sub.active = getattr(settings, use)
    sub.prop(settings, value, text="")


def split_column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Names to the left, values to the right, as Blender's own properties."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column
