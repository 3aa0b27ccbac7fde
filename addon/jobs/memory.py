"""A result's stored request, to make it again with the same settings."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Background
from ...backend.contract.settings import Settings
from ..scene.pairing import stem_of
from ..scene.provenance import plain, provenance_of
from ..scene.scene_source import camera_pairs
from ..scene.views import ViewSource, folder_source, given_source, scene_source
from .panel_source import absolute, panel_frames, panel_source

REQUEST = "request"  # in a result's provenance: its settings and its source
_REMEMBERED = ("method", "weights", "resolution", "level", "color", "seed", "options", "cures")


def memory_of(scene: bpy.types.Scene, settings: Settings) -> dict[str, Any]:
    """Return what a result stores: the settings, and the source of the panel's images."""
    kept = {name: getattr(settings, name) for name in _REMEMBERED}
    background = asdict(settings.background)
    return plain({**kept, "background": background, "source": _source_memory(scene)})


def source_label(scene: bpy.types.Scene) -> str:
    """Return the name for results of the panel's source; may be empty."""
    chosen = scene.levelform
    if chosen.source == "IMAGE":
        return stem_of(chosen.image.name) if chosen.image is not None else ""
    if chosen.source == "FILES":
        path = Path(bpy.path.abspath(chosen.path))
        return path.parent.name if path.suffix else path.name
    if bpy.data.filepath:
        return Path(bpy.data.filepath).stem
    return scene.name if scene.name != "Scene" else ""


def settings_again(target: bpy.types.Object) -> Settings:
    """Return the settings of a result.

    Raises
    ------
    RequestError
        If the object is not a result, or its settings are invalid in this version.
    """
    stored = provenance_of(target)
    facts: dict[str, Any] = {} if stored is None else stored.to_dict()
    if "method" not in facts:
        raise RequestError(f"{target.name} was not made by Levelform.", "Select a result.")
    told = facts.get(REQUEST, {})
    background = told.get("background", {"mode": facts.get("background", "auto")})
    background = {**background, "color": tuple(background.get("color", (1.0, 1.0, 1.0)))}
    return Settings(
        method=str(facts["method"]),
        weights=told.get("weights"),
        resolution=int(told.get("resolution", facts.get("resolution", 128))),
        level=told.get("level"),
        background=Background(**background),
        color=bool(told.get("color", True)),
        seed=int(facts.get("seed", 0)),
        options=dict(told.get("options", facts.get("options", {}))),
        cures=tuple(told.get("cures", ())),
    )


def source_again(target: bpy.types.Object, scene: bpy.types.Scene) -> ViewSource:
    """Return the source of a result; the panel's if it is not stored.

    Raises
    ------
    RequestError
        If a camera, a file or an image is gone.
    """
    stored = provenance_of(target)
    told = {} if stored is None else stored.to_dict().get(REQUEST, {}).get("source", {})
    kind = told.get("kind")
    if kind == "CAMERAS":
        cameras = [_camera(name, scene) for name in told["cameras"]]
        return scene_source(scene, cameras, told.get("frames"))
    if kind == "FILES":
        return folder_source(absolute(told["path"]))
    if kind == "IMAGE":
        return given_source(_image(told), None, scene)
    return panel_source(scene)


def _source_memory(scene: bpy.types.Scene) -> Mapping[str, Any]:
    """Return the source of the panel's images."""
    chosen = scene.levelform
    if chosen.source == "FILES":
        return {"kind": "FILES", "path": chosen.path}
    if chosen.source == "IMAGE":
        return {"kind": "IMAGE", "image": chosen.image.name, "path": chosen.image.filepath}
    cameras = [camera for camera, _ in camera_pairs(scene)]
    return {"kind": "CAMERAS", "cameras": cameras, "frames": panel_frames(scene)}


def _camera(name: str, scene: bpy.types.Scene) -> bpy.types.Object:
    camera = scene.objects.get(name)
    if camera is None or camera.type != "CAMERA":
        raise RequestError(
            f"Its camera {name} is gone.",
            "Undo its deletion, or reconstruct from the existing cameras.",
        )
    return camera


def _image(told: Mapping[str, Any]) -> bpy.types.Image | str:
    image = bpy.data.images.get(told["image"])
    if image is None and not told.get("path"):
        raise RequestError(
            f"Its image {told['image']} is gone.",
            "Choose an image in the panel and reconstruct from it.",
        )
    return image if image is not None else absolute(told["path"])
