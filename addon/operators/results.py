"""Acts on a result of the list: show it, run it again, compare it, make it an asset, delete it."""

import bpy
from bpy.props import StringProperty

from ...backend.contract.errors import RequestError
from ..data.compare import begin_compare
from ..jobs.again import order_again
from ..jobs.running import Running
from ..jobs.session import busy, live
from ..scene import gallery
from ..scene.selection import select
from ..scene.wording import told
from . import ReportingOperator, Starter, refuse


class _OfResult:
    """An operator on the named result; without a name on the active object."""

    name: StringProperty(name="Result", options={"SKIP_SAVE", "HIDDEN"})

    def target(self, context: bpy.types.Context) -> bpy.types.Object | None:
        """Return the result; None if it is gone."""
        named = context.scene.objects.get(self.name) if self.name else context.object
        return named if named is not None and gallery.is_result(named) else None


class LEVELFORM_OT_show_result(_OfResult, bpy.types.Operator):
    """Show or hide this result, in the viewport and in renders"""

    bl_idname = "levelform.show_result"
    bl_label = "Show Result"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = self.target(context)
        if target is None:
            return {"CANCELLED"}
        gallery.show(target, not gallery.is_shown(target))
        return {"FINISHED"}


class LEVELFORM_OT_run_again(_OfResult, ReportingOperator, bpy.types.Operator):
    """Reconstruct again from the same images with the settings of this result"""

    bl_idname = "levelform.run_again"
    bl_label = "Run Again"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    method: StringProperty(
        name="Method",
        description="Use this method instead of the result's own",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin now, or after the running job."""
        return self._attempt(self._enqueue, context)

    def run(self, context: bpy.types.Context) -> None:
        target = self.target(context)
        if target is not None:
            for _ in live.drive(order_again(target, context.scene, self.method).begin()):
                pass

    def _enqueue(self, context: bpy.types.Context) -> None:
        target = self.target(context)
        if target is not None:
            order = order_again(target, context.scene, self.method)
            live.enqueue(order.name, order.begin)
            live.wake()


class LEVELFORM_OT_compare_result(_OfResult, Starter, bpy.types.Operator):
    """Measure how far this result is from the one before it, and color it by the distance"""

    bl_idname = "levelform.compare_result"
    bl_label = "Compare with Previous"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        several = len(gallery.results_of(context.scene)) > 1
        return refuse(cls, busy() or ("" if several else "There is only one result."))

    def start(self, context: bpy.types.Context) -> Running:
        target, scene = self.target(context), context.scene
        if target is None:
            raise RequestError("The result is gone.", "Choose another one in the list.")
        scene.levelform.reference = gallery.previous(target, scene)
        select(target)
        return begin_compare(target, scene.levelform.reference, heat=scene.levelform.heat)


class LEVELFORM_OT_mark_asset(_OfResult, ReportingOperator, bpy.types.Operator):
    """Make this result an asset, with a preview image, for the Asset Browser"""

    bl_idname = "levelform.mark_asset"
    bl_label = "Mark as Asset"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        target = self.target(context)
        if target is None:
            return
        target.asset_mark()
        target.asset_data.description = f"Made by Levelform: {target.name}"
        if "Levelform" not in target.asset_data.tags:
            target.asset_data.tags.new("Levelform")
        if not bpy.app.background:  # a preview needs a window's graphics
            target.asset_generate_preview()
        self.report({"INFO"}, told("{} is an asset of this file", target.name))


class LEVELFORM_OT_delete_result(_OfResult, bpy.types.Operator):
    """Delete this result, and show the one before it"""

    bl_idname = "levelform.delete_result"
    bl_label = "Delete Result"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        target = self.target(context)
        if target is None:
            return {"CANCELLED"}
        shown, place = gallery.is_shown(target), gallery.world_box(target)
        mesh = target.data
        bpy.data.objects.remove(target)
        if not mesh.users:
            bpy.data.meshes.remove(mesh)
        before = gallery.newest_hidden(context.scene, place) if shown else None
        if before is not None:
            gallery.show(before, True)
            select(before)
        gallery.remove_empty_collection(context.scene)
        return {"FINISHED"}


class LEVELFORM_OT_forget_waiting(bpy.types.Operator):
    """Take the last job out of the queue"""

    bl_idname = "levelform.forget_waiting"
    bl_label = "Remove from Queue"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return refuse(cls, "" if live.waiting else "No job is waiting.")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live.waiting.pop()
        return {"FINISHED"}


CLASSES = (
    LEVELFORM_OT_show_result,
    LEVELFORM_OT_run_again,
    LEVELFORM_OT_compare_result,
    LEVELFORM_OT_mark_asset,
    LEVELFORM_OT_delete_result,
    LEVELFORM_OT_forget_waiting,
)
