"""Levelform's network g and its hypernetwork: see `reconstructors/levelform.py` for the ideas."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ...encoders.trunk import doubled_stem
from ...fields.several_views import SeveralViews
from ...images.framing import OURS, Framing
from ...training.batch import Batch
from ...training.recipes import EVEN, Phase, Recipe, RoundDraw, Sampling, small, small_camera
from ..configuration import COUNT, Configuration, Ranges
from ..several import soft_iou

FRAMING = replace(OURS, background="rgba")


@dataclass(frozen=True)
class LevelformConfiguration(Configuration):
    """Sizes, and switches to leave out one idea at a time.

    Attributes
    ----------
    stem, stride, widths, blocks : of the image's `Trunk`; `stride` of the camera network's too
    channels : learned channels of each of the trunk's maps that g reads
    hidden_layers, hidden_width : of g
    local_features : g reads the maps at the point's projection
    camera_coordinates : g reads the point in the camera's axes
    alpha : g reads the mask at the point's projection
    hyper : all of g's weights are generated for each object; else its code shifts the first layer
    symmetry : g is evaluated at the point's reflection too
    confidence : g has a second output, a logit that weights views and reflections
    overlap : weight of the soft IoU in the loss
    camera : the weights have a camera network
    camera_stem, camera_widths : of its own trunk
    several : local features that the network of several views reads; 0: there is none
    context : channels of its U-Net over each view's maps; 0: there is none
    unposed : the weights have a copy of the networks above for unposed images
    fewest : least number of views that it learned from; where that is 1, its logits and g's are
        averaged, see `OWN_WEIGHTS`
    """

    ranges: ClassVar[Ranges] = {
        "stride": (1, 16),
        "blocks": COUNT,
        "hidden_layers": COUNT,
        "several": (0, 1024),
        "context": (0, 1024),
        "fewest": (1, 8),
    }

    framing: Framing = FRAMING
    stem: int = 32
    stride: int = 2
    widths: tuple[int, ...] = (32, 64, 128, 256)
    blocks: int = 2
    channels: int = 8
    hidden_layers: int = 4
    hidden_width: int = 32
    local_features: bool = True
    camera_coordinates: bool = True
    alpha: bool = True
    hyper: bool = True
    symmetry: bool = True
    confidence: bool = True
    overlap: float = 1.0
    camera: bool = True
    camera_stem: int = 24
    camera_widths: tuple[int, ...] = (24, 48, 96, 192)
    several: int = 24
    context: int = 24
    fewest: int = 1
    unposed: bool = True

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what `to_json` wrote; weights of earlier versions lack the newest networks."""
        earlier = {"several": 0, "context": 0, "fewest": 2, "unposed": False}
        return super().from_json({**earlier, **data} if isinstance(data, Mapping) else data)

    @property
    def inputs(self) -> dict[str, int]:
        """How many numbers of each kind g reads, in their order."""
        return {
            "place": 3,
            "camera": 3 * self.camera_coordinates,
            "alpha": 1 * self.alpha,
            "features": self.channels * len(self.widths) * self.local_features,
        }

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer of g."""
        hidden = [self.hidden_width] * self.hidden_layers
        widths = [sum(self.inputs.values()), *hidden, 2 if self.confidence else 1]
        return list(pairwise(widths))

    @property
    def reads_views(self) -> bool:
        """Whether g reads anything that needs a camera."""
        return self.local_features or self.camera_coordinates or self.alpha


# The stages work on maps as small as for images of 64 pixels; the mask is read at the full 128.
COMPACT = LevelformConfiguration(stride=4)
# There is no paper; this is what a machine with an accelerator can train and run.
PAPER = LevelformConfiguration(
    framing=replace(FRAMING, size=224),
    stem=64,
    widths=(64, 128, 256, 512),
    blocks=3,
    channels=16,
    hidden_width=64,
    camera_stem=48,
    camera_widths=(48, 96, 192, 384),
)
COMPACT_RECIPES = {
    "main": small(Sampling(points=EVEN)),
    "camera": small_camera(crops=1.0, canonical=False),
    "several": Recipe(
        (Phase(loss="several_loss", learning_rate=2e-3, warm_up=200),),
        RoundDraw(),
        ("several",),
        precision="bfloat16",
    ),
    "unposed": Recipe(
        (Phase(loss="unposed_loss", steps=6000, learning_rate=8e-4),),
        Sampling(crops=1.0, points=(("uniform", 768), ("wide", 256))),
        ("unposed",),
        precision="bfloat16",
    ),
}


Layers = list[tuple[Tensor, Tensor]]
"""Of B objects: (B, inputs, outputs) weight and (B, 1, outputs) bias of each layer of g."""


class EncodedImages(NamedTuple):
    """What the encoder makes of N images."""

    embedding: Tensor  # (N, features)
    maps: Tensor | None  # (N, channels of all levels, T, T); None: g reads none


def evaluate(layers: Layers, inputs: Tensor) -> Tensor:
    """Return (B, M, outputs) of g at its inputs, (B, M, inputs): logits, and their confidence."""
    x = inputs
    for index, (weight, bias) in enumerate(layers):
        x = torch.baddbmm(bias, F.elu(x) if index else x, weight)
    return x


def points_loss(logits: Tensor, batch: Batch, *, overlap: float) -> dict[str, Tensor]:
    """Return the loss of logits (B, P) at a batch's points; see `Levelform.loss`."""
    each = F.binary_cross_entropy_with_logits(logits, batch.inside, reduction="none")
    near = torch.zeros_like(batch.inside) if batch.near is None else batch.near.to(each)
    groups = [(each * of).sum() / of.sum() for of in (near, 1 - near) if bool(of.any())]
    entropy = torch.stack(groups).mean()
    predicted, true, even = logits > 0, batch.inside > 0.5, near == 0
    intersection, union = (predicted & true & even).sum(), ((predicted | true) & even).sum()
    missed = 1 - soft_iou(logits.sigmoid(), batch.inside, even)
    return {
        "loss": entropy + overlap * missed,
        "sign": (predicted == true).float().mean(),
        "iou": intersection / union.clamp(min=1),
    }


