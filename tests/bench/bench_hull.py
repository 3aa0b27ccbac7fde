"""The visual hull: how fast the field is, and how finely a silhouette's edge is found."""

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.fields.silhouettes import PADDING, signed_distances
from levelform.backend.geometry.cameras import Camera
from rows import Row, at_least, at_most
from torch import Tensor

VIEWS, SIDE, POINTS = 8, 512, 1 << 17
ROUNDS = 7


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    if "count" in kinds:
        yield _edges()
    if "time" in kinds:
        yield from _speed()


def _edges() -> Row:
    """The worst error of a straight edge's place, against rounding to the nearest pixel."""
    worst, rounded = 0.0, 0.0
    for angle in np.linspace(0, 2 * math.pi, 23):
        for shift in np.linspace(0, 1, 7):
            ours, naive = _edge_errors(angle, 16 * (math.cos(angle) + math.sin(angle)) + shift)
            worst, rounded = max(worst, ours), max(rounded, naive)
    note = "pixels; the anchor rounds alpha to 0 or 1 first"
    return at_most("hull: error of a soft edge's place", worst, rounded, 0.1, unit="px", note=note)


def _edge_errors(angle: float, offset: float, size: int = 32, samples: int = 16) -> list[float]:
    steps = (np.arange(size * samples) + 0.5) / samples
    x, y = np.meshgrid(steps, steps)
    covered = (x * math.cos(angle) + y * math.sin(angle) < offset).astype(np.float32)
    alpha = covered.reshape(size, samples, size, samples).mean((1, 3))
    x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    ground_truth = x * math.cos(angle) + y * math.sin(angle) - offset
    middle = np.s_[10:22, 10:22]
    near = np.abs(ground_truth[middle]) < 1
    errors = []
    for image in (alpha, np.round(alpha)):
        actual = signed_distances(image, (1.0, 1.0))[PADDING:-PADDING, PADDING:-PADDING]
        errors.append(float(np.abs(actual - ground_truth)[middle][near].max(initial=0.0)))
    return errors


def _speed() -> Iterator[Row]:
    """Points a second, all views together, against a loop over the views that gathers pixels."""
    cameras, maps = _views()
    hull = HullField(maps, cameras)
    points = torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        ours, naive = _best([lambda: hull(points), lambda: _by_view(maps, cameras, points)])
    note = f"{VIEWS} views of {SIDE} x {SIDE}, {POINTS / ours / 1e6:.2f} M points/s"
    yield at_least(
        "hull: field, all views together", ours, naive, 2.0, kind="time", unit="s", note=note
    )


def _views() -> tuple[list[Camera], list[Tensor]]:
    """Return cameras around a ball, and its silhouettes."""
    cameras, maps = [], []
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    alpha = np.clip(0.6 * SIDE / 3 - np.hypot(x - SIDE / 2, y - SIDE / 2) + 0.5, 0, 1)
    for index in range(VIEWS):
        angle = 2 * math.pi * index / VIEWS
        forward = -np.array([math.cos(angle), math.sin(angle), 0.0])
        right = np.cross(forward, [0.0, 0.0, 1.0])
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
        pose[:3, 3] = -3 * forward
        camera = Camera(pose, SIDE, SIDE, SIDE / 2, SIDE / 2, SIDE, SIDE)
        cameras.append(camera)
        maps.append(silhouette_map(torch.from_numpy(alpha.astype(np.float32)), camera))
    return cameras, maps


def _by_view(maps: list[Tensor], cameras: list[Camera], points: Tensor) -> Tensor:
    """The same field as one would write it first."""
    largest = torch.full((len(points),), -torch.inf)
    for silhouette, camera in zip(maps, cameras, strict=True):
        pixels, depth = camera.project(points)
        height, width = silhouette.shape
        spot = pixels - 0.5 + PADDING
        column = spot[:, 0].clamp(0, width - 1.001)
        row = spot[:, 1].clamp(0, height - 1.001)
        i, j = row.long(), column.long()
        s, t = row - i, column - j
        above = torch.lerp(silhouette[i, j], silhouette[i, j + 1], t)
        below = torch.lerp(silhouette[i + 1, j], silhouette[i + 1, j + 1], t)
        distance = torch.lerp(above, below, s)
        plane = (pixels - torch.tensor([camera.cx, camera.cy])) / camera.fx
        reach = plane.norm(dim=1) + distance.abs()
        largest = torch.maximum(largest, depth * distance / torch.sqrt(1 + reach**2))
    return largest


def _best(variants: list[Callable[[], object]]) -> list[float]:
    """Return each variant's best time of interleaved rounds, in seconds."""
    times = [math.inf] * len(variants)
    for _ in range(ROUNDS):
        for index, variant in enumerate(variants):
            started = time.perf_counter()
            variant()
            times[index] = min(times[index], time.perf_counter() - started)
    return times
