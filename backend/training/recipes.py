"""Training recipes: phases, sampling, and shared recipes.

A recipe belongs to a part of a method: "main", or a separately trained auxiliary network ("camera",
"depth"). It is a list of phases; each starts its own optimiser. Methods declare recipes in
`Reconstructor.recipes`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..contract.errors import RequestError

Decay = Literal["constant", "cosine", "staircase"]
Precision = Literal["float32", "bfloat16"]
PRETRAINING = "pretraining_loss"  # name of the loss without images
EQUAL = (("uniform", 512), ("near", 512))
EVEN = (("uniform", 768), ("near", 256))  # for losses with an IoU term, computed on uniform points
FEWER = (("uniform", 256), ("near", 256))  # if a point costs about as much as an image
PLAIN: Mapping[str, Any] = {"mirror": 0.0, "augment": ()}  # `Sampling` of most papers


@dataclass(frozen=True)
class Sampling:
    """Contents of a batch.

    Attributes
    ----------
    objects : number of objects, B
    views : images per object, V
    points : name and number of points of each point set
    surface : number of surface points with normals
    depth : whether to include depth maps
    crops : fraction of objects with images framed by their masks, like unposed images
    canonical : whether to use the camera network's cameras, see `canonical_camera`
    mirror : fraction of objects reflected left to right
    augment : names of `AUGMENTATIONS`
    augmented : fraction of the images that each of them is applied to
    fixed_view : whether to always use the same images of an object
    time : whether points have their moment as a fourth coordinate
    voxels : whether to include the occupancy grid
    """

    objects: int = 32
    views: int = 1
    points: tuple[tuple[str, int], ...] = (("uniform", 512), ("near", 512))
    surface: int = 0
    depth: bool = False
    crops: float = 0.0
    canonical: bool = False
    mirror: float = 0.5
    augment: tuple[str, ...] = ("colors", "blur", "noise", "soft-mask")
    augmented: float = 0.5
    fixed_view: bool = False
    time: bool = False
    voxels: bool = False

    def quiet(self) -> "Sampling":
        """Return the sampling of a validation: no augmentation, few objects per step."""
        return replace(self, mirror=0.0, augment=(), objects=16)


@dataclass(frozen=True)
class RoundDraw:
    """Contents of a batch with several views per object.

    Attributes
    ----------
    objects : images per step; the number of objects is `objects` // views, at least 1
    mixture : numbers of views and their probabilities
    uniform, wide : points per object inside the hull: uniform, and near the surface
    scale, shift : error of the volume: range of its side relative to the true side, and greatest
        offset along each axis in volume units
    pose_noise : degrees, greatest standard deviation of a camera's rotation error
    mask_noise : pixels, greatest dilation or erosion of a mask
    zoom, offset : error of an image's framing: range of factors, and greatest fraction of its side
    even : probability of evenly spread views
    """

    objects: int = 24
    mixture: tuple[tuple[int, float], ...] = (
        (1, 0.2),
        (2, 0.2),
        (3, 0.12),
        (4, 0.2),
        (6, 0.11),
        (8, 0.17),
    )
    uniform: int = 320
    wide: int = 224
    scale: tuple[float, float] = (0.9, 1.25)
    shift: float = 0.08
    pose_noise: float = 0.5
    mask_noise: float = 1.0
    zoom: tuple[float, float] = (0.8, 1.1)
    offset: float = 0.04
    even: float = 0.6

    def quiet(self) -> "RoundDraw":
        """Return the sampling of a validation: no errors of cameras and masks."""
        return replace(self, pose_noise=0.0, mask_noise=0.0)


@dataclass(frozen=True)
class Phase:
    """A part of a training run with one loss and one optimiser.

    Attributes
    ----------
    loss : name of the reconstructor's loss, a method of a batch; or `PRETRAINING`, a method
        without a batch
    options : further keyword arguments of the loss
    steps : number of steps
    learning_rate : peak learning rate
    warm_up : steps of linear increase of the learning rate
    decay : "constant"; "cosine" down to 1/50; or "staircase" by `stairs`
    stairs : (fraction of the phase's steps, factor of the learning rate from there on)
    betas, weight_decay : AdamW settings; weight decay applies only to matrices and kernels
    coupled : whether to add weight decay to the gradient, as in Adam with an L2 term
    clip : greatest norm of the gradient; None: no limit
    clip_each : whether to clip each tensor separately
    """

    loss: str = "loss"
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 20_000
    learning_rate: float = 1e-3
    warm_up: int = 100
    decay: Decay = "cosine"
    stairs: tuple[tuple[float, float], ...] = ()
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    coupled: bool = False
    clip: float | None = 1.0
    clip_each: bool = False

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / max(self.warm_up, 1))
        done = step / max(self.steps, 1)
        if self.decay == "cosine":
            return self.learning_rate * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        factor = 1.0
        for fraction, value in self.stairs if self.decay == "staircase" else ():
            factor = value if done >= fraction else factor
        return self.learning_rate * rise * factor


@dataclass(frozen=True)
class Recipe:
    """The training of one part of a method.

    Attributes
    ----------
    phases : phases in order
    sampling : contents of each batch
    modules : names of the trained sub-networks; empty for all
    ema : decay of the EMA of the weights; 0 for none
    precision : data type of the calls in a method's `half_precision`
    source : origin of the schedule
    """

    phases: tuple[Phase, ...]
    sampling: Sampling | RoundDraw
    modules: tuple[str, ...] = ()
    ema: float = 0.999
    precision: Precision = "float32"
    source: str = "our own, for small networks on two cores"

    @property
    def steps(self) -> int:
        """Total number of steps."""
        return sum(phase.steps for phase in self.phases)

    def with_steps(self, steps: int) -> "Recipe":
        """Return the recipe with `steps` in total, by changing the length of its last phase."""
        *before, last = self.phases
        rest = steps - sum(phase.steps for phase in before)
        if rest <= 0:
            raise RequestError(
                f"{steps} steps are too few: the phases before the last take {steps - rest}.",
                "Give more --steps.",
            )
        return replace(self, phases=(*before, replace(last, steps=rest)))

    def fused(self, rule: str) -> "Recipe":
        """Return the recipe with the views of an object fused in the loss by a rule.

        Raises
        ------
        RequestError
            If a step has one image of each object.
        """
        if getattr(self.sampling, "views", 2) < 2:
            raise RequestError(
                "There is one image of each object in a step, so there is nothing to fuse.",
                "Give --views 2 or more.",
            )
        phases = (replace(p, options={**p.options, "fusion": rule}) for p in self.phases)
        return replace(self, phases=tuple(phases))

    def locate(self, step: int) -> tuple[int, int]:
        """Return the index of a step's phase, and the step within that phase."""
        for index, phase in enumerate(self.phases):
            if step < phase.steps:
                return index, step
            step -= phase.steps
        raise ValueError("the recipe has fewer steps")


def small(sampling: Sampling, **changes: Any) -> Recipe:
    """Return our single-phase recipe for a small network; `changes` apply to the phase."""
    return Recipe((Phase(**changes),), sampling)


def adam(learning_rate: float, steps: int, **changes: Any) -> Phase:
    """Return a phase of plain Adam, as in papers: constant rate, no weight decay or clipping."""
    plain: dict[str, Any] = {
        "betas": (0.9, 0.999),
        "weight_decay": 0.0,
        "decay": "constant",
        "warm_up": 0,
        "clip": None,
    }
    return Phase(learning_rate=learning_rate, steps=steps, **plain | changes)


def small_camera(**changes: Any) -> Recipe:
    """Return our recipe for a camera network; `changes` apply to the sampling.

    Unposed images are framed by their masks, so most training images of a camera network are too.
    """
    sampling = Sampling(points=(("uniform", 256),), surface=256, crops=0.8, canonical=True)
    phase = Phase(loss="camera_loss", steps=12_000, clip=10.0)
    return Recipe((phase,), replace(sampling, **changes), ("camera",))
