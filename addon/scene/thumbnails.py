"""Small pictures of images with the outline of their object, for lists.

They are made from Blender's own previews, a few at a time in a timer: drawing must not make them.
An image with an alpha channel shows its outline; of others the backend finds it.
"""

from typing import Any

import bpy
import bpy.utils.previews
import numpy as np

OUTLINE = (1.0, 0.6, 0.1, 1.0)  # RGBA of the outline
EDGE = 0.5  # alpha at it
WIDTH = 0.02  # of the outline, as a fraction of the picture's side
PAUSE = 0.1  # seconds between two attempts while Blender makes a preview
ATTEMPTS = 100

_made: Any = None  # the collection of Blender's icons
_wanted: dict[str, int] = {}  # attempts by name of the image


def icon_of(image: bpy.types.Image) -> int:
    """Return the number of an image's icon; 0 while it is being made, and in the background."""
    if _made is None or bpy.app.background:
        return 0
    key = _key(image)
    if key in _made:
        return _made[key].icon_id
    if image.name not in _wanted:
        _wanted[image.name] = 0
        if not bpy.app.timers.is_registered(_make):
            bpy.app.timers.register(_make, first_interval=PAUSE)
    return 0


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


def _make() -> float | None:
    """Make one icon whose preview is ready; return the seconds to the next attempt."""
    for name in list(_wanted):
        image = bpy.data.images.get(name)
        _wanted[name] += 1
        preview = image.preview_ensure() if image is not None else None
        pixels = _pixels(preview) if preview is not None else None
        if pixels is None and image is not None and _wanted[name] < ATTEMPTS:
            continue
        del _wanted[name]
        if pixels is not None:
            _store(_key(image), pixels)
    if _wanted:
        return PAUSE
    _redraw()
    return None


def _pixels(preview: bpy.types.ImagePreview) -> np.ndarray | None:
    """Return the (H, W, 4) pixels of a preview; None as long as Blender makes it."""
    width, height = preview.image_size
    pixels = np.zeros(4 * width * height, np.float32)
    preview.image_pixels_float.foreach_get(pixels)
    return pixels.reshape(height, width, 4) if pixels.any() else None


def _store(key: str, pixels: np.ndarray) -> None:
    made = _made.new(key)
    made.image_size = (pixels.shape[1], pixels.shape[0])
    made.image_pixels_float.foreach_set(outlined(pixels).ravel())


def _key(image: bpy.types.Image) -> str:
    return f"{image.session_uid} {image.filepath}"


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


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
    if _made is not None:
        bpy.utils.previews.remove(_made)
        _made = None
