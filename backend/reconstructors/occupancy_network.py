"""Occupancy networks, conditioned on one image: the baseline that others compare with.

"Occupancy Networks: Learning 3D Reconstruction in Function Space", Mescheder, Oechsle, Niemeyer,
Nowozin, Geiger, CVPR 2019. `OccupancyNetwork.forward` is the network f(p, x) of section 3.1.

    paper    here
    x, c     image, and its features, 256 numbers
    p        points in [-0.55, 0.55]^3 of the method's frame (ShapeNet v1, longest side 1)
    CBN      `ConditionalNorm`: gamma(c) * BatchNorm(x) + beta(c)
    tau      `threshold`: the probability at the surface, 0.2 for images

Names of parameters are those of the published checkpoint, so its state dict loads unchanged.

Departures
----------
- Several views are fused by the mean of c; the paper has one view.
- A transparent image is composited on white, as in training; the authors' demo loader keeps the
  colour that is stored under alpha 0.
- Images are resized once, by our own antialiased framing; the authors resize with PIL.
- The surface of "compact" is at the probability 0.5, moved after training by a level chosen on
  validation shapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..encoders import normalize
from ..encoders.resnet import ResNet
from ..fields import Field
from ..fields.field import log_odds
from ..fusion import reduce_views
from ..geometry.frames import OBJECT_SIDE, similarity
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import OURS, R2N2, Framing
from ..training.recipes import FEWER, PLAIN, Recipe, Sampling, adam, small
from .base import Batch, Code, Configuration, MethodSpec, Reconstructor, register
from .configuration import COUNT, Ranges
from .published.occupancy_network import published_network

SPEC = MethodSpec(
    name="occupancy-network",
    title="Occupancy network",
    paper="Mescheder et al., Occupancy Networks, CVPR 2019",
    summary="The baseline: one image to one code, and one large network shared by all objects.",
    fusions=("mean", "max"),
    level_unit="probability",
)

PAPER_FRAMING = replace(R2N2, size=224, background="white")


@dataclass(frozen=True)
class OccupancyConfiguration(Configuration):
    """Sizes of the encoder and the decoder; the defaults are the paper's."""

    ranges: ClassVar[Ranges] = {"blocks": COUNT, "threshold": (1e-6, 1 - 1e-6)}

    framing: Framing = PAPER_FRAMING
    width: int = 64  # channels of the ResNet's first stage
    features: int = 256  # length of c
    hidden: int = 256  # width of the decoder
    blocks: int = 5  # residual blocks of the decoder
    threshold: float = 0.2  # probability at the surface when the user names none


PAPER = OccupancyConfiguration()
COMPACT = OccupancyConfiguration(
    framing=replace(OURS, background="white"), width=32, features=128, hidden=128, threshold=0.5
)


class Encoder(nn.Module):
    """ResNet-18 and a linear map: (B, 3, S, S) in [0, 1] to c, (B, features)."""

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.features = ResNet(width=width)
        self.fc = nn.Linear(8 * width, features)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(normalize(images)))


class ConditionalNorm(nn.Module):
    """Conditional batch norm, CBN(x, c) = gamma(c) * BN(x) + beta(c); x is (B, T, hidden)."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.conv_gamma = nn.Conv1d(features, hidden, 1)
        self.conv_beta = nn.Conv1d(features, hidden, 1)
        self.bn = nn.BatchNorm1d(hidden, affine=False)
        for weight in (self.conv_gamma.weight, self.conv_beta.weight, self.conv_beta.bias):
            nn.init.zeros_(weight)  # pyright: ignore[reportArgumentType]
        nn.init.ones_(self.conv_gamma.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        normed = self.bn(x.flatten(0, 1)).view_as(x)
        gamma, beta = pointwise(self.conv_gamma, c), pointwise(self.conv_beta, c)
        return torch.addcmul(beta[:, None], gamma[:, None], normed)

    def folded(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return CBN's scale and offset, (hidden,) each, in evaluation for one c, (features,)."""
        gamma, beta = pointwise(self.conv_gamma, c), pointwise(self.conv_beta, c)
        mean, variance = self.bn.running_mean, self.bn.running_var
        assert mean is not None
        assert variance is not None
        scale = gamma * (variance + self.bn.eps).rsqrt()
        return scale, beta - scale * mean


def pointwise(layer: nn.Conv1d, x: Tensor) -> Tensor:
    """Return a convolution of kernel 1 at (..., features), channels last: a matrix product.

    The published weights are those of convolutions over (B, C, T).
    """
    return F.linear(x, layer.weight[:, :, 0], layer.bias)


