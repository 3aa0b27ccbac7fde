"""Places the volume around the object in the cameras' view: a job of the worker."""

import uuid
from collections.abc import Mapping
from typing import Any

import bpy

from ...backend.contract.protocol import EstimateVolume
from ..scene import volume as scene_volume
from ..scene.views import scene_source
from .results import Deleted, MeshlessResult
from .running import Running
from .session import exhaust, live


class PlacedVolume(MeshlessResult):
    """The scene's volume, placed around the object.

    Attributes
    ----------
    running : the job, once begun
    """

    label = "Volume from Cameras"
    promise = "The volume will appear in a moment"

    def __init__(self, job: str, scene: bpy.types.Scene) -> None:
        super().__init__(job, scene)
        self.running: Running | None = None

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Move the volume's Empty there, or add one; return it."""
        scene = self.scene
        if scene is None:
            raise Deleted
        assert self.running is not None  # it was begun
        placement = self.running.job.placement
        assert placement is not None  # the job has finished
        empty = scene_volume.show_placement(placement, scene)
        scene_volume.remember_placement(empty, placement)
        return empty


def volume_from_cameras(
    scene: bpy.types.Scene | None = None, *, front: float | None = None
) -> bpy.types.Object:
    """Place the scene's volume around the object in the view of its ticked cameras.

    The worker estimates it; this blocks until it has answered. If there is no volume, one is added.

    Parameters
    ----------
    front
        Direction of the object's front, degrees about +Z from -Y; None: the worker estimates it.

    Returns
    -------
    The volume's Empty, with the object's box and an arrow for its front.

    Raises
    ------
    LevelformError
        If the cameras or images can't be used, or the estimate fails; the scene is unchanged.
    """
    return exhaust(live.drive(begin_volume(scene or bpy.context.scene, front=front)))


def begin_volume(scene: bpy.types.Scene, *, front: float | None = None) -> Running:
    """Begin to place the volume; see `volume_from_cameras`.

    Raises
    ------
    RequestError
        If the cameras or images can't be used; nothing was begun.
    """
    request = EstimateVolume(
        uuid.uuid4().hex,
        scene_source(scene).views,
        background=scene.levelform.background_data(),
        front=front,
        cures=tuple(scene.levelform.cures.split()),
    )
    result = PlacedVolume(request.job, scene)
    result.running = live.begin(request, result, {})
    return result.running
