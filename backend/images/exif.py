"""The focal length that a camera or a phone writes into its images (EXIF)."""

import math
import struct

from ..contract.protocol import ImageFile
from .decoding import opened

EXIF, FOCAL_IN_35MM = 0x8769, 0xA405
DIAGONAL_35MM = math.hypot(36.0, 24.0)  # mm; the equivalent focal length refers to it


def focal_in_diagonals(file: ImageFile) -> float | None:
    """Return the focal length in diagonals of the image; None if the file does not say it.

    It comes from FocalLengthIn35mmFilm, whose field of view is that of the image's diagonal.

    Raises
    ------
    RequestError
        If the file is not a readable image.
    """
    with opened(file) as image:
        try:
            focal = float(image.getexif().get_ifd(EXIF)[FOCAL_IN_35MM])
        except (KeyError, TypeError, ValueError, SyntaxError, OSError, struct.error):
            return None
    return focal / DIAGONAL_35MM if math.isfinite(focal) and focal > 0 else None
