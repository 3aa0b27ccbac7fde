"""Import of a published checkpoint into a weights file, and how much storing it changes the field.

The field is compared on one drawn image, a lit ball, at points all over the volume: first with the
checkpoint's own numbers in float32, then with those of the file, computed as they will be.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..geometry.views import View
from ..ticket import Ticket
from . import import_checkpoint
from .base import Reconstructor
from .spec import keyword_names
from .storage import Precision
from .triposr import TripoSR

STAGES = {"Import": 1.0, "Measure": 2.0}
"""What a ticket plans before `import_weights`, perhaps among other stages."""
POINTS = 4096
IMAGE_SIDE = 256


@dataclass(frozen=True)
class FieldChange:
    """What storing the weights changes.

    Attributes
    ----------
    rms : root of the mean square difference of the field's values
    greatest : greatest difference
    std : standard deviation of the field's values, to compare with
    swapped : fraction of the points that change sides of the surface
    """

    rms: float
    greatest: float
    std: float
    swapped: float

    @property
    def sentence(self) -> str:
        """The change in words."""
        return (
            f"the stored weights change the field by {self.rms:.2g} (rms; {self.greatest:.2g} at "
            f"most; its std is {self.std:.2g}), and {self.swapped:.2%} of the points change sides"
        )


def import_weights(
    cls: type[Reconstructor],
    paths: Sequence[Path],
    out: Path,
    *,
    precision: Precision,
    ticket: Ticket,
) -> dict[str, Any]:
    """Turn checkpoints into a weights file, and measure the change of the field by storing it.

    The original network is freed before the stored one is loaded.

    Returns
    -------
    Facts for `--json`: "parameters", "configuration", "frame", "precision", "hash", "bytes", and
    "change" (None if nothing is rounded).

    Raises
    ------
    RequestError
        If a file can't be read or written, or they hold no network of this method.
    """
    started = time.perf_counter()
    with ticket.stage("Import"):
        model = import_checkpoint(cls, paths).eval()
        ticket.check()
        names = [path.name for path in paths]
        digest = model.save(out, training={"imported": names}, results={}, precision=precision)
    facts = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "configuration": model.configuration.to_json(),
        "frame": model.method_from_volume.tolist(),
        "precision": precision,
        "hash": digest,
        "bytes": out.stat().st_size,
        "change": None,
    }
    with ticket.stage("Measure"):
        if precision != "float32":
            if isinstance(model, TripoSR):
                model.exact = True
            exact = _values(model, ticket)
            del model
            facts["change"] = vars(_change(exact, _values(cls.load(out).eval(), ticket)))
    return {**facts, "seconds": round(time.perf_counter() - started, 3)}


def _values(model: Reconstructor, ticket: Ticket) -> Tensor:
    """Return the field of the lit ball at `POINTS` points."""
    given = {"ticket": Ticket(cancelled=ticket.cancelled)}
    taken = {name: given[name] for name in given if name in keyword_names(model.encode)}
    field = model.decode(model.encode([View(lit_ball(IMAGE_SIDE), None, "ball")], **taken))
    points = torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        return field(points) - field.level()


def _change(exact: Tensor, stored: Tensor) -> FieldChange:
    difference = (stored - exact).double()
    return FieldChange(
        rms=float(difference.square().mean().sqrt()),
        greatest=float(difference.abs().max()),
        std=float(exact.double().std()),
        swapped=float(((stored < 0) != (exact < 0)).double().mean()),
    )


def lit_ball(side: int) -> Tensor:
    """Return (side, side, 4): a ball lit from the upper left, cut out with a soft edge."""
    axis = (torch.arange(side) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    radius = 0.8
    square = (x**2 + y**2) / radius**2
    z = (1 - square).clamp(min=0).sqrt()
    light = (-0.5 * x / radius - 0.6 * y / radius + 0.6 * z).clamp(min=0)
    alpha = ((1 - square.sqrt()) * radius * side / 2 + 0.5).clamp(0, 1)
    shade = 0.2 + 0.75 * light
    return torch.stack([shade, 0.8 * shade, 0.5 * shade + 0.1, alpha], -1)
