"""Pieces and holes of a mask: which of them are the object's."""

from typing import cast

import numpy as np
import torch
from torch import Tensor

NEAR = 0.05  # pieces nearer to each other than this fraction of the image's side are one object
SMALL = 0.02  # area of pieces apart, in areas of the largest, below which they are left out
FOREIGN = 0.08  # difference from the colors around the object above which a hole is the object's
LIKER = 0.5  # it is, too, if nearer than this to the object's colors, of that to those around
AROUND = 0.1  # width of the surroundings of a mask, fraction of the image's longer side
SAMPLES = 200  # colors compared: of a hole, and twice as many of the surroundings
NEAREST = 3  # colors of the surroundings that have to be near


def main_piece(mask: Tensor) -> Tensor:
    """Return a mask without small pieces and those that are far from the largest group."""
    from scipy.ndimage import distance_transform_edt, label

    inside = (mask > 0.5).numpy()
    if not inside.any():
        return mask
    away = cast("np.ndarray", distance_transform_edt(~inside))
    groups, count = cast("tuple[np.ndarray, int]", label(away <= NEAR / 2 * max(mask.shape)))
    sizes = np.bincount(groups[inside], minlength=count + 1)
    kept = torch.where(torch.from_numpy(groups == sizes.argmax()), mask, 0.0)
    return _without_small_pieces(kept)


def _without_small_pieces(mask: Tensor) -> Tensor:
    """Return a mask without pieces that are small beside the largest, and their soft edges."""
    from scipy.ndimage import distance_transform_edt, label

    inside = mask.numpy() > 0.5
    pieces, _ = cast("tuple[np.ndarray, int]", label(inside))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    small = sizes < SMALL * sizes.max()
    small[0] = False
    if not small.any():
        return mask
    nearest = cast(
        "np.ndarray", distance_transform_edt(~inside, return_distances=False, return_indices=True)
    )
    return torch.where(torch.from_numpy(small[pieces[tuple(nearest)]]), 0.0, mask)


def hole_area(mask: Tensor) -> float:
    """Return the area of a mask's holes, as a fraction of the image."""
    return float(_holes(mask).mean())


def without_foreign_holes(color: Tensor, mask: Tensor) -> Tensor:
    """Return a mask, (H, W), without holes that show nothing of the surroundings.

    A hole shows the background, whose colors also appear around the object; other colors, and those
    that are far more like the object's, are of parts that the network did not recognize.

    Parameters
    ----------
    color : (H, W, 3) sRGB in [0, 1]
    """
    from scipy.ndimage import binary_fill_holes, distance_transform_edt, find_objects, label

    holes = _holes(mask)
    if not holes.any():
        return mask
    whole = cast("np.ndarray", binary_fill_holes(mask.numpy() > 0.5))
    away = cast("np.ndarray", distance_transform_edt(~whole))
    pixels = color.numpy()
    around = pixels[(away > 2) & (away < AROUND * max(mask.shape))]
    own = pixels[mask.numpy() > 0.5]
    labels, count = cast("tuple[np.ndarray, int]", label(holes))
    foreign = np.zeros(count + 1, bool)
    for index, window in enumerate(find_objects(labels), 1):
        hole = pixels[window][labels[window] == index]
        unlike = unlikeness(hole, around)
        foreign[index] = unlike > FOREIGN or unlikeness(hole, own) < LIKER * unlike
    return torch.where(torch.from_numpy(foreign[labels]), 1.0, mask)


def unlikeness(colors: np.ndarray, others: np.ndarray) -> float:
    """Return the mean distance of colors (N, 3) to the nearest few of others (M, 3).

    Infinity without others.
    """
    if len(others) < NEAREST:
        return float("inf")
    own, other = _spread(colors, SAMPLES), _spread(others, 2 * SAMPLES)
    distances = np.abs(own[:, None] - other[None]).max(2)
    return float(np.partition(distances, NEAREST - 1, 1)[:, :NEAREST].mean())


def _spread(colors: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of the colors, evenly spread."""
    return colors[:: max(len(colors) // count, 1)][:count]


def _holes(mask: Tensor) -> np.ndarray:
    """Return (H, W) bool: pixels outside the mask that it encloses."""
    from scipy.ndimage import binary_fill_holes

    inside = mask.numpy() > 0.5
    return cast("np.ndarray", binary_fill_holes(inside)) & ~inside
