"""Validate a network: IoU of its fields with the ground truth on unseen shapes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..contract.errors import LevelformError, RequestError
from ..data.format import StoredShape
from ..geometry.views import View
from ..metrics import iou
from ..reconstructors import Reconstructor
from ..reconstructors.finishing import finished, hull_of, several_posed
from ..ticket import Ticket
from .parts import lacks
from .samples import framed_depths


@dataclass(frozen=True)
class Scores:
    """Result of `validate`.

    Attributes
    ----------
    iou : mean over categories of the mean over shapes
    by_category : mean IoU of each category
    failed : number of failed reconstructions, each counted as 0
    """

    iou: float
    by_category: dict[str, float]
    failed: int


def choose_shapes(shapes: Sequence[StoredShape], count: int, *, seed: int = 0) -> list[StoredShape]:
    """Choose `count` shapes by seed, spread evenly over the categories."""
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
) -> Scores:
    """Reconstruct each shape from its first images and compute the IoU at stored points.

    Parameters
    ----------
    model
        Network in evaluation mode. If it lacks its depth network, posed images come with true
        depth.
    posed
        Give the images' cameras. Otherwise images are framed by their masks, and methods with a
        camera network estimate the camera.
    views
        Number of images per shape, its first ones.
    points
        Name of the point set for the IoU.
    """
    ticket = ticket or Ticket()
    scores: dict[str, list[float]] = {}
    failed = 0
    for index, shape in enumerate(shapes):
        ticket.advance(index / len(shapes))
        try:
            value = _iou(model, shape, posed, views, points)
        except RequestError:
            raise
        except LevelformError:
            value, failed = 0.0, failed + 1
        scores.setdefault(shape.category, []).append(value)
    by_category = {name: float(np.mean(values)) for name, values in sorted(scores.items())}
    return Scores(float(np.mean(list(by_category.values()))), by_category, failed)


def first_images(model: Reconstructor, shape: StoredShape, views: int = 1) -> list[View]:
    """Return a shape's first images: as many as asked for, or as the network sees at once."""
    count = max(views, getattr(getattr(model, "configuration", None), "frames", 1))
    if shape.view_count < count:
        raise RequestError(
            f"{shape.id} has {shape.view_count} images, not {count}.",
            "Make the data set with more --views.",
        )
    return [shape.view(index) for index in range(count)]


@torch.no_grad()
def _iou_in_time(
    model: Reconstructor, shape: StoredShape, images: Sequence[View], points: str
) -> float:
    """Return the IoU at stored points and their moments, of a network that reads time."""
    if f"{points}.time" not in shape:
        raise RequestError(
            f"{shape.id} stands still: its points have no time.", "Validate on animated shapes."
        )
    code = model.encode(images)
    where, times = np.array(shape[f"{points}.points"]), np.array(shape[f"{points}.time"])
    inside = np.zeros(len(where), bool)
    for time in np.unique(times):
        field = model.decode(code, time=float(time))  # pyright: ignore[reportCallIssue]
        chosen = times == time
        values = field(torch.from_numpy(where[chosen]).to(model.device))
        inside[chosen] = (values < 0).cpu().numpy()
    return iou(inside, shape.inside(points))


@torch.no_grad()
def _iou(model: Reconstructor, shape: StoredShape, posed: bool, views: int, points: str) -> float:
    images = first_images(model, shape, views)
    if not posed:
        images = [replace(view, camera=None) for view in images]
    options: dict[str, Any] = {}
    if posed and lacks(model, "depth"):  # the main network is trained before its depth network
        options["depth"] = framed_depths(shape, views, model.framing)
    if model.knows_time:
        return _iou_in_time(model, shape, images, points)
    field = model.decode(model.encode(images, **options))
    if several_posed(images):
        field = finished(model, field, images, hull_of(images, str(model.device)))
    where = torch.from_numpy(np.array(shape[f"{points}.points"])).to(model.device)
    inside = np.concatenate([(field(part) < 0).cpu().numpy() for part in where.split(16384)])
    return iou(inside, shape.inside(points))
