"""`reconstruct`: images become a mesh, or their views are checked."""

import argparse
from typing import Any

import bpy

from ...backend.contract.checks import check_told, lines
from ...backend.contract.saved_words import KEEP_HELP, is_saved, refuse_about_images
from ...backend.contract.settings import Settings
from ...backend.contract.words import (
    CHECK_HELP,
)
from ..data.saved import begin_open
from ..data.showing import save_code
from ..jobs.mask_files import MASKS_HELP, begin_view_masks, mask_lines, write_masks
from ..jobs.painting import then_finish
from ..jobs.requests import (
    DEFAULT_NAME,
    begin,
    begin_check,
    begin_improve,
)
from ..jobs.running import Running
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
    parser.add_argument("--keep", metavar="FILE", help=KEEP_HELP)
    parser.add_argument("--save-masks", metavar="FOLDER", help=MASKS_HELP)
    parser.add_argument("--check", action="store_true", help=CHECK_HELP)
    parser.add_argument("--name", default=DEFAULT_NAME, help="of the new object")


def _reconstruct(args: argparse.Namespace) -> dict[str, Any]:
    """Reconstruct, then write and save as requested; or check the views."""
    if args.check:
        return _check_views(args)
    masks = _saved_masks(args) if args.save_masks else {}
    if masks and not (args.out or args.save):
        return masks
    scene = bpy.context.scene
    settings, volume = settings_of(args, scene), volume_of(args, scene)
    for path in filter(None, (args.out, args.save)):
        check_output(path, textured=settings.texture is not None)
    if is_saved(args.source):
        outcome = _improved(args, settings)
    else:
        source = source_of(args.source, scene, views_of(args.views), args.frames)
        running = begin(source, settings, volume=volume, front=args.front, name=args.name)
        outcome = _driven(running)
    result = {**outcome[PROVENANCE].to_dict(), **masks, "object": outcome.name}
    if args.keep:
        result["kept"] = save_code(outcome, args.keep)
    if args.out:
        result["out"] = export_mesh(outcome, args.out)
    if args.save:
        result["save"] = save_scene(args.save)
    return result


def _saved_masks(args: argparse.Namespace) -> dict[str, Any]:
    """Write the masks that a reconstruction of these views would use; return the facts."""
    if is_saved(args.source):
        refuse_about_images(args)
    scene = bpy.context.scene
    source = source_of(args.source, scene, views_of(args.views), args.frames)
    running = begin_view_masks(source.views, settings_of(args, scene).background, scene)
    drive_with_bar(running)
    return {"masks": write_masks(running, args.save_masks)}


def _improved(args: argparse.Namespace, settings: Settings) -> bpy.types.Object:
    """Return the object of a saved result, improved further, with the texture asked for."""
    refuse_about_images(args)
    outcome = _driven(begin_open(args.source[0], resolution=settings.resolution, name=args.name))
    _driven(begin_improve(outcome, settings.options))
    then = then_finish(settings)
    return outcome if then is None else _driven(then(outcome))


def _driven(running: Running) -> bpy.types.Object:
    """Run a job to its end; return its object."""
    drive_with_bar(running)
    assert running.outcome is not None  # otherwise `drive` raises
    return running.outcome


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
    if "method" not in result:
        return "\n".join(mask_lines(result["masks"]))
    closed = "watertight" if result["watertight"] else "not watertight"
    where = ", ".join(result[key] for key in ("out", "save") if key in result) or result["object"]
    return (
        f"{where}: {result['vertices']} vertices, {result['faces']} triangles, {closed}\n"
        f"{result['method']}, {result['views']} views, resolution {result['resolution']}, "
        f"{result['evaluations']} evaluations, {result['seconds']:.1f} s"
        + "".join(f"\n{remark}" for remark in result.get("remarks", ()))
    )
