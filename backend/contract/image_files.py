"""Image files: readable formats, sizes, masks and order."""

import mmap
import os
import re
import unicodedata
from functools import lru_cache
from os import PathLike
from pathlib import Path

from .errors import RequestError
from .image_headers import ImageHeader, header_of
from .protocol import ImageFile

# Readable formats, by Pillow's names; all others are refused.
FORMATS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "TGA": (".tga",),
}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
UNREAD = (".heic", ".heif", ".avif", ".dng", ".gif")  # what cameras and phones write besides
READABLE = "PNG, JPEG, WebP, TIFF, BMP or TGA"  # the same for messages
LONGEST = 2048  # pixels; larger images are shrunk to this, which is finer than any mesh
MOST_PIXELS = 80_000_000  # limit for decoding: 320 MB as RGBA
MASK_FOLDER = "masks"


def image_file(path: str | PathLike[str], mask: str | PathLike[str] = "") -> ImageFile:
    """Return an image file for the worker, with its mask.

    Parameters
    ----------
    path
        The image.
    mask
        Its mask, if a file or a person names one; else the mask found by `find_mask`.
    """
    path = os.path.abspath(path)
    return ImageFile(path, None, os.path.abspath(mask) if mask else find_mask(path))


def find_mask(path: str | PathLike[str]) -> str:
    """Find the mask of an image by name; empty if it has none.

    For `images/a.jpg` these are `masks/a.jpg`, `masks/a.jpg.png` and `masks/a.png`, with `masks` in
    the image's folder or beside a folder named `images...`; then `a.mask.png`, `a_mask.png` and
    `a.jpg.mask.png` beside the image. A mask has no mask.
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
    own = (f"{stem}.mask.png", f"{stem}_mask.png", f"{path.name}.mask.png", f"{path.name}_mask.png")
    tries += [folder / name for name in own]
    return next((str(candidate) for candidate in tries if candidate.is_file()), "")


def list_images(folder: str | PathLike[str]) -> list[Path]:
    """Return a folder's image files in natural order, without masks."""
    paths = [path for path in Path(folder).iterdir() if path.suffix.lower() in SUFFIXES]
    masks = {find_mask(path) for path in paths}
    paths = [path for path in paths if path.is_file() and str(path) not in masks]
    return sorted(paths, key=lambda path: natural_key(path.name))


def no_images(folder: str | PathLike[str], nor: str = "") -> RequestError:
    """Return the error for a folder without readable images; it names formats that are not read.

    Parameters
    ----------
    nor : what else is missing, such as " and no file of cameras"
    """
    suffixes = {path.suffix.lower() for path in Path(folder).iterdir()}
    unread = [suffix for suffix in UNREAD if suffix in suffixes]
    if unread:
        return RequestError(
            f"The folder {folder} holds {' and '.join(unread)} files, which are not read.",
            f"Save them as {READABLE}; phones can be set to take JPEG.",
        )
    return RequestError(f"The folder {folder} holds no images{nor}.", "Name another folder.")


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Return a sorting key that puts view2 before view10, ignoring case."""
    parts = re.split(r"([0-9]+)", unicodedata.normalize("NFC", text).casefold())
    key = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]
    return [*key, (-1, 0, text)]


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Return width and height of an image file as stored, from its header alone.

    Raises
    ------
    RequestError
        If the file is missing, empty, above the size limit, can't be opened, or is not a
        readable image.
    """
    header = image_header(path)
    if header is None or not is_readable(header):
        raise not_readable(path, header)
    return header.size


def is_readable(header: ImageHeader | None) -> bool:
    """Return whether the worker reads files with such a header."""
    return header is not None and header.kind in FORMATS and not header.oddity


def image_header(path: str | PathLike[str]) -> ImageHeader | None:
    """Return an image file's header; None for an unknown format.

    Raises
    ------
    RequestError
        If the file is missing, empty, above the size limit, or can't be opened.
    """
    try:
        status = os.stat(path)
        if status.st_size == 0:
            raise empty(path)
        header = _header_in_file(os.fspath(path), status.st_mtime_ns, status.st_size)
    except FileNotFoundError as error:
        raise missing(path) from error
    except OSError as error:
        raise RequestError(
            f"The image {path} can't be opened ({error.strerror}).", "Check its permissions."
        ) from error
    if header is not None:
        check_size(path, header.size)
    return header


def check_size(name: object, size: tuple[int, int]) -> None:
    """Raise `RequestError` if an image is above the size limit."""
    if size[0] * size[1] > MOST_PIXELS:
        raise too_large(name, size)


def too_large(name: object, size: tuple[int, int] | None = None) -> RequestError:
    """Return the error for an image above the size limit."""
    seen = f", {size[0]} x {size[1]}," if size else ""
    return RequestError(
        f"The image {name}{seen} has more than {MOST_PIXELS // 1_000_000} million pixels.",
        f"Scale it down; {LONGEST} pixels on the longer side are plenty.",
    )


def missing(path: object) -> RequestError:
    """Return the error for a missing file."""
    return RequestError(f"The image {path} does not exist.", "Check the path.")


def empty(path: object) -> RequestError:
    """Return the error for an empty file."""
    return RequestError(f"The image {path} is empty (0 bytes).", "Save it again, or leave it out.")


def not_readable(path: object, header: ImageHeader | None = None) -> RequestError:
    """Return the error for a file that is not a readable image."""
    seen = "not a readable image"
    if header is not None:
        seen = f"{header.oddity or f'in the format {header.kind}'}, which is not read"
    return RequestError(f"{path} is {seen}.", f"Save it as {READABLE}, of 8 or 16 bits.")


@lru_cache(maxsize=1024)
def _header_in_file(path: str, _modified: int, _bytes: int) -> ImageHeader | None:
    """Read a file's header; cached, since panels ask at every redraw."""
    with open(path, "rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # a file system without memory maps
            return header_of(file.read())
        with content:
            return header_of(content)
