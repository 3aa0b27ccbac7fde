"""From what a person chose to a job of the worker: the panel's settings, or a script's arguments.

Everything that can be wrong with a request is found here, before the worker hears of it.
"""

import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from os import PathLike, path
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.camera_files.origin import moved
from ...backend.contract.cures import check_cures
from ...backend.contract.errors import RequestError
from ...backend.contract.levels import LEVEL_UNITS
from ...backend.contract.options import REMESH, read_options
from ...backend.contract.protocol import CheckViews, Remesh
from ...backend.contract.settings import METHOD, Settings, check_resolution
from ...backend.contract.words import parse_options
from ..backend_setup import user_preferences
from ..scene import volume as scene_volume
from ..scene.view_checks import Marks
from ..scene.views import (
    ViewSource,
    chosen_cameras,
    folder_source,
    given_source,
    scene_cameras_of,
    scene_source,
)
from .results import PROVENANCE, Added, Checked, Replaced
from .session import Running, live

DEFAULT_NAME = "Reconstruction"
DEFAULT_METHOD = METHOD.default


def checked(settings: Settings) -> Settings:
    """Return the settings with their options read, as far as the worker has said what it takes.

    Raises
    ------
    RequestError
        If a name or a value is not what the method takes.
    """
    return settings.check(live.methods)


# ---------------------------------------------------------------- from the panel


def scene_settings(scene: bpy.types.Scene) -> Settings:
    """Return what the panel says of how to reconstruct."""
    chosen = scene.levelform
    named = chosen.weights or next(iter(chosen.variants), "")
    weights = bpy.path.abspath(named) if named else None
    return Settings(
        method=chosen.method,
        weights=weights,
        resolution=chosen.resolution,
        level=chosen.chosen_level,
        background=chosen.background_data(),
        color=chosen.color,
        seed=chosen.seed,
        options={**chosen.options(), **parse_options(chosen.more_options.split())},
        cures=tuple(chosen.cures.split()),
    )


def settings_problem(scene: bpy.types.Scene) -> str:
    """Return what is wrong with what the panel says of how to reconstruct; empty if nothing is."""
    try:
        checked(scene_settings(scene))
    except RequestError as error:
        return str(error)
    return ""


def panel_source(scene: bpy.types.Scene) -> ViewSource:
    """Return the source that the panel shows.

    Raises
    ------
    RequestError
        If it is empty, or something of it can't be used.
    """
    chosen = scene.levelform
    if chosen.source == "CAMERAS":
        return scene_source(scene, frames=panel_frames(scene))
    if chosen.source == "FILES":
        return folder_source(absolute(chosen.path))
    if chosen.image is None:
        raise RequestError("No image is picked.", "Pick one, or drop one on the viewport.")
    return given_source(chosen.image, None, scene)


def panel_frames(scene: bpy.types.Scene) -> int | None:
    """Return how many frames of moving images the panel asks for; None for the current one."""
    return scene.levelform.frames if scene.levelform.frames > 1 else None


def source_problem(scene: bpy.types.Scene) -> str:
    """Return why the panel's source can't be used, as far as a glance tells; reads no file."""
    chosen = scene.levelform
    if live.running is not None:
        return "Wait for the job under way, or cancel it (Esc)."
    if chosen.source == "FILES":
        return "" if chosen.path else "Choose a folder."
    if chosen.source == "IMAGE":
        return "" if chosen.image else "Pick an image."
    if not scene_cameras_of(scene):
        return "This scene has no cameras."
    return "" if chosen_cameras(scene) else "No camera is ticked."


def absolute(given: str | PathLike[str]) -> str:
    """Return a path that a person gave as an absolute one; `//` is the folder of the .blend.

    Raises
    ------
    RequestError
        If it is empty, or `//` in a file that has not been saved.
    """
    given = str(given)
    if not given:
        raise RequestError("No folder is chosen.", "Choose a file of cameras, or its folder.")
    if given.startswith("//") and not bpy.data.filepath:
        raise RequestError(
            f"{given} lies beside the .blend file, which is not saved.", "Save the file first."
        )
    return path.expanduser(bpy.path.abspath(given))


# ---------------------------------------------------------------- jobs


def begin_scene(context: bpy.types.Context) -> Running:
    """Begin what the panel shows."""
    scene = context.scene
    chosen = scene.levelform
    volume = None if chosen.source == "IMAGE" else chosen.volume
    source = panel_source(scene)
    return begin(
        source, scene_settings(scene), volume=volume, marks=_marks(source, scene, panel=True)
    )


def begin_scene_check(context: bpy.types.Context) -> Running:
    """Begin to check the views that the panel shows."""
    scene = context.scene
    return begin_check(panel_source(scene), scene_settings(scene), panel=True)


def begin_check(source: ViewSource, settings: Settings, *, panel: bool = False) -> Running:
    """Begin to check whether views agree; nothing is reconstructed.

    Parameters
    ----------
    settings : of which the background and the cures count
    panel : the source is what the panel shows

    Raises
    ------
    RequestError
        If something asked for can't be had; nothing was begun.
    """
    check_cures(settings.cures, len(source.views))
    job, scene = uuid.uuid4().hex, bpy.context.scene
    request = CheckViews(job, source.views, settings.background, settings.cures)
    marks = _marks(source, scene, panel=panel)
    return live.begin(request, Checked(job, scene), {}, marks)


