"""`levelform dataset render`, and functions shared by other ways to make a data set."""

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.errors import RequestError, WorkError
from . import parse_count, progress

if TYPE_CHECKING:
    from ..data.records import Contents


def contents_of(args: argparse.Namespace) -> "Contents":
    """Return the contents of each record that the arguments ask for."""
    from ..data.records import PASSES, Contents

    return Contents(
        points=dict(parse_count(word) for word in args.points),
        surface=args.surface,
        views=args.views,
        size=args.size,
        cameras=args.cameras,
        passes=() if args.passes is None else tuple(args.passes or PASSES),
        mesh=args.mesh,
        seed=args.seed,
    )


def shape_name(path: Path) -> str:
    """Return the name of a shape for a path below its root: without suffix, odd letters as `_`."""
    plain = "".join(c if c.isalnum() or c in "._+-/" else "_" for c in path.as_posix())
    return plain[: -len(path.suffix)] if path.suffix else plain


def render_meshes(args: argparse.Namespace) -> dict[str, Any]:
    """Render the mesh files of a folder, each into a folder of its own."""
    from ..data.meshes import find_assets

    source = Path(args.source)
    if args.engine != "fast":
        return _render_in_blender(args)
    paths = [source] if source.is_file() else find_assets(source)
    root = source.parent if source.is_file() else source
    contents = contents_of(args)
    done, skipped = 0, {}
    chosen = list(islice(paths, args.limit))
    with progress() as ticket:
        for index, path in enumerate(chosen):
            ticket.advance(index / len(chosen))
            name = shape_name(path.relative_to(root))
            reason = _render_one(path, Path(args.out) / name, name, contents)
            if reason:
                skipped[name] = reason
            else:
                done += 1
    if not done:
        raise WorkError(f"No mesh in {source} could be rendered.", next(iter(skipped.values()), ""))
    return {"out": args.out, "shapes": done, "views": args.views, "skipped": skipped}


def _render_one(path: Path, folder: Path, name: str, contents: "Contents") -> str:
    """Render one mesh into its folder unless it is finished; return why it was left out."""
    from ..data.meshes import read_asset
    from ..data.records import images_of_mesh
    from ..data.renders import NAME, write_renders

    if (folder / NAME).exists():
        return ""
    try:
        arrays, world = images_of_mesh(read_asset(path), contents, name=name)
    except RequestError as error:
        return error.message
    write_renders(folder, arrays, world_from_volume=world)
    return ""


def _render_in_blender(args: argparse.Namespace) -> dict[str, Any]:
    """Render by Blender's module in a separate process, since this one may not import bpy."""
    import json
    import subprocess

    from ..launch import isolated_module

    words = [*isolated_module(sys.executable, "levelform.addon.data.dataset_render")]
    words += [args.source, args.out]
    words += ["--engine", args.engine, "--views", str(args.views), "--size", str(args.size)]
    words += ["--cameras", args.cameras, "--seed", str(args.seed)]
    words += ["--passes", *contents_of(args).passes]
    words += ["--limit", str(args.limit)] if args.limit is not None else []
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    answer = json.loads(lines[-1]) if lines else {}
    if done.returncode or not lines:
        kind = RequestError if done.returncode == RequestError.exit_status else WorkError
        raise kind(
            answer.get("error", f"Blender's renderer stopped with status {done.returncode}."),
            answer.get("hint", "Run `pip install bpy` if the module is missing."),
        )
    return answer
