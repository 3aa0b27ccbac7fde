"""The panel of a result: how the selected mesh was made, and actions on it."""

import textwrap
from collections.abc import Sequence
from typing import Any

import bpy

from ...backend.contract.catalogue import entry_of
from ...backend.contract.default_method import UNPOSED_IOU
from ...backend.contract.finding import FIND_CAMERAS
from ..jobs.requests import (
    improve_problem,
    not_kept,
    remesh_problem,
)
from ..jobs.results import estimated_camera
from ..jobs.session import live
from ..scene.provenance import provenance_of
from ..scene.wording import counted, for_panel, sentence, told
from .layouts import Sidebar, SubPanel, draw_level, letters_in, paragraph, split_column
from .level_properties import LEVEL_PROPERTIES

NAMES, VALUE_MARGIN = 0.3, 25  # part of the width for names; width of the rest without text


class LEVELFORM_PT_result(SubPanel, bpy.types.Panel):
    """Shows what the selected result is like; meshes it again."""

    bl_label = "Selected Result"
    bl_options = set()
    bl_order = 2

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return provenance_of(context.object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        facts = provenance_of(context.object)
        if facts is None:
            return
        layout = self.layout
        _draw_rows(layout, context, asked(context.object, facts))
        _draw_compared(layout, context, facts)
        for remark in facts.get("remarks", ()):
            if not remark.startswith("No method was named"):  # the menu shows which one is used
                paragraph(layout, context, for_panel(remark), icon="INFO")
                if FIND_CAMERAS in remark:
                    layout.operator("levelform.find_cameras", icon="VIEW_CAMERA")
        if estimated_camera(context.object) is not None:
            layout.operator("levelform.look_through", icon="VIEW_CAMERA")
        body = layout.column()
        body.enabled = live.running is None
        _draw_remesh(body, context)
        _sample_surface(body, context)
        body.label(text="Add a modifier")
        row = body.row(align=True)
        for kind, text, icon in (
            ("REMESH", "Voxels", "MOD_REMESH"),
            ("SMOOTH", "Smooth", "MOD_SMOOTH"),
            ("DECIMATE", "Decimate", "MOD_DECIM"),
        ):
            row.operator("levelform.add_modifier", text=text, icon=icon).kind = kind


class LEVELFORM_PT_result_details(Sidebar, bpy.types.Panel):
    """Shows the numbers of how the selected result was made."""

    bl_label = "Details"
    bl_parent_id = "LEVELFORM_PT_result"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        facts = provenance_of(context.object)
        if facts is None:
            return
        _draw_rows(self.layout, context, details(facts))
        paragraph(self.layout, context, told("Proof: {}", facts.get("rule", "?")))
        if "world_from_volume" in facts:
            self.layout.operator("levelform.show_volume", icon="PIVOT_BOUNDBOX")


def _draw_compared(layout: bpy.types.UILayout, context: bpy.types.Context, facts: Any) -> None:
    """Draw why this method was chosen for one image, and the others, each one click away."""
    compared = facts.get("compared")
    if not compared:
        return
    box = layout.box()
    paragraph(box, context, chosen_why(facts), icon="INFO")
    box.label(text="Try another")
    for name in UNPOSED_IOU:
        if name != facts.get("method"):
            operator = box.operator("levelform.run_again", text=_choice(name, compared))
            operator.name, operator.method = context.object.name, name


def chosen_why(facts: Any) -> str:
    """Return in a short sentence why a method was chosen for one image."""
    pattern = "{} was chosen for its accuracy on test images."
    return told(pattern, told(title_of(facts["method"])))


def _choice(name: str, compared: Any) -> str:
    """Return the words of a button for another method."""
    covered = f", {compared[name]:.0%}" if name in compared else ""
    return f"{told(title_of(name))}{covered}"


def title_of(method: str) -> str:
    """Return a method's title in the menus."""
    entry = entry_of(method)
    return entry.title if entry is not None else method


def _views(count: object) -> str:
    return counted(count, "{} view", "{} views") if isinstance(count, int) else "?"


def asked(target: bpy.types.Object, facts: Any) -> list[tuple[str, str]]:
    """Return the most important facts of a result: a name and a value each."""
    method = title_of(facts.get("method", "?"))
    faces = f"{facts.get('faces', 0):,}"
    return [
        (
            told("Surface"),
            told("closed") if facts.get("watertight") else told("open: it has holes"),
        ),
        (
            told("Faces"),
            told("{} quads", faces) if "quads" in facts else told("{} triangles", faces),
        ),
        (told("Size"), _size(target)),
        (told("Colors"), _colors(target, facts)),
        (told("Images"), _agreement(facts)),
        (told("Made by"), f"{sentence(method)}, {_views(facts.get('views', '?'))}"),
    ]


def details(facts: Any) -> list[tuple[str, str]]:
    """Return the numbers of how a result was made: a name and a value each."""
    complete = bool(facts.get("search_complete"))
    return [
        (told("Method"), str(facts.get("method", "?"))),
        (told("Cells"), told("{} along the longest side", facts.get("resolution", "?"))),
        (told("Volume"), told(VOLUME_WORDS.get(facts.get("volume_from", ""), "?"))),
        *([(told("Front"), _front(facts))] if facts.get("front_from") else []),
        (told("Vertices"), f"{facts.get('vertices', 0):,}"),
        (told("Level"), _level_text(facts)),
        (told("Search"), told("complete") if complete else told("not proven complete")),
        (told("Evaluations"), f"{facts.get('evaluations', 0):,}"),
        (told("Time"), f"{facts.get('seconds', 0):.1f} s"),
    ]


def _draw_rows(
    layout: bpy.types.UILayout, context: bpy.types.Context, rows: Sequence[tuple[str, str]]
) -> None:
    """Draw names and values in two columns; long values are wrapped."""
    column = layout.column(align=True)
    column.scale_y = 0.85
    letters = letters_in(context, taken=VALUE_MARGIN, part=1.0 - NAMES)
    for name, value in rows:
        for number, line in enumerate(textwrap.wrap(value, letters) or [""]):
            split = column.split(factor=NAMES)
            side = split.row()
            side.alignment = "RIGHT"
            side.active = False
            side.label(text="" if number else name)
            split.label(text=line)


def _size(target: bpy.types.Object) -> str:
    """Return the lengths of an object's sides, in the scene's unit."""
    settings = bpy.context.scene.unit_settings
    unit = {"METRIC": " m", "IMPERIAL": " m"}.get(settings.system, "")
    return " x ".join(f"{side:.3g}" for side in target.dimensions) + unit


def _colors(target: bpy.types.Object, facts: Any) -> str:
    if "texture" in facts:
        return told("texture of {} pixels", facts["texture"])
    return told("from the images") if target.data.color_attributes else told("none")


def _agreement(facts: Any) -> str:
    """Return in a few words how much of the images' silhouettes the result covers."""
    covers = [view["covered"] for view in facts.get("views_checked", ()) if "covered" in view]
    single = facts.get("silhouette_iou")  # of one image without a camera
    if not covers and single is not None:
        pattern = "{} covered, then adjusted" if facts.get("adjusted") else "{} covered"
        return told(pattern, f"{single:.0%}")
    if not covers:
        return told("not compared")
    pattern = "agree, {} covered" if min(covers) > WELL_COVERED else "{} covered"
    return told(pattern, f"{min(covers):.0%}")


WELL_COVERED = 0.95  # minimum fraction of a silhouette for its image to agree
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
        angle = f"{facts.get('front', 0):.0f}"
        if source == "undecided":
            return told("undecided: {}° from -Y", angle)
        confidence = f"{facts.get('front_certainty', 0):.0%}"
        return told("estimated: {}° from -Y, {} confidence", angle, confidence)
    return told("the volume's -Y")


def _level_text(facts: Any) -> str:
    """Return the level of the surface with its unit."""
    level = facts.get("level")
    if level is None:
        return "?"
    probability = facts.get("level_unit") == "probability"
    return told("{}, a probability" if probability else "{}, an offset", f"{level:.3g}")


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
        row = layout.row(align=True)
        row.operator("levelform.improve", icon="TRIA_RIGHT")
        row.operator("levelform.save_code", text="", icon="FILE_TICK")
    reason = remesh_problem(context.object) or not_kept(context.object)
    if reason:
        paragraph(layout, context, reason, icon="INFO")


def _sample_surface(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the buttons for a texture and for quads, each with its numbers."""
    settings = context.scene.levelform
    column = split_column(layout)
    column.prop(settings, "texture_size")
    column.prop(settings, "texture_faces")
    operator = layout.operator("levelform.texture", icon="TEXTURE")
    operator.size, operator.faces = settings.texture_size, settings.texture_faces
    column = split_column(layout)
    column.prop(settings, "quads_count")
    column.prop(settings, "sharp_angle")
    operator = layout.operator("levelform.quads", icon="MOD_REMESH")
    operator.count, operator.sharp_angle = settings.quads_count, settings.sharp_angle


CLASSES = (LEVELFORM_PT_result, LEVELFORM_PT_result_details)
