"""Deep Meta Functionals: a network that sees the image predicts the weights of a small one.

"Deep Meta Functionals for Shape Representation", Littwin and Wolf, ICCV 2019. Figure 2, the network
f, is `DeepMetaFunctionals.forward`.

    paper      here
    f          the hypernetwork: `encoder`, `connected` and `heads` (equation 1)
    e          the embedding, 16 N numbers
    g          `Functional`: the small classifier of points, y = (x W) s + b a layer (eq. 2, 4)
    N, B, K    `width`, `blocks`, `connected`: base width, blocks, fully connected layers of f
    L          `hidden_layers` of g, each `hidden_width` wide
    H, S       "cross_entropy" (equation 3) and "smoothness" (equation 6) of `loss`

The level set g = 0.5 is the surface; g's raw output here is a logit, above 0 inside.

Departures
----------
- Channels double in the last module of blocks 1 to 4 (the authors' code). That gives the paper's
  16 N numbers, where doubling in every block would give 32 N.
- Every layer of g has a bias and a scale, as equation 4 says: 3458 numbers. The paper's 3394 are
  reached when the first layer has neither: `first_layer_affine=False`.
- Boundary points are 0.1 (standard deviation) from the surface, as in the authors' code; the paper
  says a variance of 0.1. Each image has its own permutation of the channels, where the authors draw
  one for a batch. An epoch is one pass through all 24 views, which the paper does not say.
- Equation 6 has a minus sign that would reward motion; here the smoothness is added.
- "compact" starts g as a sensible network: the heads' biases hold its first weights and the heads'
  weights are small, which trains at twenty times the paper's learning rate; "paper" starts as
  published.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..contract.options import Option
from ..encoders.preactivation import PreactivationResNet
from ..fields.mlp import Activation, MlpField
from ..fusion import reduce_views
from ..geometry.frames import OBJECT_SIDE, PADDED_GRID_SIDE, similarity
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import OURS, R2N2, Framing
from ..training.batch import Example
from ..training.recipes import EQUAL, Recipe, Sampling, small
from .base import Batch, Code, Configuration, MethodSpec, Reconstructor, register
from .configuration import COUNT, Ranges
from .networks.deep_meta_functionals import (
    PAPER_RECIPE,
    SILHOUETTE_RECIPE,
    axis_rays,
    render_silhouettes,
    smoothness,
)
from .published.deep_meta_functionals import published_network

SPEC = MethodSpec(
    name="deep-meta-functionals",
    title="Deep Meta Functionals",
    paper="Littwin and Wolf, Deep Meta Functionals for Shape Representation, ICCV 2019",
    summary="From an image to the weights of a tiny network that is the shape: smooth and fast.",
    fusions=("mean",),
    own_options=(
        Option(
            "time", "float", 0.0, "the moment of a moving shape, for weights that read one", -1, 1
        ),
    ),
    level_unit="probability",
    quick=True,
)

ACTIVATIONS = {"elu": F.elu, "relu": F.relu, "tanh": torch.tanh}

PAPER_FRAMING = replace(R2N2, background="rgba")


@dataclass(frozen=True)
class DeepMetaConfiguration(Configuration):
    """Sizes of f and g; the defaults are the paper's."""

    ranges: ClassVar[Ranges] = {
        "blocks": COUNT,
        "connected": COUNT,
        "hidden_layers": COUNT,
        "coordinates": (3, 4),
        "frames": COUNT,
    }

    framing: Framing = PAPER_FRAMING
    width: int = 64  # N
    blocks: int = 5  # B
    connected: int = 2  # K
    hidden_layers: int = 4  # L
    hidden_width: int = 32
    activation: Activation = "elu"
    coordinates: int = 3  # what g reads: x, y, z, and t when it is 4
    frames: int = 1  # images that f sees at once: 1, or the length of a sequence
    batch_norm: bool = True  # the authors' released configuration has none
    # "paper": ReLU before each fully connected layer; "code": leaky ReLU between them.
    connected_style: Literal["paper", "code"] = "paper"
    first_layer_affine: bool = True  # without: 3394 numbers instead of 3458
    start: Literal["paper", "network"] = "paper"  # of the heads, see `_initialize_heads`
    smoothness: float = 0.01  # weight of S, for g of four coordinates

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer of g."""
        widths = [self.coordinates, *[self.hidden_width] * self.hidden_layers, 1]
        return list(pairwise(widths))


PAPER = DeepMetaConfiguration()
COMPACT = DeepMetaConfiguration(
    framing=replace(OURS, background="rgba"), width=16, blocks=4, start="network"
)


class Layer(NamedTuple):
    """One layer of B functionals, y = (x W) s + b."""

    weight: Tensor  # (B, inputs, outputs)
    scale: Tensor | None  # (B, 1, outputs)
    bias: Tensor | None  # (B, 1, outputs)


class Functional(NamedTuple):
    """g of B objects: its layers, and the activation between them."""

    layers: list[Layer]
    activation: Activation

    def __call__(self, points: Tensor) -> Tensor:
        """Return logits (B, P) at points (B, P, coordinates), method frame."""
        x = points
        for index, layer in enumerate(self.layers):
            x = x @ layer.weight
            if layer.scale is not None and layer.bias is not None:
                x = x * layer.scale + layer.bias
            if index < len(self.layers) - 1:
                x = ACTIVATIONS[self.activation](x)
        return x[..., 0]


class Heads(nn.Module):
    """Linear maps of e to the weights, the scales and the biases of one layer of g."""

    def __init__(self, features: int, inputs: int, outputs: int, *, affine: bool) -> None:
        super().__init__()
        self.shape = inputs, outputs
        self.weight = nn.Linear(features, inputs * outputs)
        self.scale = nn.Linear(features, outputs) if affine else None
        self.bias = nn.Linear(features, outputs) if affine else None

    def forward(self, embedding: Tensor) -> Layer:
        weight = self.weight(embedding).unflatten(1, self.shape)
        if self.scale is None or self.bias is None:
            return Layer(weight, None, None)
        return Layer(weight, 1 + self.scale(embedding)[:, None], self.bias(embedding)[:, None])


def bake(functional: Functional, frame: Tensor, *, time: float = 0.0) -> MlpField:
    """Return the field of the first object: scales, frame and moment folded into linear layers.

    Parameters
    ----------
    frame : (4, 4) method_from_volume
    time : the moment in [-1, 1], where g reads one
    """
    layers = [_folded(layer) for layer in functional.layers]
    weight, bias = layers[0]
    rotation, offset = frame[:3, :3].to(weight), frame[:3, 3].to(weight)
    moment = time * weight[:, 3:].sum(1)  # the column of t, where g has one
    layers[0] = weight[:, :3] @ rotation, bias + weight[:, :3] @ offset + moment
    weight, bias = layers[-1]
    layers[-1] = -weight, -bias  # logits are above 0 inside, fields below
    return MlpField(layers, activation=functional.activation)


def _folded(layer: Layer) -> tuple[Tensor, Tensor]:
    """Return (outputs, inputs) weights and (outputs,) biases of a layer's first object."""
    weight = layer.weight[0]
    if layer.scale is None or layer.bias is None:
        return weight.T.contiguous(), weight.new_zeros(weight.shape[1])
    return (weight * layer.scale[0]).T.contiguous(), layer.bias[0, 0]


