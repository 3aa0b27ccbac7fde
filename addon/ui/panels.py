"""The sidebar: what the person sees. Draws what is known already, and computes nothing."""

import textwrap
from typing import Any

import bpy

from ...backend.contract.cures import button_of
from ...backend.contract.image_files import natural_key
from ...backend.contract.protocol import MeshUpdate
from ..backend_setup import user_preferences
from ..backend_setup.interpreter import WORDS, describe, here
from ..jobs.requests import (
    DEFAULT_METHOD,
    not_kept,
    remesh_problem,
    settings_problem,
    source_problem,
)
from ..jobs.results import PROVENANCE, estimated_camera
from ..jobs.session import Running, live
from ..scene import frames
from ..scene import images as scene_images
from . import method_options, panels_cameras
from .level_properties import LEVEL_PROPERTIES

CATEGORY = "Levelform"
_LETTER = 6.6  # width of a letter of Blender's interface font at scale 1, about
_MARGIN = 70  # width that a line can't use: icons, the scroll bar, the tabs


def paragraph(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, *, icon: str = "NONE"
) -> None:
    """Draw a text in as many lines as the region is wide for."""
    scale = context.preferences.system.ui_scale
    letters = max(16, int((context.region.width / scale - _MARGIN) / _LETTER))
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon)


class LEVELFORM_UL_cameras(bpy.types.UIList):
    """The scene's cameras: a tick, the name, and the image or why there is none."""

    def draw_item(self, context, layout, _data, item, _icon, _active, _property, _index=0, _flag=0):
        used = item.levelform_camera.use
        split = layout.split(factor=0.5)
        row = split.row(align=True)
        row.prop(item.levelform_camera, "use", text="")
        row.label(text=item.name, icon="CAMERA_DATA")
        row = split.row(align=True)
        row.active = used
        camera_image = scene_images.camera_image_of(item, context.scene)
        if not camera_image.problem:
            row.active = used and not panels_cameras.is_left_out(item, context.scene)
            row.label(text=camera_image.image.name, icon="IMAGE_DATA")
            if used:
                _draw_mark(row, item.levelform_camera.mark)
            return
        text, icon = panels_cameras.missing_words(item, camera_image)
        row.alert = used and icon == "ERROR"
        row.label(text=text, icon=icon)

    def filter_items(self, _context, data, propname):
        """Show cameras alone, in natural order of their names, as a job takes them."""
        objects = getattr(data, propname)
        shown = self.bitflag_filter_item
        flags = [shown if found.type == "CAMERA" else 0 for found in objects]
        keys = [natural_key(found.name) for found in objects]
        places = [0] * len(keys)
        for place, index in enumerate(sorted(range(len(keys)), key=keys.__getitem__)):
            places[index] = place
        return flags, places


def _draw_mark(row: bpy.types.UILayout, mark: str) -> None:
    """Whether a camera's view agreed with the others in the last check."""
    if mark == "NONE":
        return
    sub = row.row()
    sub.alert = mark == "BAD"
    sub.label(text="", icon="ERROR" if mark == "BAD" else "CHECKMARK")


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class SubPanel(_Sidebar):
    bl_parent_id = "LEVELFORM_PT_main"
    bl_options = {"DEFAULT_CLOSED"}


class LEVELFORM_PT_main(_Sidebar, bpy.types.Panel):
    """Images in, a mesh out."""

    bl_label = "Levelform"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.levelform
        _draw_backend_remedy(layout, context)
        body = layout.column()
        body.enabled = live.running is None
        _draw_source(body, context, settings)
        if settings.source != "IMAGE":
            _draw_agreement(body, context, settings)
        sub = split_column(body)
        if settings.source != "IMAGE":
            row = sub.row(align=True)
            row.prop(settings, "volume")
            row.operator("levelform.volume_from_cameras", text="", icon="PIVOT_BOUNDBOX")
        sub.prop(settings, "method_choice")
        _draw_needs(body, context, settings)
        sub = split_column(body)
        sub.prop(settings, "preset")
        if settings.preset == "CUSTOM":
            sub.prop(settings, "custom_resolution")
        _draw_action(layout, context)
        _draw_failure(layout, context)


