"""UCLID-Net's depth network: a feature pyramid that regresses the depth of an image.

The architecture is that of the authors' code, whose names of parameters it keeps: ResNet-18's
stages bottom up without max pooling, four levels top down, each upsampled to half the image's
resolution, and two convolutions on top.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from .resnet import initialize_convolutions, make_stage


class DepthNetwork(nn.Module):
    """Pictures (B, 3, S, S) to relative depth (B, S / 2, S / 2) in (0, 1); 1 is far or nothing.

    Parameters
    ----------
    width
        Channels of the first stage; 64 is the published network.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        wide = 2 * width
        stem = nn.Conv2d(3, width, 7, 2, padding=3, bias=False)
        self.layer0 = nn.Sequential(stem, nn.InstanceNorm2d(width), nn.ReLU())
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        strides = [1, 2, 2, 2]
        stages = [
            nn.Sequential(make_stage(a, b, 2, stride=s, norm="instance", bias=True))
            for a, b, s in zip(widths, widths[1:], strides, strict=False)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        initialize_convolutions(self)
        self.toplayer = nn.Conv2d(8 * width, wide, 1)
        self.latlayer1 = nn.Conv2d(4 * width, wide, 1)
        self.latlayer2 = nn.Conv2d(2 * width, wide, 1)
        self.latlayer3 = nn.Conv2d(width, wide, 1)
        self.smooth1, self.smooth2, self.smooth3 = (_conv(wide, wide) for _ in range(3))
        self.agg1, self.agg2, self.agg3, self.agg4 = (_aggregate(wide) for _ in range(4))
        self.up1, self.up2, self.up3 = (_shuffle(wide, factor) for factor in (8, 4, 2))
        self.predict1 = nn.Sequential(_conv(4 * wide, wide), nn.ReLU())
        self.predict2 = nn.Sequential(_conv(wide, 1), nn.Sigmoid())

    def forward(self, images: Tensor) -> Tensor:
        return self.predict2(self.features(images))[:, 0]

    def features(self, images: Tensor) -> Tensor:
        """Return the last features, (B, C, S / 2, S / 2)."""
        c2 = self.layer1(self.layer0(images))
        c3 = self.layer2(c2)
        c4 = self.layer3(c3)
        p5 = self.toplayer(self.layer4(c4))
        p4 = self.smooth1(_upsample(p5, c4) + self.latlayer1(c4))
        p3 = self.smooth2(_upsample(p4, c3) + self.latlayer2(c3))
        p2 = self.smooth3(_upsample(p3, c2) + self.latlayer3(c2))
        d5, d4 = self.up1(self.agg1(p5)), self.up2(self.agg2(p4))
        d3, d2 = self.up3(self.agg3(p3)), self.agg4(p2)
        return self.predict1(torch.cat([d5, d4, d3, d2], 1))


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _aggregate(width: int) -> nn.Sequential:
    return nn.Sequential(_conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU())


def _shuffle(width: int, factor: int) -> nn.Sequential:
    return nn.Sequential(_conv(width, width * factor**2), nn.PixelShuffle(factor), nn.ReLU())


def _upsample(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def depth_loss(predicted: Tensor, true: Tensor, *, gradients: bool, normals: bool) -> Tensor:
    """Return the depth network's loss: of logarithms, of gradients, and of their directions.

    Parameters
    ----------
    predicted, true : (B, H, W) relative depth
    gradients, normals : whether the second and third terms count; the authors add them after 3 and
        7 epochs
    """
    predicted, true = predicted.clamp(0.001, 1.0), true.clamp(min=0.005)
    loss = (predicted.log() - true.log()).square().mean((1, 2)).sqrt().mean()
    if gradients or normals:
        slopes, true_slopes = _sobel(predicted), _sobel(true)
        if gradients:
            loss = loss + 10 * (slopes - true_slopes).abs().mean()
        if normals:
            pair = slopes.flatten(2), true_slopes.flatten(2)
            loss = loss + 1 - F.cosine_similarity(*pair, dim=2).mean()
    return loss


def _sobel(depth: Tensor) -> Tensor:
    """Return (B, 2, H, W) differences along x and y."""
    x = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]], device=depth.device)
    kernels = torch.stack([x, x.T])[:, None]
    return F.conv2d(depth[:, None], kernels.to(depth), padding=1)
