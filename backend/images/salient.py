"""The mask of the object that stands out in a photograph, by U2-Netp.

The network sees 320 pixels a side and is sometimes led astray by patterns, so it looks at the
image, at its reflection and, where these differ, at a low-pass copy and a grey one. Their mean is
more reliable than each. A further look, at the object's surroundings alone, has more pixels of the
object and is used where it agrees. Where all of them leave much undecided, colours decide
(`color_model`). A guided filter then moves the mask's edges to the image's (`edges`), pieces apart
from the largest are left out (`pieces`), and holes that show nothing of the surroundings are
filled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..ticket import Ticket
from .color_model import decided_by_color
from .edges import guided
from .pieces import hole_area, main_piece, without_foreign_holes
from .u2netp import SIDE, U2NetP, standardized

LOW_PASS = 96  # pixels along the longer side of the low-pass copy
MARGIN = 0.15  # around the object in the closer look, fraction of its longer side
AGREES = 0.9  # minimum IoU of the closer look and the mean of the others for it to be used
RESEMBLES, DECISIVE = 0.5, 0.9  # or minimum IoU and decisiveness
CLEAR = 0.97  # IoU of the first two looks above which the others would change nothing
LEAST_WEIGHT = 1e-3  # of a look that decides nothing
GUIDE = 512  # pixels along the longer side at which the edges are refined
UNDECIDED = 0.3  # undecided pixels per pixel of the object above which colours decide
AROUND = 0.6  # margin around the object for comparing colours, fraction of its longer side
RAMP = (0.1, 0.9)  # values of the filtered mask that become 0 and 1
FIRM = 0.9  # least area above .75 per area above .25; below, the outline is uncertain
FIRMER, AGREEMENT = 0.95, 0.75  # the same where a look's IoU with the mean is below the second
HOLES = 0.1  # largest area of holes, as a fraction of the object's, without a doubt
SMALLEST, LARGEST = 0.003, 0.9  # fraction of the image that an object takes
DOUBTFUL_REST = 0.15  # area of the left out pieces, as a fraction of the object's


@dataclass(frozen=True)
class SalientMask:
    """A mask, and why it may be wrong.

    mask : (H, W) in [0, 1]
    doubts : clauses for the person, "the object fills ...", most serious first; empty: none
    """

    mask: Tensor
    doubts: tuple[str, ...] = ()


@torch.inference_mode()
def salient_mask(network: U2NetP, image: Tensor, ticket: Ticket | None = None) -> SalientMask:
    """Return the mask of the object that stands out in an image, (H, W, 3 or more) sRGB."""
    ticket = ticket or Ticket()
    color = image[..., :3]
    looks = _looks(network, color, ticket)
    stack = torch.stack(looks)
    weights = stack.new_tensor([decisiveness(each) + LEAST_WEIGHT for each in looks])
    mean = (stack * weights[:, None, None]).sum(0) / weights.sum()
    ticket.check()
    looked = _closer(network, color, mean)
    mask = _by_color(color, looked)
    ticket.check()
    mask = guided(color, mask, size=GUIDE)
    mask = ((mask - RAMP[0]) / (RAMP[1] - RAMP[0])).clamp(0, 1)
    kept = without_foreign_holes(color, main_piece(mask))
    agreement = min(mask_iou(each, mean) for each in looks[:3])
    return SalientMask(kept, _doubts(agreement, looked, mask, kept))


def _looks(network: U2NetP, color: Tensor, ticket: Ticket) -> list[Tensor]:
    """Return what the network sees: two looks where they agree, else four, each (H, W)."""
    size = color.shape[:2]
    looks = [look(network, color, size)]
    ticket.check()
    looks.append(look(network, color.flip(1), size).flip(1))
    if mask_iou(*looks) >= CLEAR:
        return looks
    for seen in (_low_pass(color), color.mean(2, keepdim=True).expand(-1, -1, 3)):
        ticket.check()
        looks.append(look(network, seen, size))
    return looks


def look(network: U2NetP, color: Tensor, size: Sequence[int]) -> Tensor:
    """Return the network's output for an image, (h, w, 3): (H, W) of `size`, in [0, 1]."""
    small = F.interpolate(
        color.permute(2, 0, 1)[None], size=(SIDE, SIDE), mode="bicubic", antialias=True
    )
    mask = network(standardized(small.clamp(0, 1))).sigmoid()
    return F.interpolate(mask, size=tuple(size), mode="bicubic")[0, 0].clamp(0, 1)


