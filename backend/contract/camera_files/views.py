"""Converts posed images to the views of a request, the same from every surface."""

import os

from ..image_files import image_file
from ..protocol import ViewData
from .types import PosedFiles


def views_of(posed: PosedFiles) -> tuple[ViewData, ...]:
    """Return the views of posed images; the worker reads the files."""
    return tuple(
        ViewData(
            None,
            frame.camera,
            frame.name,
            image_file(frame.path, mask=frame.mask),
            depth=os.path.abspath(frame.depth) if frame.depth else "",
            depth_scale=frame.depth_scale,
        )
        for frame in posed.frames
    )
