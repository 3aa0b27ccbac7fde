"""`levelform dataset synthesize|convert|render|inspect|verify`: make and inspect data sets."""

import argparse
import logging
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import JobCancelled, LevelformError, RequestError, WorkError
from ..contract.memory import is_out_of_memory
from ..contract.render_layout import MESH
from . import _watched, progress
from ._dataset_render import contents_of, render_meshes, shape_name

if TYPE_CHECKING:
    from ..data.format import DatasetWriter, Record
    from ..ticket import Ticket

log = logging.getLogger(__name__)

HELP = "make data sets of shapes, meshes or published archives, and inspect them"
MESHES, RENDERS = "meshes", "renders"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the five sub-commands."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="COMMAND")
    make = parts.add_parser("synthesize", help="a data set of procedural shapes")
    make.add_argument("out", metavar="OUT", help="folder of the data set")
    make.add_argument(
        "--categories",
        nargs="+",
        metavar="NAME",
        help="default: all that stand still; door, folding-chair, lid, walking-legs are animated",
    )
    make.add_argument("--count", type=int, default=100, help="shapes of each category")
    make.add_argument("--first", type=int, default=0, help="seed of the first shape")
    _watched.add_arguments(make)
    _content_arguments(make)

    convert = parts.add_parser("convert", help="meshes, renderings or a published archive")
    convert.add_argument("source", metavar="SOURCE", help="folder to read")
    convert.add_argument("out", metavar="OUT", help="folder of the data set")
    convert.add_argument("--from", dest="layout", default=MESHES, help="see docs/datasets.md")
    convert.add_argument("--meshes", help="with --from renders: the meshes that were rendered")
    convert.add_argument("--category", help="category of all shapes; default: their folder's name")
    convert.add_argument("--limit", type=int, help="maximum number of shapes")
    convert.add_argument(
        "--only",
        nargs="+",
        metavar="PATTERN",
        help="only shapes with matching names, such as kenney/*",
    )
    convert.add_argument(
        "--leave-out", nargs="+", default=[], metavar="PATTERN", help="shapes to exclude"
    )
    convert.add_argument("--license", default="", help="stored in the provenance")
    _watched.add_arguments(convert)
    _content_arguments(convert)

    render = parts.add_parser("render", help="images and cameras of meshes, one folder a shape")
    render.add_argument("source", metavar="SOURCE", help="folder of mesh files, or one file")
    render.add_argument("out", metavar="OUT", help="folder of the images")
    render.add_argument("--engine", choices=("fast", "cycles", "eevee"), default="fast")
    render.add_argument("--limit", type=int, help="maximum number of shapes")
    _content_arguments(render)

    look = parts.add_parser("inspect", help="contact sheet and statistics of a data set")
    look.add_argument("dataset", metavar="DATASET")
    look.add_argument("-o", "--out", metavar="SHEET.png", help="default: sheet.png in the data set")
    look.add_argument("--split", help="only this split")
    look.add_argument("--rows", type=int, default=24, help="shapes to show")
    look.add_argument("--seed", type=int, default=0, help="which of them")

    check = parts.add_parser("verify", help="check every byte of a data set")
    check.add_argument("dataset", metavar="DATASET")


