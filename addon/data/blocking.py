"""Blocking functions for scripts: training images and weights."""

from collections.abc import Iterable
from os import PathLike
from typing import Any

import bpy

from ..jobs.requests import absolute
from . import dataset_render
from .weights_fetch import fetching

RENDER = dataset_render.RenderSettings()  # its defaults


def render_dataset(
    source: bpy.types.Collection | str | PathLike[str],
    out: str | PathLike[str],
    *,
    engine: str = RENDER.engine,
    views: int = RENDER.views,
    size: int = RENDER.size,
    cameras: str = RENDER.cameras,
    seed: int = RENDER.seed,
    samples: int = RENDER.samples,
    passes: Iterable[str] = RENDER.passes,
) -> dict[str, Any]:
    """Render training images of every mesh object of a collection, or mesh file of a folder.

    Parameters
    ----------
    out
        A folder; each shape gets a folder in it, with its images and a `transforms.json`. Shapes
        finished by an earlier call are kept.
    engine, views, size, cameras, seed, samples, passes
        As in `dataset_render.RenderSettings`.

    Returns
    -------
    `out`, the numbers of `shapes` and `views`, and the reasons for those that were `skipped`.

    Raises
    ------
    LevelformError
        As `dataset_render.render_dataset`; the scene is unchanged.
    """
    if isinstance(source, bpy.types.Collection):
        targets = dataset_render.targets_of_collection(source)
    else:
        targets = dataset_render.targets_of_folder(absolute(source))
    chosen = dataset_render.RenderSettings(
        engine, views, size, cameras, seed, samples, tuple(passes)
    )
    place = absolute(out)
    outcome = dataset_render.RenderOutcome(place, chosen.views)
    for step in dataset_render.render_dataset(targets, place, chosen):
        outcome.take(step)
    return outcome.to_json()


def get_weights(
    method: str = "triposr", *, file: str = "", precision: str = "float16"
) -> dict[str, Any]:
    """Fetch trained weights that are not bundled; block until they are installed.

    Parameters
    ----------
    method
        Whose.
    file
        Take the authors' file from here; empty: fetch it, where Blender may use the network.
    precision
        Of the stored matrices, "float16" or "int8".

    Returns
    -------
    What `levelform weights get --json` prints: "out", "bytes", "hash", "change", ...

    Raises
    ------
    LevelformError
        If the network is not allowed, or it failed.
    """
    fetching.begin(method, file=absolute(file) if file else "", precision=precision)
    fetching.wait()
    return fetching.facts
