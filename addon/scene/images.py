"""Which image belongs to each camera; and rendering images.

A camera's image is the one that was picked for it (a render of this scene), else its background
image. `camera_image_of` returns it, or a sentence about why there is none; it reads no pixels, so
panels may call it. `view_of` joins the image (see `pixels`) and the camera.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import bpy

from ...backend.contract.errors import RequestError, WorkError
from ...backend.contract.protocol import ViewData
from . import cameras, frames, layered, pixels
from .temporary import values_set

# Tolerance between the aspects of a render and its camera: one pixel's rounding at small sizes.
ASPECT_TOLERANCE = frames.RENDER_TOLERANCE


@dataclass(frozen=True)
class CameraImage:
    """The image of a camera.

    Attributes
    ----------
    source : "RENDER" (picked for the camera, as a render of this scene), "BACKGROUND" (its
        background image) or "NONE"
    image : the image data-block; None if the camera has none
    background : its entry in the camera's background images; None for a render
    problem : why it can't be used and what to do; empty if it can be used
    """

    source: str
    image: bpy.types.Image | None = None
    background: bpy.types.CameraBackgroundImage | None = None
    problem: str = ""


# ---------------------------------------------------------------- images of cameras


def camera_image_of(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> CameraImage:
    """Return the camera's image; never raises and reads no pixels, so that panels may call it."""
    camera_image = _find_camera_image(camera_object)
    problem = camera_image.problem or cameras.problem(camera_object) or ""
    if not problem:
        try:
            _check_camera_image(camera_object, camera_image, scene)
        except RequestError as error:
            problem = str(error)
    return CameraImage(camera_image.source, camera_image.image, camera_image.background, problem)


def view_of(
    camera_object: bpy.types.Object, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph
) -> ViewData:
    """Return the camera with its image, ready for the worker.

    Raises
    ------
    RequestError
        With the sentence of `camera_image_of`, or if the pixels can't be read.
    """
    camera_image = camera_image_of(camera_object, scene)
    if camera_image.problem or camera_image.image is None:
        raise RequestError(camera_image.problem)
    frame = _frame_of(camera_image, scene)
    content = pixels.content_of(camera_image.image, frame)
    width, height = pixels.content_size(content)
    if camera_image.background is None:
        camera = cameras.picked_camera(camera_object, (width, height), scene, depsgraph)
    else:
        camera = cameras.background_camera(
            camera_object, camera_image.background, (width, height), scene, depsgraph
        )
    mirrored = cameras.mirroring(camera_object, camera_image.background, depsgraph)
    view = pixels.to_view(content, camera, camera_object.name, mirrored)
    return pixels.with_depth(view, camera_object, pixels.path_of(camera_image.image, frame))


def is_moving(camera_object: bpy.types.Object) -> bool:
    """Return whether a camera's image is a sequence or a movie."""
    image = _find_camera_image(camera_object).image
    return image is not None and image.source in {"SEQUENCE", "MOVIE"}


def _find_camera_image(camera_object: bpy.types.Object) -> CameraImage:
    picked = getattr(getattr(camera_object, "levelform_camera", None), "image", None)
    if picked is not None:
        return CameraImage("RENDER", picked)
    name = camera_object.name
    try:
        entries = list(cameras.settings_of(camera_object).background_images)
    except RequestError as error:
        return CameraImage("NONE", problem=str(error))
    # Hidden entries come last: they may be the artist's notes.
    entries.sort(key=lambda entry: not entry.show_background_image)
    for entry in entries:
        if entry.source == "IMAGE" and entry.image is not None:
            return CameraImage("BACKGROUND", entry.image, entry)
    if any(entry.source == "MOVIE_CLIP" for entry in entries):
        problem = f"The background of {name} is a movie clip. Use an image instead."
    else:
        problem = f"{name} has no image. Give it a background image or pick its render."
    return CameraImage("NONE", problem=problem)


