"""`reconstruct`: images become a mesh, or their views are checked."""

import argparse
from typing import Any

import bpy

from ...backend.contract.checks import check_told, lines
from ...backend.contract.words import (
    CHECK_HELP,
)
from ..jobs.requests import (
    DEFAULT_NAME,
    begin,
    begin_check,
)
from ..scene.export import check_output, export_mesh, save_scene
from ..scene.provenance import PROVENANCE
from .bar import drive_with_bar
from .sources import add_object, settings_of, source_of, views_of, volume_of


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command."""
    parser = commands.add_parser("reconstruct", help="turn images into a mesh")
    _add_source(parser)
    add_object(parser)
    parser.set_defaults(run=_reconstruct, show=_show_reconstruct)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE",
        help="image files; or a file of cameras (transforms.json, a COLMAP model, ...), or its "
        "folder; default: the scene's cameras",
    )
    parser.add_argument("-o", "--out", help="mesh file to write: .glb .ply .obj .stl .npz")
    parser.add_argument("--save", metavar="BLEND", help="save the scene with the mesh as a .blend")
    parser.add_argument("--check", action="store_true", help=CHECK_HELP)
    parser.add_argument("--name", default=DEFAULT_NAME, help="of the new object")


def _reconstruct(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct, then write and save as requested; or check the views."""
    if args.check:
        return _check_views(args)
    scene = bpy.context.scene
    settings, volume = settings_of(args, scene), volume_of(args, scene)
    for path in filter(None, (args.out, args.save)):
        check_output(path, textured=settings.texture is not None)
    source = source_of(args.source, scene, views_of(args.views), args.frames)
    running = begin(source, settings, volume=volume, front=args.front, name=args.name)
    drive_with_bar(running)
    outcome = running.outcome
    assert outcome is not None  # otherwise `drive` raises
    result = {**outcome[PROVENANCE].to_dict(), "object": outcome.name}
    if args.out:
        result["out"] = export_mesh(outcome, args.out)
    if args.save:
        result["save"] = save_scene(args.save)
    return result


def _check_views(args: argparse.Namespace) -> dict[str, Any]:
    scene = bpy.context.scene
    source = source_of(args.source, scene, views_of(args.views), args.frames)
    running = begin_check(source, settings_of(args, scene))
    drive_with_bar(running)
    assert running.job.checked is not None  # otherwise `drive` raises
    return check_told(running.job.checked, source.remarks)


def _show_reconstruct(result: dict[str, Any]) -> str:
    if "agree" in result:
        return "\n".join(lines(result))
    closed = "watertight" if result["watertight"] else "not watertight"
    where = ", ".join(result[key] for key in ("out", "save") if key in result) or result["object"]
    return (
        f"{where}: {result['vertices']} vertices, {result['faces']} triangles, {closed}\n"
        f"{result['method']}, {result['views']} views, resolution {result['resolution']}, "
        f"{result['evaluations']} evaluations, {result['seconds']:.1f} s"
        + "".join(f"\n{remark}" for remark in result.get("remarks", ()))
    )
