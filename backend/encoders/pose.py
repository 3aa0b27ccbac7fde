"""The camera networks of DISN and of UCLID-Net, which regress the camera of an image."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..geometry.rotations import rotation_from_6d
from .resnet import initialize_convolutions, make_norm, make_stage
from .vgg import VGG16


class CameraNetwork(nn.Module):
    """DISN's (section 3.1.1, figure 5): images to cameras with a scale.

    From a VGG-16's vector three heads predict a scale, six numbers of a rotation, and a
    translation. The released model has no batch norms, so the heads have none.

    Parameters
    ----------
    encoder
        Its own VGG-16, not shared with the reconstructor's.
    features
        Their length.
    translation
        Added to the regressed translation: the object's position in the training cameras' axes.
    """

    def __init__(
        self, encoder: VGG16, features: int, translation: Sequence[float] = (0.0, 0.0, 0.0)
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.scale = _head(features, 64, 32, 1)
        self.ortho6d = _head(features, 512, 256, 6)
        self.translation = _head(features, 128, 64, 3)
        nn.init.trunc_normal_(self.translation[-1].weight, std=0.05)  # pyright: ignore
        self.register_buffer("offset", torch.tensor(translation), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, 3, 4), camera_from_method = [s R | t], of the encoder's images.

        Camera axes are x right, y down, z forward; s is the scale of the object.
        """
        vector, _ = self.encoder(images)
        scaled = self.scale(vector)[..., None] * rotation_from_6d(self.ortho6d(vector))
        translation = self.translation(vector) + self.offset
        return torch.cat([scaled, translation[..., None]], dim=-1)


def _head(*sizes: int) -> nn.Sequential:
    """Return linear layers, ReLU between them; Xavier weights, biases 0."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class PoseNetwork(nn.Module):
    """UCLID-Net's: images to rigid cameras that look at the object's centre.

    The paper names a ResNet-18. This is the network of the authors' code, whose names of parameters
    it keeps: full resolution at first, four stages of four blocks, affine norms.

    Parameters
    ----------
    width
        Channels of the first stage; 64 is the published network.
    farthest
        The distance to the object's centre is a sigmoid times this.
    """

    def __init__(self, *, width: int = 64, farthest: float = 1.75) -> None:
        super().__init__()
        norm = "instance_affine"
        self.farthest = farthest
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = make_norm(norm, width)
        self.layer1 = make_stage(width, width, 4, stride=1, norm=norm)
        self.layer2 = make_stage(width, 2 * width, 4, stride=2, norm=norm)
        self.layer3 = make_stage(2 * width, 4 * width, 4, stride=2, norm=norm)
        self.layer4 = make_stage(4 * width, 4 * width, 4, stride=2, norm=norm)
        self.fc = nn.Linear(4 * width, 7)
        initialize_convolutions(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, 3, 4), camera_from_object = [R | t], t = (0, 0, distance).

        The six numbers' directions are the *columns* of R, where DISN has rows.
        """
        x = self.bn1(self.conv1(images)).relu()
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        numbers = self.fc(x.mean((2, 3)))
        rotation = rotation_from_6d(numbers[:, :6]).mT
        distance = self.farthest * numbers[:, 6:].sigmoid()
        translation = torch.cat([torch.zeros_like(distance).expand(-1, 2), distance], 1)
        return torch.cat([rotation, translation[..., None]], -1)
