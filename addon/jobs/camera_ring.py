"""Rings of cameras around the scene's volume, to hang images on."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import bpy

from ...backend.contract.cameras import CameraData
from ...backend.contract.drawings import RING, SIZE, ring
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import image_size
from ...backend.contract.limits import check
from ..scene import cameras as scene_cameras
from ..scene import drawings as scene_drawings
from ..scene import volume as scene_volume
from .requests import absolute

RINGS = "Levelform Ring"  # the collection


def add_camera_ring(
    count: int = RING,
    *,
    elevation: float = 15.0,
    lens: float = 50.0,
    side: float | None = None,
    images: Iterable[str | PathLike[str]] = (),
) -> list[bpy.types.Object]:
    """Add perspective cameras in equal steps around the scene's volume, to hang images on.

    Parameters
    ----------
    count
        How many; the first is in front of the object (-Y), the next ones go around to its right.
    elevation
        Degrees.
    lens
        Focal length in mm of a sensor 36 mm wide.
    side
        The object's longest side; None: that of the volume, else `SIZE`.
    images
        An image file for each; the cameras then have their sizes. Else the scene's render size.

    Raises
    ------
    RequestError
        If a number is out of range, or the numbers of cameras and images differ.
    """
    scene = bpy.context.scene
    paths = [absolute(path) for path in images]
    if paths and len(paths) != count:
        raise RequestError(
            f"There are {len(paths)} images for {count} cameras.", "Give one for each camera."
        )
    sizes = [image_size(path) for path in paths] or [scene_cameras.render_size(scene)] * count
    center, volume_side = scene_volume.place_of_object(scene)
    chosen = side or volume_side or SIZE
    check("side", chosen)
    made: list[CameraData] = []
    for index, size in enumerate(sizes):
        cameras = ring(
            count,
            elevation=elevation,
            focal=lens / 36.0,
            size=size,
            object_size=chosen,
            center=center or (0.0, 0.0, 0.0),
        )
        made.append(cameras[index])
    added = []
    for index, camera in enumerate(made):
        image = bpy.data.images.load(paths[index], check_existing=True) if paths else None
        name = Path(paths[index]).stem if paths else f"Ring {index + 1:02d}"
        added.append(scene_cameras.add_camera(name, camera, image))
    scene_drawings.gather(added, scene, RINGS)
    scene.levelform.source = "CAMERAS"
    return added
