"""Lets the worker forget kept results whose objects are permanently gone.

Undo may bring back a deleted object, which needs its result. A result is therefore forgotten once
the undo history can no longer contain its object: after as many edits as the history has steps,
when another file is loaded, or immediately in the background, which has no history. Independently,
the preferences limit the memory: the worker drops the oldest results first.
"""

from collections.abc import Iterable

import bpy
from bpy.app.handlers import persistent

from ..scene.provenance import provenance_of
from .session import live


class Keeping:
    """Tracks kept results whose objects are gone.

    Attributes
    ----------
    missed : kept results whose object is gone, with the number of edits since then
    """

    def __init__(self) -> None:
        self.missed: dict[str, int] = {}
        self._objects = 0
        self._operator = 0

    def look(self, kept: Iterable[str]) -> list[str]:
        """Return which kept results may be forgotten now."""
        wanted = referenced()
        gone = [name for name in kept if name not in wanted]
        self.missed = {name: self.missed.get(name, 0) for name in gone}
        patience = 0 if bpy.app.background else undo_steps()
        return [name for name, edits in self.missed.items() if edits >= patience]

    def edited(self) -> bool:
        """Count an edit; return whether `look` should be called."""
        operators = bpy.context.window_manager.operators
        newest = operators[-1].as_pointer() if operators else 0
        step = newest != self._operator
        self._operator = newest
        if step:
            self.missed = {name: edits + 1 for name, edits in self.missed.items()}
        objects = len(bpy.data.objects)
        changed, self._objects = objects != self._objects, objects
        return changed or (step and bool(self.missed))


def referenced() -> set[str]:
    """Return the kept results of this file's objects, including linked ones."""
    names = set()
    for obj in bpy.data.objects:
        stored = provenance_of(obj)
        if stored is not None:
            names.add(stored.get("keep", ""))
    return names


def undo_steps() -> int:
    """Return the number of steps in the undo history."""
    return max(int(bpy.context.preferences.edit.undo_steps), 1)


keeping = Keeping()


def forget_what_is_gone(*, at_once: bool = False) -> None:
    """Make the worker forget the results whose objects are permanently gone.

    Parameters
    ----------
    at_once
        Another file was loaded, so the undo history is empty.
    """
    if live.status is None or live.running is not None:
        return
    gone = keeping.look(live.status.kept)
    for name in list(keeping.missed) if at_once else gone:
        live.forget(name)
        keeping.missed.pop(name, None)


@persistent
def _on_edit(*_: object) -> None:
    if live.status is not None and live.status.kept and keeping.edited():
        forget_what_is_gone()


@persistent
def _on_load(*_: object) -> None:
    forget_what_is_gone(at_once=True)


def register() -> None:
    """Listen to edits and file load."""
    bpy.app.handlers.depsgraph_update_post.append(_on_edit)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    """Stop listening."""
    bpy.app.handlers.depsgraph_update_post.remove(_on_edit)
    bpy.app.handlers.load_post.remove(_on_load)
