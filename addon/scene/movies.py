"""Pixels of a movie's frames, by the sequencer: `Image.pixels` gives only the first frame."""

import os
import tempfile
from collections.abc import Callable
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError, WorkError


def read_frame(
    image: bpy.types.Image, number: int, read_file: Callable[[str], np.ndarray]
) -> np.ndarray:
    """Return the pixels of a movie's frame, (H, W, 4) uint8 sRGB, row 0 at the top.

    A temporary scene shows the movie in its sequencer and renders it.

    Parameters
    ----------
    number
        Of the frame, from 1; clamped to the first and the last.
    read_file
        Reads the pixels of an image file.

    Raises
    ------
    RequestError
        If the movie's file is missing, or holds no video that Blender can read.
    WorkError
        If Blender could not show it.
    """
    check(image)
    path, size = bpy.path.abspath(image.filepath, library=image.library), tuple(image.size)
    scene = bpy.data.scenes.new("Levelform movie")
    try:
        with tempfile.TemporaryDirectory(prefix="levelform-") as folder:
            file = os.path.join(folder, "frame.png")
            _set_render(scene, size, file)
            _show(scene, path, min(max(number, 1), image.frame_duration))
            bpy.ops.render.render(write_still=True, scene=scene.name)
            return read_file(file)
    except RuntimeError as error:
        raise WorkError(
            f"Frame {number} of {image.name} can't be read: {str(error).strip()}",
            "Save the movie as an image sequence and use that.",
        ) from error
    finally:
        bpy.data.scenes.remove(scene)


def check(image: bpy.types.Image) -> None:
    """Raise `RequestError` if a movie's file is missing or can't be read."""
    path = bpy.path.abspath(image.filepath, library=image.library)
    if not os.path.isfile(path):
        raise RequestError(f"The file {path} does not exist.", "Find the missing movie.")
    if min(image.size) < 1:
        raise RequestError(
            f"{image.name} is not a movie that Blender can read.", "Save it again as MP4."
        )


def _show(scene: bpy.types.Scene, path: str, number: int) -> None:
    """Make the sequencer show a frame of the movie at the window's current frame.

    A render of another scene uses the current frame of the window's scene.
    """
    now = bpy.context.scene.frame_current
    editor: Any = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # from 5.0; up to 4.5
    strip = strips.new_movie("movie", path, channel=1, frame_start=now + 1 - number)
    if getattr(strip, "fps", 0.0) > 0.0:  # otherwise frames would be skipped or repeated
        scene.render.fps = max(1, round(strip.fps))
        scene.render.fps_base = scene.render.fps / strip.fps
    scene.frame_set(now)


def _set_render(scene: bpy.types.Scene, size: tuple[int, int], path: str) -> None:
    """Make the scene's render output the sequencer's pixels, in a PNG file."""
    render, output = scene.render, scene.render.image_settings
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.use_sequencer, render.use_compositing = True, False
    render.filepath = path
    scene.display_settings.display_device = "sRGB"
    scene.view_settings.view_transform = "Standard"
    if hasattr(output, "media_type"):  # 5.0 asks for it before the format
        setattr(output, "media_type", "IMAGE")  # noqa: B010 - not in every version's stubs
    output.file_format, output.color_mode, output.color_depth = "PNG", "RGBA", "8"
