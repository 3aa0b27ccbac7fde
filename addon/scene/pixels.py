"""Passes Blender's images to the worker, as files where possible, else as pixels.

If Blender shows an image as its file stores it, the file (or the bytes packed in the .blend) is
passed on unread, so that the worker decodes it as for the other front ends. Pixels are sent
otherwise: for generated and painted images, for images whose alpha Blender ignores or interprets
differently, and for formats that only Blender reads, such as OpenEXR. Sizes come from file headers,
fast enough to call while drawing.
"""

import os
import re
from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ...backend.contract.cameras import resized
from ...backend.contract.errors import RequestError
from ...backend.contract.image_files import (
    LONGEST,
    check_size,
    image_file,
    image_header,
    image_size,
    is_readable,
)
from ...backend.contract.image_headers import ImageHeader, header_of
from ...backend.contract.protocol import CameraData, ImageFile, ViewData
from ...backend.contract.srgb import srgb_from_linear
from . import layered, movies

UNREADABLE_KINDS = {
    "MOVIE": ("a movie", "Save the frame you need as an image and use that."),
    "TILED": ("a tiled (UDIM) image", "Use a single image."),
    "VIEWER": ("a render that was not saved", "Save it as a file (Image > Save As) and use that."),
}

Content = ImageFile | np.ndarray  # a file that the worker reads, or (H, W, 4) pixels


# ---------------------------------------------------------------- contents


def content_of(image: bpy.types.Image, frame: int | None = None) -> Content:
    """Return the data for the worker: the image's file if Blender shows it as stored, else pixels.

    Parameters
    ----------
    frame
        Number of a sequence's file or of a movie's frame. None: the file that a sequence was opened
        with; a movie is refused.

    Raises
    ------
    RequestError
        As `read_pixels`.
    """
    known_size(image, frame)
    if image.source == "MOVIE" and frame is not None:
        return movies.read_frame(image, frame, read_file)
    path = path_of(image, frame)
    if not image.is_dirty:
        if path and os.path.isfile(path) and _shown_as_stored(image, image_header(path)):
            return image_file(path)
        if image.packed_file is not None and image.source == "FILE":
            content = np.frombuffer(image.packed_file.data, np.uint8)
            if _shown_as_stored(image, header_of(content.tobytes())):
                return ImageFile(image.name, content)
    return read_file(path) if image.source == "SEQUENCE" else read_pixels(image)


def _shown_as_stored(image: bpy.types.Image, header: ImageHeader | None) -> bool:
    """Tell whether the worker reads such files, and Blender shows its alpha as stored."""
    if header is None or not is_readable(header):
        return False
    plain = {"STRAIGHT", "CHANNEL_PACKED"}
    # Blender itself detects whether a TIFF has premultiplied alpha.
    return image.alpha_mode in (plain | {"PREMUL"} if header.kind == "TIFF" else plain)


def content_size(content: Content) -> tuple[int, int]:
    """Return width and height of the data for the worker, as its pixels are stored."""
    if isinstance(content, np.ndarray):
        return content.shape[1], content.shape[0]
    if content.encoded is None:
        return image_size(content.path)
    header = header_of(content.encoded.tobytes())
    assert header is not None  # `content_of` has read it
    return header.size


def to_view(
    content: Content,
    camera: CameraData | None,
    name: str,
    mirrored: tuple[bool, bool] = (False, False),
) -> ViewData:
    """Return a view; pixels with a side above `LONGEST` are downsampled, with their camera."""
    if isinstance(content, ImageFile):
        return ViewData(None, camera, name, content, mirrored)
    content, camera = shrink(content, camera, LONGEST)
    return ViewData(np.ascontiguousarray(content), camera, name, None, mirrored)


def with_depth(view: ViewData, camera: bpy.types.Object, file: str = "") -> ViewData:
    """Return a view with the depth map that its camera names, else with its image's Z pass.

    Parameters
    ----------
    file : of the image; empty: it has none
    """
    given = getattr(camera.data, "levelform_depth", "")
    if not given:
        return replace(view, depth=os.path.abspath(file)) if layered.has_depth(file) else view
    path = os.path.abspath(bpy.path.abspath(given))
    return replace(view, depth=path, depth_scale=camera.data.levelform_depth_scale)


