"""VGG-16 (Simonyan and Zisserman, ICLR 2015) as DISN uses it: five maps, one global vector.

The convolutions have torchvision's names (`features.0`, `features.2`, ...), so weights published
for its `vgg16` (with batch norms, its `vgg16_bn`) load. The fully connected part is convolutional,
as in TF-slim, without dropout.
"""

import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from .folding import folded

# Convolutions of the five groups; each group ends with a 2x2 max pooling.
GROUPS = (2, 2, 3, 3, 3)
FACTORS = (1, 2, 4, 8, 8)  # channels of a group, in units of `width`


class VGG16(nn.Module):
    """VGG-16 with a convolutional head.

    Parameters
    ----------
    channels
        Channels of the image.
    width
        Channels of the first group; 64 is the published network.
    hidden
        Channels of `fc6` and `fc7`; 4096 is the published network.
    outputs
        Size of the global feature; DISN's is 1024.
    head
        Kernel of `fc6`, the side of the last map: 7 for images of 224, 4 for 128.
    batch_norm
        A batch norm before each ReLU; the published network has none. Without those of the fully
        connected part a high learning rate kills its ReLUs.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        width: int = 64,
        hidden: int = 4096,
        outputs: int = 1024,
        head: int = 7,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.taps: list[int] = []  # index in `features` of the last ReLU of each group
        self.widths = tuple(factor * width for factor in FACTORS)
        for count, out in zip(GROUPS, self.widths, strict=True):
            for _ in range(count):
                norms = [nn.BatchNorm2d(out)] if batch_norm else []
                layers += [nn.Conv2d(channels, out, 3, padding=1), *norms, nn.ReLU()]
                channels = out
            self.taps.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.fc6 = nn.Conv2d(channels, hidden, head)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.norm6 = _VectorNorm(hidden) if batch_norm else nn.Identity()
        self.norm7 = _VectorNorm(hidden) if batch_norm else nn.Identity()
        self.fc8 = nn.Conv2d(hidden, outputs, 1)
        self._initialize()

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Encode images.

        Parameters
        ----------
        images : (B, channels, H, W); 224 x 224 reaches the head as 7 x 7, larger ones are averaged

        Returns
        -------
        globals : (B, outputs), linear
        maps : five, after the last ReLU of each group, (B, C_i, H / 2^i, W / 2^i)
        """
        maps = []
        x = images
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                maps.append(x)
        x = self.norm6(self.fc6(x)).relu()
        x = self.norm7(self.fc7(x)).relu()
        return self.fc8(x).mean((2, 3)), maps

    def folded_state(self) -> dict[str, Tensor]:
        """Return the weights of a network without norms that is equal in evaluation."""
        twin = folded(self)
        layers = [layer for layer in twin.features if not isinstance(layer, nn.Identity)]
        twin.features = nn.Sequential(*layers)
        return twin.state_dict()

    def _initialize(self) -> None:
        """Initialise weights after He (for the ReLUs), the linear head after Xavier, biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.xavier_uniform_(self.fc8.weight)


class _VectorNorm(nn.BatchNorm2d):
    """A batch norm of maps of one pixel; a single image is normalised by the running statistics."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or input.numel() > input.shape[1]:
            return super().forward(input)
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )
