"""OpenEXR files with several layers, as Blender renders them: an image and its depth.

Blender shows such a file but does not expose its pixels, so they are read from the file.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import bpy
import numpy as np

from ...backend.contract.errors import RequestError, WorkError
from ...backend.contract.exr import channel_names, read_exr
from .passes import stacked
from .temporary import values_set

COMBINED = "Combined"
DEPTHS = ("Depth.Z", "Depth.V")  # suffixes of the Z pass's name, by version of Blender


def is_layered(path: str) -> bool:
    """Return whether a file holds an image as one of several layers."""
    names = channel_names(path) if path.lower().endswith(".exr") else []
    return "R" not in names and any(name.endswith(f"{COMBINED}.R") for name in names)


def has_depth(path: str) -> bool:
    """Return whether a file holds a Z pass beside its image."""
    return is_layered(path) and any(name.endswith(DEPTHS) for name in channel_names(path))


def read_combined(path: str) -> np.ndarray:
    """Return the image of a layered file, (H, W, 4) linear, premultiplied, row 0 at the top.

    Raises
    ------
    RequestError
        If it can't be read.
    """
    try:
        return stacked(read_exr(path), COMBINED, "RGBA")
    except (OSError, WorkError) as error:
        raise RequestError(
            f"{path} can't be read: {error}.", "Save it with the codec ZIP or NONE, or as PNG."
        ) from error


@contextmanager
def layers_on(scene: bpy.types.Scene) -> Iterator[None]:
    """Let the scene's renders write an OpenEXR file with a Z pass; restore its settings."""
    output, layer = scene.render.image_settings, scene.view_layers[0]
    wanted = []
    if hasattr(output, "media_type"):  # must be set before the format from 5.0 on
        wanted.append((output, "media_type", "MULTI_LAYER_IMAGE"))
    wanted += [
        (output, "file_format", "OPEN_EXR_MULTILAYER"),
        (output, "color_depth", "32"),
        (output, "exr_codec", "ZIP"),
        (layer, "use_pass_z", True),
    ]
    with values_set(wanted):
        yield


def files_of(names: Sequence[str], folder: Path) -> list[str]:
    """Return a file for each camera's render, named like the camera if possible."""
    paths: list[str] = []
    for name in names:
        stem = re.sub(r'[\x00-\x1f\\/:*?"<>|]', "_", name)
        tries = (f"{stem}{f'-{number}' * (number > 1)}.exr" for number in count(1))
        paths.append(next(p for word in tries if (p := str(folder / word)) not in paths))
    return paths


def folder_for_renders() -> Path:
    """Return the folder of renders with depth, beside the .blend; make it if missing.

    Raises
    ------
    RequestError
        If the .blend was never saved.
    """
    if not bpy.data.filepath:
        raise RequestError(
            "Renders with depth are files beside the .blend, which was never saved.",
            "Save the .blend, or name a folder.",
        )
    folder = Path(bpy.data.filepath).with_suffix("") / "renders"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
