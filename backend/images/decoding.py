"""Decode image files to arrays at their full bit depth, with Pillow.

Pillow has no mode for several channels of 16 bits and keeps only the high byte of each value. Such
files are decoded twice: as declared, and with the bytes of each value swapped, which gives the low
bytes.
"""

import io
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from ..contract.errors import RequestError
from ..contract.image_files import (
    FORMATS,
    READABLE,
    check_size,
    empty,
    image_header,
    is_readable,
    not_readable,
    too_large,
)
from ..contract.image_headers import ImageHeader, header_of
from ..contract.protocol import ImageFile

ORIENTATION = 0x0112  # the tag of TIFF and EXIF
UPRIGHT = 1
# Pillow modes that convert to RGBA without loss; the others hold one channel of more bits, or none
# that a colour is.
COLORS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}
# Raw modes of 16 bits a channel, to the mode that holds the bytes as they are.
WIDE = {"RGB": "RGB", "RGBX": "RGB", "RGBA": "RGBA", "RGBa": "RGBA"}
SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True)
class Decoded:
    """A decoded image file.

    Attributes
    ----------
    pixels : (H, W, 4) uint8 or uint16 RGBA with straight alpha, as stored
    orientation : the tag that says how to rotate it upright, 1 to 8; 1 without a tag
    size : width and height as stored; `pixels` may be smaller
    """

    pixels: np.ndarray
    orientation: int
    size: tuple[int, int]


def decode(file: ImageFile, *, longest: int) -> Decoded:
    """Decode an image file; `longest` lets the decoder skip detail beyond that many pixels a side.

    Raises
    ------
    RequestError
        If the file is missing, empty, not an image of an allowed format, damaged, or above the
        size limit.
    """
    with opened(file) as image:
        if image.format != "TIFF":
            size = image.size
            image.draft("RGB", (longest, longest))  # JPEG alone can decode a smaller copy
            pixels = _pixels(file, image)
            return Decoded(pixels, _orientation(image), size)
        orientation = _orientation(image)
        pixels = _pixels(file, image)
        if orientation != UPRIGHT and ORIENTATION not in image.getexif():
            pixels = as_stored(
                pixels, orientation
            )  # newer Pillow versions rotate TIFFs while loading
        return Decoded(pixels, orientation, (pixels.shape[1], pixels.shape[0]))


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Rotate and mirror pixels, (H, W, ...), as an orientation tag says (TIFF 6.0, 274)."""
    if orientation in (2, 3):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4):
        pixels = pixels[::-1]
    if orientation in (5, 7):
        pixels = pixels.swapaxes(0, 1)
    if orientation == 7:
        pixels = pixels[::-1, ::-1]
    if orientation in (6, 8):
        pixels = np.rot90(pixels, -1 if orientation == 6 else 1)
    return pixels


def as_stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo `upright`."""
    return upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))


@contextmanager
def opened(file: ImageFile) -> Iterator[Any]:
    """Open an image with Pillow, allowed formats only; decoder errors become `RequestError`."""
    from PIL import Image, UnidentifiedImageError

    name = file.path
    try:
        with _content(file) as content, warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # Pillow warns about sizes, which are checked here, and odd tags
            with Image.open(content, formats=tuple(FORMATS)) as image:
                check_size(name, image.size)
                yield image
    except UnidentifiedImageError as error:
        raise not_readable(name) from error
    except Image.DecompressionBombError as error:
        raise too_large(name) from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise RequestError(
            f"The image {name} is damaged: {error}.", "Save it again, or leave it out."
        ) from error


def _content(file: ImageFile) -> BinaryIO:
    """Return the bytes for Pillow, after checking the size in the header.

    Given a path, Pillow maps the file, and misreads an uncompressed TIFF with an orientation tag.
    """
    if file.encoded is None:
        _check(file.path, image_header(file.path))
        return open(file.path, "rb")
    content = file.encoded.tobytes()
    if not content:
        raise empty(file.path)
    _check(file.path, header_of(content))
    return io.BytesIO(content)


def _check(name: str, header: ImageHeader | None) -> None:
    if header is not None:
        check_size(name, header.size)
        if not is_readable(header):
            raise not_readable(name, header)


def _orientation(image: Any) -> int:
    """Return the orientation tag; a garbled tag counts as missing."""
    try:
        tag = image.getexif().get(ORIENTATION, UPRIGHT)
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error, OSError):
        return UPRIGHT
    return tag if tag in range(1, 9) else UPRIGHT


def _pixels(file: ImageFile, image: Any) -> np.ndarray:
    """Return (H, W, 4) uint8 or uint16 RGBA of an image not decoded yet."""
    depth, transparency = _whole(image), image.info.get("transparency")
    if depth is None:
        return _rgba(image, file.path)
    pixels = _wide(file, image, *depth)
    return pixels if transparency is None else _keyed(pixels, transparency)


