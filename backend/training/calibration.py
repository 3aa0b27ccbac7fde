"""Calibrate the level of a network's surface on unseen shapes.

Networks trained on few images omit or thicken thin parts although their fields are correct up to a
constant. Every method defines the compared samples in `Reconstructor.calibration_sample`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..data.format import StoredShape
from ..metrics import iou
from ..reconstructors import Reconstructor
from ..reconstructors.base import CALIBRATED, CALIBRATION_BLOCK
from ..reconstructors.finishing import hull_of, several_posed
from ..ticket import Ticket
from .batch import Example


@dataclass(frozen=True)
class Calibration:
    """The best level, the mean IoU at it, and the mean IoU before."""

    level: float
    iou: float
    before: float


@torch.no_grad()
def calibrate(
    model: Reconstructor,
    shapes: Sequence[StoredShape],
    *,
    points: str = "uniform",
    views: int = 1,
    sample: Callable[[Example], tuple[Tensor, Tensor]] | None = None,
    by_category: bool = True,
    ticket: Ticket | None = None,
) -> Calibration:
    """Find the level with the highest mean IoU.

    Level 0 stays unless another is better. Means are taken over the shapes of each category, then
    over the categories, as in `validation.validate`, or over all shapes.

    Parameters
    ----------
    model
        Network in evaluation mode, not modified; see `Reconstructor.apply_calibration`.
    points
        Name of the point set for the IoU.
    views
        Number of images per shape, evenly spread over its images.
    sample
        Replaces the model's `calibration_sample` by values of its field.
    """
    ticket = ticket or Ticket()
    if sample is None:
        solid_at, candidate_levels = model.solid_at, model.candidate_levels
    else:  # of a field, whatever the model calibrates otherwise
        solid_at = partial(Reconstructor.solid_at, model)
        candidate_levels = partial(Reconstructor.candidate_levels, model)
    samples = []
    for index, shape in enumerate(shapes):
        ticket.advance(index / len(shapes))
        values, ground_truth = (sample or model.calibration_sample)(
            example_of(shape, points, views)
        )
        group = shape.category if by_category else ""
        samples.append((group, values.cpu(), ground_truth.cpu()))

    def mean_iou(level: float) -> float:
        scores: dict[str, list[float]] = {}
        for group, values, ground_truth in samples:
            solid = solid_at(values, level)
            scores.setdefault(group, []).append(iou(solid.numpy(), ground_truth.numpy()))
        return float(np.mean([np.mean(each) for each in scores.values()]))

    values = torch.cat([values.flatten() for _, values, _ in samples])
    ground_truth = torch.cat([ground_truth.flatten() for *_, ground_truth in samples])
    before = mean_iou(0.0)
    best, level = max((mean_iou(x), x) for x in candidate_levels(values, ground_truth))
    return Calibration(level, best, before) if best > before else Calibration(0.0, before, before)


def calibrate_views(
    model: Reconstructor,
    shapes: Sequence[StoredShape],
    *,
    counts: Sequence[int] = CALIBRATED[1:],
    ticket: Ticket | None = None,
) -> dict[int, Calibration]:
    """Find the levels for so many posed views: of one as it is, of several inside their hull.

    A count of 0 stands for one image without its camera. Each shape needs as many images, evenly
    spread around it. All shapes count the same: packs of props are categories too, and most have
    one or two shapes.
    """

    def sample(example: Example, *, posed: bool) -> tuple[Tensor, Tensor]:
        images = [view if posed else replace(view, camera=None) for view in example.views]
        points = example.points.to(model.device)
        inside = torch.ones_like(points[:, 0], dtype=torch.bool)
        if several_posed(images):
            inside = hull_of(images, str(model.device))(points) < 0
        values = torch.full_like(points[:, 0], torch.inf)
        field = model.decode(model.encode(images))
        parts = [field(part) for part in points[inside].split(CALIBRATION_BLOCK)]
        values[inside] = torch.cat(parts)
        return values, example.inside

    return {
        count: calibrate(
            model,
            shapes,
            views=max(count, 1),
            sample=partial(sample, posed=count > 0),
            by_category=False,
            ticket=ticket,
        )
        for count in counts
    }


def example_of(shape: StoredShape, points: str, views: int) -> Example:
    """Return the calibration example of a shape."""
    if shape.view_count < views:
        raise RequestError(
            f"{shape.id} has {shape.view_count} images, not {views}.",
            "Make the data set with more --views.",
        )
    surface, times = (
        torch.from_numpy(np.array(shape[name])) if name in shape else None
        for name in ("surface.points", f"{points}.time")
    )
    return Example(
        views=tuple(shape.view(index * shape.view_count // views) for index in range(views)),
        points=torch.from_numpy(np.array(shape[f"{points}.points"])),
        inside=torch.from_numpy(shape.inside(points)),
        surface=surface,
        times=times,
    )
