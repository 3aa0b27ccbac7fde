"""Format and size of an image from its first bytes, before memory is taken for its pixels."""

import mmap
import struct
from dataclasses import dataclass

Bytes = bytes | mmap.mmap


@dataclass(frozen=True)
class ImageHeader:
    """Facts from the first bytes of an image file.

    kind : the format, by Pillow's name
    size : width and height in pixels, as stored
    oddity : why a file of a readable format can't be read; empty if it can
    """

    kind: str
    size: tuple[int, int]
    oddity: str = ""


def header_of(content: Bytes) -> ImageHeader | None:
    """Return format and size of the image that starts with `content`; None for other formats.

    Knows PNG, JPEG, OpenEXR, TIFF, WebP, BMP, Radiance HDR and TGA. A broken header counts as
    unknown, and so does a missing one: in JPEG and TIFF it may be anywhere in the file.
    """
    start = content[:16]
    for magic, (kind, read) in _READERS.items():
        if start.startswith(magic):
            try:
                parsed = read(content)
            except (struct.error, ValueError, IndexError, KeyError):
                return None
            size, oddity = parsed[:2], "".join(parsed[2:])
            return ImageHeader(kind, size, oddity) if min(size) > 0 else None
    size = _tga(content[:18])
    return ImageHeader("TGA", size) if size else None


def _png(head: Bytes) -> tuple[int, int]:
    if head[12:16] != b"IHDR":
        raise ValueError("no IHDR")
    return struct.unpack_from(">II", head, 16)


def _bmp(head: Bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", head, 14)
    if length == 12:  # the header of OS/2
        return struct.unpack_from("<HH", head, 18)
    width, height = struct.unpack_from("<ii", head, 18)
    return width, abs(height)  # a negative height stores the top row first


def _jpeg(head: Bytes) -> tuple[int, int]:
    """Walk the segments up to the frame header (SOF), which holds the size."""
    at = 2
    while True:
        while head[at : at + 2] == b"\xff\xff":  # padding
            at += 1
        marker, length = struct.unpack_from(">HH", head, at)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        if marker < 0xFFC0:
            raise ValueError("not a marker")
        at += 2 + length


def _exr(head: Bytes) -> tuple[int, int]:
    """Read the attribute `dataWindow`, a box2i: xMin, yMin, xMax, yMax, inclusive."""
    name = b"dataWindow\0box2i\0"
    at = _find(head, name) + len(name) + 4
    left, top, right, bottom = struct.unpack_from("<4i", head, at)
    return right - left + 1, bottom - top + 1


def _tiff(head: Bytes) -> tuple[int, int, str]:
    """Read the first directory: width and height (256, 257), and how the samples are stored."""
    tags = _tiff_tags(head)
    bits, count, planes, kind = (tags.get(tag, 1) for tag in (258, 277, 284, 339))
    oddity = ""
    if kind == 3:
        oddity = "a TIFF of floating-point numbers"
    elif bits > 16:
        oddity = f"a TIFF of {bits} bits a channel"
    elif bits == 16 and count == 2:
        oddity = "a TIFF of 16 bits in gray with alpha"
    elif bits == 16 and planes == 2:
        oddity = "a TIFF of 16 bits with a plane for each channel"
    return tags[256], tags[257], oddity


def _tiff_tags(head: Bytes) -> dict[int, int]:
    """Return the first value of each tag of whole numbers in the first directory."""
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4].strip(b"\0") == b"+"  # BigTIFF: offsets and counts of 8 bytes
    long, step, room = ("Q", 20, 8) if big else ("I", 12, 4)
    (at,) = struct.unpack_from(order + long, head, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), head, at)
    at += 8 if big else 2
    tags = {}
    for entry in range(at, at + step * min(count, 4096), step):
        tag, kind, values = struct.unpack_from(order + "HH" + long, head, entry)
        letter = {3: "H", 4: "I", 16: "Q"}.get(kind)
        if letter is None:
            continue
        place = entry + step - room
        if values * struct.calcsize(letter) > room:
            (place,) = struct.unpack_from(order + long, head, place)
        (tags[tag],) = struct.unpack_from(order + letter, head, place)
    return tags


def _webp(head: Bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("not WebP")


def _hdr(head: Bytes) -> tuple[int, int]:
    """Read the line behind the blank one: `-Y height +X width`."""
    start = _find(head, b"\n\n") + 2
    words = head[start : _find(head, b"\n", start)].split()
    return int(words[3]), int(words[1])


def _find(head: Bytes, what: bytes, start: int = 0) -> int:
    """Return where `what` is in the header's first part; raise `ValueError` if it is not."""
    at = head.find(what, start, 1 << 20)
    if at < 0:
        raise ValueError(f"no {what!r}")
    return at


def _tga(head: Bytes) -> tuple[int, int] | None:
    """Read a Targa header, which has no magic: its fields must all have values of the format."""
    if len(head) < 18:  # no room for one
        return None
    _, palette, kind, _, _, _, _, _, width, height, depth, flags = struct.unpack_from(
        "<BBBHHBHHHHBB", head
    )
    right = (
        palette in (0, 1)
        and kind in ((1, 9) if palette else (2, 3, 10, 11))
        and depth in (8, 16, 24, 32)
        and flags & 0xC0 == 0
    )
    return (width, height) if right and width and height else None


_READERS = {
    b"\x89PNG\r\n\x1a\n": ("PNG", _png),
    b"\xff\xd8\xff": ("JPEG", _jpeg),
    b"\x76\x2f\x31\x01": ("EXR", _exr),
    b"II*\0": ("TIFF", _tiff),
    b"MM\0*": ("TIFF", _tiff),
    b"II+\0": ("TIFF", _tiff),
    b"MM\0+": ("TIFF", _tiff),
    b"RIFF": ("WEBP", _webp),
    b"BM": ("BMP", _bmp),
    b"#?": ("HDR", _hdr),
}
