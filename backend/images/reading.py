"""Read image files and masks as RGBA in [0, 1]."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..contract.errors import RequestError
from ..contract.image_files import LONGEST
from ..contract.protocol import ImageFile
from .decoding import UPRIGHT, Decoded, decode, upright

OPAQUE = 1 - 1e-3  # alpha, or brightness of a mask, at which a pixel counts as fully visible


@dataclass(frozen=True)
class ReadImage:
    """An image with its orientation tag.

    Attributes
    ----------
    image : (H, W, 4) float32, sRGB in [0, 1], straight alpha
    orientation : the file's tag, 1 to 8; 1 without a tag
    size : width and height as stored
    """

    image: Tensor
    orientation: int
    size: tuple[int, int]


def read_image(
    source: str | Path | ImageFile, *, longest: int = LONGEST, turned: bool = False
) -> Tensor:
    """Read an image file without its mask, see `read_tagged`; return (H, W, 4) float32."""
    return read_tagged(source, longest=longest, turned=turned).image


def read_tagged(
    source: str | Path | ImageFile, *, longest: int = LONGEST, turned: bool = False
) -> ReadImage:
    """Read an image file without its mask.

    Parameters
    ----------
    source
        PNG, JPEG, WebP, TIFF, BMP or TGA: a path, or an `ImageFile`, which may hold the bytes.
    longest
        An image with a longer side above this many pixels is averaged down to it.
    turned
        Rotate it upright by its orientation tag; else return the stored pixels, as cameras
        are fitted.

    Raises
    ------
    RequestError
        If the file is missing, empty, not an image of these formats, damaged, or above the size
        limit.
    """
    file = source if isinstance(source, ImageFile) else ImageFile(str(source))
    decoded = decode(file, longest=longest)
    pixels = _smaller(decoded, longest)
    if turned:
        pixels = upright(pixels, decoded.orientation)
    whole = np.float32(np.iinfo(pixels.dtype).max)
    image = torch.from_numpy(np.ascontiguousarray(pixels).astype(np.float32) / whole)
    return ReadImage(image, decoded.orientation, decoded.size)


def read_mask(path: str | Path, size: tuple[int, int], *, rotated_by: int = UPRIGHT) -> Tensor:
    """Read the mask of an object: its alpha if it has any transparency, else its brightness.

    Parameters
    ----------
    path
        The mask.
    size
        Width and height of its image; a mask of the same proportions is resized to it.
    rotated_by
        The orientation tag that rotated the image upright; a mask with the size of the
        stored pixels is rotated too.

    Returns
    -------
    (H, W) float32 in [0, 1]

    Raises
    ------
    RequestError
        As `read_image`, or if the mask is empty or does not have the image's proportions.
    """
    read = read_tagged(path, turned=rotated_by != UPRIGHT)
    image = read.image
    color, alpha = image[..., :3], image[..., 3]
    mask = color.mean(2) if bool((alpha > OPAQUE).all()) else alpha
    if rotated_by > 4 and read.orientation == UPRIGHT and not _same_shape(mask, size):
        mask = torch.from_numpy(upright(mask.numpy(), rotated_by).copy())
    if not _same_shape(mask, size):
        raise RequestError(
            f"The mask {path} is {read.size[0]} x {read.size[1]}, which does not have the "
            f"proportions of its image, {size[0]} x {size[1]}.",
            "Save the mask at the image's size.",
        )
    if mask.shape != (size[1], size[0]):
        mask = interpolate(
            mask[None, None], size=(size[1], size[0]), mode="bilinear", antialias=True
        )[0, 0]
    if not bool((mask > 0.5).any()):
        raise RequestError(
            f"The mask {path} is black all over.", "A mask is white where the object is."
        )
    return mask


def _same_shape(mask: Tensor, size: tuple[int, int]) -> bool:
    """Return whether a mask, (H, W), has an image's proportions, within a pixel."""
    height, width = mask.shape
    return abs(width / height * size[1] / size[0] - 1) <= 1.5 / min(width, height, *size)


def _smaller(decoded: Decoded, longest: int) -> np.ndarray:
    """Average pixels down to `longest`; 16-bit values are rounded to 8 bits first."""
    from PIL import Image

    pixels = decoded.pixels
    if max(pixels.shape[:2]) <= longest:
        return pixels
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    factor = longest / max(decoded.size)
    width, height = (max(round(side * factor), 1) for side in decoded.size)
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX, reducing_gap=3.0))
