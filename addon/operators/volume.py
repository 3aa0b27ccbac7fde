"""Places the volume around the object in the cameras' view, or where a result was made."""

import bpy

from .. import api
from ..jobs.running import Running
from ..jobs.session import busy
from ..jobs.volume_placing import begin_volume
from ..scene.views import chosen_cameras
from . import ReportingOperator, Starter, refuse


class LEVELFORM_OT_volume_from_cameras(Starter, bpy.types.Operator):
    """Place the volume around the object that all ticked cameras see; rotate its arrow to set the
    direction of the object's front"""

    bl_idname = "levelform.volume_from_cameras"
    bl_label = "Volume from Cameras"
    bl_options = {"REGISTER"}  # no UNDO: the step is pushed when the job has finished

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        unticked = "" if chosen_cameras(context.scene) else "No camera is ticked."
        return refuse(cls, busy() or unticked)

    def start(self, context: bpy.types.Context) -> Running:
        return begin_volume(context.scene)


class LEVELFORM_OT_show_volume(ReportingOperator, bpy.types.Operator):
    """Show the volume in which this mesh was made, and use it for the next one"""

    bl_idname = "levelform.show_volume"
    bl_label = "Show Its Volume"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return refuse(cls, "" if context.object is not None else "Select a mesh.")

    def run(self, context: bpy.types.Context) -> None:
        api.show_volume(context.object, context.scene)


CLASSES = (LEVELFORM_OT_volume_from_cameras, LEVELFORM_OT_show_volume)
