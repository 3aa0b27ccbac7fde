"""What a method says of its training: phases, what each step samples, and shared phases.

A recipe belongs to a part of a method: "main", or an auxiliary network ("camera", "depth") that is
trained alone. It is a list of phases; each starts its own optimiser. Methods declare recipes in
`Reconstructor.recipes`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..contract.errors import RequestError

Decay = Literal["constant", "cosine", "staircase"]
Precision = Literal["float32", "bfloat16"]
PRETRAINING = "pretraining_loss"  # a phase's loss that sees no images
EQUAL = (("uniform", 512), ("near", 512))
EVEN = (("uniform", 768), ("near", 256))  # where the loss has an overlap term, of uniform points
FEWER = (("uniform", 256), ("near", 256))  # where a point costs as much as an image
PLAIN: Mapping[str, Any] = {"mirror": 0.0, "augment": ()}  # of `Sampling`, as most papers have it


@dataclass(frozen=True)
class Sampling:
    """What a step draws.

    Attributes
    ----------
    objects : how many, B
    views : images of each, V
    points : how many of each named set of points, {"uniform": 512, "near": 512}
    surface : points on the surface, with normals; 0 for none
    depth : depth maps too
    crops : share of objects whose images are framed like unposed ones, by their mask
    canonical : cameras as a camera network knows them, see `canonical_camera`
    mirror : share of objects that are mirrored left to right
    augment : names of `AUGMENTATIONS`; each befalls half of the images
    fixed_view : always take the same images of an object
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
    fixed_view: bool = False

    def quiet(self) -> "Sampling":
        """Return what a validation draws: nothing changed at random, few objects a step."""
        return replace(self, mirror=0.0, augment=(), objects=16)


@dataclass(frozen=True)
class RoundDraw:
    """What a step of training on several views draws.

    Attributes
    ----------
    objects : images a step; the number of objects is this over the number of views
    mixture : numbers of views, and how often each is drawn
    uniform, wide : points of each object inside the hull, even and beside the surface
    scale, shift : of the volume about the true one: side, and offset along each axis in its units
    pose_noise : degrees, greatest standard deviation of a camera's rotation error
    mask_noise : pixels by which masks are too wide or too narrow at most
    zoom, offset : of an image's framing: factor, and share of its side
    even : how often the views are evenly spread over the round
    """

    objects: int = 24
    mixture: tuple[tuple[int, float], ...] = (
        (2, 0.3),
        (3, 0.15),
        (4, 0.25),
        (6, 0.12),
        (8, 0.18),
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
        """Return what a validation draws: no errors of cameras and masks."""
        return replace(self, pose_noise=0.0, mask_noise=0.0)


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one loss and one optimiser.

    Attributes
    ----------
    loss : name of the reconstructor's method that takes a batch and returns its loss; or
        `PRETRAINING`, which takes a number of latents
    options : further keyword arguments of it
    steps : how many
    learning_rate : learning rate at its highest
    warm_up : steps over which the rate rises
    decay : "constant"; "cosine" down to a fiftieth of the rate; or "staircase": the rate is
        multiplied by the last of `stairs` at each of the others, shares of the phase's steps
    betas, weight_decay : of AdamW; weight decay is for matrices and kernels alone
    coupled : weight decay is part of the gradient, as in Adam with an L2 term
    clip : greatest norm of the gradient; None for no limit
    clip_each : the limit holds for each tensor, not for all together
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
    """How a part of a method is trained.

    Attributes
    ----------
    phases : one after the other
    sampling : what each step sees
    modules : names of the sub-networks that learn; empty for all
    ema : decay of the running mean of the weights that is kept and saved; 0 for none
    precision : what the calls named in a method's `half_precision` compute in
    source : where the schedule comes from
    """

    phases: tuple[Phase, ...]
    sampling: Sampling | RoundDraw
    modules: tuple[str, ...] = ()
    ema: float = 0.999
    precision: Precision = "float32"
    source: str = "our own, for small networks on two cores"

    @property
    def steps(self) -> int:
        """Steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    def with_steps(self, steps: int) -> "Recipe":
        """Return the recipe with another length of its last phase; those before keep theirs."""
        *before, last = self.phases
        rest = steps - sum(phase.steps for phase in before)
        if rest <= 0:
            raise RequestError(
                f"{steps} steps are too few: the phases before the last take {steps - rest}.",
                "Give more --steps.",
            )
        return replace(self, phases=(*before, replace(last, steps=rest)))

    def locate(self, step: int) -> tuple[int, int]:
        """Return which phase a step lies in, and which step of the phase it is."""
        for index, phase in enumerate(self.phases):
            if step < phase.steps:
                return index, step
            step -= phase.steps
        raise ValueError("the recipe has fewer steps")


def small(sampling: Sampling, **changes: Any) -> Recipe:
    """Return our recipe of one phase for a small network; `changes` are of the phase."""
    return Recipe((Phase(**changes),), sampling)


def adam(learning_rate: float, steps: int, **changes: Any) -> Phase:
    """Return a phase of plain Adam, as papers have it: a constant rate, no decay, no clipping."""
    plain: dict[str, Any] = {
        "betas": (0.9, 0.999),
        "weight_decay": 0.0,
        "decay": "constant",
        "warm_up": 0,
        "clip": None,
    }
    return Phase(learning_rate=learning_rate, steps=steps, **plain | changes)


def small_camera(**changes: Any) -> Recipe:
    """Return our recipe for a camera network; `changes` are of what a step samples.

    An unposed image is framed by its mask, so most that a camera network learns from are too.
    """
    sampling = Sampling(points=(("uniform", 256),), surface=256, crops=0.8, canonical=True)
    phase = Phase(loss="camera_loss", steps=12_000, clip=10.0)
    return Recipe((phase,), replace(sampling, **changes), ("camera",))
