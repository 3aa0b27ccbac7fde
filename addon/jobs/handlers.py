"""Connects the live session to Blender's events: undo, file load, renders, quitting."""

import atexit
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..backend_setup import interpreter
from .session import live

RENDER_THREADS = 1  # threads of the worker while Blender renders


@persistent
def _on_undo(*_: Any) -> None:
    live.after_undo()


@persistent
def _on_load(*_: Any) -> None:
    live.after_load()


@persistent
def _on_render(*_: Any) -> None:
    live.limit_threads(RENDER_THREADS)


@persistent
def _on_render_end(*_: Any) -> None:
    live.limit_threads(0)


def _handlers() -> list[tuple[list, Any]]:
    handlers = bpy.app.handlers
    return [
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
        (handlers.load_post, _on_load),
        (handlers.render_init, _on_render),
        (handlers.render_complete, _on_render_end),
        (handlers.render_cancel, _on_render_end),
    ]


def register() -> None:
    """Listen to undo and file load; end the worker when Blender quits."""
    for listeners, listener in _handlers():
        listeners.append(listener)
    atexit.register(live.shutdown)
    interpreter.here.look()
    live.wake()


def unregister() -> None:
    """End the worker and stop listening."""
    live.sleep()
    interpreter.here.stop()
    live.shutdown()
    atexit.unregister(live.shutdown)
    for listeners, listener in _handlers():
        listeners.remove(listener)
