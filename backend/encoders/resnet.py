"""Residual networks (He et al., CVPR 2016) with the parameter names of torchvision.

ResNet-18 is the encoder of occupancy networks, TDGN and SDF-SRN; UCLID-Net takes it with instance
norms and reads its maps at four scales. The names of parameters and buffers are torchvision's, so
that weights published for its `resnet18` and `resnet34` load as they are.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

Norm = Literal["batch", "instance", "instance_affine"]


def make_norm(kind: Norm, channels: int) -> nn.Module:
    """Return the norm layer; "instance" (UCLID-Net's) has no parameters and no statistics."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels, affine=kind == "instance_affine")


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, itself a 1x1 convolution where shapes differ."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int, norm: Norm, bias: bool = False
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=bias)
        self.bn1 = make_norm(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.bn2 = make_norm(norm, outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, make_norm(norm, outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(x)) + shortcut).relu()


class ResNet(nn.Module):
    """A residual network of basic blocks: (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34.

    Parameters
    ----------
    blocks
        Residual blocks of each of the four stages.
    channels
        Channels of the image.
    width
        Channels of the first stage, doubled by each later one; the published networks have 64.
    norm
        "batch", "instance" (no parameters) or "instance_affine".
    outputs
        Size of the final linear layer `fc`; None: there is none, and pooled features are returned.
    """

    def __init__(
        self,
        blocks: Sequence[int] = (2, 2, 2, 2),
        *,
        channels: int = 3,
        width: int = 64,
        norm: Norm = "batch",
        outputs: int | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, padding=3, bias=False)
        self.bn1 = make_norm(norm, width)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        widths = [width * 2**stage for stage in range(4)]
        self.layer1 = make_stage(width, widths[0], blocks[0], stride=1, norm=norm)
        self.layer2 = make_stage(widths[0], widths[1], blocks[1], stride=2, norm=norm)
        self.layer3 = make_stage(widths[1], widths[2], blocks[2], stride=2, norm=norm)
        self.layer4 = make_stage(widths[2], widths[3], blocks[3], stride=2, norm=norm)
        self.widths = tuple(widths)
        self.fc = None if outputs is None else nn.Linear(widths[3], outputs)
        initialize_convolutions(self)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the maps of stages i = 0..3, (B, width 2^i, H / 2^(2+i), W / 2^(2+i))."""
        x = self.maxpool(self.bn1(self.conv1(images)).relu())
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, outputs); without `fc` (B, 8 * width), the last map averaged."""
        pooled = self.maps(images)[-1].mean((2, 3))
        return pooled if self.fc is None else self.fc(pooled)


def initialize_convolutions(module: nn.Module) -> None:
    """Initialise convolutions from N(0, 2 / (k^2 outputs)), as He et al. and UCLID-Net do."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def make_stage(
    inputs: int, outputs: int, blocks: int, *, stride: int, norm: Norm, bias: bool = False
) -> nn.Sequential:
    """Return a stage of `blocks` basic blocks, the first with the stride."""
    first = BasicBlock(inputs, outputs, stride=stride, norm=norm, bias=bias)
    rest = [BasicBlock(outputs, outputs, stride=1, norm=norm, bias=bias) for _ in range(blocks - 1)]
    return nn.Sequential(first, *rest)
