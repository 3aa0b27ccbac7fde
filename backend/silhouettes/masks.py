"""Correct masks that are some pixels too large or too small by the colors at their outlines.

Masks grown or shrunk alike in all images change the visual hull consistently, which silhouettes
can't show. The images can: in a mask too large the background shows inside the outline, in one too
small the object continues outside it. For each image, the distance from the outline to the change
of colours is measured. The masks are corrected only if the change is clear in nearly all images and
at the same distance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..fields.silhouettes import EDGE, EXACT, PADDING, signed_distances
from ..geometry.views import View

REACH = 5.0  # largest error searched for, pixels
STEP = 0.5  # step of the distances for comparing colours, pixels
BEHIND = (6.0, 14.0)  # pixels outside the outline: the background is sampled there
DIFFERENT = 0.06  # minimum difference of a foreground colour from the background, in a channel
NOISE = 3.0  # and at least so many standard deviations of the background
PARTLY = (0.2, 0.8)  # of its surroundings' difference from the background: a blended pixel ...
BLENDED = 0.25  # ... as this fraction of those at the object's outline are, where edges are blended
UNBLENDED = 0.88  # pixels outside the outline of half the change where edges are not blended
STEEP = 1.5  # maximum width of the change of colours, pixels ...
MOST = 0.85  # ... from this fraction of the object's pixels that differ from the background
CLEAR = 0.97  # ... or this one, where what looks like the background is taken for it
FEWEST = 0.15  # ... to this one
SMALLEST = 0.75  # smaller errors are ignored, pixels
ALIKE = 0.6  # maximum difference of the images' errors from their median, in pixels ...
IMAGES = 0.75  # ... in this fraction of the images
LEAST_PIXELS = 40  # minimum number per image and distance


@dataclass(frozen=True)
class MaskCorrection:
    """Views with corrected masks.

    Attributes
    ----------
    views : as given, with other alpha
    offset : pixels to grow the masks by; negative: to shrink them
    """

    views: list[View]
    offset: float

    @property
    def remark(self) -> str:
        """A sentence about the correction."""
        what = "small" if self.offset > 0 else "large"
        return (
            f"The masks are about {abs(self.offset):.1f} pixels too {what}, by the colors at "
            f"their outlines, and were corrected."
        )


@dataclass(frozen=True)
class _MaskComparison:
    """An image compared with its mask.

    distance : (H, W) pixels to the mask's outline, negative inside
    different : (H, W) bool, where the colour differs from the background
    offset : where the colours change, pixels outside the outline; None if unclear
    clear : whether no part of the object looks like the background
    """

    distance: np.ndarray
    different: np.ndarray
    offset: float | None = None
    clear: bool = False


def corrected_masks(views: Sequence[View]) -> MaskCorrection | None:
    """Return the views with corrected masks; None if nothing is clearly wrong.

    Parameters
    ----------
    views : at the size of the fit; alpha is the mask
    """
    outlines = [_outline(view) for view in views]
    offsets = np.array([math.nan if o.offset is None else o.offset for o in outlines])
    if np.isnan(offsets).mean() > 1.0 - IMAGES:
        return None
    offset = float(np.nanmedian(offsets))
    alike = np.abs(offsets - offset) < ALIKE  # false for nan
    if abs(offset) < SMALLEST or alike.mean() < IMAGES:
        return None
    moved = [_moved(view, o, offset) for view, o in zip(views, outlines, strict=True)]
    return MaskCorrection(moved, offset)


def _outline(view: View) -> _MaskComparison:
    """Compare a view's colours with its mask."""
    rgb, alpha = view.image[..., :3].numpy(), view.image[..., 3].numpy()
    distance = _distance(alpha)
    around = (distance > BEHIND[0]) & (distance < BEHIND[1])
    if around.sum() < LEAST_PIXELS:
        return _MaskComparison(distance, np.ones_like(around))
    away = _away(rgb, around)
    different = away > max(DIFFERENT, NOISE * float(np.std(away[around])))
    return _MaskComparison(distance, different, *_change(distance, away, different))


