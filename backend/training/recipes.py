"""How each network is trained: the papers' schedules and our own for the small configurations.

A recipe belongs to a part of a method: "main", or an auxiliary network ("camera", "depth") that is
trained alone. It is a list of phases; each starts its own optimiser.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..contract.errors import RequestError
from .rounds import RoundDraw
from .samples import Draw

Decay = Literal["constant", "cosine", "staircase"]
Precision = Literal["float32", "bfloat16"]
PRETRAINING = "pretraining_loss"  # a phase's loss that sees no pictures
EQUAL = (("uniform", 512), ("near", 512))
EVEN = (("uniform", 768), ("near", 256))  # where the overlap of even points is learned too
FEWER = (("uniform", 256), ("near", 256))  # where a point costs as much as the picture


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one loss and one optimiser.

    Attributes
    ----------
    loss : name of the reconstructor's method that takes a batch and returns its loss; or
        `PRETRAINING`, which takes a number of latents
    options : further keyword arguments of it
    steps : how many
    rate : learning rate at its highest
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
    rate: float = 1e-3
    warm_up: int = 100
    decay: Decay = "cosine"
    stairs: tuple[tuple[float, float], ...] = ()
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    coupled: bool = False
    clip: float | None = 1.0
    clip_each: bool = False

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / max(self.warm_up, 1))
        done = step / max(self.steps, 1)
        if self.decay == "cosine":
            return self.rate * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        factor = 1.0
        for share, value in self.stairs if self.decay == "staircase" else ():
            factor = value if done >= share else factor
        return self.rate * rise * factor


@dataclass(frozen=True)
class Recipe:
    """How a part of a method is trained.

    Attributes
    ----------
    phases : one after the other
    draw : what each step sees
    modules : names of the sub-networks that learn; empty for all
    ema : decay of the running mean of the weights that is kept and saved; 0 for none
    precision : what the calls named in a method's `half_precision` compute in
    source : where the schedule comes from
    """

    phases: tuple[Phase, ...]
    draw: Draw | RoundDraw
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


def _ours(draw: Draw, **changes: Any) -> Recipe:
    return Recipe((Phase(**changes),), draw)


_CAMERA = Phase(loss="camera_loss", steps=12_000, clip=10.0)
# An unposed picture is framed by its mask; so are most that a camera network learns from.
_CAMERA_DRAW = Draw(points=(("uniform", 256),), surface=256, crops=0.8, canonical=True)
_PLAIN = {"mirror": 0.0, "augment": ()}

COMPACT: dict[str, dict[str, Recipe]] = {
    "levelform": {
        "main": _ours(Draw(points=EVEN)),
        "camera": Recipe(
            (_CAMERA,), replace(_CAMERA_DRAW, crops=1.0, canonical=False), ("camera",)
        ),
        "several": Recipe(
            (Phase(loss="several_loss", steps=20_000, rate=2e-3, warm_up=200),),
            RoundDraw(),
            ("several",),
            precision="bfloat16",
        ),
    },
    "deep-meta-functionals": {"main": _ours(Draw(points=EQUAL, crops=0.4))},
    "occupancy-network": {"main": _ours(Draw(points=FEWER, crops=0.4), clip=None)},
    "tdgn": {"main": _ours(Draw(points=EQUAL, crops=0.4), rate=5e-4)},
    "disn": {
        "main": _ours(Draw(points=FEWER, crops=0.3), clip=None, rate=1.5e-3),
        "camera": Recipe((_CAMERA,), _CAMERA_DRAW, ("camera",)),
    },
    "uclid-net": {
        "main": Recipe(
            (
                Phase(options={"warm_up": True, "found_depth": True}, steps=300, clip=10.0),
                Phase(options={"samples": 4, "found_depth": True}, steps=8000, clip=10.0),
            ),
            Draw(objects=16, points=(("uniform", 1),), surface=2500, depth=True, crops=0.3),
            ("network",),
        ),
        "camera": Recipe((_CAMERA,), _CAMERA_DRAW, ("camera",)),
        "depth": Recipe(
            (
                Phase(
                    loss="depth_loss",
                    options={"gradients": False, "normals": False},
                    steps=1000,
                    clip=10.0,
                ),
                Phase(loss="depth_loss", steps=3000, rate=5e-4, clip=10.0),
            ),
            Draw(objects=16, points=(("uniform", 1),), depth=True, crops=0.3),
            ("depth",),
        ),
    },
    "sdf-srn": {
        "main": Recipe(
            (
                # The error is in what depends on the latent: many latents, few points each.
                Phase(
                    loss=PRETRAINING,
                    options={"count": 64, "points": 64},
                    steps=700,
                    rate=6e-3,
                    weight_decay=0.0,
                    clip=0.3,
                ),
                # Rays cost most: few of each picture, so that more pictures are seen.
                Phase(
                    options={"rays": 128, "eikonal_points": 100},
                    betas=(0.9, 0.999),
                    weight_decay=0.0,
                ),
            ),
            Draw(objects=16, points=(("uniform", 1),), fixed_view=True, augment=("colors",)),
        )
    },
}

_ADAM = {"betas": (0.9, 0.999), "weight_decay": 0.0, "decay": "constant", "warm_up": 0}
_FOUND = {"found_depth": True}
_DISN_BATCH, _DISN_STEPS = 16, 3_600_000
# DISN multiplies its rate by 0.9 every 200,000 samples, down to a hundredth of it.
_DISN_STAIR = 200_000 / _DISN_BATCH / _DISN_STEPS
_DISN_STAIRS = tuple((k * _DISN_STAIR, max(0.9**k, 0.01)) for k in range(45))
PAPER: dict[str, dict[str, Recipe]] = {
    "deep-meta-functionals": {
        "main": Recipe(
            (
                Phase(
                    **_ADAM
                    | {
                        "decay": "staircase",
                        "stairs": ((0.5, 0.1), (0.75, 0.05)),
                        "rate": 5e-5,
                        "steps": 1_000_000,
                        "clip": 10.0,
                        "clip_each": True,
                    }
                ),
            ),
            Draw(
                points=(("deep-meta-functionals", 11_000),),
                mirror=0.5,
                augment=(),
            ),
            ema=0.0,
            source="Deep Meta Functionals 5.1: Adam 5e-5, a tenth after 10 epochs, half after 5 "
            "more; 11,000 points, batch 32, gradients clipped at 10 a tensor",
        )
    },
    "occupancy-network": {
        "main": Recipe(
            (Phase(**_ADAM | {"rate": 1e-4, "steps": 300_000, "clip": None}),),
            Draw(objects=64, points=(("occupancy-network", 2048),), **_PLAIN),
            ema=0.0,
            source="Occupancy Networks, the authors' code: Adam 1e-4, batch 64, 2,048 points",
        )
    },
    "tdgn": {
        "main": Recipe(
            (Phase(**_ADAM | {"rate": 1e-4, "steps": 800_000, "clip": 1.0}),),
            Draw(points=(("tdgn", 2048),), **_PLAIN),
            ema=0.0,
            source="TDGN section 4 (points); optimiser and length are CvxNet's, which it follows",
        )
    },
    "disn": {
        "main": Recipe(
            (
                Phase(
                    **_ADAM
                    | {
                        "betas": (0.5, 0.999),
                        "weight_decay": 1e-5,
                        "coupled": True,
                        "decay": "staircase",
                        "stairs": _DISN_STAIRS,
                        "rate": 1e-4,
                        "steps": _DISN_STEPS,
                        "clip": None,
                    }
                ),
            ),
            Draw(objects=_DISN_BATCH, points=(("disn", 2048),), **_PLAIN),
            ema=0.0,
            source="DISN section 4 and the authors' code: Adam 1e-4, beta1 0.5, batch 16, the rate "
            "0.9 times as high after every 200,000 samples, L2 term 1e-5",
        ),
        "camera": Recipe(
            (
                Phase(
                    loss="camera_loss",
                    **_ADAM | {"betas": (0.5, 0.999), "rate": 1e-4, "steps": 400_000, "clip": None},
                ),
            ),
            Draw(objects=16, points=(("disn", 2048),), canonical=True, **_PLAIN),
            ("camera",),
            ema=0.0,
            source="DISN, the authors' code",
        ),
    },
    "uclid-net": {
        "main": Recipe(
            (
                Phase(
                    options={"warm_up": True, "found_depth": True},
                    **_ADAM | {"rate": 1e-3, "steps": 1_090, "clip": None},
                ),
                Phase(options=_FOUND, **_ADAM | {"rate": 1e-3, "steps": 109_000, "clip": None}),
                Phase(options=_FOUND, **_ADAM | {"rate": 1e-4, "steps": 54_500, "clip": None}),
            ),
            Draw(objects=28, points=(("uniform", 1),), surface=5000, depth=True, **_PLAIN),
            ("network",),
            ema=0.0,
            source="UCLID-Net 4.1: one epoch of occupancy alone (the authors' in batches of 2), "
            "Adam 1e-3, 1e-4 from epoch 100 of 150, batch 28",
        ),
        "camera": Recipe(
            tuple(
                Phase(
                    loss="camera_loss",
                    **_ADAM | {"rate": rate, "steps": epochs * 1_388, "clip": 0.1},
                )
                for rate, epochs in ((1e-3, 100), (1e-4, 200))
            ),
            Draw(objects=22, points=(("uniform", 1),), surface=8192, canonical=True, **_PLAIN),
            ("camera",),
            ema=0.0,
            source="UCLID-Net, the authors' code: Adam 1e-3, 1e-4 from epoch 100 of 300, batch 22, "
            "gradients clipped at 0.1",
        ),
        "depth": Recipe(
            tuple(
                Phase(
                    loss="depth_loss",
                    options={"gradients": gradients, "normals": normals},
                    **_ADAM
                    | {
                        "weight_decay": 4e-5,
                        "coupled": True,
                        "rate": rate,
                        "steps": epochs * 372,
                        "clip": None,
                    },
                )
                for gradients, normals, rate, epochs in (
                    (False, False, 1e-4, 4),
                    (True, False, 1e-4, 4),
                    (True, True, 1e-4, 92),
                    (True, True, 1e-5, 50),
                )
            ),
            Draw(objects=82, points=(("uniform", 1),), depth=True, **_PLAIN),
            ("depth",),
            ema=0.0,
            source="UCLID-Net, the authors' code: Adam 1e-4, 1e-5 from epoch 100 of 150, batch 82; "
            "terms of gradients from epoch 4, of normals from epoch 8",
        ),
    },
    "sdf-srn": {
        "main": Recipe(
            (
                Phase(
                    loss=PRETRAINING,
                    options={"count": 16},
                    **_ADAM | {"rate": 1e-4, "steps": 1000, "clip": None},
                ),
                Phase(**_ADAM | {"rate": 1e-4, "steps": 100_000, "clip": None}),
            ),
            Draw(objects=16, points=(("uniform", 1),), fixed_view=True, **_PLAIN),
            ema=0.0,
            source="SDF-SRN section 4 and the authors' options: Adam 1e-4, batch 16",
        )
    },
}
PRESETS = {"compact": COMPACT, "paper": PAPER}


def find_recipe(method: str, part: str = "main", preset: str = "compact") -> Recipe:
    """Return the recipe of a part of a method.

    Raises
    ------
    RequestError
        If there is none by that name.
    """
    parts = PRESETS[preset].get(method)
    if parts is None:
        known = ", ".join(sorted(PRESETS[preset]))
        raise RequestError(
            f"There is no {preset} recipe for {method!r}.", f"There are those of {known}."
        )
    if part not in parts:
        raise RequestError(
            f"{method} has no part {part!r} with a {preset} recipe.",
            f"It has {', '.join(parts)}.",
        )
    return parts[part]
