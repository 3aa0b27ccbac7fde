"""The object cut out and centred on a plain colour, to the pixel as TripoSR's images are made."""

import torch
from torch import Tensor

from ..contract.errors import RequestError

GREY = 0.5


def centred_foreground(image: Tensor, *, ratio: float, name: str = "view") -> Tensor:
    """Return the object on grey in a square that it fills to a fraction `ratio`.

    The pixels with alpha above 0 are cropped (without the last row and column, as the authors'
    code does), padded to a square, and this again; then composited and truncated to 8 bits.

    Parameters
    ----------
    image : (H, W, 4) sRGB in [0, 1], straight alpha
    ratio : longest side of the object over the square's side
    name : the image's name in messages

    Returns
    -------
    (3, S, S) RGB in [0, 1], multiples of 1 / 255

    Raises
    ------
    RequestError
        If no pixel, or only one row or column of them, has alpha above 0.
    """
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    top, bottom = _span(pixels[..., 3].any(1))
    left, right = _span(pixels[..., 3].any(0))
    if top == bottom or left == right:
        raise RequestError(
            f"{name}: the image shows no object, its alpha is empty.",
            "Give an image with the object's mask as alpha, or name its background.",
        )
    cut = pixels[top:bottom, left:right].float() / 255
    side = max(cut.shape[:2])
    square = _padded(_padded(cut, side), int(side / ratio))
    color, alpha = square[..., :3], square[..., 3:]
    flat = color * alpha + (1 - alpha) * GREY
    return (flat * 255).floor().permute(2, 0, 1) / 255


def _span(occupied: Tensor) -> tuple[int, int]:
    """Return the first and the last index that is occupied; 0, 0 if none is."""
    (indices,) = occupied.nonzero(as_tuple=True)
    return (int(indices[0]), int(indices[-1])) if len(indices) else (0, 0)


def _padded(image: Tensor, side: int) -> Tensor:
    """Return (H, W, C) in the middle of zeros, (side, side, C); an odd row or column goes last."""
    height, width = image.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = image.new_zeros(side, side, image.shape[2])
    square[top : top + height, left : left + width] = image
    return square
