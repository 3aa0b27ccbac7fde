"""The words that say which object: its views, its place, its settings."""

import argparse
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from ...backend.contract.camera_files import find_camera_file
from ...backend.contract.errors import RequestError
from ...backend.contract.settings import Settings
from ...backend.contract.words import (
    VIEWS_HELP,
    add_settings,
    choose_views,
    parse_views,
    parse_volume,
    read_settings,
)
from ..jobs.requests import (
    absolute,
    checked,
    panel_frames,
    scene_settings,
)
from ..scene.views import Source, folder_source, given_source, scene_source


def add_object(parser: argparse.ArgumentParser) -> None:
    """Which of an object's views count, where it is, and how it is made."""
    add_settings(parser)
    parser.add_argument("--views", help=VIEWS_HELP)
    parser.add_argument(
        "--frames",
        help="of the scene's cameras whose image is a sequence or a movie: how many (8), or which "
        "(1,5,9 or 1-48:6), each a view; default: the current frame",
    )
    parser.add_argument(
        "--front",
        type=float,
        metavar="DEGREES",
        help="where the object's front looks, about +Z from -Y, where no volume is given",
    )
    parser.add_argument(
        "--volume",
        help="where the object is: the name of an Empty, x,y,z,side of a cube or 16 numbers of a "
        "matrix, row by row; default: what the scene or the source says, else what the views see",
    )


def source_of(
    words: list[str],
    scene: bpy.types.Scene,
    choice: list[int] | int | None,
    frames: str | None,
) -> Source:
    """Return the source with the views that were chosen: so many spread evenly, or by index."""
    if not words:
        return chosen_views(scene_source(scene, frames=frames or panel_frames(scene)), choice)
    if frames:
        raise RequestError("Frames are of the scene's cameras.", "Leave out --frames or SOURCE.")
    paths = [Path(absolute(word)) for word in words]
    first = paths[0]
    named = find_camera_file(first) is not None or first.suffix.lower() == ".json"
    if not named and not first.is_dir():
        return chosen_views(given_source(paths, None, scene), choice)
    if len(paths) > 1:
        raise RequestError(
            f"{first} comes with other sources.", "Give one file of cameras, or images."
        )
    return folder_source(first, choose=choice)


def chosen_views(source: Source, choice: list[int] | int | None) -> Source:
    chosen = choose_views(len(source.views), choice)
    return replace(source, views=tuple(source.views[index] for index in chosen))


def views_of(words: str | None) -> list[int] | int | None:
    """Return which views: "8" is how many, "0,2,5" and "3," which."""
    return None if words is None else parse_views(words)


def settings_of(args: argparse.Namespace, scene: bpy.types.Scene) -> Settings:
    """Return the scene's settings if its cameras are the source, with what was given in words."""
    base = Settings() if args.source else scene_settings(scene)
    return checked(read_settings(args, base))


def volume_of(
    args: argparse.Namespace, scene: bpy.types.Scene
) -> bpy.types.Object | np.ndarray | None:
    words = args.volume
    if words is None:
        return None if args.source else scene.levelform.volume
    if words in scene.objects:
        return scene.objects[words]
    if not words[:1].isdigit() and words[:1] not in "+-.":
        raise RequestError(
            f"The scene has no object {words!r} to be the volume.", "Give x,y,z,side of a cube."
        )
    return parse_volume(words)
