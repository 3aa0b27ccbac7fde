"""How well a network does on shapes it has not seen: the overlap of its field with the truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..contract.errors import LevelformError, RequestError
from ..data.format import Shape
from ..encoders.lifting import voxels_of
from ..geometry.views import View
from ..metrics import iou
from ..reconstructors import Reconstructor
from ..reconstructors.base import CALIBRATED
from ..reconstructors.finishing import finished, hull_of, several_posed
from ..reconstructors.sdf_srn import SDFSRN
from ..reconstructors.uclid_net import VOXELS, UCLIDNet
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


def choose_shapes(shapes: Sequence[Shape], count: int, *, seed: int = 0) -> list[Shape]:
    """Return `count` shapes, the same for the same seed, spread evenly over the categories."""
    order = np.random.default_rng(seed).permutation(len(shapes))
    queues: dict[str, list[Shape]] = {}
    for index in order:
        queues.setdefault(shapes[int(index)].category, []).append(shapes[int(index)])
    chosen: list[Shape] = []
    while len(chosen) < min(count, len(shapes)):
        for name in sorted(queues):
            if queues[name] and len(chosen) < count:
                chosen.append(queues[name].pop(0))
    return chosen


def validate(
    model: Reconstructor,
    shapes: Sequence[Shape],
    *,
    posed: bool = True,
    views: int = 1,
    points: str = "uniform",
    ticket: Ticket | None = None,
    **options: Any,
) -> Scores:
    """Reconstruct each shape from its first pictures and compare inside and outside at points.

    Parameters
    ----------
    model
        In evaluation mode.
    posed
        Give the pictures' cameras; without, the pictures are framed by their masks, and methods
        that need a camera estimate one.
    views
        How many pictures of each shape, its first ones.
    points
        Name of the set of points that is compared on.
    options
        Of `Reconstructor.encode`.
    """
    ticket = ticket or Ticket()
    found: dict[str, list[float]] = {}
    failed = 0
    for index, shape in enumerate(shapes):
        ticket.advance(index / len(shapes))
        try:
            value = _overlap(model, shape, posed, views, points, options)
        except RequestError:
            raise
        except LevelformError:
            value, failed = 0.0, failed + 1
        found.setdefault(shape.category, []).append(value)
    by_category = {name: float(np.mean(values)) for name, values in sorted(found.items())}
    return Scores(float(np.mean(list(by_category.values()))), by_category, failed)


@torch.no_grad()
def choose_level(
    model: Reconstructor, shapes: Sequence[Shape], *, points: str = "uniform", count: int = 41
) -> tuple[float, float, float]:
    """Find the level of a network's fields whose set overlaps best with the truth.

    Tried are the levels inside which, over all shapes, from a half to twice as many points lie as
    in the truth. The network's own surface, the level 0, is kept unless another is better.

    Returns
    -------
    The level, the mean overlap at it, and that at 0; means as in `validate`.
    """
    known = []
    for shape in shapes:
        field = model.decode(model.encode([shape.view(0)]))
        where = torch.from_numpy(np.array(shape[f"{points}.points"])).to(model.device)
        values = torch.cat([field(part) for part in where.split(16384)]).cpu().numpy()
        known.append((shape.category, values, shape.inside(points)))
    return _best_level(known, 0.0, np.geomspace(0.5, 2.0, count))


@torch.no_grad()
def choose_levels(
    model: Reconstructor,
    shapes: Sequence[Shape],
    *,
    points: str = "uniform",
    count: int = 61,
    fractions: tuple[float, float] = (0.4, 2.5),
) -> dict[int, tuple[float, float, float]]:
    """Find the levels of fields of several posed views, inside the views' hull, as `choose_level`.

    Tried are the levels inside which as many points lie as `fractions` of those of the truth.

    Returns
    -------
    By number of views the level, the mean overlap at it, and that at the network's own level
    """
    chosen = {}
    for views in CALIBRATED[1:]:
        known = []
        for shape in shapes:
            taken = spread_views(shape, views)
            where = torch.from_numpy(np.array(shape[f"{points}.points"])).to(model.device)
            inside = hull_of(taken, str(model.device))(where) < 0
            values = torch.full_like(where[:, 0], torch.inf)
            field = model.decode(model.encode(taken))
            parts = where[inside].split(16384)
            values[inside] = torch.cat([where[:0, 0], *(field(part) for part in parts)])
            known.append((shape.category, values.cpu().numpy(), shape.inside(points)))
        chosen[views] = _best_level(known, 0.0, np.geomspace(*fractions, count))
    return chosen


def spread_views(shape: Shape, views: int) -> list[View]:
    """Return every n-th image of a shape, `views` in all, evenly spread where they form a round."""
    if shape.view_count < views:
        raise RequestError(
            f"{shape.id} has {shape.view_count} pictures, not {views}.",
            "Make the data set with more --views.",
        )
    return [shape.view(index * shape.view_count // views) for index in range(views)]


@torch.no_grad()
def choose_occupancy(
    model: UCLIDNet, shapes: Sequence[Shape], *, reach: float = 3.0, count: int = 61
) -> tuple[float, float, float]:
    """Find how far occupancies should be raised for the folded voxels to overlap best.

    The truth are the voxels that hold points of the surface. Tried are `count` logits up to
    `reach` either way.

    Returns
    -------
    The logit to raise by, the mean overlap with it, and that without; means as in `validate`.
    """
    known = []
    for shape in shapes:
        logits = model.voxel_logits(model.encode([shape.view(0)])).cpu()
        surface = model.to_method(torch.from_numpy(np.array(shape["surface.points"])).float())
        known.append((shape.category, logits, voxels_of(surface, VOXELS) > 0))

    def overlap(raised: float) -> float:
        folded = ((c, model.occupied((x + raised).sigmoid()), true) for c, x, true in known)
        return _mean_overlap((c, solid.numpy(), true.numpy()) for c, solid, true in folded)

    before = overlap(0.0)
    best, raised = max((overlap(x), x) for x in np.linspace(-reach, reach, count).tolist())
    return (raised, best, before) if best > before else (0.0, before, before)


@torch.no_grad()
def choose_silhouette_level(
    model: SDFSRN, shapes: Sequence[Shape], *, count: int = 41
) -> tuple[float, float, float]:
    """Find the level of SDF-SRN's fields whose silhouettes overlap best with the pictures' own.

    Like its training it asks pictures, masks and cameras alone. Tried are as many pixels, over all
    shapes, as from a half to twice those of the masks.

    Returns
    -------
    The level, the mean overlap of silhouettes at it, and that at 0; means as in `validate`.
    """
    known = []
    for shape in shapes:
        least, inside = model.least_along_rays(shape.view(0))
        known.append((shape.category, least.cpu().numpy(), inside.cpu().numpy()))
    return _best_level(known, 0.0, np.geomspace(0.5, 2.0, count))


def _best_level(
    known: Sequence[tuple[str, np.ndarray, np.ndarray]], own: float, shares: np.ndarray
) -> tuple[float, float, float]:
    """Return the level below which values overlap best with the truth, that overlap, and `own`'s.

    Parameters
    ----------
    known
        Category, values and truth of each shape; means are over categories, as in `validate`.
    own
        The level that is kept unless another is better.
    shares
        How many places lie below the levels that are tried, in multiples of those of the truth.
    """

    def overlap(level: float) -> float:
        return _mean_overlap((category, values < level, true) for category, values, true in known)

    true = np.mean(np.concatenate([truth.ravel() for *_, truth in known]))
    values = np.concatenate([values.ravel() for _, values, _ in known])
    levels = np.quantile(values, np.clip(true * shares, 0, 1), method="lower")
    levels = np.unique(levels[np.isfinite(levels)])
    before = overlap(own)
    best, level = max((overlap(level), level) for level in map(float, levels))
    return (level, best, before) if best > before else (own, before, before)


@torch.no_grad()
def _overlap(
    model: Reconstructor, shape: Shape, posed: bool, views: int, points: str, options: Any
) -> float:
    pictures = [shape.view(index) for index in range(views)]
    if not posed:
        pictures = [replace(view, camera=None) for view in pictures]
    if posed and lacks(model, "depth"):  # a main network that is trained before its depth network
        options = {"depth": framed_depths(shape, views, model.framing)} | options
    field = model.decode(model.encode(pictures, **options))
    hull = hull_of(pictures, str(model.device)) if several_posed(pictures) else None
    field = finished(model, field, pictures, hull)
    where = torch.from_numpy(np.array(shape[f"{points}.points"])).to(model.device)
    inside = np.concatenate([(field(part) < 0).cpu().numpy() for part in where.split(16384)])
    return iou(inside, shape.inside(points))


def _mean_overlap(found: Iterable[tuple[str, np.ndarray, np.ndarray]]) -> float:
    """Return the mean over categories of the overlaps of what was found and what is true."""
    overlaps: dict[str, list[float]] = {}
    for category, solid, true in found:
        overlaps.setdefault(category, []).append(iou(solid, true))
    return float(np.mean([np.mean(each) for each in overlaps.values()]))