def _content_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--views", type=int, default=8, help="images of each shape")
    parser.add_argument("--size", type=int, default=128, help="pixels along a side")
    parser.add_argument(
        "--cameras", default="levelform", help="range of cameras, by its paper's name"
    )
    parser.add_argument(
        "--passes",
        nargs="*",
        metavar="PASS",
        help="also store depth, normals, albedo; without names all three",
    )
    parser.add_argument("--mesh", action="store_true", help="also store the mesh")
    parser.add_argument("--surface", type=int, default=10_000, help="points on the surface")
    parser.add_argument(
        "--points",
        nargs="+",
        default=["uniform=20000", "near=20000"],
        metavar="NAME=COUNT",
        help="sets of labelled points, by distribution",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard", type=int, default=256, metavar="MIB", help="size of a shard")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run one of the five."""
    return {
        "synthesize": _synthesize,
        "convert": _convert,
        "render": render_meshes,
        "inspect": _inspect,
        "verify": _verify,
    }[args.part](args)


def show(result: dict[str, Any]) -> None:
    """Print the result, and why shapes were left out."""
    for key, value in result.items():
        if not isinstance(value, dict | list):
            sys.stdout.write(f"{key}: {value}\n")
    for name, count in result.get("categories", {}).items():
        sys.stdout.write(f"  {count:6d}  {name}\n")
    skipped = result.get("skipped", {})
    for name, reason in skipped.items() if isinstance(skipped, dict) else ():
        sys.stdout.write(f"  left out: {name}: {reason}\n")


# ---------------------------------------------------------------- the five


def _synthesize(args: argparse.Namespace) -> dict[str, Any]:
    from ..data.records import record_of_shape
    from ..data.shapes import categories

    still = categories()  # raises where the zip left the programs out, the animated ones too
    from ..data.moving import record_of_motion
    from ..data.shapes.animated import ANIMATED

    known = (*still, *ANIMATED)
    words = [word for given in args.categories or () for word in given.split(",") if word]
    chosen = words or list(still)
    strays = [name for name in chosen if name not in known]
    if strays:
        raise RequestError(f"{strays[0]!r} is not a category.", f"Choose among {', '.join(known)}.")
    contents = contents_of(args)

    def make(name: str, seed: int) -> "Record":
        one = record_of_motion if name in ANIMATED else record_of_shape
        return one(name, seed, contents)

    seeds = range(args.first, args.first + args.count)
    jobs = [
        (f"{name}/{seed:06d}", lambda name=name, seed=seed: make(name, seed))
        for seed in seeds
        for name in chosen
    ]
    source = {"kind": "procedural", "categories": chosen, "first": args.first, "count": args.count}
    return _write(args, jobs, source | {"license": "CC0-1.0"})


def _convert(args: argparse.Namespace) -> dict[str, Any]:
    from ..data.readers import READERS

    root = Path(args.source)
    if args.layout == MESHES:
        jobs = _mesh_jobs(args, root)
    elif args.layout == RENDERS:
        jobs = _render_jobs(args, root)
    elif args.layout in READERS:
        reader = READERS[args.layout](root, size=args.size, mesh=args.mesh)
        jobs = [(name, lambda name=name: reader.read(name)) for name in reader.names()]
    else:
        known = ", ".join((MESHES, RENDERS, *READERS))
        raise RequestError(f"{args.layout!r} is not a layout.", f"Choose one of {known}.")
    jobs = [job for job in jobs if _wanted(job[0], args.only or ["*"], args.leave_out)]
    if args.limit is not None:
        jobs = jobs[: args.limit]
    if not jobs:
        raise RequestError(
            f"{root} holds nothing to convert in the layout {args.layout}.",
            "Check the folder, or choose another layout.",
        )
    return _write(args, jobs, {"kind": args.layout, "license": args.license})


def _wanted(name: str, only: Sequence[str], leave_out: Sequence[str]) -> bool:
    """Return whether a name matches a pattern of the first list and none of the second."""
    return any(fnmatchcase(name, each) for each in only) and not any(
        fnmatchcase(name, each) for each in leave_out
    )


def _mesh_jobs(args: argparse.Namespace, root: Path) -> list[tuple[str, Any]]:
    from ..data.meshes import find_assets, read_asset
    from ..data.records import record_of_mesh

    contents = contents_of(args)

    def job(path: Path, name: str) -> "Record | str":
        try:
            asset = read_asset(path)
        except RequestError as error:
            return error.message
        category = args.category or path.parent.name
        return record_of_mesh(asset, contents, name=name, category=category)

    named = [(path, shape_name(path.relative_to(root))) for path in find_assets(root)]
    return [(name, lambda path=path, name=name: job(path, name)) for path, name in named]


def _render_jobs(args: argparse.Namespace, root: Path) -> list[tuple[str, Any]]:
    from ..data.meshes import find_assets, read_asset
    from ..data.records import record_of_views
    from ..data.renders import find_renders

    contents = contents_of(args)
    meshes = {}
    if args.meshes:
        base = Path(args.meshes)
        meshes = {shape_name(path.relative_to(base)): path for path in find_assets(base)}

    def job(folder: Path, name: str) -> "Record | str":
        own = folder / MESH
        path = meshes.get(name) if args.meshes else own if own.exists() else None
        if args.meshes and path is None:
            return "its mesh is missing"
        asset = None if path is None else read_asset(path)
        category = args.category or folder.parent.name
        return record_of_views(folder, asset, contents, name=name, category=category)

    named = [(folder, folder.relative_to(root).as_posix()) for folder in find_renders(root)]
    return [(name, lambda folder=folder, name=name: job(folder, name)) for folder, name in named]


def _inspect(args: argparse.Namespace) -> dict[str, Any]:
    from ..data.format import Dataset
    from ..data.sheet import describe, write_sheet

    _checked(args.dataset)
    dataset = Dataset(args.dataset, args.split)
    out = args.out or str(Path(args.dataset) / "sheet.png")
    shown = write_sheet(dataset, out, rows=args.rows, seed=args.seed)
    return {
        "dataset": args.dataset,
        "shapes": len(dataset),
        "categories": describe(dataset.shapes),
        "arrays": dataset.manifest["arrays"],
        "skipped": dataset.manifest["skipped"],
        "provenance": dataset.manifest["provenance"],
        "sheet": out,
        "shown": shown,
    }


def _checked(root: str) -> dict[str, Any]:
    """Check every byte of a data set; raise `WorkError` if it is damaged."""
    from ..data.format import AGAIN, verify

    with progress() as ticket:
        result = verify(root, ticket)
    if result["problems"]:
        raise WorkError(
            " ".join(result["problems"]),
            AGAIN,
        )
    return result


def _verify(args: argparse.Namespace) -> dict[str, Any]:
    return _checked(args.dataset)


# ---------------------------------------------------------------- what they share


def _write(
    args: argparse.Namespace, jobs: list[tuple[str, Any]], source: dict[str, Any]
) -> dict[str, Any]:
    """Write a data set of the records that the jobs, (name, function), return."""
    from ..data.format import DatasetWriter

    provenance = {"source": source, "contents": contents_of(args).to_json(), "seed": args.seed}
    writer = DatasetWriter(
        args.out, provenance=provenance, shard_bytes=args.shard << 20, seed=args.seed
    )
    try:
        with _watched.watched(args) as ticket, writer:
            _add_all(jobs, writer, ticket)
    except JobCancelled:  # the same command goes on after the last whole shard
        return {"out": args.out, "stopped": True}
    return _summary(args.out)


def _add_all(jobs: list[tuple[str, Any]], writer: "DatasetWriter", ticket: "Ticket") -> None:
    for index, (name, job) in enumerate(jobs):
        ticket.advance(index / len(jobs))
        if name in writer.done:
            continue
        made = _made(job)
        if isinstance(made, str):
            writer.skip(name, made)
            continue
        try:
            writer.add(made)
        except RequestError as error:  # its images have another size, or its name is taken
            writer.skip(f"{name} again" if made.id in writer.queued else name, error.message)


def _made(job: Any) -> "Record | str":
    """Return a job's record, or why it failed, so that a damaged file does not end the run.

    Files of any origin pass through several libraries, so no list of exceptions is complete. Lack
    of memory ends the run, since it is not the file's fault.
    """
    try:
        return job()
    except RequestError as error:
        return error.message
    except (LevelformError, JobCancelled, MemoryError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        log.debug("a shape was left out", exc_info=True)
        return f"it can't be read: {type(error).__name__}: {error}"


def _summary(out: str) -> dict[str, Any]:
    from ..data.format import Dataset, read_splits
    from ..data.sheet import describe

    dataset = Dataset(out)
    return {
        "out": out,
        "shapes": len(dataset),
        "bytes": sum(entry["bytes"] for entry in dataset.manifest["shards"]),
        "splits": {name: len(names) for name, names in read_splits(out).items()},
        "categories": describe(dataset.shapes),
        "skipped": dataset.manifest["skipped"],
    }
