"""The methods in the panel, their categories and fusions: items of dynamic enums."""

from typing import Any

import bpy

from ...backend.contract import protocol
from ...backend.contract.catalogue import ENTRIES, GROUPS, OWN, CatalogueEntry
from ...backend.contract.default_method import (
    AUTO,
    FIT_VIEWS,
    default_method,
    first_for_unposed,
)
from ..jobs.session import live
from ..scene.scene_source import camera_pairs
from . import choices

# Items of dynamic enums, see `choices`.
_method_items: list[tuple[str, str, str, str, int]] = []
_variant_items: list[tuple[str, str, str, int]] = []
_fusion_items: list[tuple[str, str, str]] = []


def methods(settings: Any, _context: bpy.types.Context | None) -> list:
    """List the methods below their headings; always with the chosen one.

    Those that come with Levelform are known before the backend runs; it adds an artist's own.
    """
    items: list[tuple[str, str, str, str, int]] = []
    for group, entries in _grouped(in_use(settings)):
        if group:
            items.append(("", group, "", "NONE", len(items)))
        items += [
            (entry.name, entry.title, f"{entry.summary} ({entry.name})", "NONE", index)
            for index, entry in enumerate(entries, len(items))
        ]
    return choices.keep(_method_items, items)


def _grouped(chosen: str) -> list[tuple[str, list[CatalogueEntry]]]:
    """Return the headings of the menu, each with its methods; empty ones are left out."""
    listed = list(ENTRIES)
    known = {entry.name for entry in listed}
    for info in live.methods:
        if info.name not in known:
            listed.append(CatalogueEntry(info.name, info.title, info.summary, OWN))
    if chosen not in {entry.name for entry in listed}:
        listed.append(CatalogueEntry(chosen, chosen, "Not known to the backend", OWN))
    groups = [(group, [entry for entry in listed if entry.group == group]) for group in GROUPS]
    return [(group, entries) for group, entries in groups if entries]


def get_method(settings: Any) -> int:
    chosen = in_use(settings)
    return next(item[-1] for item in methods(settings, None) if item[0] == chosen)


def set_method(settings: Any, index: int) -> None:
    """Choose a method; the suggested one keeps following the source."""
    if settings.weights in settings.variants:  # they belong to the previous method
        settings.weights = ""
    name = methods(settings, None)[index][0]
    settings.method = AUTO if name == suiting(settings) else name


def info_of(settings: Any) -> protocol.MethodInfo | None:
    """Return the worker's description of the method in use; None before it is known."""
    name = in_use(settings)
    return next((m for m in live.methods if m.name == name), None)


def in_use(settings: Any) -> str:
    """Return the name of the chosen method; of "auto" the one for the panel's source."""
    return settings.method if settings.method != AUTO else suiting(settings)


def suiting(settings: Any) -> str:
    """Return the name of the method that suits the panel's source."""
    if settings.source == "IMAGE":
        return first_for_unposed(weights=bool(settings.weights))
    if settings.source == "FILES":  # how many cameras it holds is known once it is read
        return default_method(FIT_VIEWS).name
    count = len(camera_pairs(settings.id_data))
    return default_method(count if count else FIT_VIEWS).name


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
