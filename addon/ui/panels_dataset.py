"""The panel that renders training images. It draws known state and computes nothing."""

from typing import Any

import bpy

from ..data.dataset_run import dataset_problem, run, shapes_of
from ..scene.wording import counted, sentence, told
from .layouts import SubPanel, paragraph, split_column

LISTED = 3  # skipped shapes to list with the reason


class LEVELFORM_PT_dataset(SubPanel, bpy.types.Panel):
    """Makes a data set for training: images of shapes from many directions, and their labels."""

    bl_label = "Training Images"
    bl_order = 8

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen = context.scene.levelform_dataset
        body = layout.column()
        body.enabled = not run.running
        body.row().prop(chosen, "source", expand=True)
        column = split_column(body)
        column.prop(chosen, "folder" if chosen.source == "FOLDER" else "collection")
        column.prop(chosen, "out")
        column.separator()
        column.prop(chosen, "cameras")
        pair = column.column(align=True)
        pair.prop(chosen, "views")
        pair.prop(chosen, "size")
        column.separator()
        column.prop(chosen, "engine")
        column.prop(chosen, "samples")
        column.prop(chosen, "seed")
        row = body.row(align=True)
        for name in ("depth", "normals", "albedo"):
            row.prop(chosen, name, toggle=True)
        _draw_action(layout, context, chosen)
        _draw_outcome(layout, context)


def _draw_action(layout: bpy.types.UILayout, context: bpy.types.Context, chosen: Any) -> None:
    """Draw the main button, or the progress."""
    if run.running:
        row = layout.row(align=True)
        row.scale_y = 1.4
        row.progress(factor=run.progress, text=_progress_text())
        row.operator("levelform.cancel_dataset", text="", icon="X")
        return
    row = layout.row()
    row.scale_y = 1.4
    row.operator("levelform.render_dataset", icon="RENDER_STILL")
    reason = dataset_problem(context.scene)
    if reason:
        paragraph(layout, context, reason, icon="INFO")
    elif chosen.source == "COLLECTION":
        count = len(shapes_of(context.scene))
        paragraph(
            layout, context, told("{}, {} images", _shapes(count), f"{count * chosen.views:,}")
        )


def _progress_text() -> str:
    step = run.step
    if run.conversion is not None:
        return told("Making the data set")
    if step is None:
        return told("Starting")
    return told("{}, {} of {}", step.name, step.index + 1, step.count)


def _draw_outcome(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the outcome of the last run, and its error."""
    outcome, failure = run.outcome, run.failure
    if run.running or (outcome is None and failure is None):
        return
    row = layout.box().row()
    column = row.column()
    if failure is not None:
        paragraph(column, context, failure.message, icon="ERROR")
        if failure.hint:
            paragraph(column, context, failure.hint, icon="BLANK1")
    elif outcome is not None:
        word = "Rendered {}" if outcome.ended == "finished" else "Stopped after {}"
        paragraph(column, context, told(word, _shapes(outcome.done)), icon="CHECKMARK")
        if outcome.before:
            words = told("{} were finished before", _shapes(outcome.before))
            paragraph(column, context, words, icon="BLANK1")
        for name, reason in list(outcome.skipped.items())[:LISTED]:
            paragraph(
                column, context, told("Left out {}: {}", name, sentence(reason)), icon="ERROR"
            )
        if len(outcome.skipped) > LISTED:
            column.label(text=told("and {} more", len(outcome.skipped) - LISTED), icon="BLANK1")
        if outcome.labelled:
            pattern = "The data set has {}: Training below can read it"
            words = told(pattern, _shapes(outcome.labelled))
            paragraph(column, context, words, icon="BLANK1")
        column.operator(
            "wm.path_open", text="Open Folder", icon="FILE_FOLDER"
        ).filepath = outcome.out
    row.operator("levelform.dismiss_dataset", text="", icon="X", emboss=False)


def _shapes(count: int) -> str:
    return counted(count, "{} shape", "{} shapes")


CLASSES = (LEVELFORM_PT_dataset,)