def _check_camera_image(
    camera_object: bpy.types.Object, camera_image: CameraImage, scene: bpy.types.Scene
) -> None:
    """Raise `RequestError` if the image is known to be unusable before its pixels are read."""
    image = camera_image.image
    if image is None:
        raise RequestError(f"{camera_object.name} has no image.", "Set its background image.")
    size = pixels.known_size(image, _frame_of(camera_image, scene))
    if camera_image.background is not None:
        cameras.check_background(camera_object.name, camera_image.background)
    elif size is not None and not frames.attached_aspect(camera_object):
        _check_aspect(image.name, size, cameras.render_size(scene))


def _check_aspect(name: str, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    if abs(size[0] / size[1] * wanted[1] / wanted[0] - 1.0) > ASPECT_TOLERANCE:
        raise RequestError(
            f"{name} is {size[0]} x {size[1]}, but this scene renders {wanted[0]} x {wanted[1]}.",
            "Set the render resolution to the image's, or make it the camera's background image.",
        )


def _frame_of(camera_image: CameraImage, scene: bpy.types.Scene) -> int:
    """Return the number of a sequence's file at the scene's frame, by the background's settings."""
    frame = scene.frame_current
    if camera_image.background is None:
        return frame
    user = camera_image.background.image_user
    count = user.frame_duration
    frame += 1 - user.frame_start
    if user.use_cyclic and count:
        frame = (frame - 1) % count + 1
    return min(max(frame, 0), count) + user.frame_offset


# ---------------------------------------------------------------- renders


def render_image(camera_object: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Image:
    """Render the scene from a camera over a transparent background, and block until it is done.

    The render goes through a temporary file, since Blender does not expose the pixels of its render
    result; the returned image is packed into the .blend. The scene's settings are restored.

    Raises
    ------
    WorkError
        If Blender's render failed.
    """
    with tempfile.TemporaryDirectory(prefix="levelform-") as folder:
        path = os.path.join(folder, "render.png")
        _render(camera_object, scene, path, layers=False)
        return packed_render(camera_object.name, path)


def render_layers(
    camera_object: bpy.types.Object, scene: bpy.types.Scene, path: str
) -> bpy.types.Image:
    """Render the scene as `render_image` does, to an OpenEXR file with its Z pass; return it.

    Raises
    ------
    WorkError
        If Blender's render failed.
    """
    _render(camera_object, scene, path, layers=True)
    return layers_render(path)


def packed_render(camera: str, path: str) -> bpy.types.Image:
    """Return the image of a camera's rendered file, packed into the .blend."""
    image = bpy.data.images.load(path, check_existing=False)
    image.pack()
    image.name = f"{camera} render"
    return image


def layers_render(path: str) -> bpy.types.Image:
    """Return the image of a rendered OpenEXR file, which stays where it is."""
    image = bpy.data.images.load(path, check_existing=True)
    image.reload()
    return image


@contextmanager
def set_to_render(
    scene: bpy.types.Scene, camera_object: bpy.types.Object, path: str, *, layers: bool
) -> Iterator[None]:
    """Set the scene to render a camera to a file, with a Z pass by choice; restore its settings."""
    with ExitStack() as settings:
        settings.enter_context(_render_settings(scene, camera_object, path))
        if layers:
            settings.enter_context(layered.layers_on(scene))
        yield


def render_failure(camera: str, reason: str) -> WorkError:
    """Return what is said of a render that failed."""
    return WorkError(
        f"The render from {camera} failed: {reason}", "Check that the scene renders (F12)."
    )


def _render(
    camera_object: bpy.types.Object, scene: bpy.types.Scene, path: str, *, layers: bool
) -> None:
    try:
        with set_to_render(scene, camera_object, path, layers=layers):
            bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise render_failure(camera_object.name, str(error).strip()) from error


@contextmanager
def _render_settings(
    scene: bpy.types.Scene, camera_object: bpy.types.Object, path: str
) -> Iterator[None]:
    """Set the scene to render RGBA to a file from a camera, and restore its settings."""
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
    if hasattr(output, "media_type"):  # must be set before the format from 5.0 on
        wanted.append((output, "media_type", "IMAGE"))
    wanted += [
        (output, "file_format", "PNG"),
        (output, "color_mode", "RGBA"),
        (output, "color_depth", "8"),
    ]
    with values_set(wanted):
        yield
