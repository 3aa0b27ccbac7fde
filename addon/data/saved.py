"""Opens saved results, to continue improving them."""

from pathlib import Path

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import CODE_FILE
from ..jobs.requests import absolute
from ..jobs.running import Running
from ..jobs.session import exhaust, live
from .blending import begin_blend


def open_result(path: str, *, resolution: int = 128, name: str = "") -> bpy.types.Object:
    """Add the result in a file of `save_code`; `improve` continues it.

    Parameters
    ----------
    path
        A file (.safetensors); a fit's contains its images.
    resolution
        Cells along the longest side of the volume.
    name
        Of the new object; empty: the file's.

    Raises
    ------
    RequestError
        If the file can't be read.
    WorkError
        If the result has no surface.
    """
    return exhaust(live.drive(begin_open(path, resolution=resolution, name=name)))


def begin_open(path: str, *, resolution: int = 128, name: str = "") -> Running:
    """Begin to open a saved result."""
    if not path.lower().endswith(CODE_FILE):
        raise RequestError(
            f"{path} is not a saved result.", f"Choose a file whose name ends with {CODE_FILE}."
        )
    title = name or Path(path).stem
    return begin_blend([absolute(path)], [1.0], resolution=resolution, name=title)
