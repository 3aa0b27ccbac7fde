"""Image files: which formats are read, their sizes, their masks, and their order."""

import os
import re
from functools import lru_cache
from os import PathLike
from pathlib import Path

from . import image_headers
from .errors import RequestError
from .protocol import ImageFile

# What is read, by the name that Pillow has for it; everything else is refused.
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "TGA": (".tga",),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
READABLE = "PNG, JPEG, WebP, TIFF, BMP or TGA"  # the same for a person
MASK_FOLDER = "masks"


def image_file(path: str | PathLike[str], mask: str | PathLike[str] = "") -> ImageFile:
    """Return an image file for the worker, with its mask.

    Parameters
    ----------
    path
        The image.
    mask
        Its mask, where a file or a person names one; else the mask beside the image is taken, see
        `find_mask`.
    """
    path = os.path.abspath(path)
    return ImageFile(path, None, os.path.abspath(mask) if mask else find_mask(path))


def find_mask(path: str | PathLike[str]) -> str:
    """Return the mask that belongs to an image by its name; empty if there is none.

    For `images/a.jpg` these are `masks/a.jpg`, `masks/a.jpg.png` and `masks/a.png`, with `masks` in
    the image's folder or beside a folder named `images...`; then `a.mask.png` and `a_mask.png`
    beside the image. A mask has no mask.
    """
    path = Path(path)
    folder, stem = path.parent, path.stem
    if folder.name.lower() == MASK_FOLDER:
        return ""
    folders = [folder / MASK_FOLDER]
    if folder.name.lower().startswith("images"):
        folders.append(folder.parent / MASK_FOLDER)
    names = [path.name, f"{path.name}.png", *(stem + suffix for suffix in SUFFIXES)]
    tries = [place / name for place in folders if place.is_dir() for name in names]
    tries += [folder / name for name in (f"{stem}.mask.png", f"{stem}_mask.png")]
    return next((str(candidate) for candidate in tries if candidate.is_file()), "")


def list_images(folder: str | PathLike[str]) -> list[Path]:
    """Return a folder's image files in natural order, without the masks of others among them."""
    found = [path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES]
    masks = {find_mask(path) for path in found}
    found = [path for path in found if path.is_file() and str(path) not in masks]
    return sorted(found, key=lambda path: natural_key(path.name))


def natural_key(text: str) -> list[tuple[int, str]]:
    """Return a sorting key that puts view2 before view10."""
    parts = re.split(r"([0-9]+)", text)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Return width and height of an image file as its pixels are stored, from its header alone.

    Raises
    ------
    RequestError
        If the file is missing, empty, can't be opened, or its header is not one of an image.
    """
    path = Path(path)
    try:
        status = path.stat()
        size = _size_in_file(str(path), status.st_mtime_ns, status.st_size)
    except FileNotFoundError as error:
        raise RequestError(f"There is no image {path}.", "Check the path.") from error
    except OSError as error:
        raise RequestError(
            f"The image {path} can't be opened ({error.strerror}).", "Check its permissions."
        ) from error
    if status.st_size == 0:
        raise RequestError(
            f"The image {path} is empty (0 bytes).", "Save it again, or leave it out."
        )
    if size is None:
        raise RequestError(f"{path} is not a readable image.", f"Save it as {READABLE}.")
    return size


@lru_cache(maxsize=1024)
def _size_in_file(path: str, _modified: int, _bytes: int) -> tuple[int, int] | None:
    """Read the size from a file's header; kept, since panels ask at every redraw."""
    with open(path, "rb") as file:
        return image_headers.size_of(file.read(image_headers.HEADER_BYTES))
