"""The networks of SDF-SRN (Lin, Wang, Lucey, NeurIPS 2020): hypernetwork, marcher; training.

    paper         here
    E             the encoder and `Generator`, which predicts the weights of f, g and h (figure 3)
    f, g          `GeneratedMLP.level`, `GeneratedMLP.color`
    h             `Marcher`: an LSTM over the backbone's features, shared by all objects (Eq. 5-6)
    z             depth along the optical axis

Names of parameters are those of the authors' files.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...fields.generated_mlp import GeneratedMLP
from ...geometry.frames import OBJECT_SIDE
from ...images.framing import Framing
from ...training.recipes import PLAIN, PRETRAINING, Phase, Recipe, Sampling, adam
from ..configuration import COUNT, Configuration, Ranges

MARCHER_MEMORY = 32  # units of the marcher's LSTM
LATERAL = 2  # axis of the method's frames that points to the side of an object


@dataclass(frozen=True)
class SDFSRNConfiguration(Configuration):
    """Sizes and settings; the defaults are the paper's for ShapeNet.

    Attributes
    ----------
    latent : size of the image's code
    encoder_width : channels of ResNet-18's first stage
    hidden, hidden_layers : of each of the hypernetwork's MLPs, one for each generated layer
    width, layers : of the generated network
    frequencies : L of the positional encoding; 0 encodes nothing (Table 3)
    steps, bisections : of the marcher
    distance : of the training cameras from the volume's centre
    start, near, far : first depth of a ray; range of depths for the silhouette's bound
    cube : half the side of the cube in which |grad f| = 1 is enforced
    orthographic : trained on PASCAL3D+'s orthographic cameras, in their frame
    render, silhouette, intersection, free, eikonal : weights of the losses
    importance : pixels near the edge count more (Table 3)
    occupancy : f is a logit, positive inside, instead of a distance (Table 3)
    symmetric : an object is its own mirror image, left and right
    """

    ranges: ClassVar[Ranges] = {
        "hidden_layers": (0, COUNT[1]),
        "layers": COUNT,
        "frequencies": (0, 16),
        "steps": COUNT,
        "bisections": (0, COUNT[1]),
        "distance": (1e-3, 1e3),
        "start": (1e-3, 1e3),
        "near": (1e-3, 1e3),
        "far": (1e-3, 1e3),
        "cube": (1e-3, 1e3),
    }

    latent: int = 512
    encoder_width: int = 64
    hidden: int = 512
    hidden_layers: int = 5
    width: int = 128
    layers: int = 4
    frequencies: int = 5
    steps: int = 10
    bisections: int = 10
    distance: float = 2.732
    start: float = 2.0
    near: float = 2.0
    far: float = 3.5
    cube: float = 1.0
    orthographic: bool = False
    render: float = 1.0
    silhouette: float = 3.0
    intersection: float = 1.0
    free: float = 0.1
    eikonal: float = 0.01
    importance: bool = True
    occupancy: bool = False
    symmetric: bool = False

    def check(self) -> None:
        super().check()
        self.check_order("near", "far")


DISTANCE = 2.732 * OBJECT_SIDE  # of the ShapeNet cameras from the centre, volume units
FOCAL = 1 / (2 * math.tan(math.radians(15)))  # of their 30 degrees, in image sides
SHAPENET_FRAMING = Framing(64, focal=FOCAL, near=DISTANCE, far=DISTANCE, margin=0.16)
# PASCAL3D+ crops are 1.2 times the object's longer side; half a crop is the unit.
CROP = 1.2 * OBJECT_SIDE  # side of a crop, volume units
PASCAL_FRAMING = Framing(64, focal=2 / CROP, near=2.0, far=2.0, margin=(1 - 1 / 1.2) / 2)
# The authors' object axes for PASCAL3D+ are (y, -z, -x) of the models', which are ours. Their
# object-to-camera matrix reflects, so `published` reflects imported networks back.
PASCAL_AXES = np.array([[0, 1, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], np.float64)

PAPER = SDFSRNConfiguration(SHAPENET_FRAMING)
PAPER_PASCAL3D = SDFSRNConfiguration(
    PASCAL_FRAMING,
    latent=256,
    hidden=256,
    hidden_layers=1,
    width=64,
    distance=2.5,
    start=1.2,
    near=1.2,
    far=3.8,
    cube=2.0,
    orthographic=True,
    render=10.0,
    eikonal=1.0,
)
COMPACT = SDFSRNConfiguration(
    SHAPENET_FRAMING,
    latent=256,
    encoder_width=32,
    hidden=64,
    hidden_layers=1,
    width=48,
    symmetric=True,
)


class Generator(nn.Module):
    """The hypernetwork: one MLP for each generated layer; names are those of the authors' files."""

    def __init__(self, config: SDFSRNConfiguration) -> None:
        super().__init__()
        encoded = 6 * config.frequencies + 3
        inputs = [encoded, *[config.width + encoded] * (config.layers - 1)]
        self.sizes = [(size + 1, config.width) for size in inputs]
        self.frequencies = config.frequencies
        self.mirror = LATERAL if config.symmetric else None
        self.hyper_impl = nn.ModuleList(_mlp(config, a * b) for a, b in self.sizes)
        self.hyper_level = nn.ModuleList([_mlp(config, config.width + 1)])
        self.hyper_rgb = nn.ModuleList([_mlp(config, (config.width + 1) * 3)])

    def forward(self, latent: Tensor) -> GeneratedMLP:
        """Return the networks of N latents, (N, latent)."""
        layers = tuple(
            mlp(latent).unflatten(1, size)  # (N, inputs + 1, width)
            for mlp, size in zip(self.hyper_impl, self.sizes, strict=True)
        )
        level = self.hyper_level[0](latent)[..., None]  # (N, width + 1, 1)
        color = self.hyper_rgb[0](latent).unflatten(1, (-1, 3))  # (N, width + 1, 3)
        return GeneratedMLP(layers, level, color, self.frequencies, self.mirror)