# ---------------------------------------------------------------- eight bits


def _rgba(image: Any, name: str) -> np.ndarray:
    """Return (H, W, 4) uint8 of an image of at most 8 bits a channel; uint16 of a 16-bit grey."""
    mode, transparency = image.mode, image.info.get("transparency")
    if mode.startswith("I;16") or (mode == "I" and image.format == "PNG"):
        grey = np.asarray(image).astype(np.uint16)[..., None]
        full = np.full_like(grey, 65535)
        pixels = np.concatenate([grey, grey, grey, full], 2)
        return pixels if transparency is None else _keyed(pixels, transparency)
    if mode not in COLORS:
        raise RequestError(
            f"The image {name} holds {mode} pixels, which can't be read.",
            f"Save it as {READABLE}, in RGB.",
        )
    if image.format == "BMP" and _raw_mode(image) == "BGRX":
        return _bitmap_with_alpha(image)
    return np.asarray(image.convert("RGBA"))


def _bitmap_with_alpha(image: Any) -> np.ndarray:
    """Return (H, W, 4) uint8 of a 32-bit bitmap; its spare byte is alpha unless always 0."""
    _decode_as(image, "RGBA", "BGRA")
    pixels = np.array(image)
    if not pixels[..., 3].any():
        pixels[..., 3] = 255
    return pixels


# ---------------------------------------------------------------- sixteen bits


def _whole(image: Any) -> tuple[str, str] | None:
    """Return channels and byte order of the raw mode of an image with 16 bits a channel."""
    channels, bits, order = _raw_mode(image).partition(";16")
    if not bits or order not in SWAPPED or channels not in {*WIDE, "LA"}:
        return None
    if channels == "LA" and image.mode != "RGBA":  # older Pillow versions decode it to 8 bits
        return None
    return channels, order


def _wide(file: ImageFile, image: Any, channels: str, order: str) -> np.ndarray:
    """Return (H, W, 4) uint16 from the high and the low bytes."""
    if channels == "LA":  # two values of 16 bits are four bytes
        _decode_as(image, "RGBA", "RGBA")
        high, low = np.asarray(image)[..., 0::2], np.asarray(image)[..., 1::2]
    else:
        mode = WIDE[channels]
        stored = "RGBA" if channels == "RGBa" else channels
        with opened(file) as again:
            _decode_as(again, mode, f"{stored};16{SWAPPED[order]}")
            low = np.array(again)
        _decode_as(image, mode, f"{stored};16{order}")
        high = np.asarray(image)
    values = high.astype(np.uint16) << 8 | low
    if channels == "LA":
        return values[..., [0, 0, 0, 1]]
    if values.shape[2] == 3:
        return np.concatenate([values, np.full_like(values[..., :1], 65535)], 2)
    return _straight(values) if channels == "RGBa" else values


def _straight(values: np.ndarray) -> np.ndarray:
    """Return (H, W, 4) uint16 RGBA with straight alpha, from premultiplied values."""
    alpha = values[..., 3:].astype(np.float32)
    color = values[..., :3] * (65535 / np.maximum(alpha, 1))
    color = color.round().clip(0, 65535).astype(np.uint16)
    return np.concatenate([color, values[..., 3:]], 2)


def _keyed(pixels: np.ndarray, transparency: Any) -> np.ndarray:
    """Return (H, W, 4) uint16 with the pixels of one colour transparent (PNG's tRNS)."""
    key = np.array(transparency if isinstance(transparency, tuple) else [transparency] * 3)
    clear = (pixels[..., :3] == key).all(2)
    alpha = np.where(clear, 0, pixels[..., 3]).astype(np.uint16)
    return np.concatenate([pixels[..., :3], alpha[..., None]], 2)


# ---------------------------------------------------------------- Pillow's tiles


def _raw_mode(image: Any) -> str:
    """Return the raw mode of an image not decoded yet; empty if it is decoded."""
    if not image.tile:
        return ""
    args = image.tile[0][3]
    mode = args if isinstance(args, str) else args[0] if args else ""
    return mode if isinstance(mode, str) else ""


def _decode_as(image: Any, mode: str, raw_mode: str) -> None:
    """Decode an image with another raw mode of the same length."""
    tiles = []
    for tile in image.tile:
        args = raw_mode if isinstance(tile[3], str) else (raw_mode, *tile[3][1:])
        parts = (*tile[:3], args)
        tiles.append(tile._make(parts) if hasattr(tile, "_make") else parts)
    image._mode, image.tile = mode, tiles
    image.info.pop("transparency", None)
    image.load()
