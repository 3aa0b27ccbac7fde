"""The main panel of the sidebar, and its options. It draws known state and computes nothing."""

from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.cures import button_of
from ...backend.contract.default_method import HULL
from ...backend.contract.protocol import MeshUpdate
from ...backend.contract.weights import installed_weights
from ..data.series import series
from ..jobs.requests import (
    settings_problem,
    source_problem,
)
from ..jobs.running import Running
from ..jobs.session import live
from ..scene.scene_source import camera_pairs
from ..scene.volume import remarks_of
from ..scene.wording import counted, for_panel, sentence, told
from . import method_options, remedies
from .layouts import (
    Sidebar,
    SubPanel,
    draw_level,
    draw_method,
    draw_optional,
    paragraph,
    split_column,
)
from .offered_methods import in_use
from .panels_backend import draw_backend_remedy
from .panels_cameras import sample_camera_data
from .panels_presets import LEVELFORM_PT_presets
from .panels_start import draw_start, images_at_hand
from .panels_weights import draw_missing

BUTTON = 40  # width of a small button in a box, with the margins of the box


class LEVELFORM_PT_main(Sidebar, bpy.types.Panel):
    """Reconstructs a mesh from images."""

    bl_label = "Levelform"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        LEVELFORM_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.levelform
        draw_backend_remedy(layout, context)
        body = layout.column()
        _draw_source(body, context, settings)
        if not images_at_hand(context.scene):
            draw_start(layout, context)
            if settings.source == "IMAGE":  # its methods may need weights, which take a while
                draw_method(layout, settings)
                _draw_needs(layout, context, settings)
            if live.running is not None or series.running:
                _draw_action(layout, context)
            _draw_failure(layout, context)
            return
        if settings.source != "IMAGE":
            _draw_agreement(body, context, settings)
        if settings.source != "IMAGE":
            row = split_column(body).row(align=True)
            row.prop(settings, "volume")
            row.operator("levelform.volume_from_cameras", text="", icon="PIVOT_BOUNDBOX")
            for remark in remarks_of(settings.volume):
                paragraph(body, context, for_panel(remark), icon="INFO")
        draw_method(body, settings)
        _draw_needs(body, context, settings)
        sub = split_column(body)
        sub.prop(settings, "preset")
        if settings.preset == "CUSTOM":
            sub.prop(settings, "custom_resolution")
        _draw_action(layout, context)
        _draw_failure(layout, context)


class LEVELFORM_PT_options(SubPanel, bpy.types.Panel):
    """Settings that rarely need to be changed."""

    bl_label = "Options"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.levelform
        layout = split_column(self.layout)
        if settings.source != "IMAGE":  # of a single image, they are beside its mask
            layout.prop(settings, "background")
            if settings.background == "COLOR":
                layout.prop(settings, "background_color")
        if settings.background != "ALPHA":
            layout.prop(settings, "tolerance")
        layout.separator()
        layout.prop(settings, "weights")
        draw_level(layout, settings, settings.level_unit)
        layout.prop(settings, "color")
        _draw_method_options(layout, settings)
        sub = self.layout.column()  # not split: its name is long
        sub.active = in_use(settings) != HULL and settings.source != "IMAGE"
        sub.prop(settings, "intersect_hull")
        layout = split_column(self.layout)
        layout.separator()
        layout.prop(settings, "min_component", text="Fragments")
        layout.prop(settings, "fill_voids")
        draw_optional(layout, settings, "use_max_faces", "max_faces")


