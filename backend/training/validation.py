"""How well a network does on shapes it has not seen: the overlap of its field with the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..contract.errors import LevelformError, RequestError
from ..data.format import StoredShape
from ..metrics import iou
from ..reconstructors import Reconstructor
from ..reconstructors.finishing import finished, hull_of, several_posed
from ..ticket import Ticket
from .parts import lacks
from .samples import framed_depths


@dataclass(frozen=True)
class Scores:
    """What `validate` found.

    iou : mean over categories of the mean over shapes
    by_category : mean of each
    failed : shapes for which nothing was reconstructed; they count as 0
    """

    iou: float
    by_category: dict[str, float]
    failed: int


def choose_shapes(shapes: Sequence[StoredShape], count: int, *, seed: int = 0) -> list[StoredShape]:
    """Return `count` shapes, the same for the same seed, spread evenly over the categories."""
    order = np.random.default_rng(seed).permutation(len(shapes))
    queues: dict[str, list[StoredShape]] = {}
    for index in order:
        queues.setdefault(shapes[int(index)].category, []).append(shapes[int(index)])
    chosen: list[StoredShape] = []
    while len(chosen) < min(count, len(shapes)):
        for name in sorted(queues):
            if queues[name] and len(chosen) < count:
                chosen.append(queues[name].pop(0))
    return chosen


def validate(
    model: Reconstructor,
    shapes: Sequence[StoredShape],
    *,
    posed: bool = True,
    views: int = 1,
    points: str = "uniform",
    ticket: Ticket | None = None,
    **options: Any,
) -> Scores:
    """Reconstruct each shape from its first images and compare inside and outside at points.

    Parameters
    ----------
    model
        In evaluation mode.
    posed
        Give the images' cameras; without, the images are framed by their masks, and methods
        that need a camera estimate one.
    views
        How many images of each shape, its first ones.
    points
        Name of the set of points that is compared on.
    options
        Of `Reconstructor.encode`.
    """
    ticket = ticket or Ticket()
    scores: dict[str, list[float]] = {}
    failed = 0
    for index, shape in enumerate(shapes):
        ticket.advance(index / len(shapes))
        try:
            value = _overlap(model, shape, posed, views, points, options)
        except RequestError:
            raise
        except LevelformError:
            value, failed = 0.0, failed + 1
        scores.setdefault(shape.category, []).append(value)
    by_category = {name: float(np.mean(values)) for name, values in sorted(scores.items())}
    return Scores(float(np.mean(list(by_category.values()))), by_category, failed)


@torch.no_grad()
def _overlap(
    model: Reconstructor, shape: StoredShape, posed: bool, views: int, points: str, options: Any
) -> float:
    images = [shape.view(index) for index in range(views)]
    if not posed:
        images = [replace(view, camera=None) for view in images]
    if posed and lacks(model, "depth"):  # a main network that is trained before its depth network
        options = {"depth": framed_depths(shape, views, model.framing)} | options
    field = model.decode(model.encode(images, **options))
    if several_posed(images):
        field = finished(model, field, images, hull_of(images, str(model.device)))
    where = torch.from_numpy(np.array(shape[f"{points}.points"])).to(model.device)
    inside = np.concatenate([(field(part) < 0).cpu().numpy() for part in where.split(16384)])
    return iou(inside, shape.inside(points))
