"""The panel that reconstructs a folder of objects. It draws known state and computes nothing."""

import bpy

from ..data.batch_run import batch_problem, batch_run
from ..scene.wording import sentence, told
from .layouts import SubPanel, paragraph

LISTED = 5  # failures to list with the reason


class LEVELFORM_PT_batch(SubPanel, bpy.types.Panel):
    """Reconstructs many objects, with the method and the settings above."""

    bl_label = "Batch"
    bl_order = 7

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        if batch_run.running:
            self.layout.label(text=batch_run.title)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        body = layout.column()
        body.enabled = not batch_run.running
        body.prop(context.scene.levelform_batch, "folder", text="")
        if batch_run.running:
            _draw_progress(layout)
        else:
            layout.operator("levelform.batch", icon="MESH_GRID")
            reason = batch_problem(context.scene)
            if reason:
                paragraph(layout, context, reason, icon="INFO")
        _draw_outcome(layout, context)
        layout.operator("levelform.animate_images", icon="RENDER_ANIMATION")


def _draw_progress(layout: bpy.types.UILayout) -> None:
    words = told("Stops after this model") if batch_run.stopping else batch_run.title
    layout.progress(factor=batch_run.progress, text=words)
    layout.label(text=batch_run.name)
    row = layout.row()
    row.enabled = not batch_run.stopping
    row.operator("levelform.stop_batch", icon="PAUSE")


def _draw_outcome(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the finished objects, and the failed ones with their reasons."""
    if not (batch_run.failures or batch_run.ended):
        return
    row = layout.box().row()
    column = row.column()
    if batch_run.ended:
        made, count = len(batch_run.made), len(batch_run.items)
        icon = "CHECKMARK" if made == count else "INFO"
        paragraph(column, context, told("{} of {} models made", made, count), icon=icon)
    for name, failure in list(batch_run.failures.items())[:LISTED]:
        paragraph(
            column,
            context,
            f"{name}: {sentence(failure.message)} {sentence(failure.hint)}",
            icon="ERROR",
        )
    if len(batch_run.failures) > LISTED:
        column.label(text=told("and {} more", len(batch_run.failures) - LISTED), icon="BLANK1")
    if batch_run.ended:
        for name, reason in batch_run.left_out.items():
            paragraph(column, context, told("Left out {}: {}", name, sentence(reason)), icon="INFO")
        row.operator("levelform.dismiss_batch", text="", icon="X", emboss=False)


CLASSES = (LEVELFORM_PT_batch,)
