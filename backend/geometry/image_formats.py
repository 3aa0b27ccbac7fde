"""The image formats that Pillow may open, whoever calls it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..contract.image_files import FORMATS


@contextmanager
def allowed_formats_alone() -> Iterator[None]:
    """Let `PIL.Image.open` know the allowed formats alone while a library calls it.

    trimesh opens the textures that a mesh file names with whatever Pillow can read; for a
    PostScript file Pillow starts Ghostscript, whatever the file's suffix.
    """
    from PIL import Image

    Image.init()
    before = Image.ID[:]
    Image.ID[:] = [name for name in before if name in FORMATS]
    try:
        yield
    finally:
        Image.ID[:] = before
