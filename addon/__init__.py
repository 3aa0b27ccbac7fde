"""Levelform inside Blender: registers everything in order, and unregisters in reverse order.

Each module of `_MODULES` lists its `CLASSES`. It may also define `register` and `unregister` for
anything that is not a class (properties of Blender's types, handlers, keys). Importing this package
does not import `bpy`.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

_MODULES = (
    "ui.properties_cameras",
    "ui.properties",
    "ui.properties_dataset",
    "ui.properties_training",
    "ui.properties_drawings",
    "ui.properties_show",
    "ui.properties_batch",
    "ui.method_options",
    "ui.preferences",
    "scene.view_checks",
    "scene.thumbnails",
    "scene.looking",
    "scene.masks",
    "scene.around",
    "scene.watch",
    "jobs.handlers",
    "jobs.keeping",
    "scene.sequences",
    "operators.backend",
    "operators.cameras",
    "operators.checks",
    "operators.matte",
    "operators.camera_estimation",
    "operators.camera_previews",
    "operators.drawings",
    "operators.volume",
    "operators.reconstruct",
    "operators.results",
    "operators.presets",
    "operators.start",
    "operators.remesh",
    "operators.surface",
    "operators.compare",
    "data.series",
    "data.rendering",
    "operators.show",
    "operators.morph",
    "data.batch_run",
    "operators.batch",
    "data.dataset_run",
    "operators.dataset",
    "data.training_run",
    "operators.training",
    "data.weights_fetch",
    "operators.weights",
    "ui.panels_cameras",
    "ui.panels_presets",
    "ui.panels",
    "ui.panels_results",
    "ui.panels_matte",
    "ui.panels_camera_estimation",
    "ui.panels_drawings",
    "ui.panels_result",
    "ui.panels_show",
    "ui.panels_backend",
    "ui.panels_compare",
    "ui.panels_batch",
    "ui.panels_dataset",
    "ui.panels_training",
    "ui.menus",
    "ui.languages",
    "ui.status_bar",
    "ui.panels_weights",
    "commands.cli",
)

logger = logging.getLogger(__name__)

_undo = ExitStack()


def register() -> None:
    """Register every class and hook.

    On an error, everything registered before it is unregistered and the error propagates, so that
    the next attempt starts from scratch.
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
    """Undo `register` in reverse order; errors propagate after everything was tried."""
    _undo.close()


def _register_class(cls: type, later: Callable[..., object]) -> None:
    import bpy

    bpy.utils.register_class(cls)
    later(bpy.utils.unregister_class, cls)
