"""Entries of enums that change while Blender runs.

Blender keeps no reference to the words of a dynamic enum, so each has a list that lives on.
"""

from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item", bound=tuple)


def keep(kept: list[Item], items: list[Item]) -> list[Item]:
    """Return `kept`, with the entries replaced if they changed."""
    if items != kept:
        kept[:] = items
    return kept


def keep_methods(
    kept: list[tuple[str, str, str, int]], known: Iterable[tuple[str, str, str]], chosen: str
) -> list[tuple[str, str, str, int]]:
    """Return `kept` with the known methods (name, title, summary); always with the chosen one."""
    listed = list(known)
    if chosen not in {name for name, _, _ in listed}:
        listed.append((chosen, chosen, "Not known to the backend"))
    return keep(kept, [(*item, index) for index, item in enumerate(listed)])
