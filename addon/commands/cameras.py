"""`cameras VERB`: finds or corrects the scene's cameras; see also `camera_sources`."""

import argparse
from collections.abc import Callable
from typing import Any

import bpy

from ...backend.contract.camera_estimates import WAYS, lines
from ...backend.contract.protocol import Background
from ...backend.contract.words import (
    VIEWS_HELP,
    add_cures,
    choose_views,
    parse_background,
    parse_views,
    read_cures,
)
from ..jobs.camera_estimates import begin_find, begin_refine
from ..jobs.camera_previews import begin_masks_of
from ..jobs.mask_files import MASKS_HELP, begin_view_masks, mask_lines, write_masks
from ..jobs.running import Running
from ..scene.export import check_output, save_scene
from ..scene.scene_source import used_cameras
from ..scene.views import scene_source
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
    refine.add_argument("--views", help=VIEWS_HELP)
    add_cures(refine)
    refine.set_defaults(run=_refine, show=_show)
    _add_common(refine)
    for way in WAYS:
        verb = verbs.add_parser(way, help=f"add cameras for the images of a {way}")
        verb.add_argument("source", nargs="+", metavar="IMAGE", help="image files, or one folder")
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
    parser.add_argument("--tolerance", type=float, help="distance in sRGB from the background")
    parser.add_argument("--save-masks", metavar="FOLDER", help=MASKS_HELP)
    parser.add_argument("--save", metavar="BLEND", help="save the scene as a .blend")


def _refine(args: argparse.Namespace) -> dict[str, Any]:
    scene, background = bpy.context.scene, _background(args)
    chosen, cures = _chosen(args, scene), read_cures(args)

    def masks() -> Running:
        return begin_view_masks(scene_source(scene, chosen).views, background, scene)

    def refine() -> Running:
        return begin_refine(
            scene, chosen, background=background, cures=cures, focal=not args.keep_focal
        )

    return _driven(masks, refine, args)


def _find(args: argparse.Namespace) -> dict[str, Any]:
    scene, background = bpy.context.scene, _background(args)

    def masks() -> Running:
        return begin_masks_of(args.source, scene, background=background, as_given=args.as_given)

    def find() -> Running:
        return begin_find(
            args.source,
            scene,
            args.way,
            background=background,
            step=args.step,
            focal=args.focal,
            side=args.side,
            as_given=args.as_given,
        )

    return _driven(masks, find, args)


def _background(args: argparse.Namespace) -> Background:
    """Return the background of the words, else that of the scene."""
    own = bpy.context.scene.levelform.background_data()
    return parse_background(args.background, args.tolerance, own)


def _chosen(args: argparse.Namespace, scene: bpy.types.Scene) -> list[bpy.types.Object] | None:
    """Return the chosen cameras of the ticked ones; None: all of them."""
    if args.views is None:
        return None
    cameras, _ = used_cameras(scene)
    return [cameras[index] for index in choose_views(len(cameras), parse_views(args.views))]


def _driven(
    masks: Callable[[], Running], cameras: Callable[[], Running], args: argparse.Namespace
) -> dict[str, Any]:
    """Write masks, find or refine the cameras and save the scene, as requested; return the facts.

    Parameters
    ----------
    masks, cameras : begin these jobs
    """
    result: dict[str, Any] = {}
    if args.save:
        check_output(args.save)
    if args.save_masks:
        running = masks()
        drive_with_bar(running)
        result["masks"] = write_masks(running, args.save_masks)
        if not args.save:
            return result
    running = cameras()
    drive_with_bar(running)
    assert running.job.cameras is not None  # otherwise `drive` raises
    result |= running.job.cameras.facts
    if args.save:
        result["save"] = save_scene(args.save)
    return result


def _show(result: dict[str, Any]) -> str:
    masks = mask_lines(result.get("masks", ()))
    return "\n".join([*masks, *(lines(result) if "views" in result else ())])
