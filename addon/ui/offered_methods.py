"""The methods in the panel, their categories and fusions: items of dynamic enums."""

from typing import Any

import bpy

from ...backend.contract import protocol
from ...backend.contract.default_method import AUTO, FIT_VIEWS, HULL, default_method
from ..jobs.session import live
from ..scene.scene_source import chosen_cameras
from . import choices

# The methods before the backend has reported its own.
AUTOMATIC = (
    AUTO,
    "Automatic",
    f"Fits the object to {FIT_VIEWS} or more images with cameras; carves its visual hull from "
    "fewer; without cameras a trained network completes it",
)
KNOWN_METHODS = (
    (HULL, "Visual hull", "Carves the object out of its silhouettes; needs no weights"),
)
# Items of dynamic enums, see `choices`.
_method_items: list[tuple[str, str, str, int]] = []
_variant_items: list[tuple[str, str, str, int]] = []
_fusion_items: list[tuple[str, str, str]] = []


def methods(settings: Any, _context: bpy.types.Context | None) -> list:
    """List the worker's methods, or those known before it runs; always with the chosen one."""
    listed = live.methods
    known = [(m.name, m.title, m.summary) for m in listed] if listed else KNOWN_METHODS
    return choices.keep_methods(_method_items, [AUTOMATIC, *known], settings.method)


def get_method(settings: Any) -> int:
    return next(i for name, _, _, i in methods(settings, None) if name == settings.method)


def set_method(settings: Any, index: int) -> None:
    if settings.weights in settings.variants:  # they belong to the previous method
        settings.weights = ""
    settings.method = methods(settings, None)[index][0]


def info_of(settings: Any) -> protocol.MethodInfo | None:
    """Return the worker's description of the method in use; None before it is known."""
    name = in_use(settings)
    return next((m for m in live.methods if m.name == name), None)


def in_use(settings: Any) -> str:
    """Return the name of the chosen method; of "auto" the one for the panel's source."""
    if settings.method != AUTO:
        return settings.method
    if settings.source == "IMAGE":
        return default_method(0, 1).name
    if settings.source == "FILES":  # how many cameras it holds is known once it is read
        return default_method(FIT_VIEWS).name
    return default_method(max(len(chosen_cameras(settings.id_data)), 1)).name


def variants(settings: Any, _context: bpy.types.Context | None) -> list:
    """List the categories of the method's own weights, if there is a file for each."""
    names = settings.variants or ("",)
    items = [(n, n.capitalize(), f"Weights trained only on {n}s", i) for i, n in enumerate(names)]
    return choices.keep(_variant_items, items)


def get_variant(settings: Any) -> int:
    names = settings.variants
    return names.index(settings.weights) if settings.weights in names else 0


def set_variant(settings: Any, index: int) -> None:
    settings.weights = settings.variants[index] if settings.variants else ""


def fusions(settings: Any, _context: bpy.types.Context | None) -> list:
    """List the chosen method's fusions of views; the first item is its default."""
    info = info_of(settings)
    names = info.fusions if info else ()
    items = [("DEFAULT", "Method's Default", "The fusion that the method uses by default")]
    items += [(name, name.capitalize(), f"Combine the views by {name}") for name in names]
    return choices.keep(_fusion_items, items)
