"""The size of a picture from the first bytes of its file, before memory is taken for its pixels."""

import struct

# Enough for the headers below; a JPEG's may stand behind a thumbnail and a colour profile.
HEADER_BYTES = 1 << 18


def size_of(head: bytes) -> tuple[int, int] | None:
    """Return (width, height) of the picture that starts with `head`; None for other formats.

    Knows PNG, JPEG, OpenEXR, TIFF, WebP, BMP, Radiance HDR and TGA. A broken header counts as not
    known.
    """
    for magic, read in _READERS.items():
        if head.startswith(magic):
            try:
                return read(head)
            except (struct.error, ValueError, IndexError):
                return None
    return _tga(head)


def _png(head: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II", head, 16)


def _bmp(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<ii", head, 18)
    return width, abs(height)  # a negative height stores the top row first


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header (SOF), which holds the size."""
    at = 2
    while True:
        marker, length = struct.unpack_from(">HH", head, at)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        if marker < 0xFFC0:
            return None
        at += 2 + length


def _exr(head: bytes) -> tuple[int, int]:
    """Read the attribute `dataWindow`, a box2i: xMin, yMin, xMax, yMax, inclusive."""
    at = head.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    left, top, right, bottom = struct.unpack_from("<4i", head, at)
    return right - left + 1, bottom - top + 1


def _tiff(head: bytes) -> tuple[int, int] | None:
    """Read tags 256 and 257, width and height, of the first directory."""
    order = "<" if head.startswith(b"II") else ">"
    (at,) = struct.unpack_from(order + "I", head, 4)
    (count,) = struct.unpack_from(order + "H", head, at)
    found = {}
    for index in range(count):
        entry = at + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", head, entry)
        if tag in (256, 257):
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), head, entry + 8)
    return (found[256], found[257]) if len(found) == 2 else None


def _webp(head: bytes) -> tuple[int, int] | None:
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
    return None


def _hdr(head: bytes) -> tuple[int, int]:
    """Read the line behind the blank one: `-Y height +X width`."""
    start = head.index(b"\n\n") + 2
    words = head[start : head.index(b"\n", start)].split()
    return int(words[3]), int(words[1])


def _tga(head: bytes) -> tuple[int, int] | None:
    """Read a Targa header, which has no magic: its fields must all have values of the format."""
    if len(head) < 18:
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
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8\xff": _jpeg,
    b"\x76\x2f\x31\x01": _exr,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"RIFF": _webp,
    b"BM": _bmp,
    b"#?": _hdr,
}
