"""Turns the panel's settings, or a script's arguments, into a job of the worker.

All checks of a request happen here, before it is sent to the worker.
"""

import tomllib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.camera_files.origin import moved
from ...backend.contract.cures import check_cures
from ...backend.contract.default_method import AUTO, SINGLE_IMAGE, method_for
from ...backend.contract.errors import RequestError
from ...backend.contract.levels import LEVEL_UNITS
from ...backend.contract.options import REMESH, read_options
from ...backend.contract.protocol import CheckViews, Remesh
from ...backend.contract.settings import METHOD, RESOLUTION, Settings, check_resolution
from ..backend_setup import user_preferences
from ..scene import volume as scene_volume
from ..scene.gallery import result_name
from ..scene.provenance import PROVENANCE
from ..scene.view_checks import Marks
from ..scene.views import ViewSource
from .memory import REQUEST, memory_of, source_label
from .painting import TEXTURED, then_finish, then_texture
from .panel_source import absolute as absolute
from .panel_source import background_of as background_of
from .panel_source import checked as checked
from .panel_source import panel_frames as panel_frames
from .panel_source import panel_source as panel_source
from .panel_source import scene_settings as scene_settings
from .panel_source import settings_problem as settings_problem
from .panel_source import source_problem as source_problem
from .results import Added, Checked, Handle, Replaced, on_ground
from .running import Running
from .session import live
from .targets import not_kept as not_kept
from .targets import remesh_problem as remesh_problem

DEFAULT_NAME = "Reconstruction"
DEFAULT_METHOD = METHOD.default


@dataclass(frozen=True)
class Order:
    """A reconstruction requested by the panel; it may begin later.

    Attributes
    ----------
    place : world_from_volume and its origin, as in `Reconstruct`
    name : of the new object
    told : facts to store with the result, beside the usual ones
    arrange : moves the finished object
    renamed : returns the object's name by its method, where that is chosen during the job
    """

    source: ViewSource
    settings: Settings
    place: tuple[np.ndarray | None, str]
    name: str
    scene: Handle
    marks: Marks | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    arrange: Callable[[bpy.types.Object], object] | None = None
    renamed: Callable[[str], str] | None = None

    def begin(self) -> Running:
        """Begin it.

        Raises
        ------
        RequestError
            If another job runs, there is no backend, or its scene is gone.
        """
        scene = self.scene.find(bpy.data.scenes)
        if scene is None:
            raise RequestError(f"The scene {self.scene.name} is gone.", "Reconstruct it again.")
        return _begin(self, scene, front=None)


# ---------------------------------------------------------------- jobs


def order_of(scene: bpy.types.Scene) -> Order:
    """Return the order of the panel's settings.

    Raises
    ------
    RequestError
        If the settings or the source can't be used.
    """
    chosen = scene.levelform
    source, settings = panel_source(scene), completed(scene_settings(scene))
    method = method_for(settings.method, source.views)
    by_image = settings.method == AUTO and method == SINGLE_IMAGE and stands_nowhere(source)
    label, cells = source_label(scene), settings.resolution
    check_cures(settings.cures, len(source.views))
    volume = None if chosen.source == "IMAGE" else chosen.volume
    return Order(
        source,
        settings,
        _given_volume(volume, source),
        result_name(label, "" if by_image else method, cells),
        Handle.of(scene),
        marks_of(source, scene, panel=True),
        {REQUEST: memory_of(scene, settings)},
        arrange=on_ground if volume is None and stands_nowhere(source) else None,
        renamed=(lambda chosen: result_name(label, chosen, cells)) if by_image else None,
    )


def stands_nowhere(source: ViewSource) -> bool:
    """Return whether the source is one image without a camera."""
    return len(source.views) == 1 and source.views[0].camera is None


def begin_scene(context: bpy.types.Context) -> Running:
    """Begin a reconstruction with the panel's settings."""
    return order_of(context.scene).begin()


def completed(settings: Settings) -> Settings:
    """Return settings with the preferences' device, and with their options parsed."""
    device = settings.device or user_preferences.get().device.lower()
    return checked(replace(settings, device=device))


def begin_scene_check(context: bpy.types.Context) -> Running:
    """Begin a check of the panel's views."""
    scene = context.scene
    return begin_check(panel_source(scene), scene_settings(scene), panel=True)


def begin_check(source: ViewSource, settings: Settings, *, panel: bool = False) -> Running:
    """Begin to check whether views agree; nothing is reconstructed.

    Parameters
    ----------
    settings : only background and cures are used
    panel : whether the source is the panel's

    Raises
    ------
    RequestError
        If the request is invalid; nothing was begun.
    """
    check_cures(settings.cures, len(source.views))
    job, scene = uuid.uuid4().hex, bpy.context.scene
    request = CheckViews(job, source.views, settings.background, settings.cures)
    marks = marks_of(source, scene, panel=panel)
    return live.begin(request, Checked(job, scene), {}, marks)


