"""Batch norms folded into the convolutions before them, for inference.

In evaluation mode a batch norm is an affine map of each channel, so the convolution before it can
include it: equal up to rounding, without a pass over the activations. Networks are trained and
saved unfolded; the folded one is a copy.
"""

import copy
import re
from itertools import pairwise
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Network = TypeVar("Network", bound=nn.Module)

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)


def folded(network: Network) -> Network:
    """Return a copy, in evaluation mode and without gradients, with its batch norms folded.

    These are a `bn<k>` beside a `conv<k>`, as torchvision names them, a `norm<k>` beside an
    `fc<k>`, and a batch norm after a convolution in a `Sequential`. Others stay.
    """
    twin = copy.deepcopy(network).eval().requires_grad_(False)
    for parent in list(twin.modules()):
        for convolution, norm in _pairs(parent):
            layer: Any = parent.get_submodule(convolution)
            statistics: Any = parent.get_submodule(norm)
            transposed = isinstance(layer, _TRANSPOSED)
            fused = fuse_conv_bn_eval(layer, statistics, transpose=transposed)
            setattr(parent, convolution, fused)
            setattr(parent, norm, nn.Identity())
    return twin


def _pairs(parent: nn.Module) -> list[tuple[str, str]]:
    """Return the names of the convolutions and of the batch norms that follow them."""
    children = dict(parent.named_children())
    if isinstance(parent, nn.Sequential):
        candidates = list(pairwise(children))
    else:
        candidates = [
            (re.sub(f"^{norm}", layer, name), name)
            for norm, layer in (("bn", "conv"), ("norm", "fc"))
            for name in children
            if name.startswith(norm)
        ]
    return [
        (convolution, norm)
        for convolution, norm in candidates
        if isinstance(children.get(convolution), _CONVOLUTIONS)
        and isinstance(children[norm], _NORMS)
    ]


class Folded(Generic[Network]):
    """A network's folded copy, made again whenever the network's weights have changed.

    Parameters
    ----------
    network
        The unfolded network, which is trained and saved.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._stamp: object = None
        self._twin = network

    def __call__(self, dtype: torch.dtype = torch.float32) -> Network:
        """Return the folded copy in `dtype`; 3D kernels lie channels last, which oneDNN prefers."""
        tensors = (*self._network.parameters(), *self._network.buffers())
        stamp = (dtype, [(t.data_ptr(), t._version) for t in tensors])
        if stamp != self._stamp:
            self._twin, self._stamp = folded(self._network).to(dtype), stamp
            for parameter in self._twin.parameters():
                if parameter.dim() == 5:
                    parameter.data = parameter.to(memory_format=torch.channels_last_3d)
        return self._twin


def convolution_dtype(like: Tensor) -> torch.dtype:
    """Return the type in which 3D convolutions of `like` run best.

    bfloat16 on a processor with instructions for it (its error is 4e-3 of the range), else `like`'s
    own type. Rounding to bfloat16 amplifies last-bit differences of the input, so UCLID-Net's IoU
    is reproducible to 4e-3 between processors and versions, and to 1e-4 in float32.
    """
    return torch.bfloat16 if like.device.type == "cpu" and has_bfloat16() else like.dtype


def has_bfloat16() -> bool:
    """Whether the processor has instructions to multiply bfloat16, AVX512-BF16 or AMX.

    False for versions of PyTorch without `torch.cpu.get_capabilities`.
    """
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
