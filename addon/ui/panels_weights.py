"""Weights fetched on request: their description, buttons and progress."""

import bpy

from ...backend.contract.weights import PUBLISHED, PublishedWeights, installed_weights, megabytes
from ..data.weights_fetch import OFFLINE, fetching
from ..scene.wording import sentence, told
from .layouts import SubPanel, paragraph


def draw_missing(layout: bpy.types.UILayout, context: bpy.types.Context, method: str) -> bool:
    """Draw how to get a method's weights; return whether they are missing and can be got."""
    known = PUBLISHED.get(method)
    if known is None or installed_weights(method) is not None:
        return False
    box = layout.box()
    pattern = "The weights of this method are fetched on request ({})."
    paragraph(box, context, told(pattern, megabytes(known.size)), icon="INFO")
    _draw_get(box, context, known)
    return True


def _draw_get(
    layout: bpy.types.UILayout, context: bpy.types.Context, known: PublishedWeights
) -> None:
    """Draw the licence, the hash and the buttons, or the progress."""
    if fetching.running and fetching.method == known.method:
        row = layout.row(align=True)
        row.scale_y = 1.3
        stage = f"{sentence(fetching.stage)} {fetching.progress:.0%}"
        text = told("Stopping") if fetching.stopping else stage
        row.progress(factor=fetching.progress, text=text)
        row.operator("levelform.cancel_weights", text="", icon="X")
        return
    paragraph(layout, context, f"{known.rights[:1].upper()}{known.rights[1:]}")
    paragraph(layout, context, f"SHA-256 {known.sha256[:32]} {known.sha256[32:]}")
    if fetching.failure is not None and fetching.method in ("", known.method):
        paragraph(layout, context, str(fetching.failure), icon="ERROR")
    column = layout.column()
    column.scale_y = 1.3
    words = told("Get Weights ({})", megabytes(known.size))
    column.operator("levelform.get_weights", text=words, icon="IMPORT").method = known.method
    if not bpy.app.online_access:
        paragraph(layout, context, OFFLINE, icon="INTERNET_OFFLINE")
        layout.operator("extensions.userpref_allow_online", text="Allow Online Access")
    layout.operator("levelform.choose_weights", icon="FILE_FOLDER").method = known.method


class LEVELFORM_PT_weights(SubPanel, bpy.types.Panel):
    """Weights that are fetched on request."""

    bl_label = "Weights"
    bl_order = 11
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        for known in PUBLISHED.values():
            column = self.layout.column()
            path = installed_weights(known.method)
            if path is None:
                column.label(text=told("{}: not installed", known.method))
                _draw_get(column, context, known)
                continue
            row = column.row()
            row.label(text=f"{known.method}: {megabytes(path.stat().st_size)}", icon="CHECKMARK")
            row.operator("levelform.remove_weights").method = known.method
            if fetching.method == known.method:
                for remark in fetching.facts.get("remarks", ()):
                    paragraph(column, context, remark)


CLASSES = (LEVELFORM_PT_weights,)
