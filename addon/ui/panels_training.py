"""The panel that trains networks. It draws known state and computes nothing."""

from typing import Any

import bpy
from bpy.utils import previews

from ..data.training_curve import SIDE, draw
from ..data.training_run import problem, training
from ..scene.wording import told
from .layouts import SubPanel, paragraph, split_column

_collection: Any = None  # holds the image of the curve


class LEVELFORM_PT_training(SubPanel, bpy.types.Panel):
    """Trains a network on your own images and meshes."""

    bl_label = "Training"
    bl_order = 9

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        chosen = context.scene.levelform_training
        body = layout.column()
        body.enabled = not training.running
        column = split_column(body)
        column.prop(chosen, "method_choice")
        column.prop(chosen, "part")
        column.prop(chosen, "data")
        column.prop(chosen, "out")
        sub = column.row()
        sub.active = not chosen.fresh
        sub.prop(chosen, "start")
        column.prop(chosen, "fresh")
        column.prop(chosen, "steps")
        column.prop(chosen, "seed")
        column.prop(chosen, "preview")
        _draw_action(layout, context)
        _draw_curve(layout, context)
        _draw_failure(layout, context)


def _draw_action(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the main button, or the progress."""
    row = layout.row(align=True)
    row.scale_y = 1.4
    if training.running:
        row.progress(factor=training.progress, text=_progress_text())
        row.operator("levelform.stop_training", text="", icon="X")
        return
    row.operator("levelform.train", icon="PLAY", text=_button())
    reason = problem(context.scene)
    if reason:
        paragraph(layout, context, reason, icon="INFO")


def _button() -> str:
    begun = training.facts and not training.facts.get("done")
    return told("Continue") if begun else told("Train")


def _progress_text() -> str:
    if training.stopping:
        return told("Stopping")
    if not training.facts:
        return told("Starting")
    step, steps = f"{training.facts['step']:,}", f"{training.facts['steps']:,}"
    if training.validating:
        return told("Validating at step {}", step)
    left = training.seconds_left
    if left is None:
        return told("Step {} of {}", step, steps)
    return told("Step {} of {}, {} left", step, steps, duration(left))


def duration(seconds: float) -> str:
    """Return a readable duration: "3 h 20 min", "4 min", "30 s"."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{round(seconds)} s"


def _draw_curve(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the curve, its legend, and the button to use the weights."""
    if not training.columns:
        return
    box = layout.box()
    icon = _curve_icon()
    if icon:
        box.template_icon(icon_value=icon, scale=8.0)
    losses, scores = training.columns.get("loss"), training.columns.get("validation_iou")
    if losses:
        box.label(text=told("Loss {} (orange)", f"{losses[-1][1]:.4g}"))
    if scores:
        best = max(value for _, value in scores)
        pattern = "Overlap with unseen shapes {}, best {} (blue, 0 to 1)"
        words = told(pattern, f"{scores[-1][1]:.3f}", f"{best:.3f}")
        paragraph(box, context, words)
    if training.weights:
        box.operator("levelform.use_trained", icon="CHECKMARK")


def _curve_icon() -> int:
    """Return the icon ID of the curve's image, redrawn if the curve has changed."""
    if _collection is None:
        return 0
    steps = int(training.facts.get("steps", 1))
    mark = f"{training.out} {[(n, len(p), p[-1]) for n, p in training.columns.items()]} {steps}"
    if mark not in _collection:
        _collection.clear()
        image = _collection.new(mark)
        image.image_size = (SIDE, SIDE)
        image.image_pixels_float[:] = draw(training.columns, steps).ravel().tolist()
    return _collection[mark].icon_id


def _draw_failure(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    failure = training.failure
    if failure is None:
        return
    box = layout.box()
    paragraph(box, context, failure.message, icon="ERROR")
    if failure.hint:
        paragraph(box, context, failure.hint, icon="BLANK1")


CLASSES = (LEVELFORM_PT_training,)


def register() -> None:
    """Create the collection for the curve's image."""
    global _collection
    _collection = previews.new()


def unregister() -> None:
    """Remove it."""
    global _collection
    if _collection is not None:
        previews.remove(_collection)
    _collection = None
