"""The pre-activation residual network of Deep Meta Functionals.

"Deep Meta Functionals for Shape Representation" (Littwin and Wolf, ICCV 2019), section 3, figure 2.
A 5x5 convolution, then B blocks of three residual modules (norm, ReLU, 3x3, norm, ReLU, 3x3). The
first module of a block halves the resolution. The last one doubles the channels, except in the
fifth block: that gives the paper's 16 N, where doubling in every block would give 32 N.

A shortcut has no parameters: where channels or resolution change, it copies channel i mod a at even
pixels. Padding is TensorFlow's SAME, which pads only right and bottom at even sizes and stride 2.
"""

import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

MODULES = 3  # residual modules a block
WIDEST = 16  # channels stop doubling at 16 N


def pad_same(x: Tensor, *, kernel: int, stride: int) -> Tensor:
    """Pad (B, C, H, W) as TensorFlow's SAME does: a convolution gives ceil(size / stride)."""
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


class ResidualModule(nn.Module):
    """A residual module, (B, inputs, H, W) -> (B, outputs, ceil(H / s), ceil(W / s))."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.stride = stride
        self.outputs = outputs
        # TensorFlow's decay 0.9 is torch's momentum 0.1.
        self.norm1 = nn.BatchNorm2d(inputs, eps=1e-3) if batch_norm else nn.Identity()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride)
        self.norm2 = nn.BatchNorm2d(outputs, eps=1e-3) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = pad_same(self.norm1(x).relu(), kernel=3, stride=self.stride)
        y = self.conv2(self.norm2(self.conv1(y)).relu())
        return y + self.shortcut(x)

    def shortcut(self, x: Tensor) -> Tensor:
        """Return x at even pixels, channel i mod a for output channel i."""
        x = x[:, :, :: self.stride, :: self.stride]
        if x.shape[1] == self.outputs:
            return x
        return x.repeat(1, -(-self.outputs // x.shape[1]), 1, 1)[:, : self.outputs]


class PreactivationResNet(nn.Module):
    """The encoder: images (B, channels, H, W) to pooled features (B, `features`).

    Parameters
    ----------
    channels
        Channels of the image, 4 for RGBA.
    width
        N, channels after the first convolution.
    blocks
        B, each halving the resolution.
    batch_norm
        The paper has batch norms, the authors' published configuration none.
    """

    def __init__(
        self, *, channels: int = 4, width: int = 64, blocks: int = 5, batch_norm: bool = True
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 5, padding=2)
        self.blocks = nn.ModuleList()
        inputs = width
        for _ in range(blocks):
            outputs = min(2 * inputs, WIDEST * width)
            shapes = [
                (inputs, inputs, 2),
                *[(inputs, inputs, 1)] * (MODULES - 2),
                (inputs, outputs, 1),
            ]
            modules = [ResidualModule(a, b, stride=s, batch_norm=batch_norm) for a, b, s in shapes]
            self.blocks.append(nn.Sequential(*modules))
            inputs = outputs
        self.features = inputs
        self._initialize()

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the map after each block, (B, C_i, ceil(H / 2^i), ceil(W / 2^i)), i from 1."""
        x = self.stem(images)
        maps = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, features): the last map averaged over its pixels."""
        return self.maps(images)[-1].mean((2, 3))

    def _initialize(self) -> None:
        """Draw weights from N(0, 2 / (k^2 inputs)), biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
