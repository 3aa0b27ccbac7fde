"""Converts Blender's cameras to `CameraData`. No other module reads Blender's camera settings.

A camera has two projections: that of the scene's render (`render_camera`), and that of the
background image displayed in its view (`background_camera`). The render fills the camera's frame;
the background image is fitted into it, offset, scaled and flipped. Both are returned as a
`CameraData`: a rigid pose in Blender's axes (x right, y up, looking along -z), and intrinsics in
pixels with y down from the top left corner.

A flipped image, or a camera object with a negative scale, shows a mirror image, which cannot be
expressed by a rigid pose and positive focal lengths. `CameraData` then describes the image *after*
the mirroring that `mirroring` returns; `images.view_of` applies both.

The formulas are in `frames`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import CameraData
from . import frames
from .frames import render_size as render_size

MODELS = {"PERSP": "PINHOLE", "ORTHO": "ORTHOGRAPHIC"}
REFUSED = {"PANO": "panoramic", "CUSTOM": "a custom camera"}

# How far the axes of a camera may be from square to each other: 1e-4 is 0.05 pixel at 500 pixels.
SHEAR_TOLERANCE = 1e-4
DEFAULT_SENSOR = 36.0  # mm, Blender's own
SHORTEST_LENS = 1.0  # mm, what Blender allows
WORLD_OFFSET = "levelform_world_offset"  # on a camera: the local origin of its file's coordinates
REMARKS = "levelform_remarks"  # on a camera: sentences about how its file was understood


@dataclass(frozen=True)
class _Intrinsics:
    """Focal lengths and principal point in pixels, y down (pixels per unit if orthographic).

    A negative focal length means that the image is mirrored along that axis.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


# ---------------------------------------------------------------- questions


def problem(camera_object: bpy.types.Object) -> str | None:
    """Return why the camera can't be used and what to do; None if it can be used."""
    try:
        check(camera_object)
    except RequestError as error:
        return str(error)
    return None


def check(camera_object: bpy.types.Object) -> None:
    """Raise `RequestError` if the object is not a camera that a reconstruction can use."""
    kind = settings_of(camera_object).type
    if kind not in MODELS:
        raise RequestError(
            f"{camera_object.name} is {REFUSED.get(kind, kind.lower())}.",
            "Set its lens to Perspective or Orthographic.",
        )
    _axes(camera_object)


def settings_of(camera_object: bpy.types.Object) -> bpy.types.Camera:
    """Return the camera settings of an object; raise `RequestError` if it is not a camera."""
    data = camera_object.data
    if not isinstance(data, bpy.types.Camera):
        raise RequestError(f"{camera_object.name} is not a camera.", "Pick a camera.")
    return data


def check_background(name: str, background: bpy.types.CameraBackgroundImage) -> None:
    """Raise `RequestError` if a background image is rotated or scaled to nothing."""
    if abs(background.rotation) > 1e-6:
        raise RequestError(
            f"The background image of {name} is rotated.",
            "Set its rotation to 0 and rotate the camera instead.",
        )
    if background.scale < 1e-6:
        raise RequestError(
            f"The background image of {name} is scaled to nothing.", "Set its scale to 1."
        )


def render_camera(
    camera_object: bpy.types.Object, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph
) -> CameraData:
    """Return the projection of the scene's render by a camera.

    It includes parents, constraints, animation and drivers as evaluated in `depsgraph`, and sensor
    fit, shift, pixel aspect and resolution percentage. As in a render, the scale of the camera
    object has no effect.

    Raises
    ------
    RequestError
        If the camera is neither perspective nor orthographic, or its matrix is singular, sheared or
        not finite.
    """
    check(camera_object)
    evaluated = camera_object.evaluated_get(depsgraph)
    size = render_size(scene)
    return _camera_data(
        evaluated, _render_intrinsics(settings_of(evaluated), size, frames.render_aspect(scene))
    )


def picked_camera(
    camera_object: bpy.types.Object,
    size: tuple[int, int],
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
) -> CameraData:
    """Return the projection of a camera to the pixels of the image picked as its render.

    The image fills the frame in which it was picked; the scene's frame if that is unknown.

    Parameters
    ----------
    size
        Width and height of the image in pixels.

    Raises
    ------
    RequestError
        As `render_camera`.
    """
    check(camera_object)
    evaluated = camera_object.evaluated_get(depsgraph)
    aspect = frames.attached_aspect(camera_object) or frames.render_aspect(scene)
    return _camera_data(evaluated, _render_intrinsics(settings_of(evaluated), size, aspect))