class LEVELFORM_PT_options(SubPanel, bpy.types.Panel):
    """What seldom needs a change."""

    bl_label = "Options"

    def draw(self, context: bpy.types.Context) -> None:
        settings = context.scene.levelform
        layout = split_column(self.layout)
        layout.enabled = live.running is None
        layout.prop(settings, "background")
        if settings.background == "COLOR":
            layout.prop(settings, "background_color")
        if settings.background != "ALPHA":
            layout.prop(settings, "tolerance")
        layout.separator()
        layout.prop(settings, "weights")
        _draw_level(layout, settings, settings.level_unit)
        layout.prop(settings, "color")
        _draw_method_options(layout, settings)
        sub = layout.column()
        sub.active = settings.method != DEFAULT_METHOD and settings.source != "IMAGE"
        sub.prop(settings, "intersect_hull")
        layout.separator()
        layout.prop(settings, "min_component")
        layout.prop(settings, "fill_voids")
        _draw_optional(layout, settings, "use_max_faces", "max_faces")


class LEVELFORM_PT_result(SubPanel, bpy.types.Panel):
    """What made the selected mesh, and what can be done with it."""

    bl_label = "Result"
    bl_options = set()

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return live.running is None and _provenance(context.object) is not None

    def draw(self, context: bpy.types.Context) -> None:
        facts = _provenance(context.object)
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


class LEVELFORM_PT_backend(SubPanel, bpy.types.Panel):
    """The process that computes."""

    bl_label = "Backend"
    bl_order = 10

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        self.layout.label(text=_WORKER_WORDS[live.worker_state])

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        backend = here.backend
        if backend is not None:
            paragraph(layout, context, f"{WORDS[backend.source]}: {describe(backend)}")
        status = live.status
        if status is not None:
            kept = len(status.kept)
            held = f"{kept} result{'s'[: kept != 1]} kept to re-mesh"
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


_WORKER_WORDS = {"off": "Not started", "starting": "Starting", "ready": "Ready", "busy": "At work"}


# ---------------------------------------------------------------- parts of the main panel


