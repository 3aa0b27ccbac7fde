"""An image with the outline of its mask, as people judge it."""

import numpy as np

INSIDE, OUTSIDE = (255, 240, 0), (0, 0, 0)  # sRGB of the line's two strokes, seen on any colour
DIMMED = 0.35  # brightness of the background
WIDTH = 1 / 250  # of the line, fraction of the image's longer side


def outlined(colors: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image with the background dimmed and a line around the object.

    Parameters
    ----------
    colors : (H, W, 3 or 4) uint8 sRGB
    mask : (H, W) uint8

    Returns
    -------
    (H, W, 3) uint8
    """
    inside = mask > 127
    weight = np.where(inside, 1.0, DIMMED)[..., None]
    result = (colors[..., :3] * weight + 0.5).astype(np.uint8)
    steps = max(round(WIDTH * max(mask.shape)), 1)
    grown, shrunk = inside, inside
    for _ in range(steps):
        grown = _spread(grown)
        shrunk = ~_spread(~shrunk)
    result[grown & ~inside] = OUTSIDE
    result[inside & ~shrunk] = INSIDE
    return result


def _spread(mask: np.ndarray) -> np.ndarray:
    """Return a mask, (H, W) bool, grown by one pixel up, down, left and right."""
    result = mask.copy()
    result[1:] |= mask[:-1]
    result[:-1] |= mask[1:]
    result[:, 1:] |= mask[:, :-1]
    result[:, :-1] |= mask[:, 1:]
    return result