def _distance(alpha: np.ndarray) -> np.ndarray:
    """Return (H, W) signed pixels to the outline, to half a pixel where it is far."""
    from scipy.ndimage import distance_transform_edt

    near = signed_distances(alpha, (1.0, 1.0), continued=True)[PADDING:-PADDING, PADDING:-PADDING]
    inside = alpha >= EDGE
    far = np.asarray(distance_transform_edt(~inside)) - np.asarray(distance_transform_edt(inside))
    far -= np.where(inside, -0.5, 0.5)
    return np.where(np.abs(near) < EXACT, near, far).astype(np.float32)


def _away(rgb: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Return (H, W) the difference of colours, (H, W, 3), from the nearest background's."""
    from scipy.ndimage import distance_transform_edt, uniform_filter

    weight = uniform_filter(around.astype(np.float32), 7)
    background = np.where(around[..., None], rgb, 0.0)
    total = np.stack([uniform_filter(channel, 7) for channel in np.moveaxis(background, 2, 0)], 2)
    mean = total / np.maximum(weight, 1e-6)[..., None]
    nearest = distance_transform_edt(~around, return_distances=False, return_indices=True)
    assert nearest is not None  # asked for
    return np.abs(rgb - mean[nearest[0], nearest[1]]).max(2)


def _change(
    distance: np.ndarray, away: np.ndarray, different: np.ndarray
) -> tuple[float | None, bool]:
    """Return the error of the mask's outline, pixels, None if unclear, and whether all is clear.

    Half of the change lies on the object's outline where edges are blended with the background, and
    farther out where they have the object's colour; then all of the change is in one place.
    """
    places = np.arange(-REACH - STEEP, REACH + STEEP + STEP / 2, STEP)
    bins = [np.abs(distance - place) < STEP for place in places]
    counts = np.array([near.sum() for near in bins])
    if counts[places < 0].max() < LEAST_PIXELS or counts[places > 0].min() < LEAST_PIXELS:
        return None, False
    bins, places = (
        [b for b, count in zip(bins, counts, strict=True) if count >= LEAST_PIXELS],
        places[counts >= LEAST_PIXELS],
    )
    fractions = np.array([different[near].mean() for near in bins])
    begins = _crossing(fractions, places, 0.5)
    if begins is None:
        return None, False
    before = float(np.interp(begins - STEEP, places, fractions))
    if before < MOST or np.interp(begins + STEEP, places, fractions) > FEWEST:
        return None, False
    amounts = np.array([away[near].mean() for near in bins])
    half = _crossing(amounts, places, float(np.interp(begins - STEEP, places, amounts)) / 2)
    if half is None:
        return None, False
    return half - (0.0 if _blended(distance - half, away) else UNBLENDED), before > CLEAR


def _blended(distance: np.ndarray, away: np.ndarray) -> bool:
    """Return whether colours at an outline are blended with the background."""
    from scipy.ndimage import maximum_filter

    rim = np.abs(distance) < 1.0
    part = away[rim] / np.maximum(maximum_filter(away, 5)[rim], 1e-6)
    return float(((part > PARTLY[0]) & (part < PARTLY[1])).mean()) > BLENDED


def _crossing(values: np.ndarray, places: np.ndarray, level: float) -> float | None:
    """Return the last place where values fall below a level."""
    after = np.nonzero((values[:-1] >= level) & (values[1:] < level))[0]
    if not len(after):
        return None
    i = int(after[-1])
    part = (values[i] - level) / (values[i] - values[i + 1])
    return float(places[i] + (places[i + 1] - places[i]) * part)


def _moved(view: View, outline: _MaskComparison, offset: float) -> View:
    """Return a view whose mask is larger by `offset` pixels and shows no background."""
    alpha = np.clip(0.5 + offset - outline.distance, 0.0, 1.0)
    if offset < 0 and outline.clear:  # gaps that the mask had closed
        alpha = np.where(outline.different, alpha, 0.0)
    image = view.image.clone()
    image[..., 3] = torch.from_numpy(alpha.astype(np.float32))
    return replace(view, image=image)
