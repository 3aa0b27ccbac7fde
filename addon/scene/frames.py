"""The aspect ratio of the render in which a camera's image was matched.

Blender fits a background image into the camera's frame, whose aspect ratio is that of the scene's
render. A new render size therefore changes the meaning of every background image: Blender draws it
at another place, although neither image nor camera has changed. Levelform interprets an image in
the frame in which it was matched:

- An image that Levelform attached (dropped, imported with its camera, or picked in the list) keeps
  the frame of that moment. Later edits of lens, sensor, shift and the background's settings take
  effect. In a window, the background's settings follow the render size (`refit`), so that the
  viewport shows what is computed.
- A background image that the artist set up keeps the frame it had when the file was opened or
  saved, at the last job, or just before the render size changed. When its camera or its settings
  are edited, it is matched again, in the frame that the viewport shows.

The frame is stored on the camera's object as one number, its width divided by its height.
"""

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

TOLERANCE = 1e-4  # of proportions that count as equal
RENDER_TOLERANCE = 0.01  # of a render's, whose size is rounded to whole pixels
# Settings that artists use to match a background image.
_LENS = (
    "type",
    "lens",
    "ortho_scale",
    "sensor_fit",
    "sensor_width",
    "sensor_height",
    "shift_x",
    "shift_y",
)
_BACKGROUND = ("frame_method", "scale", "use_flip_x", "use_flip_y")


def scene_aspect(scene: bpy.types.Scene) -> float:
    """Return the displayed aspect ratio (width over height) of the scene's render."""
    render = scene.render
    width = render.resolution_x * render.pixel_aspect_x
    return width / (render.resolution_y * render.pixel_aspect_y)


def render_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Return width and height of the scene's render in pixels."""
    render = scene.render
    percent = render.resolution_percentage
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


def render_aspect(scene: bpy.types.Scene) -> float:
    """Return the displayed aspect ratio of a render whose size is rounded to whole pixels."""
    width, height = render_size(scene)
    return width * scene.render.pixel_aspect_x / (height * scene.render.pixel_aspect_y)


