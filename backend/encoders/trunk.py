"""A light pre-activation residual network: images to one vector and a map of each resolution.

Residual blocks as in "Identity Mappings in Deep Residual Networks" (He, Zhang, Ren and Sun, ECCV
2016), two 3x3 convolutions a block. The first convolution reduces the image to half or a quarter
of its resolution; with a quarter, the stages' maps are as small as for an image of half the size.
"""

import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn


class TrunkBlock(nn.Module):
    """Norm, ReLU, 3x3, norm, ReLU, 3x3, added to a shortcut of the input.

    (B, inputs, H, W) -> (B, outputs, ceil(H / stride), ceil(W / stride)). Where the shape changes,
    the shortcut is a 1x1 convolution of the first ReLU's output.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(x), inplace=True)
        past = x if self.shortcut is None else self.shortcut(y)
        y = F.relu(self.norm2(self.conv1(y)), inplace=True)
        return self.conv2(y) + past


class Trunk(nn.Module):
    """Pictures (B, channels, S, S) to one vector and one map a stage.

    Parameters
    ----------
    channels
        Of the images.
    stem
        Channels after the first convolution.
    stride
        Its stride, 2 or 4; its kernel is two and a half times as wide, 5x5 or 10x10.
    widths
        Channels of the stages. The first keeps the stem's resolution, each other halves it.
    blocks
        Of each stage.
    maps
        Return the maps of all stages; else only that of the last.
    """

    def __init__(
        self,
        *,
        channels: int = 4,
        stem: int = 32,
        stride: int = 2,
        widths: tuple[int, ...],
        blocks: int = 2,
        maps: bool = True,
    ) -> None:
        super().__init__()
        kernel = 5 * stride // 2
        self.stem = nn.Conv2d(channels, stem, kernel, stride=stride, padding=stride, bias=False)
        self.stages = nn.ModuleList()
        inputs = stem
        for index, outputs in enumerate(widths):
            first = TrunkBlock(inputs, outputs, stride=2 if index else 1)
            rest = [TrunkBlock(outputs, outputs, stride=1) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(first, *rest))
            inputs = outputs
        self.given = [maps or index == len(widths) - 1 for index in range(len(widths))]
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if given else nn.Identity()
            for width, given in zip(widths, self.given, strict=True)
        )
        self.features = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return (B, features), the last map's mean, and the maps.

        The map of stage i, counted from 0, is (B, widths[i], S / (stride 2^i), S / (stride 2^i)),
        sizes rounded up, normalised and rectified.
        """
        x = self.stem(images)
        maps = []
        for stage, norm, given in zip(self.stages, self.norms, self.given, strict=True):
            x = stage(x)
            if given:
                maps.append(F.relu(norm(x), inplace=True))
        return maps[-1].mean((2, 3)), maps


def doubled_stem(weight: Tensor) -> Tensor:
    """Return the kernel (O, I, 2 K, 2 K) equivalent to (O, I, K, K) on the image at half its size.

    A pixel of half the size is the mean of four.
    """
    return weight.repeat_interleave(2, -1).repeat_interleave(2, -2) / 4
