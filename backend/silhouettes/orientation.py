"""Orientation tags of images with cameras: applied only if that makes the views agree.

Most tools fit cameras to the stored pixels; some rotate images upright first. If both readings
have the camera's proportions (square images), the silhouettes decide.
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
    """Return the views with tagged images rotated upright, if they agree only then.

    Parameters
    ----------
    views : images as stored, cameras posed in the world
    tags : orientation tag, 2 to 8, by view number

    Returns
    -------
    None to keep the stored images: the views agree already, rotating does not help, or an upright
    image does not have the proportions of its camera.
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