def _draw_source(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    row = layout.row()
    row.prop(settings, "source", expand=True)
    if settings.source == "FILES":
        layout.prop(settings, "path", text="")
        layout.operator("levelform.add_cameras", icon="OUTLINER_OB_CAMERA").filepath = settings.path
    elif settings.source == "IMAGE":
        layout.template_ID(settings, "image", open="image.open")
    else:
        sample_camera_data(layout, context, settings)


def _draw_agreement(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    """Draw the result of the last view check, a button for each cure, and the applied cures."""
    layout.operator("levelform.check_views", icon="VIEW_CAMERA")
    if settings.cures:
        row = layout.row(align=True)
        row.label(text=told("Views: {}", settings.cures), icon="MODIFIER")
        row.operator("levelform.clear_cures", text="", icon="X")
    if settings.check_remark:
        box = layout.box()
        paragraph(box, context, settings.check_remark, icon="ERROR")
        for entry in settings.check_cures:
            if len(settings.check_cures) > 1:
                paragraph(box, context, entry.sentence)
            words = sentence(button_of(entry.cure))
            box.operator("levelform.apply_cure", text=words).cure = entry.cure


def _draw_needs(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    """Draw what the chosen method lacks, as far as known before a job."""
    if not settings.weights and draw_missing(layout, context, settings.method):
        return
    info = settings.info
    if info is None:
        return
    if settings.variants and (not settings.weights or settings.weights in settings.variants):
        split_column(layout).prop(settings, "variant")
    fetched = installed_weights(info.name)
    if info.needs_weights and not (info.weights or settings.weights or fetched):
        split_column(layout).prop(settings, "weights")
        paragraph(
            layout,
            context,
            "This method needs trained weights, and has none of its own: choose a file, or train.",
            icon="INFO",
        )
    if settings.source == "IMAGE" and info.needs_camera and not info.estimates_camera:
        paragraph(layout, context, "This method needs a camera for every image.", icon="INFO")


def _draw_method_options(layout: bpy.types.UILayout, settings: Any) -> None:
    """Draw the options of the chosen method."""
    info = settings.info
    if info is not None:
        names = {option.name for option in info.options}
        if "fusion" in names and settings.source != "IMAGE":
            layout.prop(settings, "fusion")
        if "camera" in names and settings.source != "IMAGE":
            layout.prop(settings, "estimate_cameras")
        if "symmetry" in names:
            layout.prop(settings, "symmetry")
        method_options.draw(layout, settings.id_data, info)
        if info.needs_weights:
            layout.prop(settings, "seed")
    row = layout.row()
    row.alert = bool(settings.more_options and settings_problem(settings.id_data))
    row.prop(settings, "more_options")


def _draw_action(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the main button, or the job's progress; both are of one height."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.scale_y = 1.6
    running = live.running
    if series.running:  # several jobs that make one object
        row.progress(factor=series.progress, text=series.title)
        row.operator("levelform.cancel", text="", icon="X")
        column.label(text=running.told() if running is not None else "")
    elif running is None:
        row.operator("levelform.reconstruct", icon="MESH_ICOSPHERE")
        _draw_ready(column, context)
    else:
        row.progress(factor=running.fraction, text=running.told())
        row.operator("levelform.reconstruct", text="", icon="ADD")
        row.operator("levelform.cancel", text="", icon="X")
        _draw_shown(column, running)
    for waiting in live.waiting:
        row = column.row(align=True)
        row.label(text=waiting.name, icon="SORTTIME")
        if waiting is live.waiting[-1]:
            row.operator("levelform.forget_waiting", text="", icon="X", emboss=False)
    if live.silent_for:
        silent = "The backend has neither computed nor answered for {} s."
        paragraph(column, context, told(silent, round(live.silent_for)), icon="ERROR")
        column.operator("levelform.stop_backend", text="Restart the Backend")


def _draw_ready(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw why no job can begin, with a remedy; else the number of its images."""
    scene = context.scene
    missing, wrong = source_problem(scene), settings_problem(scene)
    if missing or wrong:
        paragraph(layout, context, missing or wrong, icon="INFO")
    else:
        layout.label(text=images_words(scene))


def images_words(scene: bpy.types.Scene) -> str:
    """Return the contents of the panel's source, in a few words."""
    settings = scene.levelform
    if settings.source == "IMAGE":
        return settings.image.name
    if settings.source == "FILES":
        return Path(settings.path).name
    count = len(camera_pairs(scene))
    return counted(count, "{} image with a camera", "{} images with cameras")


def _draw_shown(layout: bpy.types.UILayout, running: Running) -> None:
    """Draw the job's result in the viewport, and the button that keeps it."""
    row = layout.row(align=True)
    row.label(text=_shown_text(running))
    if live.improving and running.result.shown:
        row.operator("levelform.finish_early", icon="CHECKMARK")


def _shown_text(running: Running) -> str:
    last = running.result.last
    if not isinstance(last, MeshUpdate):
        return running.result.promise
    edited = running.result.waiting and bpy.context.mode != "OBJECT"
    pattern = "{} triangles, leave this mode for more" if edited else "{} triangles"
    return told(pattern, f"{len(last.faces):,}")


def _draw_failure(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the last error until its cause is gone, with the buttons that cure it."""
    failure = live.told_failure()
    if failure is None:
        return
    box = layout.box()
    row = box.row()
    column = row.column()
    paragraph(column, context, failure.message, icon="ERROR", taken=BUTTON)
    if failure.hint:
        paragraph(column, context, failure.hint, icon="BLANK1", taken=BUTTON)
    row.operator("levelform.dismiss", text="", icon="X", emboss=False)
    remedies.draw(box, f"{failure.message} {failure.hint}")


CLASSES = (LEVELFORM_PT_main, LEVELFORM_PT_options)
