"""The backend in the sidebar and in the preferences: its state and its installation."""

from typing import Any

import bpy

from ..backend_setup import user_preferences
from ..backend_setup.interpreter import WORDS, describe, here
from ..jobs.session import live
from ..scene.wording import counted, sentence, told
from .layouts import SubPanel, paragraph, split_column


class LEVELFORM_PT_backend(SubPanel, bpy.types.Panel):
    """The state of the backend process."""

    bl_label = "Backend"
    bl_order = 10

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        self.layout.label(text=told(WORKER_WORDS[live.worker_state]))

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        backend = here.backend
        if backend is not None:
            words = f"{sentence(WORDS[backend.source])}: {sentence(describe(backend))}"
            paragraph(layout, context, words)
        status = live.status
        if status is not None:
            kept = len(status.kept)
            held = counted(kept, "{} result kept to re-mesh", "{} results kept to re-mesh")
            layout.label(text=f"{status.memory / 2**20:,.0f} MB, {held}")
        row = layout.row(align=True)
        if live.worker_state == "off":
            row.operator("levelform.start_backend")
        else:
            row.operator("levelform.stop_backend")
        row.operator("levelform.unload_backend")
        row = layout.row(align=True)
        row.operator("levelform.copy_log")
        row.operator("levelform.open_preferences", icon="PREFERENCES")


WORKER_WORDS = {"off": "Not started", "starting": "Starting", "ready": "Ready", "busy": "At work"}


def draw_backend_remedy(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button to install the backend, if there is none."""
    if here.installing is not None:
        _draw_installing(layout)
        return
    if here.backend is not None or here.candidates is None:
        return
    box = layout.box()
    paragraph(box, context, "Levelform needs its backend, which is not installed.", icon="INFO")
    _draw_install(box, context)
    words = "Choose Python or Wheels..."
    box.operator("levelform.open_preferences", text=words, icon="PREFERENCES")


def _draw_install(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the install button, the permission it needs, and the last failure."""
    if here.failed is not None:
        paragraph(layout, context, str(here.failed.failure), icon="ERROR")
        if here.failed.distrusted:
            layout.operator("levelform.trust_system", icon="LOCKED")
        layout.operator("levelform.copy_log")
    column = layout.column()
    column.scale_y = 1.3
    column.operator("levelform.install_backend", icon="IMPORT")
    for words in here.told():
        paragraph(layout, context, words)
    if not user_preferences.get().wheels and not bpy.app.online_access:
        words = "Blender is not allowed to use the network."
        paragraph(layout, context, words, icon="INTERNET_OFFLINE")
        layout.operator("extensions.userpref_allow_online", text="Allow Online Access")


def _draw_installing(layout: bpy.types.UILayout) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.progress(factor=here.installing.progress, text=sentence(here.installing.message))
    row.operator("levelform.cancel_install", text="", icon="X")


def draw_preferences(chosen: Any, context: bpy.types.Context) -> None:
    """Draw the preferences: the candidates, the choices, and the installation."""
    layout = chosen.layout
    _draw_candidates(layout, context)
    column = split_column(layout)
    column.prop(chosen, "python")
    column.prop(chosen, "device")
    column.prop(chosen, "memory")
    column.prop(chosen, "methods")
    for problem in live.method_problems:
        paragraph(layout, context, problem, icon="ERROR")
    box = layout.box()
    column = split_column(box)
    column.prop(chosen, "build")
    column.prop(chosen, "wheels")
    column.prop(chosen, "system_certs")
    if here.installing is not None:
        _draw_installing(box)
        return
    _draw_install(box, context)
    row = box.row(align=True)
    row.operator("levelform.repair_backend")
    row.operator("levelform.install_camera_finder")
    row.operator("levelform.remove_backend")


def _draw_candidates(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    row = layout.row()
    row.label(text="Python for the backend")
    row.operator("levelform.check_backend", icon="VIEWZOOM")
    if here.looking is not None:
        layout.label(text="Searching...", icon="SORTTIME")
        return
    for candidate in here.candidates or ():
        used = candidate is here.backend
        icon = "CHECKMARK" if used else "BLANK1" if candidate.report.usable else "X"
        column = layout.column(align=True)
        column.active = used
        words = f"{sentence(WORDS[candidate.source])}: {candidate.python}"
        column.label(text=words, icon=icon)
        paragraph(column, context, describe(candidate), icon="BLANK1")


CLASSES = (LEVELFORM_PT_backend,)
