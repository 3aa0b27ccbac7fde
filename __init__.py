"""Levelform, pictures to meshes: Blender's entry to the extension; imports no bpy, no torch."""


def register() -> None:
    """Register the extension's classes in Blender."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Undo `register`, in reverse order."""
    from . import addon

    addon.unregister()
