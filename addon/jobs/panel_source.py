"""Read the panel: the source, the settings of a job, and their problems."""

from dataclasses import replace
from os import PathLike, path

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Background
from ...backend.contract.settings import Settings
from ...backend.contract.words import parse_background, parse_options
from ..scene import masks
from ..scene.views import (
    ViewSource,
    chosen_cameras,
    folder_source,
    given_source,
    scene_cameras_of,
    scene_source,
)
from .session import live


def checked(settings: Settings) -> Settings:
    """Return the settings with their options parsed, as far as the worker's options are known.

    Raises
    ------
    RequestError
        If the method does not accept a name or a value.
    """
    return settings.check(live.methods)


def scene_settings(scene: bpy.types.Scene) -> Settings:
    """Return the panel's settings."""
    chosen = scene.levelform
    named = chosen.weights or next(iter(chosen.variants), "")
    weights = bpy.path.abspath(named) if named else None
    return Settings(
        method=chosen.requested,
        weights=weights,
        resolution=chosen.resolution,
        level=chosen.chosen_level,
        background=masks.corrected(scene, chosen.background_data()),
        color=chosen.color,
        seed=chosen.seed,
        options={**chosen.options(), **parse_options(chosen.more_options.split())},
        cures=tuple(chosen.cures.split()),
    )


def settings_problem(scene: bpy.types.Scene) -> str:
    """Return the problem of the panel's settings; empty if there is none."""
    try:
        checked(scene_settings(scene))
    except RequestError as error:
        return str(error)
    return ""


def panel_source(scene: bpy.types.Scene) -> ViewSource:
    """Return the panel's source.

    Raises
    ------
    RequestError
        If it is empty, or a part of it can't be used.
    """
    chosen = scene.levelform
    if chosen.source == "CAMERAS":
        return scene_source(scene, frames=panel_frames(scene))
    if chosen.source == "FILES":
        return folder_source(absolute(chosen.path))
    if chosen.image is None:
        raise RequestError("No image is picked.", "Pick one, or drop one on the viewport.")
    source = given_source(chosen.image, None, scene)
    return replace(source, views=masks.with_mask(scene, source.views))


def panel_frames(scene: bpy.types.Scene) -> int | None:
    """Return the panel's number of frames of moving images; None for the current one."""
    return scene.levelform.frames if scene.levelform.frames > 1 else None


def source_problem(scene: bpy.types.Scene) -> str:
    """Return why the panel's source can't be used, without reading files; empty if it can."""
    chosen = scene.levelform
    if chosen.source == "FILES":
        return "" if chosen.path else "Choose a folder."
    if chosen.source == "IMAGE":
        return "" if chosen.image else "Pick an image."
    if not scene_cameras_of(scene):
        return "This scene has no cameras."
    return "" if chosen_cameras(scene) else "No camera is ticked."


def background_of(given: Background | str) -> Background:
    """Return a background, given as such or as a word."""
    return parse_background(given) if isinstance(given, str) else given


def absolute(given: str | PathLike[str]) -> str:
    """Return a user's path as an absolute one; `//` is the folder of the .blend.

    Raises
    ------
    RequestError
        If it is empty, or begins with `//` in a file that has not been saved.
    """
    given = str(given)
    if not given:
        raise RequestError("No folder is chosen.", "Choose a file of cameras, or its folder.")
    if given.startswith("//") and not bpy.data.filepath:
        raise RequestError(
            f"{given} is relative to the .blend file, which is not saved.", "Save the file first."
        )
    return path.expanduser(bpy.path.abspath(given))
