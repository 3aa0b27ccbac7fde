"""Pictures for the cameras: an image, a file or a render to sRGB with straight alpha, top row
first.

A camera's picture is the one that was picked for it (a render of this scene), else its background
image. `picture_of` says which, or in a sentence why there is none; it reads no pixels, so a panel
may call it. `view_of` reads the pixels and joins them to the camera.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bpy
import numpy as np

from ...backend.contract import image_headers
from ...backend.contract.errors import RequestError, WorkError
from ...backend.contract.protocol import CameraData, ViewData
from . import cameras

# A picture's longest side, and its pixels: Blender holds 16 bytes for each while it hands them
# over.
MAX_SIDE = 16_384
MAX_PIXELS = 64_000_000
# Pictures are shrunk to this side before they go to the worker: finer than any mesh it makes.
USEFUL_SIDE = 2048
# A render's picture may miss the camera's aspect by this much, a pixel's rounding at small sizes.
ASPECT_TOLERANCE = 0.01

UNREADABLE_KINDS = {
    "MOVIE": ("a movie", "Save the frame you need as a picture and use that."),
    "TILED": ("a tiled (UDIM) image", "Use a single picture."),
    "VIEWER": ("a render that was not saved", "Save it as a file (Image > Save As) and use that."),
}


@dataclass(frozen=True)
class Picture:
    """The picture that belongs to a camera.

    Attributes
    ----------
    source : "RENDER" (picked for the camera, as a render of this scene), "BACKGROUND" (its
        background image) or "NONE"
    image : the image data-block; None without a picture
    background : the entry in the camera's background images that holds it; None for a render
    problem : why it can't be used and what to do; empty if it can
    """

    source: str
    image: bpy.types.Image | None = None
    background: bpy.types.CameraBackgroundImage | None = None
    problem: str = ""


# ---------------------------------------------------------------- pictures of cameras


def picture_of(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> Picture:
    """Return the camera's picture; never raises, and reads no pixels: quick enough to draw with."""
    picture = _find_picture(camera_object)
    problem = picture.problem or cameras.problem(camera_object) or ""
    if not problem:
        try:
            _check_picture(camera_object, picture, scene)
        except RequestError as error:
            problem = str(error)
    return Picture(picture.source, picture.image, picture.background, problem)


def view_of(
    camera_object: bpy.types.Object,
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    *,
    longest: int = USEFUL_SIDE,
) -> ViewData:
    """Return the camera with its picture, ready for the worker.

    A mirror image is set right (see `cameras.mirroring`), and a picture with a side beyond
    `longest` is shrunk by a whole number, its camera with it.

    Raises
    ------
    RequestError
        With the sentence of `picture_of`, or if the pixels can't be read.
    """
    picture = picture_of(camera_object, scene)
    if picture.problem or picture.image is None:
        raise RequestError(picture.problem)
    pixels = _pixels_of(picture.image, _frame_of(picture, scene))
    height, width = pixels.shape[:2]
    if picture.background is None:
        camera = cameras.render_camera(camera_object, scene, depsgraph)
        camera = cameras.resized(camera, width, height)
    else:
        camera = cameras.background_camera(
            camera_object, picture.background, (width, height), scene, depsgraph
        )
    flip_x, flip_y = cameras.mirroring(camera_object, picture.background, depsgraph)
    pixels = pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    pixels, camera = shrink(pixels, camera, longest)
    return ViewData(np.ascontiguousarray(pixels), camera, camera_object.name)


