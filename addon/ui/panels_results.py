"""The list of the scene's results, with their visibility and actions."""

import bpy

from ..jobs.session import live
from ..scene import gallery
from .layouts import SubPanel


class LEVELFORM_UL_results(bpy.types.UIList):
    """The scene's results: an eye, the name, and the number of faces."""

    def draw_item(
        self, _context, layout, _data, item, _icon, _active, _property, _index=0, _flag=0
    ):
        shown = gallery.is_shown(item)
        row = layout.row(align=True)
        eye = row.operator(
            "levelform.show_result",
            text="",
            icon="HIDE_OFF" if shown else "HIDE_ON",
            emboss=False,
        )
        eye.name = item.name
        row.prop(item, "name", text="", emboss=False)
        side = row.row()
        side.alignment = "RIGHT"
        side.active = shown
        side.label(text=_short(len(item.data.polygons)))

    def filter_items(self, _context, data, propname):
        """Show only results, the newest first."""
        objects = getattr(data, propname)
        shown = self.bitflag_filter_item
        flags = [shown if gallery.is_result(thing) else 0 for thing in objects]
        dates = [
            gallery.made_at(thing) if flag else ""
            for thing, flag in zip(objects, flags, strict=True)
        ]
        order = sorted(range(len(dates)), key=dates.__getitem__, reverse=True)
        places = [0] * len(dates)
        for place, index in enumerate(order):
            places[index] = place
        return flags, places


class LEVELFORM_PT_results(SubPanel, bpy.types.Panel):
    """Lists the results of the scene."""

    bl_label = "Results"
    bl_options = set()
    bl_order = 1

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(gallery.results_of(context.scene))

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.label(text=str(len(gallery.results_of(context.scene))))

    def draw(self, context: bpy.types.Context) -> None:
        layout, scene = self.layout, context.scene
        settings = scene.levelform
        layout.template_list(
            "LEVELFORM_UL_results",
            "",
            scene,
            "objects",
            settings,
            "result_index",
            rows=2,
            maxrows=5,
        )
        chosen = chosen_result(context)
        if chosen is None:
            return
        row = layout.row(align=True)
        row.operator("levelform.run_again", icon="FILE_REFRESH").name = chosen.name
        row.operator("levelform.delete_result", text="", icon="TRASH").name = chosen.name
        row = layout.row(align=True)
        row.enabled = live.running is None
        row.operator("levelform.compare_result", icon="ARROW_LEFTRIGHT").name = chosen.name
        row.operator("levelform.mark_asset", text="", icon="ASSET_MANAGER").name = chosen.name


def chosen_result(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return the active object if it is a result, else the list's choice; None: neither."""
    if context.object is not None and gallery.is_result(context.object):
        return context.object
    scene, index = context.scene, context.scene.levelform.result_index
    thing = scene.objects[index] if 0 <= index < len(scene.objects) else None
    return thing if thing is not None and gallery.is_result(thing) else None


def _short(count: int) -> str:
    """Return a number of faces in few letters: 57.9k."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.3g}k" if count < 999_500 else f"{count / 1e6:.3g}M"


CLASSES = (LEVELFORM_UL_results, LEVELFORM_PT_results)
