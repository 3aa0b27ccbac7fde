"""The 3D decoder of UCLID-Net: feature grids of four resolutions to one grid (Eq. 2 and 3).

It mirrors ResNet-18 in 3D (section 3.3): four stages of two residual blocks from the coarsest grid
to the finest, each but the first joined by a lifted grid. Names of parameters are those of the
authors' files.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Block3D(nn.Module):
    """A residual block, (B, inputs, N, N, N) -> (B, outputs, N, N, N), 2 N with `double`.

    Its shortcut is a convolution where the resolution or the channels change, else the identity.
    """

    def __init__(self, inputs: int, outputs: int, *, double: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, inputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(inputs)
        self.upsample: nn.Module | None = None
        if double:
            self.conv2 = nn.ConvTranspose3d(inputs, outputs, 2, 2)
            shortcut: nn.Module = nn.ConvTranspose3d(inputs, outputs, 2, 2, bias=False)
        else:
            self.conv2 = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
            shortcut = nn.Conv3d(inputs, outputs, 1, bias=False)
        if double or inputs != outputs:
            self.upsample = nn.Sequential(shortcut, nn.BatchNorm3d(outputs))
        self.bn2 = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.upsample is None else self.upsample(x)
        x = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(x)) + shortcut).relu()


def _stage(inputs: int, outputs: int, *, double: bool = False) -> nn.Sequential:
    return nn.Sequential(Block3D(inputs, outputs, double=double), Block3D(outputs, outputs))


class Decoder3D(nn.Module):
    """Grids of 7, 14, 28 and 28 voxels a side to H_0, (B, outputs, 28, 28, 28).

    Parameters
    ----------
    deepest
        Channels of the coarsest grid.
    side
        Channels of each of the three others.
    stages
        Channels of the outputs of stages 2 to 4.
    outputs
        Channels of H_0.
    """

    def __init__(self, *, deepest: int, side: int, stages: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        second, third, last = stages
        self.layer1 = _stage(deepest, deepest)
        self.layer2 = _stage(deepest, second, double=True)
        self.layer3 = _stage(second + side, third, double=True)
        self.layer4 = _stage(third + side, last)
        self.output_layer = nn.Conv3d(last + side, outputs, 1, bias=False)

    def forward(self, grids: Sequence[Tensor]) -> Tensor:
        """Return H_0 of the grids, (B, C, N, N, N) each, the coarsest first."""
        # Channels last saves a tenth of a training step, and more at inference.
        coarsest, *sides = (g.contiguous(memory_format=torch.channels_last_3d) for g in grids)
        x = self.layer2(self.layer1(coarsest))  # (B, second, 14, 14, 14)
        x = self.layer3(torch.cat([x, sides[0]], 1))  # (B, third, 28, 28, 28)
        x = self.layer4(torch.cat([x, sides[1]], 1))  # (B, last, 28, 28, 28)
        return self.output_layer(torch.cat([x, sides[2]], 1))