def shrink(
    pixels: np.ndarray, camera: CameraData | None, longest: int
) -> tuple[np.ndarray, CameraData | None]:
    """Average blocks of pixels until no side exceeds `longest`; incomplete blocks are cropped.

    Parameters
    ----------
    pixels : (H, W, 4) uint8 or float32, straight alpha
    """
    factor = -(-max(pixels.shape[:2]) // longest)
    if factor <= 1:
        return pixels, camera
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    cut = pixels[: height * factor, : width * factor]
    blocks = cut.reshape(height, factor, width, factor, 4).astype(np.float32)
    alpha = blocks[..., 3:].mean((1, 3))
    # Alpha-weighted, so that transparent pixels do not bleed into the edge.
    color = (blocks[..., :3] * blocks[..., 3:]).mean((1, 3)) / np.maximum(alpha, 1e-6)
    small = np.concatenate([color, alpha], -1)
    if pixels.dtype == np.uint8:
        small = (small + 0.5).astype(np.uint8)
    if camera is not None:
        camera = resized(camera, camera.w / factor, camera.h / factor)
    return small, camera


# ---------------------------------------------------------------- pixels


def read_pixels(image: bpy.types.Image) -> np.ndarray:
    """Return an image's pixels.

    Returns
    -------
    (H, W, 4) in sRGB with straight alpha, row 0 at the top; uint8, or float32 in [0, 1] if the
    image has more than eight bits

    Raises
    ------
    RequestError
        If it is a movie, tiled or an unsaved render, its file is missing, empty or broken, or it
        has too many pixels, which is checked before memory is allocated.
    """
    known_size(image)
    was_loaded = image.has_data
    try:
        return _read(image)
    finally:
        if not was_loaded and image.has_data:
            image.buffers_free()


def read_file(path: str) -> np.ndarray:
    """Return the pixels of an image file, as `read_pixels` does; the .blend is unchanged."""
    image_header(path)
    image = bpy.data.images.load(path, check_existing=False)
    try:
        return read_pixels(image)
    finally:
        bpy.data.images.remove(image)


def check_file(path: str) -> None:
    """Raise `RequestError` if a file is not an image that Blender can show."""
    if image_header(path) is None:
        read_file(path)


def _read(image: bpy.types.Image) -> np.ndarray:
    path = path_of(image)
    if not image.is_dirty and layered.is_layered(path):
        return _straight_srgb(layered.read_combined(path), premultiplied=True)
    (width, height), channels = _size(image), image.channels
    values: Any = image.pixels
    if min(width, height, channels) < 1 or len(values) != width * height * channels:
        raise RequestError(
            f"{image.name} can't be read as an image.", "Save it again as PNG, JPEG or OpenEXR."
        )
    flat = np.empty(width * height * channels, np.float32)  # noqa: TID251 - foreach_get fills it
    values.foreach_get(flat)
    pixels = _as_rgba(flat.reshape(height, width, channels)[::-1])
    if not image.is_float:
        return (pixels * 255.0 + 0.5).astype(np.uint8)
    if not np.isfinite(pixels).all():
        raise RequestError(
            f"{image.name} has pixels that are not finite numbers.", "Save it again as 8-bit PNG."
        )
    if image.colorspace_settings.is_data:  # kept as stored in the file
        return pixels.clip(0.0, 1.0).astype(np.float32)
    return _straight_srgb(pixels, premultiplied=image.alpha_mode in {"STRAIGHT", "PREMUL"})


def _as_rgba(pixels: np.ndarray) -> np.ndarray:
    """Expand 1 to 4 channels (grey, grey and alpha, RGB or RGBA) to (H, W, 4)."""
    channels = pixels.shape[2]
    if channels == 4:
        return pixels
    color = pixels[..., :3] if channels == 3 else np.repeat(pixels[..., :1], 3, 2)
    alpha = pixels[..., 1:] if channels == 2 else np.ones_like(pixels[..., :1])
    return np.concatenate([color, alpha], -1)


def _straight_srgb(pixels: np.ndarray, *, premultiplied: bool) -> np.ndarray:
    """Return linear RGBA as sRGB in [0, 1] with straight alpha.

    Blender stores float images linear and premultiplied (unless their alpha is channel-packed),
    whatever the file contains.
    """
    alpha = np.clip(pixels[..., 3:], 0.0, 1.0)
    color = pixels[..., :3]
    if premultiplied:
        color = color / np.where(alpha > 0.0, alpha, 1.0)
    srgb = srgb_from_linear(np.clip(color, 0.0, 1.0))
    return np.concatenate([srgb, alpha], -1).astype(np.float32)


# ---------------------------------------------------------------- sizes and files


def path_of(image: bpy.types.Image, frame: int | None = None) -> str:
    """Return the absolute path of an image's file; empty if it exists only in the .blend.

    `frame` selects a file of a sequence; None: the file that it was opened with.
    """
    if image.source not in {"FILE", "SEQUENCE"} or image.packed_file is not None:
        return ""
    path = bpy.path.abspath(image.filepath, library=image.library)
    if image.source == "FILE" or frame is None:
        return path
    stem, ending = os.path.splitext(path)
    # The last digits of the name are the frame number, zero-padded to their count.
    return re.sub(r"\d+(?=\D*$)", lambda digits: f"{frame:0{len(digits[0])}}", stem) + ending


def known_size(image: bpy.types.Image, frame: int | None = None) -> tuple[int, int] | None:
    """Return an image's size, None if only its pixels can tell; refuse unusable images."""
    if image.source == "MOVIE" and frame is not None:
        movies.check(image)
        return _size(image)
    if image.source in UNREADABLE_KINDS:
        kind, remedy = UNREADABLE_KINDS[image.source]
        raise RequestError(f"{image.name} is {kind}.", remedy)
    path = path_of(image, frame)
    loaded = image.has_data and (image.is_dirty or not os.path.isfile(path))
    header = None
    if path and not (loaded and image.source == "FILE"):
        header = image_header(path)
    elif image.has_data or image.source == "GENERATED":
        check_size(image.name, _size(image))
        return _size(image)
    elif image.packed_file is not None:
        header = header_of(image.packed_file.data)
    else:
        raise RequestError(f"{image.name} has no file.", "Pick its file again, or another image.")
    if header is None:
        return None
    check_size(image.name, header.size)
    return header.size


def _size(image: bpy.types.Image) -> tuple[int, int]:
    """Return width and height of an image, for which Blender loads its pixels."""
    size: Any = image.size
    return size[0], size[1]
