"""`cameras VERB`: finds or corrects the scene's cameras; see also `camera_sources`."""

import argparse
from typing import Any

import bpy

from ...backend.contract.camera_estimates import WAYS, lines
from ...backend.contract.words import add_cures, parse_background, read_cures
from ..jobs.camera_estimates import begin_find, begin_refine
from ..jobs.requests import absolute
from ..jobs.running import Running
from ..scene.export import check_output, save_scene
from . import camera_sources
from .bar import drive_with_bar


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command with its verbs."""
    parser = commands.add_parser("cameras", help="find or correct cameras from images")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    refine = verbs.add_parser("refine", help="move the scene's cameras until the silhouettes agree")
    refine.add_argument(
        "--keep-focal", action="store_true", help="the focal lengths are right: find poses alone"
    )
    add_cures(refine)
    refine.set_defaults(run=_refine, show=_show)
    _add_common(refine)
    for way in WAYS:
        verb = verbs.add_parser(way, help=f"add cameras for the images of a {way}")
        verb.add_argument("source", nargs="+", metavar="IMAGE", help="image files, in any order")
        verb.add_argument(
            "--as-given", action="store_true", help="keep the images in the given order"
        )
        verb.add_argument("--focal", type=float, metavar="WIDTHS", help="of the image")
        verb.add_argument("--side", type=float, metavar="METRES", help="the object's longest side")
        verb.add_argument("--step", type=float, metavar="DEGREES", help="between two images")
        verb.set_defaults(run=_find, show=_show, way=way)
        _add_common(verb)
    camera_sources.add_verbs(verbs)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--background", help="auto, alpha, corner or #rrggbb")
    parser.add_argument("--save", metavar="BLEND", help="save the scene as a .blend")


def _refine(args: argparse.Namespace) -> dict[str, Any]:
    scene = bpy.context.scene
    background = parse_background(args.background, None, scene.levelform.background_data())
    running = begin_refine(
        scene, background=background, cures=read_cures(args), focal=not args.keep_focal
    )
    return _driven(running, args)


def _find(args: argparse.Namespace) -> dict[str, Any]:
    scene = bpy.context.scene
    running = begin_find(
        [absolute(path) for path in args.source],
        scene,
        args.way,
        background=parse_background(args.background, None, scene.levelform.background_data()),
        step=args.step,
        focal=args.focal,
        side=args.side,
        as_given=args.as_given,
    )
    return _driven(running, args)


def _driven(running: Running, args: argparse.Namespace) -> dict[str, Any]:
    """Run a job, save the scene as requested, and return the facts."""
    if args.save:
        check_output(args.save)
    drive_with_bar(running)
    assert running.job.cameras is not None  # otherwise `drive` raises
    result = dict(running.job.cameras.facts)
    if args.save:
        result["save"] = save_scene(args.save)
    return result


def _show(result: dict[str, Any]) -> str:
    return "\n".join(lines(result))
