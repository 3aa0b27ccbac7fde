"""The methods in the panel, their categories and fusions: items of dynamic enums."""

from typing import Any

import bpy

from ...backend.contract import protocol
from ..jobs.requests import DEFAULT_METHOD
from ..jobs.session import live
from . import choices

# The methods before the backend has reported its own.
KNOWN_METHODS = (
    (DEFAULT_METHOD, "Visual hull", "Carves the object out of its silhouettes; needs no weights"),
)
# Items of dynamic enums, see `choices`.
_method_items: list[tuple[str, str, str, int]] = []
_variant_items: list[tuple[str, str, str, int]] = []
_fusion_items: list[tuple[str, str, str]] = []


def methods(settings: Any, _context: bpy.types.Context | None) -> list:
    """List the worker's methods, or those known before it runs; always with the chosen one."""
    listed = live.methods
    known = [(m.name, m.title, m.summary) for m in listed] if listed else KNOWN_METHODS
    return choices.keep_methods(_method_items, known, settings.method)


def get_method(settings: Any) -> int:
    return next(i for name, _, _, i in methods(settings, None) if name == settings.method)


def set_method(settings: Any, index: int) -> None:
    if settings.weights in settings.variants:  # they belong to the previous method
        settings.weights = ""
    settings.method = methods(settings, None)[index][0]


def info_of(settings: Any) -> protocol.MethodInfo | None:
    """Return the worker's description of the chosen method; None before it is known."""
    return next((m for m in live.methods if m.name == settings.method), None)


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