def frame_aspect(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> float:
    """Return the aspect ratio of the frame in which a camera's background image is interpreted."""
    stored = _stored(camera_object)
    if stored is None or stored.frame <= 0.0:
        return scene_aspect(scene)
    if stored.matched and stored.matched != _fingerprint(camera_object):
        return scene_aspect(scene)  # matched again since
    return stored.frame


def attached_aspect(camera_object: bpy.types.Object) -> float:
    """Return the frame's aspect of the image that Levelform attached; 0 if there is none."""
    stored = _stored(camera_object)
    return stored.frame if stored is not None and _is_attached(stored) else 0.0


def attach(camera_object: bpy.types.Object, aspect: float) -> None:
    """Store a camera's frame for the image that Levelform attaches to it; 0 clears it."""
    stored = _stored(camera_object)
    if stored is not None and camera_object.library is None:
        stored.frame, stored.matched = aspect, ""


def pick(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Store the scene's frame for the image picked as a camera's render, if their aspects agree."""
    stored = _stored(camera_object)
    image = stored.image if stored is not None else None
    (width, height), wanted = image.size if image is not None else (0, 0), render_size(scene)
    fits = height and abs(width / height * wanted[1] / wanted[0] - 1.0) <= RENDER_TOLERANCE
    attach(camera_object, render_aspect(scene) if fits else 0.0)


def observe(
    scene: bpy.types.Scene,
    cameras: Iterable[bpy.types.Object] | None = None,
    aspect: float | None = None,
) -> None:
    """Store the frame of images that the artist set up, or has matched again since.

    Parameters
    ----------
    cameras
        The scene's if None.
    aspect
        Of the frame in which they were matched; the scene's current one if None.
    """
    if cameras is None:
        cameras = [obj for obj in scene.objects if obj.type == "CAMERA"]
    for camera_object in cameras:
        stored = _stored(camera_object)
        if stored is None or camera_object.library is not None or _is_attached(stored):
            continue
        if stored.image is not None:
            pick(camera_object, scene)
            continue
        fingerprint = _fingerprint(camera_object)
        if fingerprint != stored.matched:
            stored.frame, stored.matched = (
                (fingerprint and (aspect or scene_aspect(scene))) or 0.0,
                fingerprint,
            )


def notes(cameras: Iterable[bpy.types.Object], scene: bpy.types.Scene) -> list[str]:
    """Return sentences about images that are ambiguous under the render's current aspect ratio."""
    by_reason: dict[str, list[str]] = {}
    for camera_object in cameras:
        reason = _reason(camera_object, scene)
        if reason:
            by_reason.setdefault(reason, []).append(camera_object.name)
    return [
        f"{_owners(names)} {'is' if len(names) == 1 else 'are'} {reason}"
        for reason, names in by_reason.items()
    ]


def _reason(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> str:
    stored, aspect = _stored(camera_object), scene_aspect(scene)
    if stored is None or stored.frame <= 0.0 or stored.image is not None:
        return ""
    if _is_attached(stored) and bpy.app.background:
        return ""  # there is no viewport, and `refit` corrects it when a window opens the file
    if not _moves(camera_object, stored.frame, aspect):
        return ""
    kept = f"read in the frame of matching, {stored.frame:.4g} : 1, "
    if _is_attached(stored):
        return f"{kept}and the viewport can't show that."
    if frame_aspect(camera_object, scene) != aspect:
        return f"{kept}though the render has other proportions now."
    return (
        "read in the current frame: since the last job or save, both the camera and the render's "
        "proportions changed."
    )


def _owners(names: list[str]) -> str:
    if len(names) == 1:
        return f"The background image of {names[0]}"
    return f"The background images of {names[0]} and {len(names) - 1} more"


def _moves(camera_object: bpy.types.Object, before: float, aspect: float) -> bool:
    """Return whether the meaning of a camera's background images depends on the frame."""
    data: Any = camera_object.data
    for entry in data.background_images:
        if entry.image is not None:
            image_aspect = _entry_aspect(entry)
            rectangles = [shown_rectangle(data, entry, image_aspect, f) for f in (before, aspect)]
            if not np.allclose(*rectangles, rtol=TOLERANCE, atol=TOLERANCE):
                return True
    return False


def refit(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Make the viewport show an attached background image as Levelform interprets it.

    Sets the background's frame method, scale and offset for the scene's current frame. This is
    impossible for a stretched image of another aspect ratio, and is not done for animated settings.

    Returns
    -------
    Whether the viewport shows it so.
    """
    stored, aspect = _stored(camera_object), scene_aspect(scene)
    if stored is None or not _is_attached(stored) or _same(stored.frame, aspect):
        return True
    data: Any = camera_object.data
    if camera_object.library or data.library or data.animation_data or data.users > 1:
        return False
    entries = [entry for entry in data.background_images if entry.image is not None]
    if any(not _fits(data, entry, stored.frame) for entry in entries):
        return False
    for entry in entries:
        _refit_entry(data, entry, stored.frame, aspect)
    stored.frame = aspect
    return True


# ---------------------------------------------------------------- geometry of the frame


def frame_rectangle(data: bpy.types.Camera, aspect: float) -> np.ndarray:
    """Return centre x, y, width and height of a camera's frame, (4,), on the plane at distance 1.

    In world units for orthographic cameras. As `BKE_camera_params_compute_viewplane`.
    """
    horizontal = data.sensor_fit == "HORIZONTAL" or (data.sensor_fit == "AUTO" and aspect >= 1.0)
    side = aspect if horizontal else 1.0  # the side along which the lens is measured, in heights
    return np.array([data.shift_x * side, data.shift_y * side, aspect, 1.0]) * _side(data) / side


def shown_rectangle(
    data: bpy.types.Camera,
    background: bpy.types.CameraBackgroundImage,
    image_aspect: float,
    aspect: float,
) -> np.ndarray:
    """Return where a background image is displayed, like `frame_rectangle`, without flips.

    As `image_camera_background_matrix_get` of Blender's overlay.
    """
    x, y, *frame = frame_rectangle(data, aspect)
    size = _fitted(background.frame_method, frame, image_aspect) * background.scale
    step = _offset_step(data, image_aspect, aspect)
    return np.array([*np.array([x, y]) + np.array(background.offset) * step, *size])


def _fitted(method: str, frame: Iterable[float], image_aspect: float) -> np.ndarray:
    """Return width and height of an image fitted into a frame by a method."""
    width, height = frame
    if method == "STRETCH":
        return np.array([width, height])
    by_width = (method == "FIT") == (image_aspect > width / height)
    if by_width:
        return np.array([width, width / image_aspect])
    return np.array([height * image_aspect, height])


def _offset_step(data: bpy.types.Camera, image_aspect: float, aspect: float) -> np.ndarray:
    """Return the distance an offset of 1 moves an image, on the plane at distance 1."""
    step = np.array([min(1.0, aspect), 1.0 / (max(1.0, aspect) * image_aspect / aspect)])
    return _side(data) * step


def _side(data: bpy.types.Camera) -> float:
    """Return the length of the side that the lens is measured along, on the plane at distance 1."""
    if data.type == "ORTHO":
        return data.ortho_scale
    # AUTO measures along either side with the sensor's width.
    sensor = data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width
    return sensor / data.lens


def image_aspect_of(image: bpy.types.Image | None, size: tuple[int, int]) -> float:
    """Return the displayed aspect ratio (width over height) of an image."""
    display = image.display_aspect if image else (1.0, 1.0)
    return (size[0] * display[0]) / (size[1] * display[1])


def _fits(data: bpy.types.Camera, background: Any, aspect: float) -> bool:
    width, height = shown_rectangle(data, background, _entry_aspect(background), aspect)[2:]
    return _same(width / height, _entry_aspect(background))


def _refit_entry(data: bpy.types.Camera, background: Any, before: float, aspect: float) -> None:
    image_aspect = _entry_aspect(background)
    wanted = shown_rectangle(data, background, image_aspect, before)
    x, y, *frame = frame_rectangle(data, aspect)
    if background.frame_method == "STRETCH":
        background.frame_method = "FIT"
    fitted = _fitted(background.frame_method, frame, image_aspect)
    background.scale = wanted[2] / fitted[0]
    background.offset = (wanted[:2] - (x, y)) / _offset_step(data, image_aspect, aspect)


def _entry_aspect(background: Any) -> float:
    width, height = background.image.size
    return image_aspect_of(background.image, (max(width, 1), max(height, 1)))


# ---------------------------------------------------------------- stored properties


def _stored(camera_object: bpy.types.Object) -> Any:
    """Return Levelform's properties of a camera; None while Levelform is not registered."""
    return getattr(camera_object, "levelform_camera", None)


def _is_attached(stored: Any) -> bool:
    return stored.frame > 0.0 and not stored.matched


def _fingerprint(camera_object: bpy.types.Object) -> str:
    """Return the settings that match a background image; empty without an image."""
    data: Any = camera_object.data
    entries = [entry for entry in data.background_images if entry.image is not None]
    if not entries:
        return ""
    parts: list[Any] = [entry.image.name for entry in entries]
    if data.animation_data is None:  # otherwise the current frame would be used
        parts += [getattr(data, name) for name in _LENS]
        for entry in entries:
            parts += [*entry.offset, *(getattr(entry, name) for name in _BACKGROUND)]
    if camera_object.animation_data is None:
        parts += [value for row in camera_object.matrix_basis for value in row]
    return " ".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in parts)


def _same(a: float, b: float) -> bool:
    return abs(a / b - 1.0) < TOLERANCE