def _mlp(config: SDFSRNConfiguration, outputs: int) -> nn.Sequential:
    sizes = [config.latent, *[config.hidden] * config.hidden_layers]
    hidden = [module for a, b in pairwise(sizes) for module in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], outputs))


@dataclass(frozen=True)
class Traced:
    """Where N x R rays ended.

    Attributes
    ----------
    levels : (steps + 1, N, R), f at each marched point, the last one where the march ended
    depth : (N, R) after bisection
    level, color : (N, R) and (N, R, 3) there
    """

    levels: Tensor
    depth: Tensor
    level: Tensor
    color: Tensor


class Marcher(nn.Module):
    """The marcher of Eq. 5-6, shared by all objects; names are those of the authors' files."""

    def __init__(self, config: SDFSRNConfiguration) -> None:
        super().__init__()
        self.config = config
        self.ray_lstm = nn.LSTMCell(config.width, MARCHER_MEMORY)
        self.lstm_pred = nn.Linear(MARCHER_MEMORY, 1)
        for bias in (self.ray_lstm.bias_ih, self.ray_lstm.bias_hh):
            with torch.no_grad():
                # The forget gate: remember at first.
                bias[MARCHER_MEMORY : 2 * MARCHER_MEMORY] = 1.0
        with torch.no_grad():  # even steps to the volume's centre at first
            self.lstm_pred.weight *= 0.1
            self.lstm_pred.bias.fill_((config.distance - config.start) / config.steps)

    def forward(self, implicit: GeneratedMLP, origins: Tensor, directions: Tensor) -> Traced:
        """Trace rays, (N, R, 3) each; a depth is what `directions` is multiplied by."""
        depths, levels = self.march(implicit, origins, directions)  # (steps + 1, N, R)
        # f is positive in front of the surface; an occupancy's logit is negative there.
        front = -1.0 if self.config.occupancy else 1.0

        def ahead(depth: Tensor) -> Tensor:
            return front * implicit(origins + depth[..., None] * directions)

        depth = bisect(ahead, depths[-2], depths[-1], front * levels[-2], self.config.bisections)
        # (N, R, width) at the surface.
        features = implicit.features(origins + depth[..., None] * directions)
        return Traced(levels, depth, implicit.level(features), implicit.color(features))

    def march(
        self, implicit: GeneratedMLP, origins: Tensor, directions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return depths and levels, (steps + 1, N, R), of the points that the march visits."""
        depth = torch.full_like(origins[..., 0], self.config.start)
        state: tuple[Tensor, Tensor] | None = None
        depths, levels = [], []
        for _ in range(self.config.steps):
            features = implicit.features(origins + depth[..., None] * directions)
            depths.append(depth)
            levels.append(implicit.level(features))
            output, memory = self.ray_lstm(features.flatten(0, 1), state)  # (N R, memory)
            state = output, memory
            depth = depth + self.lstm_pred(output).abs().view_as(depth)
        depths.append(depth)
        levels.append(implicit(origins + depth[..., None] * directions))
        return torch.stack(depths), torch.stack(levels)


def bisect(
    function: Callable[[Tensor], Tensor], near: Tensor, far: Tensor, at_near: Tensor, count: int
) -> Tensor:
    """Return where `function` of depth changes its sign between `near` and `far`, elementwise.

    `at_near` is the function at `near`; without a change of sign the result approaches `far`. The
    result is the middle of an interval halved `count` times, as in the authors' code.
    Differentiable in both ends; only the sign of `function` is used.
    """
    for _ in range(count):
        middle = (near + far) / 2
        with torch.no_grad():
            value = function(middle)
        same = torch.where(at_near >= 0, value > 0, value <= 0)
        near, far = torch.where(same, middle, near), torch.where(same, far, middle)
    return (near + far) / 2


# ---------------------------------------------------------------- how they are trained

PAPER_RECIPE = Recipe(
    (
        adam(1e-4, 1000, loss=PRETRAINING, options={"count": 16}),
        adam(1e-4, 100_000),
    ),
    Sampling(objects=16, points=(("uniform", 1),), **PLAIN),
    ema=0.0,
    source="SDF-SRN section 4 and the authors' options: Adam 1e-4, batch 16, 100,000 steps; each "
    "of an object's images is a sample of its own",
)
PASCAL_RECIPE = Recipe(
    (
        adam(1e-4, 1000, loss=PRETRAINING, options={"count": 16}),
        adam(1e-4, 30_000),
    ),
    Sampling(
        objects=16,
        points=(("uniform", 1),),
        mirror=0.0,
        augment=("colors", "rescale"),
        augmented=1.0,
    ),
    ema=0.0,
    source="SDF-SRN section 4.2 and the authors' options: Adam 1e-4, batch 16, colors jittered, "
    "crops rescaled by 1 +- 0.2",
)
COMPACT_RECIPE = Recipe(
    (
        # The error is in what depends on the latent: many latents, few points each.
        Phase(
            loss=PRETRAINING,
            options={"count": 64, "points": 64},
            steps=700,
            learning_rate=6e-3,
            weight_decay=0.0,
            clip=0.3,
        ),
        # Rays cost most, so each image gives few of them and a step sees more images.
        Phase(
            options={"rays": 128, "eikonal_points": 100},
            betas=(0.9, 0.999),
            weight_decay=0.0,
        ),
    ),
    Sampling(objects=16, points=(("uniform", 1),), fixed_view=True, augment=("colors",)),
)
