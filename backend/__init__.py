"""Levelform's backend: images to fields to meshes. Torch and numpy, never bpy.

The public names load lazily, so that importing this package imports no torch:

    from levelform.backend import Camera, View, load_reconstructor, extract, stream
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .extraction import ExtractedMesh as ExtractedMesh
    from .extraction import extract as extract
    from .extraction import stream as stream
    from .fields import Field as Field
    from .geometry.cameras import Camera as Camera
    from .geometry.meshes import Mesh as Mesh
    from .geometry.views import View as View
    from .reconstructors import Code as Code
    from .reconstructors import load_reconstructor as load_reconstructor

_HOME = {
    "Camera": ".geometry.cameras",
    "Code": ".reconstructors",
    "Field": ".fields",
    "Mesh": ".geometry.meshes",
    "ExtractedMesh": ".extraction",
    "View": ".geometry.views",
    "extract": ".extraction",
    "load_reconstructor": ".reconstructors",
    "stream": ".extraction",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
