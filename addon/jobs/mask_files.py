"""Masks of views as PNG files, to be looked at before anything is computed from them."""

import uuid
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Background, FindMasks, ViewData, ViewMask
from ..scene.exr import write_png
from .requests import absolute
from .results import Checked
from .running import Running
from .session import live

MASKS_HELP = (
    "write each image's mask there, and the image with its outline, to look at them; without -o "
    "or --save nothing else is done"
)


class ViewsMasked(Checked):
    """Masks of views; nothing is shown in the panel."""

    label = "Find Masks"
    promise = "The masks will appear in a moment"


def begin_view_masks(
    views: Sequence[ViewData], background: Background, scene: bpy.types.Scene
) -> Running:
    """Begin to find the masks of views, with cameras or without."""
    job = uuid.uuid4().hex
    return live.begin(FindMasks(job, tuple(views), background), ViewsMasked(job, scene), {})


def masks_of(running: Running) -> tuple[ViewMask, ...]:
    """Return the masks of a job that has finished."""
    assert running.job.masks is not None  # it has finished
    return running.job.masks.masks


def write_masks(running: Running, folder: str | PathLike[str]) -> list[dict[str, Any]]:
    """Write the masks that a job has found to a folder, which is made; return the facts.

    Returns
    -------
    For each view `view`, `mask` and `outline` (paths), `source` and `doubt`.

    Raises
    ------
    RequestError
        If the folder can't be made or written to.
    """
    place = Path(absolute(folder))
    try:
        place.mkdir(parents=True, exist_ok=True)
        return list(_written(masks_of(running), place))
    except OSError as error:
        raise RequestError(
            f"The masks can't be written to {place}: {error.strerror}.", "Name another folder."
        ) from error


def _written(masks: Sequence[ViewMask], place: Path) -> Iterator[dict[str, Any]]:
    for index, mask in enumerate(masks):
        stem = f"{index:03d}-{Path(mask.name).stem}"
        paths = {kind: place / f"{stem}-{kind}.png" for kind in ("mask", "outline")}
        for kind, pixels in (("mask", mask.mask[..., None]), ("outline", mask.shown)):
            partial = paths[kind].with_suffix(".partial")
            write_png(partial, np.ascontiguousarray(pixels))
            partial.replace(paths[kind])
        yield {
            "view": mask.name,
            **{kind: str(path) for kind, path in paths.items()},
            "source": mask.source,
            "doubt": mask.doubt,
        }


def mask_lines(masks: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each written mask, as a terminal prints them."""
    return [
        f"{entry['outline']}" + (f": check it, {entry['doubt']}" if entry["doubt"] else "")
        for entry in masks
    ]
