"""The volume: placed around what the cameras see."""

import bpy

from .. import api
from ..views import chosen_cameras
from . import Reporter, refuse


class LEVELFORM_OT_volume_from_cameras(Reporter, bpy.types.Operator):
    """Place the volume around what all ticked cameras see of the object"""

    bl_idname = "levelform.volume_from_cameras"
    bl_label = "Volume from Cameras"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        enough = len(chosen_cameras(context.scene)) >= 2
        return refuse(cls, "" if enough else "Tick at least two cameras.")

    def run(self, context: bpy.types.Context) -> None:
        api.volume_from_cameras(context.scene)


CLASSES = (LEVELFORM_OT_volume_from_cameras,)
