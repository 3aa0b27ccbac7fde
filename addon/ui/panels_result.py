"""The panel of a result: how the selected mesh was made, and actions on it."""

from typing import Any

import bpy

from ..jobs.requests import (
    improve_problem,
    not_kept,
    remesh_problem,
)
from ..jobs.results import estimated_camera
from ..jobs.session import live
from ..scene.provenance import provenance_of
from .layouts import SubPanel, draw_level, paragraph, split_column
from .level_properties import LEVEL_PROPERTIES


class LEVELFORM_PT_result(SubPanel, bpy.types.Panel):
    """Shows how the selected mesh was made; meshes it again."""

    bl_label = "Result"
    bl_options = set()
    bl_order = 2

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return provenance_of(context.object) is not None

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
        _sample_surface(self.layout, context)
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
    """Draw the facts about a result in two columns."""
    rows = (
        ("Method", f"{facts.get('method', '?')}, {_views(facts.get('views', '?'))}"),
        ("Resolution", f"{facts.get('resolution', '?')} cells"),
        ("Volume", VOLUME_WORDS.get(facts.get("volume_from", ""), "?")),
        *([("Front", _front(facts))] if facts.get("front_from") else []),
        ("Quads" if "quads" in facts else "Triangles", f"{facts.get('faces', 0):,}"),
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
    """Return the fraction of the views' silhouettes that the result covers, in a few words."""
    covers = [view["covered"] for view in facts.get("views_checked", ()) if "covered" in view]
    if not covers:
        return "not compared"
    return f"{'at least ' if len(covers) > 1 else ''}{min(covers):.0%} covered"


VOLUME_WORDS = {
    "user": "given by you",
    "file": "from the file",
    "estimate": "from the cameras",
    "unit": "the world's unit cube",
}


def _front(facts: Any) -> str:
    """Return the direction of the front, its origin, and the confidence."""
    source = facts["front_from"]
    if source in ("found", "undecided"):
        angle = f"{facts.get('front', 0):.0f}° from -Y"
        if source == "undecided":
            return f"undecided: {angle}"
        return f"estimated: {angle}, {facts.get('front_certainty', 0):.0%} confidence"
    return "the volume's -Y"


def _level_text(facts: Any) -> str:
    """Return the level of the surface with its unit."""
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
    if not improve_problem(context.object) and live.methods:
        layout.operator("levelform.improve", icon="TRIA_RIGHT")
    reason = remesh_problem(context.object) or not_kept(context.object)
    if reason:
        paragraph(layout, context, reason, icon="INFO")


def _sample_surface(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the buttons for a texture and for quads, each with its numbers."""
    settings = context.scene.levelform
    column = split_column(layout)
    row = column.row(align=True)
    row.prop(settings, "texture_size")
    operator = row.operator("levelform.texture", icon="TEXTURE")
    operator.size, operator.faces = settings.texture_size, settings.texture_faces
    column.prop(settings, "texture_faces")
    row = column.row(align=True)
    row.prop(settings, "quads_count")
    operator = row.operator("levelform.quads", icon="MOD_REMESH")
    operator.count, operator.sharp_angle = settings.quads_count, settings.sharp_angle
    column.prop(settings, "sharp_angle")


CLASSES = (LEVELFORM_PT_result,)
