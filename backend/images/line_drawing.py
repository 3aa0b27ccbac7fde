"""Line drawings: what their lines enclose belongs to the object.

On paper the inside of an object has the background's color, so a mask by color holds the strokes
alone. Strokes are told from thin objects by their ink: all colors lie between the paper's and one
other.
"""

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

SIDE = 512  # pixels of the longer side at which it is decided
STROKE = 0.012  # half the width of a stroke, fraction of the drawing's longer side, at most
THICK = 0.3  # fraction of the mask that may be thicker: hatching and filled areas
HOLLOW = 0.3  # fraction of the filled drawing that is paper, at least
GAP = 0.004  # half the width of gaps between strokes that are closed, of the longer side
INKS = 0.06  # variance of the colors off the line from the paper to the ink, of the whole
DOUBT = "it looks like a line drawing, and what its lines enclose was taken for the object"


def filled_drawing(image: Tensor) -> Tensor | None:
    """Return the alpha (H, W) of a line drawing with its inside; None of other images.

    Parameters
    ----------
    image : (H, W, 4) whose alpha is the mask by the background's color
    """
    alpha = image[..., 3]
    rows, columns = (alpha > 0.5).nonzero(as_tuple=True)
    if not len(rows):
        return None
    side = float(max(rows.max() - rows.min(), columns.max() - columns.min()) + 1)
    factor = min(SIDE / side, 1.0)
    size = [max(round(length * factor), 1) for length in alpha.shape]
    small = F.interpolate(image.movedim(-1, 0)[None].float(), size, mode="area")[0].movedim(0, -1)
    if not _of_strokes(small, side * factor):
        return None
    filled = torch.from_numpy(_filled(alpha.numpy() > 0.5, side))
    return torch.where(filled, 1.0, alpha)


def _of_strokes(image: Tensor, side: float) -> bool:
    """Return whether a mask consists of thin strokes of one ink around much paper."""
    from scipy.ndimage import distance_transform_edt

    inside = image[..., 3].numpy() > 0.35  # thin strokes are blurred by the reduction
    # The distance of a pixel's center from the next one outside: 1 at the rim.
    depth = cast("np.ndarray", distance_transform_edt(np.pad(inside, 1)))
    thick = (depth > max(STROKE * side, 1.5) + 0.5).sum()
    if thick > THICK * inside.sum():
        return False
    filled = _filled(inside, side)
    if (filled & ~inside).sum() < HOLLOW * filled.sum():
        return False
    return _one_ink(image[..., :3][torch.from_numpy(inside)])


def _filled(inside: np.ndarray, side: float) -> np.ndarray:
    """Return a mask without holes, and without gaps in its outline."""
    from scipy.ndimage import binary_dilation, binary_erosion, binary_fill_holes

    reach = max(round(GAP * side), 1)
    wide = binary_dilation(np.pad(inside, reach + 1), iterations=reach)
    whole = binary_erosion(binary_fill_holes(wide), iterations=reach)
    cut = slice(reach + 1, -reach - 1)
    return cast("np.ndarray", whole[cut, cut] | inside)


def _one_ink(colors: Tensor) -> bool:
    """Return whether colors (N, 3) lie on a line."""
    spread = torch.linalg.eigvalsh(torch.cov(colors.double().T) + 1e-9 * torch.eye(3))
    return bool(spread[:2].sum() < INKS * spread.sum()) or bool(spread.sum() < 1e-4)