def marks_of(source: ViewSource, scene: bpy.types.Scene, *, panel: bool) -> Marks | None:
    """Return where the result of a check is written; None: nowhere."""
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
    arrange: Callable[[bpy.types.Object], object] | None = None,
) -> Running:
    """Begin to reconstruct one object.

    Parameters
    ----------
    volume
        An Empty, or (4, 4) world_from_volume in the coordinates of the source. None: the source's
        volume, else estimated from the cameras, or without cameras the cube [-1, 1]^3 of the world.
    front
        Degrees about +Z from -Y to the object's front, for a volume estimated by the worker.
    marks
        Where to write whether the views agree; None: on the scene's cameras, if they are the
        source.
    arrange
        Moves the finished object.

    Raises
    ------
    RequestError
        If the request is invalid; nothing was begun.
    """
    settings = completed(settings)
    check_cures(settings.cures, len(source.views))
    scene = bpy.context.scene
    marks = marks or marks_of(source, scene, panel=False)
    place = _given_volume(volume, source)
    order = Order(source, settings, place, name, Handle.of(scene), marks, arrange=arrange)
    return _begin(order, scene, front=front)


def _begin(order: Order, scene: bpy.types.Scene, *, front: float | None) -> Running:
    """Begin an order in its scene."""
    source, settings = order.source, order.settings
    world_from_volume, volume_from = order.place
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
    result = Added(job, order.name, scene, source.images, order.arrange, order.renamed)
    facts = {**_facts(job, source, settings), **order.told}
    return live.begin(request, result, facts, order.marks, then=then_finish(settings))


def _facts(job: str, source: ViewSource, settings: Settings) -> dict[str, Any]:
    """Return the facts known before a reconstruction."""
    return {
        "view_names": [view.name for view in source.views],
        "options": dict(settings.options),
        "seed": settings.seed,
        "background": settings.background.mode,
        "keep": job,
        "made": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "levelform": version(),
        "blender": bpy.app.version_string,
    }


def begin_remesh(
    target: bpy.types.Object,
    *,
    resolution: int,
    level: float | None = None,
    color: bool = True,
    options: Mapping[str, Any] | None = None,
) -> Running:
    """Begin to mesh a reconstruction again from the field kept by the worker.

    Raises
    ------
    RequestError
        If the object is not a reconstruction, or its mesh can't be replaced; nothing was begun.
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
    facts = {**before, "options": options}
    for name in (TEXTURED, "quads"):  # the new mesh has neither until they are made again
        facts.pop(name, None)
    return live.begin(request, result, facts, then=then_texture(before))


def begin_improve(target: bpy.types.Object, options: Mapping[str, Any]) -> Running:
    """Begin to improve a reconstruction further, in its own resolution.

    Parameters
    ----------
    options
        Of the method: its duration.

    Raises
    ------
    RequestError
        If its method does not improve results, or its mesh can't be replaced; nothing was begun.
    """
    problem = improve_problem(target)
    if problem:
        raise RequestError(problem)
    before = target[PROVENANCE].to_dict()
    names = {option.name for option in REMESH}
    own = {name: v for name, v in before.get("options", {}).items() if name in names}
    job = uuid.uuid4().hex
    request = Remesh(
        job=job,
        keep=before["keep"],
        resolution=int(before.get("resolution", RESOLUTION.default)),
        options={**own, **options},
        improve=True,
    )
    facts = dict(before)
    for name in (TEXTURED, "quads"):  # the new mesh has neither until they are made again
        facts.pop(name, None)
    result = Replaced(job, target, bpy.context.scene)
    return live.begin(request, result, facts, then=then_texture(before))


def improve_problem(target: bpy.types.Object | None) -> str:
    """Return a sentence about why an object can't be improved further; empty if it can."""
    problem = remesh_problem(target)
    if problem or target is None:
        return problem
    method = target[PROVENANCE].to_dict().get("method", "")
    if live.methods and not any(m.improves for m in live.methods if m.name == method):
        return f"{target.name} was made by a method that does not improve its results."
    return ""


def _given_volume(
    volume: bpy.types.Object | np.ndarray | None, source: ViewSource
) -> tuple[np.ndarray | None, str]:
    """Return world_from_volume and its origin; None if the worker is to estimate it."""
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
        raise RequestError(
            "The volume's matrix must be 4x4 finite numbers.", "Give a rigid matrix with one scale."
        )
    if abs(np.linalg.det(matrix)) < 1e-12:
        raise RequestError("The volume's matrix is singular.", "Give it a size along each axis.")
    return matrix


@cache
def version() -> str:
    """Return the extension's version from its manifest."""
    manifest = Path(__file__).parents[2] / "blender_manifest.toml"
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]
