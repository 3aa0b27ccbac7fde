"""Measure IoU by number of views: `levelform` against the hull, an eroded hull and an oracle.

The visual hull always overestimates, so any shrinking raises the IoU. A network is useful only if
it exceeds the hull of masks eroded by one pixel. The oracle is the hull minus the space observed
to be empty in the true depth maps, the most that the views determine without a prior.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.format import StoredShape
from ..fields.hull import HullField, silhouette_map
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..metrics import iou
from ..placing.place import CameraFinder, about_z, place
from ..reconstructors import Reconstructor
from ..reconstructors.finishing import finished, hull_of, several_posed
from ..ticket import Ticket
from .markdown import number, table, write
from .store import Numbers, Store

VIEWS = (1, 2, 4, 8)
POINTS = 6_000  # per shape
BLOCK = 16_384
SEEN_EMPTY = 0.01  # volume units in front of the visible surface beyond which a point is empty
ROWS = (
    ("hull", "visual hull"),
    ("tight", "visual hull, masks eroded by one pixel"),
    ("true", "network, true volume and front"),
    ("estimated", "network, volume estimated and front unknown"),
    ("oracle", "oracle: hull minus space observed to be empty"),
)
VERSION = 1  # version of the scene generation; rows of other versions are measured again


@dataclass
class ViewCounts:
    """Numbers by group, shape and number of views."""

    rows: list[tuple[str, str, int, Numbers]] = field(default_factory=list)

    def mean(self, views: int, key: str) -> float | None:
        """Return the mean IoU of a row over the shapes; None unless all were measured."""
        values = [n.get(key) for _, _, v, n in self.rows if v == views]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known and len(known) == len(values) else None

    def count(self) -> int:
        """Return the number of shapes."""
        return len({name for _, name, _, _ in self.rows})

    def of_group(self, group: str) -> "ViewCounts":
        """Return the rows of one group."""
        return ViewCounts([row for row in self.rows if row[0] == group])

    def placed(self) -> "ViewCounts":
        """Return the rows with an estimated volume."""
        return ViewCounts([row for row in self.rows if "estimated" in row[3]])


def measure_views(
    groups: Mapping[str, Sequence[StoredShape]],
    model: Reconstructor,
    finder: CameraFinder,
    store: Store,
    *,
    version: str,
    placed: int,
    seed: int = 0,
    ticket: Ticket | None = None,
) -> ViewCounts:
    """Measure what the store lacks; return all numbers.

    Parameters
    ----------
    groups
        Unseen shapes by group, with depth and eight views spread around the object.
    model
        The network.
    finder
        Network for estimating the front and the volume.
    version
        Hash of the network's weights.
    placed
        Number of shapes per group with an estimated volume (the slowest measurement).
    """
    ticket, results = ticket or Ticket(), ViewCounts()
    jobs = [
        (group, shape, views, index < placed)
        for group, shapes in groups.items()
        for index, shape in enumerate(shapes)
        for views in VIEWS
    ]
    for done, (group, shape, views, wanted) in enumerate(jobs):
        ticket.advance(done / max(len(jobs), 1))
        key = {"shape": shape.id, "views": views, "weights": version, "version": VERSION}
        numbers = _kept(store, key, lambda s=shape, v=views: measure(s, v, model))
        if wanted:
            key |= {"seed": seed, "estimated": True}
            numbers = numbers | _kept(
                store, key, lambda s=shape, v=views: measure_placed(s, v, model, finder, seed=seed)
            )
        results.rows.append((group, shape.id, views, numbers))
    return results


def _kept(store: Store, key: dict[str, Any], made: Callable[[], Numbers]) -> Numbers:
    numbers = store.get(key)
    if numbers is None:
        numbers = made()
        store.add(key, numbers)
    return numbers


def measure(shape: StoredShape, count: int, model: Reconstructor) -> Numbers:
    """Return the IoU of the rows in the true volume for `count` views of a shape."""
    taken = spread(shape, count)
    views = [shape.view(index) for index in taken]
    points, ground_truth = points_of(shape)
    hull = (_hull(views, 0.0)(points) < 0).numpy()
    empty = np.any([_seen_empty(shape, index, points) for index in taken], axis=0)
    return {
        "hull": iou(hull, ground_truth),
        "tight": iou((_hull(views, 1.0)(points) < 0).numpy(), ground_truth),
        "oracle": iou(hull & ~empty, ground_truth),
        "true": iou(inside_of(model, views, points), ground_truth),
    }


def measure_placed(
    shape: StoredShape, count: int, model: Reconstructor, finder: CameraFinder, *, seed: int
) -> Numbers:
    """Return the IoU in the estimated volume of a scene, with the front unknown.

    One image does not determine the object's distance, so with one view the estimated volume is
    scaled about the camera to the true distance of its centre.
    """
    world = _scene(shape.id, seed)
    views = _in_frame([shape.view(i) for i in spread(shape, count)], np.linalg.inv(world))
    volume = place(views, network=finder).world_from_volume
    if count == 1 and views[0].camera is not None:
        volume = as_far_away(volume, world[:3, 3], views[0].camera)
    local = torch.from_numpy(np.linalg.inv(volume) @ world)
    points, ground_truth = points_of(shape)
    there = (points.double() @ local[:3, :3].T + local[:3, 3]).float()
    cube = (there.abs() <= 1).all(1).numpy()
    return {
        "estimated": iou(inside_of(model, _in_frame(views, volume), there) & cube, ground_truth)
    }


def as_far_away(volume: np.ndarray, center: np.ndarray, camera: Camera) -> np.ndarray:
    """Return a volume, (4, 4), scaled about a camera to put its centre at the depth of `center`."""
    depths = (np.stack([center, volume[:3, 3]]) - camera.center) @ camera.forward
    scaled = volume.copy()
    scaled[:3] *= depths[0] / depths[1]
    scaled[:3, 3] += camera.center * (1 - depths[0] / depths[1])
    return scaled


def spread(shape: StoredShape, count: int) -> list[int]:
    """Return the indices of `count` images, evenly spread around a shape."""
    return [index * shape.view_count // count for index in range(count)]


def points_of(shape: StoredShape) -> tuple[Tensor, np.ndarray]:
    """Return points, (N, 3), and which of them are inside, (N,) bool."""
    points = torch.from_numpy(np.array(shape["uniform.points"][:POINTS]))
    return points, shape.inside("uniform")[:POINTS]


def _scene(name: str, seed: int) -> np.ndarray:
    """Return world_from_volume, (4, 4): a random similarity drawn by seed and name."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    matrix = np.eye(4)
    matrix[:3, :3] = about_z(rng.uniform(0, 360)) * np.exp(rng.uniform(-1, 1))
    matrix[:3, 3] = rng.uniform(-3, 3, 3)
    return matrix


