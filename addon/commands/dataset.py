"""`dataset render`: training images of the meshes of the scene, or of a folder."""

import argparse
from dataclasses import fields
from typing import Any

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Progress
from ..data import dataset_render
from ..jobs.requests import (
    absolute,
)
from .bar import Bar


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add `dataset`, whose only command here is `render`."""
    dataset = commands.add_parser("dataset", help="render images to train on")
    parser = dataset.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "render", help="images and cameras of the scene's meshes, or of a folder of mesh files"
    )
    _add_arguments(parser)
    parser.set_defaults(run=_render_dataset, show=_show_dataset)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the terminal's `dataset render`, and the scene's collections."""
    defaults = dataset_render.RenderSettings()
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="folder of mesh files, or one")
    parser.add_argument("out", metavar="OUT", help="folder of the images")
    parser.add_argument("--collection", help="without SOURCE: only these objects")
    parser.add_argument("--engine", choices=dataset_render.ENGINES, default=defaults.engine)
    parser.add_argument(
        "--views", type=int, default=defaults.views, help="number of images of each shape"
    )
    parser.add_argument(
        "--size", type=int, default=defaults.size, help="width and height in pixels"
    )
    parser.add_argument("--cameras", default=defaults.cameras, help="range of cameras")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--samples", type=int, default=defaults.samples, help="of a pixel")
    parser.add_argument(
        "--passes", nargs="*", default=(), metavar="PASS", help="depth, normals, albedo; or all"
    )


def _render_dataset(args: argparse.Namespace) -> dict[str, Any]:
    names = [
        entry.name for entry in fields(dataset_render.RenderSettings) if entry.name != "passes"
    ]
    passes = dataset_render.PASSES if args.passes == [] else tuple(args.passes)
    settings = dataset_render.RenderSettings(**{n: getattr(args, n) for n in names}, passes=passes)
    if args.source:
        targets = dataset_render.targets_of_folder(absolute(args.source))
    else:
        targets = dataset_render.targets_of_collection(_collection(args.collection))
    out = absolute(args.out)
    outcome = dataset_render.RenderOutcome(out, settings.views)
    with Bar() as bar:
        for step in dataset_render.render_dataset(targets, out, settings):
            outcome.take(step)
            overall = step.progress(settings.views)
            bar.show(Progress("", step.name, step.index, step.count, overall, overall))
    return outcome.to_json()


def _collection(name: str | None) -> bpy.types.Collection:
    if name is None:
        return bpy.context.scene.collection
    named = bpy.data.collections.get(name)
    if named is None:
        known = ", ".join(collection.name for collection in bpy.data.collections)
        raise RequestError(
            f"{name!r} is not a collection of this file.", f"Use one of: {known or '(none)'}."
        )
    return named


def _show_dataset(result: dict[str, Any]) -> str:
    left = [f"left out: {name}: {reason}" for name, reason in result["skipped"].items()]
    return "\n".join(
        [f"{result['out']}: {result['shapes']} shapes, {result['views']} views", *left]
    )
