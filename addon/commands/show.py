"""`show`, `morph`, `animate`: exhibits, morphs and image sequences, without a window."""

import argparse
from pathlib import Path
from typing import Any

from ...backend.contract.words import add_settings, parse_options
from .. import api
from ..scene.export import save_scene
from ..scene.sequences import SEQUENCE


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the commands."""
    show = commands.add_parser("show", help="show what is inside a result, see `methods`")
    show.add_argument("what", metavar="WHAT")
    show.add_argument("source", nargs="+", metavar="SOURCE", help="image files")
    show.add_argument("--show-option", action="append", default=[], metavar="NAME=VALUE",
                      help="an option of the show; may be repeated")  # fmt: skip
    _finish(show, _show)
    morph = commands.add_parser("morph", help="an animated object between two images' objects")
    morph.add_argument("source", nargs=2, metavar="SOURCE", help="an image file each")
    morph.add_argument("--steps", type=int, default=9)
    morph.add_argument("--way", choices=("auto", "vertices", "meshes"), default="auto")
    morph.add_argument("--start", type=int, default=1, help="first frame")
    morph.add_argument("--end", type=int, default=48, help="last frame")
    _finish(morph, _morph)
    animate = commands.add_parser("animate", help="an animated object of an image sequence")
    animate.add_argument("source", nargs="+", metavar="SOURCE", help="image files, or a folder")
    animate.add_argument("--smooth", type=float, default=0.0, metavar="FRAMES")
    animate.add_argument("--cache", metavar="DIR", help="folder of the meshes")
    _finish(animate, _animate)


def _finish(parser: argparse.ArgumentParser, run: Any) -> None:
    parser.add_argument("--save", metavar="BLEND", help="save the scene as a .blend")
    add_settings(parser)
    parser.set_defaults(run=run, show=_told)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the given keywords of `api.reconstruct`."""
    names = ("method", "weights", "resolution", "level", "device", "seed", "color", "background")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    return {**given, "options": parse_options(args.option)}


def _result(args: argparse.Namespace, told: dict[str, Any]) -> dict[str, Any]:
    return told | ({"save": save_scene(args.save)} if args.save else {})


def _show(args: argparse.Namespace) -> dict[str, Any]:
    result = api.reconstruct(args.source, fuse=len(args.source) > 1, **_settings(args))
    resolution = args.resolution or 128
    options = parse_options(args.show_option)
    added = api.show(result, args.what, resolution=resolution, **options)
    told = {"object": result.name, "shown": [one.name for one in added]}
    return _result(args, told)


def _morph(args: argparse.Namespace) -> dict[str, Any]:
    first, second = (api.reconstruct([path], **_settings(args)) for path in args.source)
    added = api.morph(
        first, second, args.steps, start=args.start, end=args.end, way=args.way,
        resolution=args.resolution or 128,
    )  # fmt: skip
    facts = added["levelform_morph"].to_dict()
    return _result(args, {"object": added.name, **facts})


def _animate(args: argparse.Namespace) -> dict[str, Any]:
    single = args.source[0] if len(args.source) == 1 else args.source
    beside = _cache_of(args.save) if args.save and not args.cache else None
    cache = args.cache or beside
    added = api.animate_images(single, folder=cache, smooth=args.smooth, **_settings(args))
    if beside is not None:  # they may be moved together
        added[SEQUENCE]["folder"] = f"//{beside.relative_to(Path(args.save).parent).as_posix()}"
    return _result(args, {"object": added.name, **added["levelform_frames"].to_dict()})


def _cache_of(saved: str) -> Path:
    """Return the folder of an animation's meshes beside a .blend."""
    return Path(saved).with_suffix("") / "levelform" / "animation-1"


def _told(result: dict[str, Any]) -> str:
    shown = ", ".join(result.get("shown", ())) or result["object"]
    return f"{shown}" + (f", saved in {result['save']}" if "save" in result else "")
