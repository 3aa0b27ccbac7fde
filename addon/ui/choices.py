"""Items of dynamic enums.

Blender keeps no reference to the strings of dynamic enum items, so each enum has a permanent list.
"""

from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item", bound=tuple)


def keep(kept: list[Item], items: list[Item]) -> list[Item]:
    """Return `kept`, with its items replaced if they changed."""
    if items != kept:
        kept[:] = items
    return kept


def keep_methods(
    kept: list[tuple[str, str, str, int]], known: Iterable[tuple[str, str, str]], chosen: str
) -> list[tuple[str, str, str, int]]:
    """Return `kept` with the known methods (name, title, summary) and the chosen one."""
    listed = list(known)
    if chosen not in {name for name, _, _ in listed}:
        listed.append((chosen, chosen, "Not known to the backend"))
    return keep(kept, [(*item, index) for index, item in enumerate(listed)])
