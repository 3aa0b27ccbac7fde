"""Sample training batches from a data set; at most one batch is held in memory."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import RequestError
from ...geometry.cameras import Camera
from .dataset import Dataset, StoredShape


@dataclass(frozen=True)
class DatasetBatch:
    """B objects with V views and N points each.

    images : (B, V, H, W, 4) float32 in [0, 1], straight alpha
    cameras : B lists of V cameras, posed in the object frame; empty lists without cameras
    points : (B, N, 3) float32, object frame
    inside : (B, N) float32, 1 inside
    distance : (B, N) float32, negative inside; None if the data set has only labels
    ids, categories : of the objects
    """

    images: Tensor
    cameras: list[list[Camera]]
    points: Tensor
    inside: Tensor
    distance: Tensor | None
    ids: list[str]
    categories: list[str]


def sample_batch(
    dataset: Dataset,
    rng: np.random.Generator,
    *,
    objects: int,
    points: dict[str, int],
    views: int = 1,
) -> DatasetBatch:
    """Sample objects, views and points; points with replacement, views without.

    Parameters
    ----------
    points
        Number of points of each named set: {"uniform": 1024, "near": 1024}.
    views
        Number of images per object; 0: none.

    Raises
    ------
    RequestError
        If the data set is empty, or a shape lacks the points or has too few views.
    """
    if len(dataset) == 0:
        raise RequestError("The data set has no shapes to draw from.")
    shapes = [dataset[int(i)] for i in rng.integers(len(dataset), size=objects)]
    chosen = [_choose_views(shape, views, rng) for shape in shapes]
    drawn = [_sample_points(shape, points, rng) for shape in shapes]
    distances = [distance for _, _, distance in drawn if distance is not None]
    images = [_images(shape, index) for shape, index in zip(shapes, chosen, strict=True)]
    return DatasetBatch(
        torch.from_numpy(np.stack(images)).float() / 255,
        [_cameras(shape, index) for shape, index in zip(shapes, chosen, strict=True)],
        torch.from_numpy(np.stack([entry[0] for entry in drawn])),
        torch.from_numpy(np.stack([entry[1] for entry in drawn])).float(),
        torch.from_numpy(np.stack(distances)) if len(distances) == len(drawn) else None,
        [shape.id for shape in shapes],
        [shape.category for shape in shapes],
    )


def _choose_views(shape: StoredShape, count: int, rng: np.random.Generator) -> np.ndarray:
    if shape.view_count < count:
        raise RequestError(f"{shape.id} has {shape.view_count} views, not {count}.")
    return rng.permutation(shape.view_count)[:count]


def _images(shape: StoredShape, index: np.ndarray) -> np.ndarray:
    if len(index) == 0:
        return np.zeros((0, 1, 1, 4), np.uint8)
    return np.stack([shape["views.images"][i] for i in index])


def _cameras(shape: StoredShape, index: np.ndarray) -> list[Camera]:
    if "views.poses" not in shape:
        return []
    return [shape.camera(int(i)) for i in index]


def _sample_points(
    shape: StoredShape, points: dict[str, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return points, labels and signed distances (None if a set lacks them) of one shape."""
    places, labels, distances = [], [], []
    for name, count in points.items():
        stored = shape[f"{name}.points"]
        index = np.sort(rng.integers(len(stored), size=count))  # sorted: sequential reads
        places.append(stored[index])
        if f"{name}.distance" in shape:
            distances.append(shape[f"{name}.distance"][index])
            labels.append(distances[-1] < 0)
        else:
            labels.append(shape[f"{name}.inside"][index] > 0)
    signed = np.concatenate(distances) if len(distances) == len(points) else None
    return np.concatenate(places), np.concatenate(labels), signed
