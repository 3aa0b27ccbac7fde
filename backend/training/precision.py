"""Half precision in training, for computations on images and features only.

The resolution of bfloat16 near 1 is 0.004, a fifth of a thin part's width. Points, cameras and
values derived from them therefore always stay float32. Each method names the calls allowed to run
in bfloat16.
"""

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

from ..reconstructors import Reconstructor


def compute_in_bfloat16(model: Reconstructor) -> None:
    """Run the calls in a network's `half_precision` in bfloat16, with float32 results.

    Parts absent from the configuration are skipped.
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
    """Wrap a call to run its convolutions and matrix products in bfloat16."""

    @functools.wraps(call)
    def halved(*given: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            return _widened(call(*given))

    return halved


def _widened(value: Any) -> Any:
    """Convert tensors, or lists and tuples of them, to float32."""
    if isinstance(value, Tensor):
        return value.float()
    return type(value)(_widened(each) for each in value)