def _draw_source(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    row = layout.row()
    row.prop(settings, "source", expand=True)
    if settings.source == "FILES":
        layout.prop(settings, "path", text="")
        layout.operator("levelform.add_cameras", icon="OUTLINER_OB_CAMERA").filepath = settings.path
    elif settings.source == "IMAGE":
        layout.template_ID(settings, "image", open="image.open")
    else:
        _draw_cameras(layout, context, settings)


def _draw_agreement(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    """What the last check said of the views, and a button for each cure; what is applied."""
    layout.operator("levelform.check_views", icon="VIEW_CAMERA")
    if settings.cures:
        row = layout.row(align=True)
        row.label(text=f"Views: {settings.cures}", icon="MODIFIER")
        row.operator("levelform.clear_cures", text="", icon="X")
    if settings.check_remark:
        box = layout.box()
        paragraph(box, context, settings.check_remark, icon="ERROR")
        for entry in settings.check_cures:
            if len(settings.check_cures) > 1:
                paragraph(box, context, entry.sentence)
            words = button_of(entry.cure)
            box.operator("levelform.apply_cure", text=words).cure = entry.cure


def _draw_needs(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    """What the chosen method lacks, as far as is known before a job."""
    info = settings.info
    if info is None:
        return
    if settings.variants and (not settings.weights or settings.weights in settings.variants):
        split_column(layout).prop(settings, "variant")
    if info.needs_weights and not info.weights and not settings.weights:
        split_column(layout).prop(settings, "weights")
        paragraph(
            layout,
            context,
            "This method needs trained weights, and none came with it: choose a file, or train.",
            icon="INFO",
        )
    if settings.source == "IMAGE" and info.needs_camera and not info.estimates_camera:
        paragraph(layout, context, "This method needs a camera for every image.", icon="INFO")


def _draw_method_options(layout: bpy.types.UILayout, settings: Any) -> None:
    """What the chosen method lets one choose."""
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


def _views(count: object) -> str:
    return f"{count} view" if count == 1 else f"{count} views"


def _draw_cameras(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Any) -> None:
    scene = context.scene
    layout.template_list(
        "LEVELFORM_UL_cameras", "", scene, "objects", settings, "camera_index", rows=4, maxrows=8
    )
    if panels_cameras.has_moving_image(scene):
        split_column(layout).prop(settings, "frames")
    index = settings.camera_index
    camera = scene.objects[index] if 0 <= index < len(scene.objects) else None
    if camera is not None and camera.type != "CAMERA":
        camera = None
    for sentence in panels_cameras.notes(camera, scene):
        paragraph(layout, context, sentence, icon="ERROR")
    if camera is None:
        return
    if frames.notes([camera], scene):
        layout.operator("levelform.use_frame")
    camera_image = scene_images.camera_image_of(camera, scene)
    if camera_image.source != "BACKGROUND":
        layout.template_ID(camera.levelform_camera, "image", open="image.open")
    if camera_image.problem:
        paragraph(layout, context, camera_image.problem, icon="ERROR")
    elif camera.levelform_camera.mark != "NONE":
        bad = camera.levelform_camera.mark == "BAD"
        icon = "ERROR" if bad else "CHECKMARK"
        paragraph(layout, context, camera.levelform_camera.remark, icon=icon)
    if camera_image.source == "NONE":
        layout.operator("levelform.render_pictures", icon="RENDER_STILL")


def _draw_action(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The big button, or how far it has got."""
    running = live.running
    if running is None:
        row = layout.row()
        row.scale_y = 1.6
        row.operator("levelform.reconstruct", icon="MESH_ICOSPHERE")
        reason = source_problem(context.scene) or settings_problem(context.scene)
        if reason:
            paragraph(layout, context, reason, icon="INFO")
        return
    column = layout.column(align=True)
    row = column.row(align=True)
    row.scale_y = 1.6
    progress = running.job.progress
    row.progress(factor=progress.overall if progress else 0.0, text=_progress_text(running))
    row.operator("levelform.cancel", text="", icon="X")
    column.label(text=_shown_text(running))
    if live.silent_for:
        words = f"The backend has neither computed nor answered for {live.silent_for:.0f} s."
        column.label(text=words, icon="ERROR")
        column.operator("levelform.stop_backend", text="End It and Start Afresh")


def _progress_text(running: Running) -> str:
    if running.job.cancelled_at is not None:
        return "Stopping"
    if running.job.ended:
        return "Done when you leave this mode"
    progress = running.job.progress
    if progress is None:
        return "Starting the backend"
    return f"{progress.stage}  {progress.overall:.0%}"


def _shown_text(running: Running) -> str:
    last = running.result.last
    if not isinstance(last, MeshUpdate):
        return running.result.promise
    text = f"Showing {last.resolution}: {len(last.faces):,} triangles"
    return text + (", more when you leave this mode" if running.result.waiting else "")


def _draw_failure(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    failure = live.failure
    if failure is None:
        return
    row = layout.box().row()
    column = row.column()
    paragraph(column, context, failure.message, icon="ERROR")
    if failure.hint:
        paragraph(column, context, failure.hint, icon="BLANK1")
    row.operator("levelform.dismiss", text="", icon="X", emboss=False)


def _draw_facts(layout: bpy.types.UILayout, facts: Any) -> None:
    """The numbers of a result, as two columns."""
    rows = (
        ("Method", f"{facts.get('method', '?')}, {_views(facts.get('views', '?'))}"),
        ("Resolution", f"{facts.get('resolution', '?')} cells"),
        ("Volume", _VOLUME_WORDS.get(facts.get("volume_from", ""), "?")),
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


_VOLUME_WORDS = {
    "user": "the one you gave",
    "file": "from the file",
    "estimate": "from the cameras",
    "unit": "the world's unit cube",
}


def _front(facts: Any) -> str:
    """Return who said where the front looks, and how sure that is."""
    source = facts["front_from"]
    if source in ("found", "undecided"):
        confidence = f", {facts.get('front_certainty', 0):.0%} sure" if source == "found" else ""
        return f"{source}: {facts.get('front', 0):.0f}° from -Y{confidence}"
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
    unit = (_provenance(context.object) or {}).get("level_unit", "distance")
    _draw_level(column, settings, unit, "remesh_")
    row = layout.row()
    row.scale_y = 1.2
    operator = row.operator("levelform.remesh", icon="FILE_REFRESH")
    operator.resolution = settings.remesh_resolution
    operator.use_level = settings.remesh_use_level
    operator.level = getattr(settings, f"remesh_{LEVEL_PROPERTIES[unit]}")
    reason = remesh_problem(context.object) or not_kept(context.object)
    if reason:
        paragraph(layout, context, reason, icon="INFO")


def _draw_level(layout: bpy.types.UILayout, settings: Any, unit: str, prefix: str = "") -> None:
    """The level, by the property whose range and tooltip are the unit's."""
    value = LEVEL_PROPERTIES.get(unit, "level")
    heading = "Probability" if unit == "probability" else "Level (Offset)"
    _draw_optional(layout, settings, f"{prefix}use_level", f"{prefix}{value}", heading)


def _draw_optional(
    layout: bpy.types.UILayout, settings: Any, use: str, value: str, heading: str = ""
) -> None:
    """A tick, and the value that counts while it is set."""
    row = layout.row(heading=heading or settings.bl_rna.properties[use].name)
    row.prop(settings, use, text="")
    sub = row.row()
    sub.active = getattr(settings, use)
    sub.prop(settings, value, text="")


def split_column(layout: bpy.types.UILayout) -> bpy.types.UILayout:
    """Names to the left, values to the right, as Blender's own properties."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column


def _provenance(target: bpy.types.Object | None) -> Any:
    """Return what made an object's mesh, a group of properties; None if Levelform did not."""
    stored = target.get(PROVENANCE) if target is not None else None
    return stored if hasattr(stored, "to_dict") else None


# ---------------------------------------------------------------- the backend


def _draw_backend_remedy(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Nothing where there is a backend; else what is missing, and the button that helps."""
    if here.installing is not None:
        _draw_installing(layout)
        return
    if here.backend is not None or here.candidates is None:
        return
    box = layout.box()
    paragraph(box, context, "Levelform needs a backend that computes.", icon="INFO")
    _draw_install(box, context)
    box.operator("levelform.open_preferences", text="Choose a Python...", icon="PREFERENCES")


def _draw_install(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The button, the permission it needs, and why it failed the last time."""
    if here.failed is not None:
        paragraph(layout, context, str(here.failed.failure), icon="ERROR")
        layout.operator("levelform.copy_log")
    column = layout.column()
    column.scale_y = 1.3
    column.operator("levelform.install_backend", icon="IMPORT")
    if not user_preferences.get().wheels and not bpy.app.online_access:
        sentence = "Installing downloads torch. Blender is not allowed to use the network."
        paragraph(layout, context, sentence, icon="INTERNET_OFFLINE")
        layout.operator("extensions.userpref_allow_online", text="Allow Online Access")


def _draw_installing(layout: bpy.types.UILayout) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.progress(factor=here.installing.progress, text=here.installing.message)
    row.operator("levelform.cancel_install", text="", icon="X")


def draw_preferences(chosen: Any, context: bpy.types.Context) -> None:
    """Draw the preferences: what was found, what to use, and the installation."""
    layout = chosen.layout
    _draw_candidates(layout, context)
    column = split_column(layout)
    column.prop(chosen, "python")
    column.prop(chosen, "device")
    column.prop(chosen, "memory")
    column.prop(chosen, "methods")
    for sentence in live.method_problems:
        paragraph(layout, context, sentence, icon="ERROR")
    box = layout.box()
    column = split_column(box)
    column.prop(chosen, "build")
    column.prop(chosen, "wheels")
    if here.installing is not None:
        _draw_installing(box)
        return
    _draw_install(box, context)
    row = box.row(align=True)
    row.operator("levelform.repair_backend")
    row.operator("levelform.remove_backend")


def _draw_candidates(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    row = layout.row()
    row.label(text="Where the backend can run")
    row.operator("levelform.check_backend", icon="VIEWZOOM")
    if here.looking is not None:
        layout.label(text="Looking...", icon="SORTTIME")
        return
    for candidate in here.candidates or ():
        used = candidate is here.backend
        icon = "CHECKMARK" if used else "BLANK1" if candidate.report.usable else "X"
        column = layout.column(align=True)
        column.active = used
        column.label(text=f"{WORDS[candidate.source]}: {candidate.python}", icon=icon)
        paragraph(column, context, describe(candidate), icon="BLANK1")


CLASSES = (
    LEVELFORM_UL_cameras,
    LEVELFORM_PT_main,
    LEVELFORM_PT_options,
    LEVELFORM_PT_result,
    LEVELFORM_PT_backend,
)