def background_camera(
    camera_object: bpy.types.Object,
    background: bpy.types.CameraBackgroundImage,
    size: tuple[int, int],
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
) -> CameraData:
    """Return the projection of a camera to the pixels of one of its background images.

    Parameters
    ----------
    background
        One of `camera_object.data.background_images`. FIT, CROP or STRETCH, offset, scale and flips
        apply, in the frame in which the image was matched (see `frames`).
    size
        Width and height of the image in pixels.

    Raises
    ------
    RequestError
        As `render_camera`, and if the background image is rotated, scaled to nothing, or has no
        pixels.
    """
    check(camera_object)
    evaluated = camera_object.evaluated_get(depsgraph)
    background = evaluated_background(camera_object, background, depsgraph)
    aspect = frames.frame_aspect(camera_object, scene)
    return _camera_data(evaluated, _background_intrinsics(evaluated, background, size, aspect))


def mirroring(
    camera_object: bpy.types.Object,
    background: bpy.types.CameraBackgroundImage | None,
    depsgraph: bpy.types.Depsgraph,
) -> tuple[bool, bool]:
    """Return whether to mirror an image left-right, and top-bottom, to fit its `CameraData`.

    `background` is None for a render.
    """
    evaluated = camera_object.evaluated_get(depsgraph)
    flip_x = np.linalg.det(_axes(evaluated)) < 0
    if background is None:
        return bool(flip_x), False
    background = evaluated_background(camera_object, background, depsgraph)
    return bool(flip_x) != background.use_flip_x, background.use_flip_y


def evaluated_background(
    camera_object: bpy.types.Object,
    background: bpy.types.CameraBackgroundImage,
    depsgraph: bpy.types.Depsgraph,
) -> bpy.types.CameraBackgroundImage:
    """Return the same entry of the evaluated camera, with animation and drivers applied."""
    originals = list(settings_of(camera_object).background_images)
    copies = list(settings_of(camera_object.evaluated_get(depsgraph)).background_images)
    return copies[originals.index(background)]


# ---------------------------------------------------------------- origin in a file of cameras


def tell_source(
    camera_object: bpy.types.Object, offset: Sequence[float], remarks: Sequence[str]
) -> None:
    """Store on a camera the local origin of its file's coordinates, and remarks on the file."""
    if any(offset):
        camera_object[WORLD_OFFSET] = [float(value) for value in offset]
    if remarks:
        camera_object[REMARKS] = list(remarks)


def world_offset(camera_objects: Sequence[bpy.types.Object]) -> tuple[float, float, float]:
    """Return the local origin common to all the cameras; zero if there is none."""
    told = {tuple(camera.get(WORLD_OFFSET, (0.0, 0.0, 0.0))) for camera in camera_objects}
    x, y, z = told.pop() if len(told) == 1 else (0.0, 0.0, 0.0)
    return x, y, z


def source_remarks(camera_objects: Sequence[bpy.types.Object]) -> tuple[str, ...]:
    """Return the remarks on the cameras' files, without duplicates."""
    told = (remark for camera in camera_objects for remark in camera.get(REMARKS, ()))
    return tuple(dict.fromkeys(told))


# ---------------------------------------------------------------- a camera from numbers


def add_camera(
    name: str,
    camera: CameraData,
    image: bpy.types.Image | None = None,
    collection: bpy.types.Collection | None = None,
) -> bpy.types.Object:
    """Add a camera with the projection of `camera`, and its image as background image.

    `background_camera` of the new object returns `camera` at any resolution of the scene;
    `render_camera` does so once `match_render` has set the scene's render to the image's size.

    Parameters
    ----------
    image
        The image; its `display_aspect` is set if the camera's pixels are not square.
    collection
        Where to link the camera; the context's collection if None.
    """
    data = bpy.data.cameras.new(name)
    data.sensor_fit = "HORIZONTAL"
    # The frame is as wide as the image: lengths below are in widths of the image.
    pixel_aspect = camera.fl_x / camera.fl_y  # height of a pixel over its width
    if camera.camera_model == "ORTHOGRAPHIC":
        data.type = "ORTHO"
        data.ortho_scale = camera.w / camera.fl_x
    else:
        data.lens = max(SHORTEST_LENS, camera.fl_x * DEFAULT_SENSOR / camera.w)
        data.sensor_width = data.lens * camera.w / camera.fl_x
    data.shift_x = 0.5 - camera.cx / camera.w
    data.shift_y = (camera.cy - 0.5 * camera.h) * pixel_aspect / camera.w
    if image is not None:
        image.display_aspect = (1.0, pixel_aspect)
        _show_background(data, image, camera.w / (camera.h * pixel_aspect))
    camera_object = bpy.data.objects.new(name, data)
    (collection or bpy.context.collection).objects.link(camera_object)
    camera_object.matrix_world = Matrix(np.asarray(camera.transform_matrix).tolist())
    if image is not None:
        frames.attach(camera_object, frames.scene_aspect(bpy.context.scene))
    return camera_object


