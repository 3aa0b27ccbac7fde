"""The panel that compares a mesh with a reference, and draws the stored metrics."""

from typing import Any

import bpy

from ..data.compare import HEAT, compare_problem, comparison_of
from ..jobs.session import live
from ..scene.wording import told
from .layouts import SubPanel, paragraph, split_column

# The label and the format of each metric.
ROWS = (
    ("iou", "Overlap (IoU)", "{:.3f}"),
    ("chamfer_l1", "Distance (Chamfer)", "{:.2f} %"),
    ("f_score_1%", "Within 1 % (F-score)", "{:.1f} %"),
    ("f_score_2%", "Within 2 % (F-score)", "{:.1f} %"),
    ("normal_consistency", "Normals", "{:.3f}"),
)
MEANING = (
    "Overlap and normals: 1 is perfect. Distance: the mean, in percent of the reference's longest "
    "side. Within: the fraction of both surfaces within that distance of the other."
)
LEGEND = "Red is outside the reference, blue is inside it."


class LEVELFORM_PT_compare(SubPanel, bpy.types.Panel):
    """Compares the selected mesh with a reference."""

    bl_label = "Compare"
    bl_order = 7

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.object is not None and context.object.type == "MESH"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.enabled = live.running is None
        settings = context.scene.levelform
        column = split_column(layout)
        column.prop(settings, "reference")
        column.prop(settings, "heat")
        row = layout.row()
        row.scale_y = 1.2
        row.operator("levelform.compare", icon="ARROW_LEFTRIGHT")
        reason = compare_problem(context.object, settings.reference)
        if reason and live.running is None:
            paragraph(layout, context, reason, icon="INFO")
        stored = comparison_of(context.object)
        if stored is not None:
            _draw_numbers(layout, context, stored)


def _draw_numbers(layout: bpy.types.UILayout, context: bpy.types.Context, stored: Any) -> None:
    """Draw the metrics in two columns, their meaning, and a button to show the distances."""
    metrics = stored["metrics"].to_dict()
    box = layout.box()
    paragraph(box, context, told("Against {}", stored["reference"]))
    column = box.column(align=True)
    column.scale_y = 0.85
    for name, words, form in ROWS:
        if name in metrics:
            split = column.split(factor=0.68)
            split.label(text=told(words))
            side = split.row()
            side.alignment = "RIGHT"
            side.label(text=form.format(metrics[name]))
    note = box.column()
    note.active = False
    paragraph(note, context, MEANING)
    shading = getattr(context.space_data, "shading", None)
    if HEAT in context.object.data.color_attributes and shading is not None:
        seen = shading.type == "SOLID" and shading.color_type == "VERTEX"
        box.operator(
            "levelform.show_distances",
            text="Hide Distances" if seen else "Show Distances",
            icon="HIDE_OFF" if seen else "HIDE_ON",
        )
        if seen:
            paragraph(box, context, LEGEND)


CLASSES = (LEVELFORM_PT_compare,)
