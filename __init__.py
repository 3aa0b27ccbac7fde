"""Levelform, images to meshes: Blender's entry to the extension; imports no bpy, no torch."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Give `api`, for `from bl_ext.user_default.levelform import api`, registered or not."""
    if name == "api":
        from .addon import api

        return api
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def register() -> None:
    """Register the extension's classes in Blender."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Undo `register`, in reverse order."""
    from . import addon

    addon.unregister()