def _marks(source: ViewSource, scene: bpy.types.Scene, *, panel: bool) -> Marks | None:
    """Return where the outcome of a check is written; None: nowhere."""
    if not (panel or source.of_scene):
        return None
    return Marks(scene.name, tuple(view.name for view in source.views), source.of_scene)


def begin(
    source: ViewSource,
    settings: Settings,
    *,
    volume: bpy.types.Object | np.ndarray | None = None,
    front: float | None = None,
    name: str = DEFAULT_NAME,
    marks: Marks | None = None,
) -> Running:
    """Begin to reconstruct one object.

    Parameters
    ----------
    volume
        An Empty or (4, 4) world_from_volume, numbers in the coordinates of the source; None: what
        the source says, else around what the cameras see, or without cameras the cube [-1, 1]^3 of
        the world.
    front
        Degrees about +Z from -Y to the object's front, of a volume that the worker looks for.
    marks
        Where to write whether the views agree; None: on the scene's cameras, where they are the
        source.

    Raises
    ------
    RequestError
        If something asked for can't be had; nothing was begun.
    """
    settings = checked(
        replace(settings, device=settings.device or user_preferences.get().device.lower())
    )
    check_cures(settings.cures, len(source.views))
    world_from_volume, volume_from = _given_volume(volume, source)
    job = uuid.uuid4().hex
    request = settings.request(
        job,
        source.views,
        world_from_volume=world_from_volume,
        volume_from=volume_from,
        front=_checked_front(front),
        world_offset=source.world_offset,
        remarks=source.remarks,
        keep=job,
    )
    facts = {
        "view_names": [view.name for view in source.views],
        "options": dict(settings.options),
        "seed": settings.seed,
        "background": settings.background.mode,
        "keep": job,
        "levelform": version(),
        "blender": bpy.app.version_string,
    }
    result = Added(job, name, bpy.context, source.images)
    return live.begin(
        request, result, facts, marks or _marks(source, bpy.context.scene, panel=False)
    )


def begin_remesh(
    target: bpy.types.Object,
    *,
    resolution: int,
    level: float | None = None,
    color: bool = True,
    options: Mapping[str, Any] | None = None,
) -> Running:
    """Begin to mesh a reconstruction again from the field that the worker kept.

    Raises
    ------
    RequestError
        If the object is no reconstruction, or its mesh can't be replaced; nothing was begun.
    """
    problem = remesh_problem(target)
    if problem:
        raise RequestError(problem)
    check_resolution(resolution)
    before = target[PROVENANCE].to_dict()
    if level is not None and before.get("level_unit") in LEVEL_UNITS:
        LEVEL_UNITS[before["level_unit"]].check(level, before.get("method", ""))
    given = read_options(options or {}, REMESH, owner="Re-meshing")
    job = uuid.uuid4().hex
    options = {**before.get("options", {}), **given}
    names = {option.name for option in REMESH}
    request = Remesh(
        job=job,
        keep=before["keep"],
        resolution=resolution,
        level=level,
        color=color,
        options={name: value for name, value in options.items() if name in names},
    )
    result = Replaced(job, target, bpy.context.scene)
    return live.begin(request, result, {**before, "options": options})


def remesh_problem(target: bpy.types.Object | None) -> str:
    """Return why an object can't be meshed again, in one sentence; empty if it can."""
    if target is None or target.type != "MESH" or not _keep_of(target):
        return "Select a mesh that Levelform made."
    if target.mode != "OBJECT":
        return "Leave Edit Mode first."
    if target.data.shape_keys is not None:
        return f"{target.name} has shape keys, which a new mesh would break. Remove them first."
    if target.library is not None or target.data.library is not None:
        return f"{target.name} is linked from another file. Make it local first."
    return ""


def not_kept(target: bpy.types.Object) -> str:
    """Return why the worker can't mesh an object's field again; empty if it has kept it."""
    status = live.status
    if status is not None and target[PROVENANCE].get("keep") in status.kept:
        return ""
    return "The backend no longer keeps this result. Reconstruct it again."


def _keep_of(target: bpy.types.Object) -> str:
    stored = target.get(PROVENANCE)
    return stored.get("keep", "") if hasattr(stored, "to_dict") else ""


def _given_volume(
    volume: bpy.types.Object | np.ndarray | None, source: ViewSource
) -> tuple[np.ndarray | None, str]:
    """Return world_from_volume and who said so; None where the worker is to look for the object."""
    if isinstance(volume, bpy.types.Object):
        return scene_volume.matrix_of(volume), "user"
    if volume is not None:
        matrix = _checked_matrix(np.asarray(volume, dtype=np.float64))
        return moved(matrix, source.world_offset), "user"
    if source.world_from_volume is not None:
        return _checked_matrix(np.asarray(source.world_from_volume, dtype=np.float64)), "file"
    return None, ""


def _checked_front(front: float | None) -> float | None:
    if front is not None and not np.isfinite(front):
        raise RequestError(f"The front is {front} degrees.", "Give a finite angle from -Y.")
    return front


def _checked_matrix(matrix: np.ndarray) -> np.ndarray:
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise RequestError("The volume's matrix is not 4x4 finite numbers.")
    if abs(np.linalg.det(matrix)) < 1e-12:
        raise RequestError("The volume's matrix is singular.", "Give it a size along each axis.")
    return matrix


@cache
def version() -> str:
    """Return the extension's version, from its manifest."""
    manifest = Path(__file__).parents[2] / "blender_manifest.toml"
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
