"""The panel of a result: what made the selected mesh, and what can be done with it."""

from typing import Any

import bpy

from ..jobs.requests import (
    not_kept,
    remesh_problem,
)
from ..jobs.results import estimated_camera
from ..jobs.session import live
from ..scene.provenance import provenance_of
from .layouts import SubPanel, draw_level, paragraph, split_column
from .level_properties import LEVEL_PROPERTIES


class LEVELFORM_PT_result(SubPanel, bpy.types.Panel):
    """What made the selected mesh, and what can be done with it."""

    bl_label = "Result"
    bl_options = set()

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return live.running is None and provenance_of(context.object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        facts = provenance_of(context.object)
        if facts is None:
            return
        _draw_facts(self.layout, facts)
        for remark in facts.get("remarks", ()):
            paragraph(self.layout, context, remark, icon="INFO")
        paragraph(self.layout, context, f"Search: {facts.get('rule', '?')}")
        if "world_from_volume" in facts:
            self.layout.operator("levelform.show_volume", icon="PIVOT_BOUNDBOX")
        if estimated_camera(context.object) is not None:
            self.layout.operator("levelform.look_through", icon="VIEW_CAMERA")
        _draw_remesh(self.layout, context)
        self.layout.label(text="Add a modifier")
        row = self.layout.row(align=True)
        for kind, text, icon in (
            ("REMESH", "Remesh", "MOD_REMESH"),
            ("SMOOTH", "Smooth", "MOD_SMOOTH"),
            ("DECIMATE", "Decimate", "MOD_DECIM"),
        ):
            row.operator("levelform.add_modifier", text=text, icon=icon).kind = kind


def _views(count: object) -> str:
    return f"{count} view" if count == 1 else f"{count} views"


def _draw_facts(layout: bpy.types.UILayout, facts: Any) -> None:
    """The numbers of a result, as two columns."""
    rows = (
        ("Method", f"{facts.get('method', '?')}, {_views(facts.get('views', '?'))}"),
        ("Resolution", f"{facts.get('resolution', '?')} cells"),
        ("Volume", VOLUME_WORDS.get(facts.get("volume_from", ""), "?")),
        *([("Front", _front(facts))] if facts.get("front_from") else []),
        ("Triangles", f"{facts.get('faces', 0):,}"),
        ("Vertices", f"{facts.get('vertices', 0):,}"),
        ("Level", _level_text(facts)),
        ("Surface", "watertight" if facts.get("watertight") else "has holes"),
        ("Search", "complete" if facts.get("search_complete") else "not proven complete"),
        ("Evaluations", f"{facts.get('evaluations', 0):,}"),
        ("Time", f"{facts.get('seconds', 0):.1f} s"),
        ("Silhouettes", _agreement(facts)),
    )
    column = layout.column(align=True)
    column.scale_y = 0.85
    for name, value in rows:
        split = column.split(factor=0.36)
        side = split.row()
        side.alignment = "RIGHT"
        side.active = False
        side.label(text=name)
        split.label(text=value)


def _agreement(facts: Any) -> str:
    """Return how much of the views' silhouettes the result covers, in a few words."""
    covers = [view["covered"] for view in facts.get("views_checked", ()) if "covered" in view]
    if not covers:
        return "not compared"
    return f"{min(covers):.0%} covered{' at least' if len(covers) > 1 else ''}"


VOLUME_WORDS = {
    "user": "the one you gave",
    "file": "from the file",
    "estimate": "from the cameras",
    "unit": "the world's unit cube",
}


def _front(facts: Any) -> str:
    """Return who said where the front looks, and how sure that is."""
    source = facts["front_from"]
    if source in ("found", "undecided"):
        sure = f", {facts.get('front_certainty', 0):.0%} sure" if source == "found" else ""
        return f"{source}: {facts.get('front', 0):.0f}° from -Y{sure}"
    return "the volume's -Y"


def _level_text(facts: Any) -> str:
    """Where the surface is, in the unit of the method's level."""
    level = facts.get("level")
    if level is None:
        return "?"
    return f"{level:.3g}, " + (
        "a probability" if facts.get("level_unit") == "probability" else "an offset"
    )


def _draw_remesh(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    settings = context.scene.levelform
    column = split_column(layout)
    column.prop(settings, "remesh_resolution")
    unit = (provenance_of(context.object) or {}).get("level_unit", "distance")
    draw_level(column, settings, unit, "remesh_")
    row = layout.row()
    row.scale_y = 1.2
    operator = row.operator("levelform.remesh", icon="FILE_REFRESH")
    operator.resolution = settings.remesh_resolution
    operator.use_level = settings.remesh_use_level
    operator.level = getattr(settings, f"remesh_{LEVEL_PROPERTIES[unit]}")
    reason = remesh_problem(context.object) or not_kept(context.object)
    if reason:
        paragraph(layout, context, reason, icon="INFO")


CLASSES = (LEVELFORM_PT_result,)
