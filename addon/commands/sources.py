"""The arguments that describe an object: its views, its volume and its settings."""

import argparse
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from ...backend.contract.camera_files import find_camera_file
from ...backend.contract.errors import RequestError
from ...backend.contract.settings import Settings
from ...backend.contract.words import (
    add_settings,
    add_view_choice,
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
from ..scene.views import ViewSource, folder_source, given_source, scene_source


def add_object(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for an object's views, volume and settings."""
    add_settings(parser)
    add_view_choice(parser)
    parser.add_argument(
        "--frames",
        help="for the scene's cameras whose image is a sequence or a movie: a number of frames (8) "
        "or the frames (1,5,9 or 1-48:6), each a view; default: the current frame",
    )
    parser.add_argument(
        "--volume",
        help="the volume around the object: the name of an Empty, x,y,z,side of a cube or the 16 "
        "numbers of a matrix, row by row; default: that of the scene or the source, else estimated "
        "from the views",
    )


def source_of(
    words: list[str],
    scene: bpy.types.Scene,
    choice: list[int] | int | None,
    frames: str | None,
) -> ViewSource:
    """Return the source with the chosen views: a number of them spread evenly, or by index."""
    if not words:
        return chosen_views(scene_source(scene, frames=frames or panel_frames(scene)), choice)
    if frames:
        raise RequestError(
            "--frames applies to the scene's cameras only.", "Omit --frames or SOURCE."
        )
    paths = [Path(absolute(word)) for word in words]
    first = paths[0]
    named = find_camera_file(first) is not None or first.suffix.lower() == ".json"
    if not named and not first.is_dir():
        return chosen_views(given_source(paths, None, scene), choice)
    if len(paths) > 1:
        raise RequestError(
            f"{first} is given with other sources.", "Give one file of cameras, or images."
        )
    return folder_source(first, choose=choice)


def chosen_views(source: ViewSource, choice: list[int] | int | None) -> ViewSource:
    """Return a source with only the chosen views."""
    chosen = choose_views(len(source.views), choice)
    return replace(source, views=tuple(source.views[index] for index in chosen))


def views_of(words: str | None) -> list[int] | int | None:
    """Return the chosen views: "8" is a number of views, "0,2,5" and "3," are indices."""
    return None if words is None else parse_views(words)


def settings_of(args: argparse.Namespace, scene: bpy.types.Scene) -> Settings:
    """Return the given settings; if the scene's cameras are the source, its settings otherwise."""
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
            f"The scene has no object {words!r} to use as the volume.", "Give x,y,z,side of a cube."
        )
    return parse_volume(words)
