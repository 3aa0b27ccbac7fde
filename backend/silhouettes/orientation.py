"""Orientation tags of images with cameras: followed where the views agree only then.

Most tools fit cameras to the pixels as they are stored, some turn images upright first. Where both
give an image of the camera's proportions, as of a square one, the silhouettes decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from ..geometry.views import View
from ..images.decoding import upright
from .agreement import AGREES, DISAGREE, HELPS, residuals_of
from .outlines import trace_all


def upright_where_they_agree(views: Sequence[View], tags: Mapping[int, int]) -> list[View] | None:
    """Return the views with tagged images turned upright if they agree then and do not as stored.

    Parameters
    ----------
    views : images as stored, cameras posed in the world
    tags : the orientation tag, 2 to 8, of views by their number

    Returns
    -------
    None where the images stay as they are stored: the views agree, or turning does not help, or an
    upright image has other proportions than its camera.
    """
    turned = list(views)
    for number, tag in tags.items():
        view = views[number]
        pixels = np.ascontiguousarray(upright(view.image.numpy(), tag))
        if pixels.shape != tuple(view.image.shape):
            return None
        turned[number] = replace(view, image=torch.from_numpy(pixels))
    stored = _mean_residual(views)
    if stored is None or stored <= DISAGREE:
        return None
    after = _mean_residual(turned)
    if after is None or after > AGREES or after > HELPS * stored:
        return None
    return turned


def _mean_residual(views: Sequence[View]) -> float | None:
    """Return the mean residual in pixels of 224; None where fewer than two views are comparable."""
    posed = [view for view in views if view.camera is not None]
    pairs = [
        (outline, view.camera)
        for view, outline in zip(posed, trace_all(posed), strict=True)
        if outline is not None and view.camera is not None
    ]
    if len(pairs) < 2:
        return None
    outlines, cameras = zip(*pairs, strict=True)
    return float(residuals_of(outlines, cameras).mean())
