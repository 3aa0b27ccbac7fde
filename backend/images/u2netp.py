"""U2-Netp, the small salient object detector: from an image to its salient object's mask.

Xuebin Qin, Zichen Zhang, Chenyang Huang, Masood Dehghan, Osmar R. Zaiane and Martin Jagersand,
"U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern Recognition
106, 2020. Figure 5 is the whole network, figure 2 (e) its block RSU. Names and sizes are those of
the small variant, whose weights (Apache-2.0) are fetched and not part of this repository.

Departures: the published file holds batch norms folded into convolutions, so a unit is convolution
with bias and ReLU; only the fused output is computed, not the six side outputs as masks.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError

SIDE = 320  # pixels along a side of the square input
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
MIDDLE, WIDE = 16, 64  # channels inside a block, and of its output
LEVELS = 6  # stages of the outer U


class Unit(nn.Module):
    """A 3x3 convolution and ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu()


class ResidualU(nn.Module):
    """RSU-L: a small U of L units down and L - 1 up, added to its first unit.

    Parameters
    ----------
    height
        L.
    inputs
        Input channels; the output has `WIDE`.
    flat
        RSU-4F: widening dilations instead of pooling.
    """

    def __init__(self, height: int, inputs: int, *, flat: bool = False) -> None:
        super().__init__()
        self.flat = flat
        levels = range(height - 1)
        dilations = [2**level if flat else 1 for level in levels]
        self.enter = Unit(inputs, WIDE)
        first = [Unit(WIDE, MIDDLE, dilations[0])]
        self.down = nn.ModuleList(first + [Unit(MIDDLE, MIDDLE, d) for d in dilations[1:]])
        self.bottom = Unit(MIDDLE, MIDDLE, 2 ** (height - 1) if flat else 2)
        self.up = nn.ModuleList(
            Unit(2 * MIDDLE, MIDDLE if level else WIDE, dilations[level])
            for level in reversed(levels)
        )

    def forward(self, x: Tensor) -> Tensor:
        entered = self.enter(x)
        x, skips = entered, []
        for level, unit in enumerate(self.down):
            x = unit(_halved(x) if level and not self.flat else x)
            skips.append(x)
        x = self.bottom(x)
        for unit in self.up:
            skip = skips.pop()
            x = unit(torch.cat([_resized(x, skip), skip], 1))
        return x + entered


class U2NetP(nn.Module):
    """Images (N, 3, S, S), standardised, to logits (N, 1, S, S) of the salient object."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            [
                ResidualU(7, 3),
                ResidualU(6, WIDE),
                ResidualU(5, WIDE),
                ResidualU(4, WIDE),
                ResidualU(4, WIDE, flat=True),
                ResidualU(4, WIDE, flat=True),
            ]
        )
        self.decoder = nn.ModuleList(
            [
                ResidualU(4, 2 * WIDE, flat=True),
                ResidualU(4, 2 * WIDE),
                ResidualU(5, 2 * WIDE),
                ResidualU(6, 2 * WIDE),
                ResidualU(7, 2 * WIDE),
            ]
        )
        self.sides = nn.ModuleList(nn.Conv2d(WIDE, 1, 3, padding=1) for _ in range(LEVELS))
        self.fuse = nn.Conv2d(LEVELS, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        x, skips = images, []
        for level, block in enumerate(self.encoder):
            x = block(_halved(x) if level else x)
            skips.append(x)
        outputs = [skips.pop()]
        for block in self.decoder:
            skip = skips.pop()
            outputs.append(block(torch.cat([_resized(outputs[-1], skip), skip], 1)))
        outputs.reverse()  # finest first
        maps = [side(output) for side, output in zip(self.sides, outputs, strict=True)]
        return self.fuse(torch.cat([_resized(each, maps[0]) for each in maps], 1))

    def units(self) -> Iterator[nn.Conv2d]:
        """Yield the units' convolutions in the order in which they are computed."""
        for module in self.modules():
            if isinstance(module, Unit):
                yield module.conv

    def fill(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take the weights of the published ONNX file.

        Its side and fusing convolutions have names, `side1.weight` to `outconv.bias`; the units'
        have numbers, and stand in the order in which they are computed, weights before biases.

        Raises
        ------
        RequestError
            If a tensor is missing, superfluous, of another shape, or not finite.
        """
        named = [(f"side{index + 1}", side) for index, side in enumerate(self.sides)]
        named.append(("outconv", self.fuse))
        ends = {f"{name}.{part}" for name, _ in named for part in ("weight", "bias")}
        numbered = [name for name in tensors if name not in ends]
        wanted = [(f"{name}.weight", f"{name}.bias", layer) for name, layer in named]
        units = list(self.units())
        if len(numbered) != 2 * len(units) or ends - tensors.keys():
            raise _misfit(f"{len(tensors)} tensors, not {2 * len(units) + len(ends)}")
        pairs = zip(numbered[::2], numbered[1::2], units, strict=True)
        with torch.no_grad():
            for weight, bias, layer in [*wanted, *pairs]:
                _copy(layer.weight, tensors[weight], weight)
                _copy(layer.bias, tensors[bias], bias)


def standardized(images: Tensor) -> Tensor:
    """Return images (N, 3, H, W) in [0, 1] as the network was trained on: brightest value 1."""
    brightest = images.amax((1, 2, 3), keepdim=True).clamp(min=1 / 255)
    mean, std = (images.new_tensor(numbers)[:, None, None] for numbers in (MEAN, STD))
    return (images / brightest - mean) / std


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)


def _resized(x: Tensor, like: Tensor) -> Tensor:
    if x.shape[2:] == like.shape[2:]:
        return x
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def _copy(own: Tensor, given: np.ndarray, name: str) -> None:
    if tuple(own.shape) != given.shape:
        raise _misfit(f"{name} of the shape {given.shape}, not {tuple(own.shape)}")
    if not np.isfinite(given).all():
        raise _misfit(f"numbers that are not finite in {name}")
    own.copy_(torch.from_numpy(given.copy()))


def _misfit(what: str) -> RequestError:
    return RequestError(
        f"The weights of U2-Netp don't fit the network: the file holds {what}.",
        "Fetch them again: `levelform weights get u2netp`.",
    )
