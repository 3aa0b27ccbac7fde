"""Parts shared by all panels: base classes, paragraphs, columns."""

import textwrap
from typing import Any

import bpy

from ..scene.wording import sentence
from .level_properties import LEVEL_PROPERTIES

CATEGORY = "Levelform"
_LETTER = 6.6  # approximate width of a letter of Blender's interface font at scale 1
LEVELS, NEW_LEVELS = ("Offset", "Probability"), ("New Offset", "New Probability")
_MARGIN = 70  # width not available to text: icons, the scroll bar, the tabs


def paragraph(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    text: str,
    *,
    icon: str = "NONE",
    taken: int = 0,
) -> None:
    """Draw a text in the language of the interface, wrapped to the width of the region.

    Parameters
    ----------
    taken : width at scale 1 that something beside it takes
    """
    text = sentence(text)  # the whole of it, before it is wrapped
    letters = letters_in(context, taken=_MARGIN + taken)
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon)


def letters_in(context: bpy.types.Context, *, taken: float = 0.0, part: float = 1.0) -> int:
    """Return how many letters fit in a part of the region's width, without `taken` at scale 1."""
    width = context.region.width / context.preferences.system.ui_scale
    return max(16, int((part * width - taken) / _LETTER))


class Sidebar:
    """A panel in Levelform's tab of the viewport's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class SubPanel(Sidebar):
    """A panel below the main panel, closed at first."""

    bl_parent_id = "LEVELFORM_PT_main"
    bl_options = {"DEFAULT_CLOSED"}


def draw_method(layout: bpy.types.UILayout, settings: Any) -> None:
    """Draw the menu of methods over the whole width: their titles are long."""
    layout.prop(settings, "method_choice", text="")


def draw_level(layout: bpy.types.UILayout, settings: Any, unit: str, prefix: str = "") -> None:
    """Draw the level, by the property with the unit's range and tooltip."""
    value = LEVEL_PROPERTIES.get(unit, "level")
    headings = NEW_LEVELS if prefix else LEVELS
    heading = headings[unit == "probability"]
    draw_optional(layout, settings, f"{prefix}use_level", f"{prefix}{value}", heading)


def draw_optional(
    layout: bpy.types.UILayout, settings: Any, use: str, value: str, heading: str = ""
) -> None:
    """Draw a tick, and the value that it enables."""
    row = layout.row(heading=heading or settings.bl_rna.properties[use].name)
    row.prop(settings, use, text="")
    sub = row.row()
    sub.active = getattr(settings, use)
    sub.prop(settings, value, text="")


def split_column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Return a column with names on the left and values on the right, as in Blender's panels."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column