def shrink(pixels: np.ndarray, camera: CameraData, longest: int) -> tuple[np.ndarray, CameraData]:
    """Average blocks of pixels until no side is beyond `longest`; what fills no block is cut off.

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
    # Averaged with the alpha as weight, or what is transparent would bleed into the edge.
    color = (blocks[..., :3] * blocks[..., 3:]).mean((1, 3)) / np.maximum(alpha, 1e-6)
    small = np.concatenate([color, alpha], -1)
    if pixels.dtype == np.uint8:
        small = (small + 0.5).astype(np.uint8)
    return small, cameras.resized(camera, camera.w / factor, camera.h / factor)


def _find_picture(camera_object: bpy.types.Object) -> Picture:
    picked = getattr(getattr(camera_object, "levelform_camera", None), "image", None)
    if picked is not None:
        return Picture("RENDER", picked)
    name = camera_object.name
    try:
        entries = list(cameras.settings_of(camera_object).background_images)
    except RequestError as error:
        return Picture("NONE", problem=str(error))
    # Entries that are switched off come last: they may be notes of the artist's.
    entries.sort(key=lambda entry: not entry.show_background_image)
    for entry in entries:
        if entry.source == "IMAGE" and entry.image is not None:
            return Picture("BACKGROUND", entry.image, entry)
    if any(entry.source == "MOVIE_CLIP" for entry in entries):
        problem = f"The background of {name} is a movie clip. Use a picture instead."
    else:
        problem = f"{name} has no picture. Give it a background image or pick its render."
    return Picture("NONE", problem=problem)


def _check_picture(
    camera_object: bpy.types.Object, picture: Picture, scene: bpy.types.Scene
) -> None:
    """Raise `RequestError` if the picture is known to be unusable before its pixels are read."""
    image = picture.image
    if image is None:
        raise RequestError(f"{camera_object.name} has no picture.")
    size = _known_size(image, _path_of(image, _frame_of(picture, scene)))
    if picture.background is not None:
        cameras.check_background(camera_object.name, picture.background)
    elif size is not None:
        _check_aspect(image.name, size, cameras.render_size(scene))


def _check_aspect(name: str, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    if abs(size[0] / size[1] * wanted[1] / wanted[0] - 1.0) > ASPECT_TOLERANCE:
        raise RequestError(
            f"{name} is {size[0]} x {size[1]}, but this scene renders {wanted[0]} x {wanted[1]}.",
            "Set the render resolution to the picture's, or make it the camera's background image.",
        )


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
        If it is a movie, tiles or an unsaved render, its file is missing, empty or broken, or it is
        beyond `MAX_SIDE` or `MAX_PIXELS`; that is known before memory is taken for its pixels.
    """
    _known_size(image, _path_of(image, None))
    was_loaded = image.has_data
    try:
        return _read(image)
    finally:
        if not was_loaded and image.has_data:
            image.buffers_free()


def read_file(path: str) -> np.ndarray:
    """Return the pixels of a picture's file, as `read_pixels` does; adds nothing to the .blend."""
    _check_file(path)
    image = bpy.data.images.load(path, check_existing=False)
    try:
        return read_pixels(image)
    finally:
        bpy.data.images.remove(image)


def _pixels_of(image: bpy.types.Image, frame: int) -> np.ndarray:
    """Return the pixels of an image; of a sequence, those of a frame."""
    if image.source == "SEQUENCE":
        return read_file(_path_of(image, frame))
    return read_pixels(image)


