"""Levelform inside Blender: registration of everything, in order, and its undoing in reverse.

Each module of `_MODULES` lists its `CLASSES` and may have a `register` and an `unregister` of its
own for what is no class (properties of Blender's types, handlers, keys). Importing this package
imports no `bpy`.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

_MODULES = (
    "ui.properties",
    "ui.properties_training",
    "ui.method_options",
    "ui.preferences",
    "scene.view_checks",
    "scene.watch",
    "jobs.session",
    "jobs.keeping",
    "operators.backend",
    "operators.cameras",
    "operators.checks",
    "operators.volume",
    "operators.reconstruct",
    "operators.remesh",
    "operators.compare",
    "data.dataset_run",
    "operators.dataset",
    "data.training_run",
    "operators.training",
    "ui.panels",
    "ui.panels_compare",
    "ui.panels_dataset",
    "ui.panels_training",
    "commands.cli",
)

logger = logging.getLogger(__name__)

_undo = ExitStack()


def register() -> None:
    """Register every class and hook.

    A failure undoes what was registered before it and propagates, so that a second try starts
    afresh.
    """
    global _undo
    with ExitStack() as undo:
        for name in _MODULES:
            module = import_module(f".{name}", __package__)
            for cls in getattr(module, "CLASSES", ()):
                _register_class(cls, undo.callback)
            if hasattr(module, "register"):
                module.register()
            if hasattr(module, "unregister"):
                undo.callback(module.unregister)
        _undo = undo.pop_all()
    logger.debug("registered")


def unregister() -> None:
    """Undo `register` in reverse order; failures propagate after everything was tried."""
    _undo.close()


def _register_class(cls: type, later: Callable[..., object]) -> None:
    import bpy

    bpy.utils.register_class(cls)
    later(bpy.utils.unregister_class, cls)
