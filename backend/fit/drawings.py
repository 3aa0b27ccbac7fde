"""Drawings in flat colours, which look like textures and tell nothing about depth.

A rendering loss explains a border between two flat colours by a shape; with four drawings many
shapes explain it, and most are worse than the visual hull.
"""

import torch

from ..geometry.views import View

SAME = 1.5 / 255.0  # maximum difference of neighbours in a channel
FLAT = 0.9  # minimum fraction of equal neighbouring pixels in a drawing
OPAQUE = 0.99
LEAST = 50  # pairs of pixels; fewer tell nothing


def is_flat_drawing(view: View) -> bool:
    """Return whether a view is orthographic and has flat colours: a drawing without shading."""
    if view.camera is None or not view.camera.orthographic:
        return False
    colors, opaque = view.image[..., :3], view.image[..., 3] > OPAQUE
    same, pairs = 0, 0
    for axis in (0, 1):
        ahead, behind = (slice(1, None), slice(None, -1))
        first = (ahead, slice(None)) if axis == 0 else (slice(None), ahead)
        second = (behind, slice(None)) if axis == 0 else (slice(None), behind)
        both = opaque[first] & opaque[second]
        near = (colors[first] - colors[second]).abs().amax(-1) < SAME
        same, pairs = same + int((near & both).sum()), pairs + int(torch.count_nonzero(both))
    return pairs >= LEAST and same >= FLAT * pairs
