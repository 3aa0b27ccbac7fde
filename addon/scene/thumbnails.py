"""Small pictures of images with the outline of their object, for lists.

They are made in a timer, one at a time: drawing must not make them. An image with an alpha channel
shows its outline at once; of others the backend sends it with the first check or reconstruction.
"""

from collections.abc import Sequence
from typing import Any

import bpy
import bpy.utils.previews
import numpy as np

from ...backend.contract.protocol import ViewMask
from . import images
from .windows import redraw

OUTLINE = (1.0, 0.6, 0.1, 1.0)  # RGBA of the outline
EDGE = 0.5  # alpha at it
WIDTH = 0.02  # of the outline, as a fraction of the picture's side
SIDE = 96  # pixels of the longer side, at most
SMALL = 32  # the same of a small icon
PREVIEW = 192  # the same of an image's own preview
PAUSE = 0.05  # seconds between two images

_made: Any = None  # the collection of Blender's icons
_wanted: list[str] = []  # names of images
_tried: set[str] = set()  # keys of those that have no pixels


def icon_of(image: bpy.types.Image) -> int:
    """Return the number of an image's icon; 0 while it is being made, and in the background."""
    if _made is None or bpy.app.background:
        return 0
    key = _key(image)
    if key in _made:
        return _made[key].icon_id
    if image.name not in _wanted and key not in _tried:
        _wanted.append(image.name)
        if not bpy.app.timers.is_registered(_make):
            bpy.app.timers.register(_make, first_interval=PAUSE)
    return 0


def remember(scene: bpy.types.Scene, masks: Sequence[ViewMask]) -> None:
    """Show the images of the scene's cameras with the outlines that the backend has detected.

    Parameters
    ----------
    masks : named after the cameras
    """
    for mask in masks if _made is not None and not bpy.app.background else ():
        camera = scene.objects.get(mask.name)
        if camera is None or camera.type != "CAMERA":
            continue
        image = images.camera_image_of(camera, scene).image
        if image is not None:
            shown = mask.shown[::-1].astype(np.float32) / 255
            _store(_key(image), np.dstack([shown, np.ones(shown.shape[:2], np.float32)]))
    redraw()


def outlined(pixels: np.ndarray) -> np.ndarray:
    """Return pixels with the outline of their alpha drawn over them.

    Parameters
    ----------
    pixels : (H, W, 4) float32, straight alpha; returned unchanged if all of it is opaque
    """
    inside = pixels[..., 3] > EDGE
    if inside.all() or not inside.any():
        return pixels
    edge = np.zeros_like(inside)
    for axis in (0, 1):
        change = np.diff(inside, axis=axis)
        for part in (slice(None, -1), slice(1, None)):
            index = [slice(None), slice(None)]
            index[axis] = part
            edge[tuple(index)] |= change
    for _ in range(max(round(WIDTH * max(inside.shape) / 2) - 1, 0)):
        edge[1:] |= edge[:-1]
        edge[:, 1:] |= edge[:, :-1]
    return np.where(edge[..., None], np.float32(OUTLINE), pixels)


def make_preview(image: bpy.types.Image) -> None:
    """Make an image's own preview at once; Blender would render it later, one after the other."""
    preview, pixels = image.preview_ensure(), _pixels(image, PREVIEW)
    if preview is not None and pixels is not None:
        preview.image_size = (pixels.shape[1], pixels.shape[0])
        preview.image_pixels_float.foreach_set(pixels.ravel())


def _make() -> float | None:
    """Make the next icon; return the seconds to the one after, None after the last."""
    if _wanted:
        image = bpy.data.images.get(_wanted.pop(0))
        if image is not None and _key(image) not in _made:
            _tried.add(_key(image))
            pixels = _pixels(image)
            if pixels is not None:
                _store(_key(image), pixels)
    if _wanted:
        return PAUSE
    redraw()
    return None


def _pixels(image: bpy.types.Image, side: int = SIDE) -> np.ndarray | None:
    """Return an image's (H, W, 4) pixels, reduced to a longer side; None if it can't be read."""
    width, height = image.size  # pyright: ignore[reportGeneralTypeIssues]
    channels = image.channels
    if not width or not height or not channels:
        return None
    pixels = np.zeros(channels * width * height, np.float32)
    image.pixels.foreach_get(pixels)  # pyright: ignore[reportAttributeAccessIssue]
    step = -(-max(width, height) // side)
    return with_alpha(pixels.reshape(height, width, channels)[::step, ::step])


def with_alpha(pixels: np.ndarray) -> np.ndarray:
    """Return pixels of any number of channels, (H, W, C), as (H, W, 4); gray ones become colors."""
    if pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels)
    colors = pixels[..., :3] if pixels.shape[2] == 3 else np.repeat(pixels[..., :1], 3, 2)
    return np.dstack([colors, np.ones(pixels.shape[:2], np.float32)])


def _store(key: str, pixels: np.ndarray) -> None:
    """Make an icon in both of Blender's sizes: lists before 5.0 draw the small one alone."""
    drawn = outlined(pixels)
    made = _made[key] if key in _made else _made.new(key)
    made.image_size = (pixels.shape[1], pixels.shape[0])
    made.image_pixels_float.foreach_set(drawn.ravel())
    step = -(-max(pixels.shape[:2]) // SMALL)
    small = np.ascontiguousarray(drawn[::step, ::step])
    made.icon_size = (small.shape[1], small.shape[0])
    made.icon_pixels_float.foreach_set(small.ravel())


def _key(image: bpy.types.Image) -> str:
    return f"{image.session_uid} {image.filepath}"


def register() -> None:
    """Make the collection of icons."""
    global _made
    _made = bpy.utils.previews.new()


def unregister() -> None:
    """Remove the icons."""
    global _made
    if bpy.app.timers.is_registered(_make):
        bpy.app.timers.unregister(_make)
    _wanted.clear()
    _tried.clear()
    if _made is not None:
        bpy.utils.previews.remove(_made)
        _made = None