class ConditionalBlock(nn.Module):
    """x + fc_1(relu(CBN(fc_0(relu(CBN(x)))))), point by point."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.bn_0 = ConditionalNorm(features, hidden)
        self.bn_1 = ConditionalNorm(features, hidden)
        self.fc_0 = nn.Conv1d(hidden, hidden, 1)
        self.fc_1 = nn.Conv1d(hidden, hidden, 1)
        nn.init.zeros_(self.fc_1.weight)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        y = pointwise(self.fc_0, self.bn_0(x, c).relu())
        return x + pointwise(self.fc_1, self.bn_1(y, c).relu())


class Decoder(nn.Module):
    """Points (B, T, 3) method frame and c (B, features) to logits (B, T), above 0 inside."""

    def __init__(self, features: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.fc_p = nn.Conv1d(3, hidden, 1)
        self.count = blocks
        for index in range(blocks):
            self.add_module(f"block{index}", ConditionalBlock(features, hidden))
        self.bn = ConditionalNorm(features, hidden)
        self.fc_out = nn.Conv1d(hidden, 1, 1)

    @property
    def blocks(self) -> list[ConditionalBlock]:
        """The residual blocks in order."""
        return [self.get_submodule(f"block{index}") for index in range(self.count)]  # pyright: ignore

    def forward(self, points: Tensor, c: Tensor) -> Tensor:
        x = pointwise(self.fc_p, points)
        for block in self.blocks:
            x = block(x, c)
        return pointwise(self.fc_out, self.bn(x, c).relu())[..., 0]


class OccupancyField(Field):
    """The decoder baked for one c.

    In evaluation every norm is an affine map. The second of a block is folded into the matrix
    before it. Biases along the residual stream x are folded into the norms that read x. A block is
    then one multiply-add, two ReLUs and two matrix products.
    """

    kind = "occupancy"

    def __init__(self, decoder: Decoder, c: Tensor, frame: Tensor, threshold: float) -> None:
        self.device = c.device
        self.threshold = threshold
        rotation, offset = frame[:3, :3].to(c), frame[:3, 3].to(c)
        first = decoder.fc_p.weight[:, :, 0]
        self.first = (first @ rotation).T.contiguous()  # (3, hidden)
        carried = _bias(decoder.fc_p) + first @ offset
        self.blocks = []
        for block in decoder.blocks:
            scale, shift = block.bn_0.folded(c)
            inner, inner_shift = block.bn_1.folded(c)
            matrix = (inner[:, None] * block.fc_0.weight[:, :, 0]).T.contiguous()
            bias = inner * _bias(block.fc_0) + inner_shift
            outer = block.fc_1.weight[:, :, 0].T.contiguous()
            self.blocks.append((scale, shift + scale * carried, matrix, bias, outer))
            carried = carried + _bias(block.fc_1)
        scale, shift = decoder.bn.folded(c)
        self.last = scale, shift + scale * carried
        self.head = -decoder.fc_out.weight[0, :, 0], -_bias(decoder.fc_out)[0]

    def __call__(self, points: Tensor) -> Tensor:
        x = points @ self.first
        for scale, shift, matrix, bias, outer in self.blocks:
            y = torch.addcmul(shift, x, scale).relu_()
            y = torch.addmm(bias, y, matrix).relu_()
            x = torch.addmm(x, y, outer)
        scale, shift = self.last
        weight, bias = self.head
        return torch.addcmul(shift, x, scale).relu_() @ weight + bias

    def level(self, threshold: float | None = None) -> float:
        """Return the level of a probability; None: that of the weights' own threshold."""
        return -log_odds(self.threshold) if threshold is None else super().level(threshold)


def _bias(layer: nn.Conv1d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


PAPER_RECIPE = Recipe(
    (adam(1e-4, 300_000),),
    Sampling(objects=64, points=(("occupancy-network", 2048),), **PLAIN),
    ema=0.0,
    source="Occupancy Networks, the authors' code: Adam 1e-4, batch 64, 2,048 points",
)


@register(SPEC)
class OccupancyNetwork(Reconstructor):
    """Encoder and conditional decoder."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = OccupancyConfiguration
    recipes = {
        "paper": {"main": PAPER_RECIPE},
        "compact": {"main": small(Sampling(points=FEWER, crops=0.4), clip=None)},
    }
    configuration: OccupancyConfiguration
    published = published_network
    # The blocks see features of points; the first layer, which sees coordinates, stays float32.
    half_precision = ("encoder.forward", *(f"decoder.block{i}.forward" for i in range(5)))
    image_encoder = "encoder.features"

    def __init__(self, configuration: OccupancyConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        sizes = configuration
        self.encoder = Encoder(sizes.width, sizes.features)
        self.decoder = Decoder(sizes.features, sizes.hidden, sizes.blocks)
        self.set_frame(similarity(scale=1 / OBJECT_SIDE))

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """Return logits, (B, T), above 0 inside.

        Parameters
        ----------
        images : (B, 4, S, S) RGBA
        points : (B, T, 3) volume frame
        """
        c = self.encoder(network_input(images, self.framing.background))  # (B, features)
        return self.decoder(self.to_method(points), c)

    @torch.no_grad()
    def encode(self, views: Sequence[View], *, fusion: str | None = None) -> Code:
        """Return c, reduced over the views by "mean" or "max"."""
        rule = self.check_fusion(fusion)
        images = network_input(self.prepare(views).images, self.framing.background)
        return Code(SPEC.name, {"c": reduce_views(self.encoder(images), rule)})

    @torch.no_grad()
    def decode(self, code: Code) -> OccupancyField:
        self.check_code(code)
        c = code.tensors["c"].to(self.device)
        frame = torch.from_numpy(self.method_from_volume)
        return OccupancyField(self.decoder, c, frame, self.configuration.threshold)

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the decoder's last bias."""
        _bias(self.decoder.fc_out)[0] += level

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return cross-entropy (equation 3): the sum over points, the mean over the batch."""
        logits = self(batch.images[:, 0], batch.points)
        entropy = F.binary_cross_entropy_with_logits(logits, batch.inside, reduction="none")
        return {"loss": entropy.sum(1).mean(), "cross_entropy": entropy.detach().mean()}
