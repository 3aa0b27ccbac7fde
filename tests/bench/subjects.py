"""The fields that benches measure: analytic ones, degenerate ones, and two frozen learned ones."""

from functools import cache
from pathlib import Path

import torch
from levelform.backend.fields import Field
from levelform.backend.fields.mlp import MlpField
from setups.analytic import Boxes, Gyroid, Rods, Sphere, Torus
from torch import Tensor

FOLDER = Path(__file__).parent / "fields"

_LEG = 0.04  # five cells at 256, a cell and a quarter at 64
_SEAT = ((-0.42, -0.42, -0.10), (0.42, 0.42, -0.02))
_BACK = ((-0.42, 0.36, -0.02), (0.42, 0.42, 0.85))


def chair() -> Boxes:
    """Return a chair with thin legs: six boxes, touching."""
    lower, upper = [_SEAT[0], _BACK[0]], [_SEAT[1], _BACK[1]]
    for x in (-0.42, 0.42 - _LEG):
        for y in (-0.42, 0.42 - _LEG):
            lower.append((x, y, -0.85))
            upper.append((x + _LEG, y + _LEG, -0.10))
    return Boxes(lower, upper)


def rods() -> Rods:
    """Return six free rods, as thick as two cells of a 256 grid, in six directions."""
    generator = torch.Generator().manual_seed(3)
    directions = torch.nn.functional.normalize(torch.randn((6, 3), generator=generator), dim=1)
    heights = torch.linspace(-0.75, 0.75, 6)
    middles = torch.stack([0.3 * torch.cos(5 * heights), 0.3 * torch.sin(5 * heights), heights], 1)
    flat = directions * torch.tensor([1.0, 1.0, 0.15])
    flat = 0.35 * torch.nn.functional.normalize(flat, dim=1)
    return Rods((middles - flat).tolist(), (middles + flat).tolist(), radius=0.008)


class Binary(Field):
    """Only inside or outside: -1 or 1."""

    kind = "occupancy"

    def __init__(self, solid: Field) -> None:
        self.solid = solid

    def __call__(self, points: Tensor) -> Tensor:
        """Return the sign of the solid's field."""
        return torch.where(self.solid(points) <= 0, -1.0, 1.0)


class Saturated(Field):
    """A field squeezed through tanh, as a confident classifier gives it."""

    kind = "occupancy"

    def __init__(self, solid: Field, sharpness: float = 60.0) -> None:
        self.solid, self.sharpness = solid, sharpness

    def __call__(self, points: Tensor) -> Tensor:
        """Return tanh(sharpness * field)."""
        return torch.tanh(self.sharpness * self.solid(points))


class Unbounded(Field):
    """A field that keeps its bounds to itself."""

    def __init__(self, field: Field) -> None:
        self.field, self.kind = field, field.kind

    def __call__(self, points: Tensor) -> Tensor:
        """Return the field's values."""
        return self.field(points)


@cache
def learned(kind: str) -> MlpField:
    """Return the frozen network that learned the chair's "distance" or "occupancy"."""
    from safetensors.torch import load_file

    tensors = {n: t.float() for n, t in load_file(FOLDER / f"chair_{kind}.safetensors").items()}
    layers = [(tensors[f"{k}.weight"], tensors[f"{k}.bias"]) for k in range(len(tensors) // 2)]
    return MlpField(layers, activation="elu", kind=kind)


def smooth() -> dict[str, Field]:
    """Return smooth shapes in one piece."""
    return {"sphere": Sphere(0.7), "torus": Torus(0.6, 0.25), "gyroid": Gyroid(1.8)}