def _read(image: bpy.types.Image) -> np.ndarray:
    (width, height), channels = _size(image), image.channels
    values: Any = image.pixels
    if min(width, height, channels) < 1 or len(values) != width * height * channels:
        raise RequestError(
            f"{image.name} can't be read as a picture.", "Save it again as PNG, JPEG or OpenEXR."
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
    return _straight_srgb(pixels, premultiplied=image.alpha_mode in {"STRAIGHT", "PREMUL"})


def _as_rgba(pixels: np.ndarray) -> np.ndarray:
    """Return (H, W, 4) from 1 to 4 channels: grey, grey and alpha, RGB or RGBA."""
    channels = pixels.shape[2]
    if channels == 4:
        return pixels
    color = pixels[..., :3] if channels == 3 else np.repeat(pixels[..., :1], 3, 2)
    alpha = pixels[..., 1:] if channels == 2 else np.ones_like(pixels[..., :1])
    return np.concatenate([color, alpha], -1)


def _straight_srgb(pixels: np.ndarray, *, premultiplied: bool) -> np.ndarray:
    """Return linear RGBA as sRGB in [0, 1] with straight alpha.

    Blender keeps every float image linear and, unless its alpha is packed data, premultiplied,
    whatever the file held.
    """
    alpha = np.clip(pixels[..., 3:], 0.0, 1.0)
    color = pixels[..., :3]
    if premultiplied:
        color = color / np.where(alpha > 0.0, alpha, 1.0)
    color = np.clip(color, 0.0, 1.0)
    # IEC 61966-2-1
    srgb = np.where(color <= 0.0031308, 12.92 * color, 1.055 * color ** (1 / 2.4) - 0.055)
    return np.concatenate([srgb, alpha], -1).astype(np.float32)


# ---------------------------------------------------------------- sizes and files


def _path_of(image: bpy.types.Image, frame: int | None) -> str:
    """Return the absolute path of an image's file; empty for one that lives in the .blend alone.

    `frame` picks one of a sequence; None is the one it was opened with.
    """
    if image.source not in {"FILE", "SEQUENCE"} or image.packed_file is not None:
        return ""
    path = bpy.path.abspath(image.filepath, library=image.library)
    if image.source == "FILE" or frame is None:
        return path
    stem, ending = os.path.splitext(path)
    # The last digits of the name count the frames, as many digits as there are.
    return re.sub(r"\d+(?=\D*$)", lambda digits: f"{frame:0{len(digits[0])}}", stem) + ending


def _frame_of(picture: Picture, scene: bpy.types.Scene) -> int:
    """Return which file of a sequence shows at the scene's frame, by the background's settings."""
    frame = scene.frame_current
    if picture.background is None:
        return frame
    user = picture.background.image_user
    count = user.frame_duration
    frame += 1 - user.frame_start
    if user.use_cyclic and count:
        frame = (frame - 1) % count + 1
    return min(max(frame, 0), count) + user.frame_offset


def _known_size(image: bpy.types.Image, path: str) -> tuple[int, int] | None:
    """Return an image's size, None if only its pixels can tell; refuse what can't be used."""
    if image.source in UNREADABLE_KINDS:
        kind, remedy = UNREADABLE_KINDS[image.source]
        raise RequestError(f"{image.name} is {kind}.", remedy)
    if image.has_data or image.source == "GENERATED":
        size = _size(image)
    elif path:
        size = _check_file(path)
    elif image.packed_file is not None:
        size = image_headers.size_of(image.packed_file.data)
    else:
        raise RequestError(f"{image.name} has no file.", "Pick its file again, or another picture.")
    if size is not None:
        _check_size(image.name, size)
    return size


def _size(image: bpy.types.Image) -> tuple[int, int]:
    """Return width and height of an image; Blender loads its pixels to find out."""
    size: Any = image.size
    return size[0], size[1]


def _check_size(name: str, size: tuple[int, int]) -> None:
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise RequestError(
            f"{name} is {size[0]} x {size[1]} pixels, more than can be used.",
            f"Scale it down; {USEFUL_SIDE} pixels along the longer side are as good.",
        )


def _check_file(path: str) -> tuple[int, int] | None:
    """Return the size of a picture's file, None for a format whose header is not known here."""
    name = os.path.basename(path)
    try:
        status = os.stat(path)
        if status.st_size == 0:
            raise RequestError(f"{name} is empty (0 bytes).", "Save or copy the picture again.")
        size = _size_in_file(path, status.st_mtime_ns, status.st_size)
    except FileNotFoundError as error:
        raise RequestError(f"There is no file {path}.", "Find the missing picture.") from error
    except OSError as error:
        raise RequestError(
            f"{path} can't be opened ({error.strerror}).", "Check its permissions."
        ) from error
    if size is not None:
        _check_size(name, size)
    return size


@lru_cache(maxsize=1024)
def _size_in_file(path: str, _modified: int, _bytes: int) -> tuple[int, int] | None:
    """Read the size from a file's header; kept, since panels ask at every redraw."""
    with open(path, "rb") as file:
        return image_headers.size_of(file.read(image_headers.HEADER_BYTES))


# ---------------------------------------------------------------- renders


def render_picture(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Image:
    """Render the scene from a camera over a transparent background; blocks until it is done.

    The render goes through a temporary file, since Blender does not give out the pixels of its
    render result, and ends as an image that is packed into the .blend. The scene's settings are put
    back.

    Raises
    ------
    WorkError
        If Blender's render failed.
    """
    with tempfile.TemporaryDirectory(prefix="levelform-") as folder:
        path = os.path.join(folder, "render.png")
        try:
            with _render_settings(scene, camera_object, path):
                bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise WorkError(
                f"The render from {camera_object.name} failed: {str(error).strip()}",
                "Check that the scene renders (F12).",
            ) from error
        image = bpy.data.images.load(path, check_existing=False)
        image.pack()
    image.name = f"{camera_object.name} render"
    return image


@contextmanager
def _render_settings(
    scene: bpy.types.Scene, camera_object: bpy.types.Object, path: str
) -> Iterator[None]:
    """Set the scene to render RGBA to a file from a camera, and put its settings back."""
    render, output = scene.render, scene.render.image_settings
    wanted = [
        (scene, "camera", camera_object),
        (render, "filepath", path),
        (render, "film_transparent", True),
        (render, "use_file_extension", True),
        (render, "use_compositing", False),
        (render, "use_sequencer", False),
        (render, "use_border", False),
    ]
    if hasattr(output, "media_type"):  # 5.0 asks for it before the format
        wanted.append((output, "media_type", "IMAGE"))
    wanted += [
        (output, "file_format", "PNG"),
        (output, "color_mode", "RGBA"),
        (output, "color_depth", "8"),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in wanted]
    try:
        for owner, name, value in wanted:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
