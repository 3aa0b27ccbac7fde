"""DISN: shape interpolation (figure 10)."""

from dataclasses import replace

import torch
from torch import Tensor

from ...contract.errors import RequestError
from ..base import Code
from ..disn import DISN, view_groups


def interpolate(model: DISN, first: Code, second: Code, weight: float) -> Code:
    """Blend two objects' global and local features, each sampled by its own camera (figure 10).

    What reads the features is linear, so blending them is weighting the views. Every view of the
    one object is blended with every view of the other.

    Parameters
    ----------
    weight
        From 0, the first object, to 1, the second.

    Raises
    ------
    RequestError
        If views were fused by another rule than "mean".
    """
    for code in (first, second):
        model.check_code(code)
        if code.meta["fusion"] != "mean":
            raise RequestError(
                "Only views fused by their mean can be interpolated.",
                "Encode both objects with the fusion `mean`.",
            )
    pairs = [
        (_weighted(one, 1.0 - weight), _weighted(other, weight))
        for one in view_groups(first)
        for other in view_groups(second)
    ]
    tensors = {
        name: torch.cat([end[name] for pair in pairs for end in pair]) for name in first.tensors
    }
    sizes = [len(one["shares"]) + len(other["shares"]) for one, other in pairs]
    tensors["groups"] = torch.arange(len(pairs)).repeat_interleave(torch.tensor(sizes))
    return replace(first, tensors=tensors)


def _weighted(group: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    """Return a group of views whose weights sum to `weight`."""
    return {**group, "shares": weight * group["shares"] / group["shares"].sum()}