def _in_frame(views: Sequence[View], frame: np.ndarray) -> list[View]:
    return [View(v.image, v.camera and v.camera.in_frame(frame), v.name) for v in views]


def _hull(views: Sequence[View], pixels: float) -> HullField:
    """Return the hull of views with masks eroded by `pixels`."""
    cameras = [view.camera for view in views if view.camera is not None]
    alphas = [view.image[..., 3] for view in views]
    maps = [silhouette_map(a, c) + pixels / c.fx for a, c in zip(alphas, cameras, strict=True)]
    return HullField(maps, cameras)


def _seen_empty(shape: StoredShape, index: int, points: Tensor) -> np.ndarray:
    """Return whether points (N, 3) lie in front of the visible surface of an image, (N,) bool."""
    depth = torch.from_numpy(np.array(shape["views.depth"][index])).float()
    pixels, z = shape.camera(index).project(points.double())
    column, row = pixels.floor().long().clamp(0, depth.shape[0] - 1).unbind(-1)
    surface = depth[row, column]
    return ((surface > 0) & (z < surface - SEEN_EMPTY)).numpy()


@torch.no_grad()
def inside_of(model: Reconstructor, views: Sequence[View], points: Tensor) -> np.ndarray:
    """Return whether points are inside the result of a default job on the views."""
    made = model.decode(model.encode(views))
    hull = hull_of(views, str(model.device)) if several_posed(views) else None
    made = finished(model, made, views, hull)
    parts = [made(part.to(made.device)).cpu() < 0 for part in points.split(BLOCK)]
    return torch.cat(parts).numpy()


# ---------------------------------------------------------------- the page


def write_page(
    path: Path, results: ViewCounts, *, command: str, title: str, more: Sequence[str] = ()
) -> None:
    """Write the tables of means: all shapes, each group, estimated volumes, and `more` parts."""
    groups = {name: results.of_group(name) for name in sorted({row[0] for row in results.rows})}
    placed = results.placed()
    parts = [
        "# Several views",
        f"{title} on {results.count()} unseen shapes, by number of posed views evenly spread "
        "around the object. IoU is computed from the field at uniform points of the true volume, "
        "at the default level and clipped to the hull, as in a job. Images have 128 pixels.",
        f"    {command}",
        _block(results, f"All {results.count()} shapes"),
        *(_block(group, f"{name}: {group.count()} shapes") for name, group in groups.items()),
        _block(placed, f"The volume estimated and the front unknown: {placed.count()} shapes"),
        PLACED,
        *more,
    ]
    write(path, parts)


PLACED = """\
A fixed seed rotates every scene about +Z, scales it and translates it at random; Levelform then
estimates the volume. One image does not determine the object's distance: with one view the
estimated volume is scaled about the camera to the true distance of its center."""


def _block(results: ViewCounts, title: str) -> str:
    means = {key: [results.mean(views, key) for views in VIEWS] for key, _ in ROWS}
    rows = [[words, *map(number, means[key])] for key, words in ROWS if None not in means[key]]
    head = ["IoU", *(f"{views} view{'s' * (views > 1)}" for views in VIEWS)]
    return f"## {title}\n\n" + table(head, rows) if rows else ""
