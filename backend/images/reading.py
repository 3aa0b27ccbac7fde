"""Image files to RGBA: every kind of pixel that the allowed formats hold, and masks."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.image_files import FORMATS, READABLE
from ..contract.protocol import ImageFile

LONGEST = 2048  # pixels; larger images are worked on as smaller copies
MOST_PIXELS = 80_000_000  # what is decoded at all: 320 MB as RGBA


def read_image(
    source: str | Path | ImageFile, *, longest: int = LONGEST, upright: bool = False
) -> Tensor:
    """Read an image file without its mask.

    Parameters
    ----------
    source
        PNG, JPEG, WebP, TIFF, BMP or TGA: a path, or an `ImageFile`, which may hold the bytes.
    longest
        An image whose longer side is above this many pixels is averaged down to it.
    upright
        Apply the file's orientation tag. Without it the pixels come as they are stored, which is
        what cameras are fitted to.

    Returns
    -------
    (H, W, 4) float32, sRGB in [0, 1], straight alpha; alpha 1 where the file has none

    Raises
    ------
    RequestError
        If the file is missing, empty, not an image, damaged, or larger than is decoded at all.
    """
    from PIL import Image, ImageOps

    file = source if isinstance(source, ImageFile) else ImageFile(str(source))
    with opened(file) as image:
        width, height = image.size
        image.draft("RGB", (longest, longest))  # JPEG alone can decode a smaller copy
        if upright:
            ImageOps.exif_transpose(image, in_place=True)
        rgba = _to_rgba(image)
    if max(rgba.size) > longest:
        factor = longest / max(width, height)
        if (rgba.size[0] > rgba.size[1]) != (width > height):
            width, height = height, width
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        rgba = rgba.resize(size, Image.Resampling.BOX, reducing_gap=3.0)
    return torch.from_numpy(np.asarray(rgba, np.float32) / 255.0)


def read_mask(path: str | Path, size: tuple[int, int]) -> Tensor:
    """Read a mask: where the object is.

    A mask's transparency counts where it has any, else its brightness.

    Parameters
    ----------
    path
        The mask.
    size
        Width and height of its image; a mask of the same proportions is resized to it.

    Returns
    -------
    (H, W) float32 in [0, 1]

    Raises
    ------
    RequestError
        As `read_image`, or if the mask has other proportions or is empty.
    """
    image = read_image(path)
    opaque = bool((image[..., 3] > 1 - 1e-3).all())
    mask = image[..., :3].mean(2) if opaque else image[..., 3]
    height, width = mask.shape
    if (width, height) != tuple(size):
        if abs(width / height * size[1] / size[0] - 1) > 1.5 / min(width, height, *size):
            raise RequestError(
                f"The mask {path} is {width} x {height}, its image {size[0]} x {size[1]}.",
                "Save the mask at the image's size.",
            )
        mask = torch.nn.functional.interpolate(
            mask[None, None], size=(size[1], size[0]), mode="bilinear", antialias=True
        )[0, 0]
    if not bool((mask > 0.5).any()):
        raise RequestError(
            f"The mask {path} is black all over.", "A mask is white where the object is."
        )
    return mask


@contextmanager
def opened(file: ImageFile) -> Iterator[Any]:
    """Open an image with Pillow, in the allowed formats alone; errors of its decoder are said."""
    from PIL import Image, UnidentifiedImageError

    name = file.path
    content = _content(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(content, formats=tuple(FORMATS))
        with image:
            if image.size[0] * image.size[1] > MOST_PIXELS:
                raise _too_large(name)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except UnidentifiedImageError as error:
        raise RequestError(f"{name} is not a readable image.", f"Save it as {READABLE}.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise RequestError(
            f"The image {name} is damaged: {error}.", "Save it again, or leave it out."
        ) from error


def _content(file: ImageFile) -> Any:
    """Return what Pillow opens: a path that exists, or the bytes."""
    if file.encoded is not None:
        if not file.encoded.size:
            raise _empty(file.path)
        return io.BytesIO(file.encoded.tobytes())
    path = Path(file.path)
    if not path.is_file():
        raise RequestError(f"There is no image {path}.", "Check the path.")
    if path.stat().st_size == 0:
        raise _empty(file.path)
    return path


def _empty(name: str) -> RequestError:
    return RequestError(f"The image {name} is empty: 0 bytes.", "Save it again, or leave it out.")


def _too_large(name: str) -> RequestError:
    return RequestError(
        f"The image {name} has more than {MOST_PIXELS // 1_000_000} million pixels.",
        f"Scale it down; {LONGEST} pixels on the longer side are plenty.",
    )


def _to_rgba(image: Any) -> Any:
    """Return a Pillow image of any mode as RGBA, 8 bits a channel."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        numbers = np.asarray(image, np.float32)
        if image.mode != "F":  # 16-bit greys
            numbers = numbers / 65535.0
        grey = Image.fromarray((numbers.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
        return grey.convert("RGBA")
    return image.convert("RGBA")