class Writer(nn.Module):
    """The hypernetwork: generates g from an embedding, as learned weights plus a small change.

    Parameters
    ----------
    features
        Of the embedding.
    config
        Sizes of g, and whether all of it is written.
    """

    def __init__(self, features: int, config: LevelformConfiguration) -> None:
        super().__init__()
        self.shapes = config.layers
        start = torch.cat([part.flatten() for part in _first_network(config)])
        self.start = nn.Parameter(start)
        written = len(start) if config.hyper else config.hidden_width
        self.change = nn.Linear(features, written, bias=False)
        nn.init.normal_(self.change.weight, std=0.01)

    def forward(self, embedding: Tensor) -> Layers:
        """Return g of embeddings (B, features)."""
        change = self.change(embedding)  # (B, written)
        # The first layer's bias comes first: without `hyper`, it is all that the code changes.
        change = F.pad(change, (0, len(self.start) - change.shape[1]))
        sizes = [size for a, b in self.shapes for size in (b, a * b)]
        parts = (self.start + change).split(sizes, 1)  # bias and weight of each layer in turn
        return [
            (weight.unflatten(1, shape), bias[:, None])
            for shape, bias, weight in zip(self.shapes, parts[::2], parts[1::2], strict=True)
        ]


def with_second_output(written: Tensor, width: int) -> Tensor:
    """Return g's numbers, (all, ...), with a second output of the last layer that is always 0."""
    last = width + 1  # a bias, then the weights of `width` inputs
    before, logit = written.split([len(written) - last, last])
    return torch.cat([before, torch.stack([logit, torch.zeros_like(logit)], 1).flatten(0, 1)])


def zero_linear(features: int) -> nn.Linear:
    """Return the gate's layer, which starts at 0: a reflection then weighs as much as the point."""
    layer = nn.Linear(features, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def several_network(config: LevelformConfiguration) -> SeveralViews:
    """Return an untrained network of several views."""
    features = config.widths[-1]
    return SeveralViews(config.widths, features, channels=config.several, context=config.context)


def converted_state(
    state: dict[str, Tensor], own: LevelformConfiguration, wanted: LevelformConfiguration
) -> dict[str, Tensor]:
    """Return weights of one configuration for a network of another, which continues from them.

    Twice the stride sees the same in images of twice the size. A new confidence output is 0
    everywhere, a new gate weights reflections as much as points, and a new context changes nothing.
    """
    if wanted.stride == 2 * own.stride:
        for name in [name for name in state if name.endswith("trunk.stem.weight")]:
            state[name] = doubled_stem(state[name])
    for prefix in _hypernetworks(state):
        _converted_hypernetwork(state, prefix, own, wanted)
    if wanted.context and not own.context and own.several:
        new = several_network(wanted).state_dict()
        names = [name for name in new if name.startswith("context.")]
        state |= {f"several.{name}": new[name] for name in names}
    return state


def _hypernetworks(state: Mapping[str, Tensor]) -> list[str]:
    """Return the prefixes of names: of posed images, and of the copy for unposed ones."""
    return [p for p in ("", "unposed.") if f"{p}writer.start" in state]


def _converted_hypernetwork(
    state: dict[str, Tensor],
    prefix: str,
    own: LevelformConfiguration,
    wanted: LevelformConfiguration,
) -> None:
    """Give one hypernetwork's weights a confidence and a gate, where these are new."""
    if wanted.confidence and not own.confidence:
        start, change = f"{prefix}writer.start", f"{prefix}writer.change.weight"
        state[start] = with_second_output(state[start], own.hidden_width)
        if own.hyper:
            state[change] = with_second_output(state[change], own.hidden_width)
    if wanted.symmetry and not own.symmetry:
        state[f"{prefix}trust.weight"] = torch.zeros(1, own.widths[-1])
        state[f"{prefix}trust.bias"] = torch.zeros(1)


def _first_network(config: LevelformConfiguration) -> list[Tensor]:
    """Return bias and weight of each layer of a randomly initialised g.

    In the first layer, all maps together have the variance of the point and the mask together.
    """
    parts = []
    for index, (inputs, outputs) in enumerate(config.layers):
        last = index == len(config.layers) - 1
        weight = torch.randn(inputs, outputs) * math.sqrt((1 if last else 2) / inputs)
        bias = torch.zeros(outputs) if last else torch.rand(outputs) - 0.5
        if index == 0:
            features = config.inputs["features"]
            counts = torch.full((inputs, 1), float(inputs - features))
            counts[inputs - features :] = max(features, 1)
            weight = torch.randn(inputs, outputs) / counts.sqrt()
        parts += [bias, weight]
    return parts
