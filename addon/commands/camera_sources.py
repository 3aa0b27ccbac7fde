"""`cameras sheet|photos|ring`: adds cameras for drawings, photographs, or future images."""

import argparse
from typing import Any

from ...backend.contract.drawings import RING, SIDES, SIZE, parse_names
from ...backend.contract.photographs import FRAMES, MASKS
from ...backend.contract.words import parse_background
from .. import api
from ..jobs.image_paths import image_paths
from ..jobs.requests import absolute
from ..scene.export import check_output, save_scene

ALONE = "without --save no cameras are made"


def add_verbs(verbs: "argparse._SubParsersAction[Any]") -> None:
    """Add the verbs to those of `cameras`."""
    sheet = verbs.add_parser("sheet", help="add an orthographic camera for each drawing")
    sheet.add_argument("source", nargs="+", metavar="IMAGE", help="a sheet, or an image a side")
    sheet.add_argument("--names", help=f"sides row by row; - leaves one out; {', '.join(SIDES)}")
    sheet.add_argument("--background", default="auto", help="auto, alpha, corner or #rrggbb")
    sheet.add_argument("--preview", metavar="PNG", help="write the sheet with its pieces; " + ALONE)
    sheet.set_defaults(run=_sheet, show=_show)
    photos = verbs.add_parser("photos", help="add a camera for each photograph with texture")
    photos.add_argument("source", nargs="+", metavar="SOURCE", help="a folder, a video, or images")
    photos.add_argument("--masks", choices=MASKS, default="auto", help="what masks hide is ignored")
    photos.add_argument("--no-distortion", action="store_true", help="there is none, as in renders")
    photos.add_argument("--frames", type=int, default=FRAMES, help="frames to take from a video")
    photos.add_argument("--seed", type=int, default=0)
    photos.set_defaults(run=_photos, show=_show)
    for verb in (sheet, photos):
        verb.add_argument("--size", type=float, default=SIZE, help="the object's longest side")
    ring = verbs.add_parser("ring", help="add cameras around the volume, to hang images on")
    ring.add_argument("count", type=int, nargs="?", default=RING, metavar="N")
    ring.add_argument("--elevation", type=float, default=15.0, help="degrees")
    ring.add_argument("--focal", type=float, default=50.0, help="mm of a 36 mm wide sensor")
    ring.add_argument("--size", type=float, help="the object's longest side; default: the volume's")
    ring.add_argument("--images", metavar="FOLDER", help="N images, in the order of the cameras")
    ring.set_defaults(run=_ring, show=_show)
    for verb in (sheet, photos, ring):
        verb.add_argument("--save", metavar="BLEND", help="save the scene as a .blend")


def _sheet(args: argparse.Namespace) -> dict[str, Any]:
    _check(args)
    given: dict[str, Any] = {
        "images": [absolute(path) for path in args.source],
        "names": parse_names(args.names) if args.names else (),
        "background": parse_background(args.background),
        "preview": args.preview or "",
    }
    told = {"preview": args.preview} if args.preview else {}
    if args.preview and not args.save:
        return {**api.find_drawings(**given), **told}
    cameras, facts = api.cameras_from_drawings(**given, side=args.size)
    return _saved(args, {**facts, **told, "cameras": [camera.name for camera in cameras]})


def _photos(args: argparse.Namespace) -> dict[str, Any]:
    _check(args)
    cameras, facts = api.cameras_from_photographs(
        [absolute(path) for path in args.source],
        masks=args.masks,
        distortion=not args.no_distortion,
        side=args.size,
        frames=args.frames,
        seed=args.seed,
    )
    return _saved(args, {**facts, "cameras": [camera.name for camera in cameras]})


def _ring(args: argparse.Namespace) -> dict[str, Any]:
    _check(args)
    cameras = api.add_camera_ring(
        args.count,
        elevation=args.elevation,
        lens=args.focal,
        side=args.size,
        images=image_paths(args.images) if args.images else (),
    )
    return _saved(args, {"cameras": [camera.name for camera in cameras], "remarks": []})


def _check(args: argparse.Namespace) -> None:
    if args.save:
        check_output(args.save)


def _saved(args: argparse.Namespace, result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "save": save_scene(args.save)} if args.save else result


def _show(result: dict[str, Any]) -> str:
    made = [f"Cameras: {', '.join(result['cameras'])}"] if "cameras" in result else []
    pieces = [f"{view['name']}: {view['box']}" for view in result.get("views", ()) if not made]
    return "\n".join([*made, *pieces, *result["remarks"], *filter(None, [result.get("preview")])])