def match_render(scene: bpy.types.Scene, camera: CameraData) -> None:
    """Set the scene's render to the size and the pixel aspect of a camera's image."""
    render = scene.render
    render.resolution_x, render.resolution_y = camera.w, camera.h
    render.resolution_percentage = 100
    # Blender requires the smaller of the two to be 1.
    aspect = camera.fl_x / camera.fl_y
    render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1.0 / aspect), max(1.0, aspect)


def _show_background(data: bpy.types.Camera, image: bpy.types.Image, image_aspect: float) -> None:
    """Display the image as background, exactly as wide as the camera's frame."""
    frame_aspect = frames.scene_aspect(bpy.context.scene)
    background = data.background_images.new()
    background.image = image
    background.frame_method = "FIT" if image_aspect > frame_aspect else "CROP"
    background.alpha = 1.0
    data.show_background_images = True


# ---------------------------------------------------------------- pose


def _axes(camera_object: bpy.types.Object) -> np.ndarray:
    """Return the unit axes of a camera, (3, 3) columns; their determinant is -1 if mirrored.

    Raises `RequestError` if they are singular, sheared or not finite.
    """
    matrix = np.array(camera_object.matrix_world, np.float64)
    name = camera_object.name
    if not np.isfinite(matrix).all():
        raise RequestError(
            f"The position or rotation of {name} is not a finite number.",
            "Clear its transform (Alt G, Alt R, Alt S) and check its constraints and drivers.",
        )
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() < 1e-12:
        raise RequestError(f"{name} is scaled to zero.", "Clear its scale (Alt S).")
    axes = matrix[:3, :3] / lengths
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise RequestError(
            f"{name} is sheared by an uneven scale of its parent.",
            "Apply the parent's scale (Ctrl A), or unparent the camera, keeping its transform.",
        )
    return axes


def _camera_data(evaluated: bpy.types.Object, intrinsics: _Intrinsics) -> CameraData:
    """Join pose and intrinsics, mirrored if the pose is not rigid or a focal length negative."""
    pose = np.eye(4)
    pose[:3, :3] = _axes(evaluated)
    pose[:3, 3] = np.array(evaluated.matrix_world, np.float64)[:3, 3]
    fx = intrinsics.fx
    if np.linalg.det(pose) < 0:
        pose[:3, 0] *= -1  # x is inverted, so pixel columns run against it
        fx = -fx
    return CameraData(
        transform_matrix=pose,
        fl_x=abs(fx),
        fl_y=abs(intrinsics.fy),
        cx=intrinsics.cx if fx > 0 else intrinsics.width - intrinsics.cx,
        cy=intrinsics.cy if intrinsics.fy > 0 else intrinsics.height - intrinsics.cy,
        w=intrinsics.width,
        h=intrinsics.height,
        camera_model=MODELS[settings_of(evaluated).type],
    )


# ---------------------------------------------------------------- lens


def _render_intrinsics(
    camera: bpy.types.Camera, size: tuple[int, int], aspect: float
) -> _Intrinsics:
    """Return the intrinsics for an image that fills a frame of this aspect (width over height)."""
    width, height = size
    x, y, frame_width, frame_height = frames.frame_rectangle(camera, aspect)
    fx, fy = width / frame_width, height / frame_height
    return _Intrinsics(fx, fy, width / 2 - x * fx, height / 2 + y * fy, width, height)


def _background_intrinsics(
    camera_object: bpy.types.Object,
    background: bpy.types.CameraBackgroundImage,
    size: tuple[int, int],
    aspect: float,
) -> _Intrinsics:
    check_background(camera_object.name, background)
    if min(size) < 1:
        raise RequestError(
            f"The background image of {camera_object.name} has no pixels.",
            "Reload it or pick another image.",
        )
    image_aspect = frames.image_aspect_of(background.image, size)
    x, y, shown_width, shown_height = frames.shown_rectangle(
        settings_of(camera_object), background, image_aspect, aspect
    )
    fx = size[0] / shown_width * (-1 if background.use_flip_x else 1)
    fy = size[1] / shown_height * (-1 if background.use_flip_y else 1)
    return _Intrinsics(fx, fy, size[0] / 2 - x * fx, size[1] / 2 + y * fy, *size)
