"""Half precision in training, for what looks at images and features alone.

Coordinates in bfloat16 resolve 0.004 near 1, a fifth of a thin part, so points, cameras and what is
made of them stay float32 whatever a recipe says. A method names the calls that may be narrower.
"""

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

from ..reconstructors import Reconstructor


def compute_in_bfloat16(model: Reconstructor) -> None:
    """Make the calls in a network's `half_precision` compute in bfloat16 and answer in float32.

    Parts that a configuration leaves out are passed over.
    """
    for path in model.half_precision:
        owner, _, name = path.rpartition(".")
        try:
            part: Any = attrgetter(owner)(model)
        except AttributeError:
            continue
        if part is not None:
            setattr(part, name, _halved(getattr(part, name), model.device.type))


def _halved(call: Callable[..., Any], device: str) -> Callable[..., Any]:
    """Return a call whose convolutions and matrix products are in bfloat16."""

    @functools.wraps(call)
    def halved(*given: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            return _widened(call(*given))

    return halved


def _widened(value: Any) -> Any:
    """Return tensors, or lists and tuples of them, in float32."""
    if isinstance(value, Tensor):
        return value.float()
    return type(value)(_widened(each) for each in value)