@register(SPEC)
class DeepMetaFunctionals(Reconstructor):
    """The hypernetwork f; see the module's docstring."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = DeepMetaConfiguration
    recipes = {
        "paper": {"main": PAPER_RECIPE},
        "compact": {"main": small(Sampling(points=EQUAL, crops=0.4))},
        "silhouettes": {"main": SILHOUETTE_RECIPE},
    }
    configuration: DeepMetaConfiguration
    published = published_network
    half_precision = ("encoder.forward",)

    def __init__(self, configuration: DeepMetaConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        sizes = configuration
        self.encoder = PreactivationResNet(
            channels=sizes.framing.channels * sizes.frames,
            width=sizes.width,
            blocks=sizes.blocks,
            batch_norm=sizes.batch_norm,
        )
        features = self.encoder.features
        self.connected = nn.ModuleList(
            nn.Linear(features, features) for _ in range(sizes.connected)
        )
        self.heads = nn.ModuleList(
            Heads(features, *shape, affine=sizes.first_layer_affine or index > 0)
            for index, shape in enumerate(sizes.sizes)
        )
        self._initialize()
        self.set_frame(similarity(scale=PADDED_GRID_SIDE / OBJECT_SIDE))

    # ---------------------------------------------------------------- network

    def forward(self, images: Tensor) -> Functional:
        """Return g of B objects: figure 2, equation 1.

        Parameters
        ----------
        images : (B, 4, S, S) RGBA, or (B, frames, 4, S, S)
        """
        images = images if images.ndim == 5 else images[:, None]
        inputs = self._sequences(network_input(images, self.framing.background))  # (B, C, S, S)
        embedding = self.embed(inputs)  # e: (B, 16 N)
        return self.functional(embedding)  # g: (B, P, coordinates) -> (B, P)

    def embed(self, inputs: Tensor) -> Tensor:
        """Return e, (B, 16 N), of images (B, C, S, S), C channels of all frames."""
        x = self.encoder(inputs)
        if self.configuration.connected_style == "paper":
            for layer in self.connected:
                x = layer(x.relu())
            return x
        for index, layer in enumerate(self.connected):
            last = index == len(self.connected) - 1
            x = layer(x) if last else F.leaky_relu(layer(x), 0.2)
        return x

    def functional(self, embedding: Tensor) -> Functional:
        """Return g of each embedding, (B, 16 N)."""
        layers = [heads(embedding) for heads in self.heads]
        return Functional(layers, self.configuration.activation)

    def _initialize(self) -> None:
        """Initialise the linear layers: normal with std 0.02, biases 0 (the authors' code)."""
        for module in [*self.connected.modules(), *self.heads.modules()]:
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        if self.configuration.start == "network":
            for heads in self.heads:
                self._initialize_heads(heads)  # pyright: ignore[reportArgumentType]

    @staticmethod
    def _initialize_heads(heads: Heads) -> None:
        """Put a random layer of g into the heads' biases; images then change it little."""
        inputs, outputs = heads.shape
        for module in heads.children():
            nn.init.normal_(module.weight, std=0.01 / math.sqrt(inputs))  # pyright: ignore
        gain = math.sqrt(2.0 / inputs) if outputs > 1 else math.sqrt(1.0 / inputs)
        nn.init.normal_(heads.weight.bias, std=gain)
        if heads.bias is not None and outputs > 1:
            nn.init.uniform_(heads.bias.bias, -0.5, 0.5)

    # ---------------------------------------------------------------- inference

    @property
    def knows_time(self) -> bool:
        """Whether g reads a moment beside the place."""
        return self.configuration.coordinates == 4

    @torch.no_grad()
    def encode(self, views: Sequence[View], *, fusion: str | None = None) -> Code:
        """Return the embedding, averaged over the views (section 5.2, figure 7)."""
        self.check_fusion(fusion)
        images = network_input(self.prepare(views).images, self.framing.background)
        sequences = images[None] if self.configuration.frames > 1 else images[:, None]
        embedding = self.embed(self._sequences(sequences))
        return Code(SPEC.name, {"embedding": reduce_views(embedding)})

    @torch.no_grad()
    def decode(self, code: Code, *, time: float = 0.0) -> MlpField:
        """Bake g; `time` in [-1, 1] is the moment of a moving shape, where g reads one."""
        self.check_code(code)
        if time and not self.knows_time:
            raise RequestError(
                "These weights know still shapes only, so there is no time to choose.",
                "Choose weights that were trained on moving shapes (docs/training.md).",
            )
        embedding = code.tensors["embedding"].to(self.device)
        frame = torch.from_numpy(self.method_from_volume)
        return bake(self.functional(embedding[None]), frame, time=time)

    def calibration_sample(self, example: Example) -> tuple[Tensor, Tensor]:
        """Return the field at the example's points, each at its own moment, and what is inside."""
        if example.times is None or not self.knows_time:
            return super().calibration_sample(example)
        code, points = self.encode(example.views), example.points.to(self.device)
        values = torch.empty_like(points[:, 0])
        for time in example.times.unique().tolist():
            chosen = (example.times == time).to(self.device)
            values[chosen] = self.decode(code, time=time)(points[chosen])
        return values, example.inside

    def _sequences(self, images: Tensor) -> Tensor:
        """Return (B, V * C, S, S) of (B, V, C, S, S): V images seen at once."""
        if images.shape[1] != self.configuration.frames:
            raise RequestError(
                f"This network sees {self.configuration.frames} images of a sequence at once, "
                f"not {images.shape[1]}.",
                "Give it as many, in the order of time.",
            )
        return images.flatten(1, 2)

    # ---------------------------------------------------------------- training

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the last bias of g."""
        bias = self.heads[-1].bias
        assert isinstance(bias, nn.Linear)
        bias.bias.add_(level)

    def state_for(self, configuration: DeepMetaConfiguration) -> dict[str, Tensor]:
        """Return the weights for another configuration; g that begins to read time ignores it."""
        state = self.state_dict()
        added = configuration.coordinates - self.configuration.coordinates
        for name in ("heads.0.weight.weight", "heads.0.weight.bias") if added > 0 else ():
            whole = state[name].unflatten(0, (self.configuration.coordinates, -1))
            state[name] = torch.cat([whole, torch.zeros_like(whole[:added])]).flatten(0, 1)
        return state

    def suited(self, recipe: Recipe) -> Recipe:
        """Sample points in time where g reads one, and the whole sequence that f sees."""
        sizes = self.configuration
        sampling = recipe.sampling
        if not isinstance(sampling, Sampling):
            return recipe
        if sizes.frames > 1:  # in the order of time, through one camera
            sampling = replace(sampling, views=sizes.frames, fixed_view=True, crops=0.0)
        if sizes.coordinates == 4:
            sampling = replace(sampling, time=True, fixed_view=True)
        return replace(recipe, sampling=sampling)

    def place(self, points: Tensor) -> Tensor:
        """Return points, (B, P, 3 or 4) volume frame and time, as g reads them."""
        return torch.cat([self.to_method(points[..., :3]), points[..., 3:]], -1)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return H, the mean cross-entropy of equation 3; with time, H + w S."""
        functional = self(batch.images[:, : self.configuration.frames])
        points = self.place(batch.points)
        entropy = F.binary_cross_entropy_with_logits(functional(points), batch.inside)
        terms = {"loss": entropy, "cross_entropy": entropy.detach()}
        if self.configuration.coordinates == 4:
            near = torch.ones_like(batch.inside) if batch.near is None else batch.near
            motion = smoothness(functional, points, near)
            terms["loss"] = entropy + self.configuration.smoothness * motion
            terms["smoothness"] = motion.detach()
        return terms

    def silhouette_loss(
        self, batch: Batch, generator: torch.Generator | None = None, *, samples: int = 32
    ) -> dict[str, Tensor]:
        """Return the mean squared error of silhouettes along x, y and z (section 6).

        The true ones are projections of the occupancy grid. The paper does not define the
        silhouettes' cameras; see `axis_rays` for ours.
        """
        if batch.voxels is None:
            raise RequestError(
                "Silhouettes are projections of occupancy grids; this batch has none.",
                "Train on a data set of closed meshes.",
            )
        side = batch.voxels.shape[-1]
        rays = axis_rays(side, samples, generator=generator, half=OBJECT_SIDE / 2)
        points = self.to_method(rays.to(self.device)).expand(len(batch.voxels), -1, -1, -1)
        functional = self(batch.images[:, : self.configuration.frames])
        rendered = render_silhouettes(functional, points)
        true = torch.stack([batch.voxels.amax(axis) for axis in (1, 2, 3)], 1).flatten(1)
        return {"loss": F.mse_loss(rendered, true)}