def _low_pass(color: Tensor) -> Tensor:
    image = color.permute(2, 0, 1)[None]
    factor = LOW_PASS / max(color.shape[:2])
    small = [max(round(side * factor), 1) for side in color.shape[:2]]
    coarse = F.interpolate(image, size=small, mode="bilinear", antialias=True)
    return coarse[0].permute(1, 2, 0)


def _closer(network: U2NetP, color: Tensor, mask: Tensor) -> Tensor:
    """Return the mask as a look at the object's surroundings has it, if that agrees."""
    box = surroundings(mask, MARGIN)
    if box is None:
        return mask
    rows, columns = box
    closer = torch.zeros_like(mask)
    closer[rows, columns] = look(network, color[rows, columns], closer[rows, columns].shape)
    iou = mask_iou(closer, mask)
    clear = iou >= RESEMBLES and decisiveness(closer) >= DECISIVE
    return closer if clear or iou >= AGREES else mask


def _by_color(color: Tensor, mask: Tensor) -> Tensor:
    """Return the mask; many undecided pixels are decided by colours."""
    between = float(((mask > RAMP[0]) & (mask < RAMP[1])).sum())
    window = surroundings(mask, AROUND)
    if window is None or between < UNDECIDED * float((mask > 0.5).sum()):
        return mask
    return decided_by_color(color, mask, window)


def decisiveness(mask: Tensor) -> float:
    """Return the fraction of a mask's mass that is nearly 1; 0 if it is empty."""
    return float(mask[mask > 0.9].sum() / mask.sum().clamp(min=1.0))


def surroundings(mask: Tensor, margin: float) -> tuple[slice, slice] | None:
    """Return the rows and columns around values above one half; None if there are none."""
    inside = (mask > 0.5).numpy()
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return None
    sides = [(int(occupied[0]), int(occupied[-1]) + 1) for occupied in (rows, columns)]
    free = round(margin * max(stop - start for start, stop in sides)) + 1
    return cast(
        "tuple[slice, slice]",
        tuple(
            slice(max(start - free, 0), min(stop + free, size))
            for (start, stop), size in zip(sides, mask.shape, strict=True)
        ),
    )


def mask_iou(first: Tensor, second: Tensor) -> float:
    """Return the IoU of two masks, (H, W), cut at one half; 0 if both are empty."""
    a, b = first > 0.5, second > 0.5
    return float((a & b).sum()) / max(float((a | b).sum()), 1.0)


def firmness(mask: Tensor) -> float:
    """Return how much of a mask does not depend on where it is cut; 0 if it is empty."""
    return float((mask > 0.75).sum()) / max(float((mask > 0.25).sum()), 1.0)


def _doubts(agreement: float, looked: Tensor, whole: Tensor, kept: Tensor) -> tuple[str, ...]:
    """Return why a mask may be wrong, in clauses.

    Parameters
    ----------
    agreement : least IoU of a look in color and the mean of all
    looked, whole, kept : (H, W) as the network saw it, with its edges refined, and its main piece
    """
    area = float((kept > 0.5).float().mean())
    if area < SMALLEST:
        return ("no object stands out in the image",)
    doubts = []
    if area > LARGEST:
        doubts.append("the object seems to fill the whole image")
    firm = firmness(looked)
    if firm < FIRM or (firm < FIRMER and agreement < AGREEMENT):
        doubts.append("its outline is uncertain against this background")
    rest = float((whole > 0.5).float().mean()) - area
    if rest > DOUBTFUL_REST * area:
        doubts.append("other things stand out as well and were left out")
    if hole_area(kept) > HOLES * area:
        doubts.append("it has large holes, which may belong to the object")
    return tuple(doubts)
