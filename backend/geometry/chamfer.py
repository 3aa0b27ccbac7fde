"""The squared Chamfer distance of two point clouds, differentiable in both."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def squared_chamfer(points: Tensor, others: Tensor) -> Tensor:
    """Return the mean squared distances to the nearest point, in both directions, added.

    Parameters
    ----------
    points, others : (N, 3) and (M, 3), one frame
    """
    forward = (points - others[nearest(points, others)]).square().sum(1)
    backward = (points[nearest(others, points)] - others).square().sum(1)
    return forward.mean() + backward.mean()


def mean_chamfer(clouds: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Return the mean `squared_chamfer` of the clouds that are not empty; 0 if all are."""
    pairs = zip(clouds, targets, strict=True)
    distances = [squared_chamfer(cloud, points) for cloud, points in pairs if len(cloud)]
    return torch.stack(distances).mean() if distances else clouds[0].new_zeros(())


def random_points(points: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Return at most `count` of points, (N, 3), sampled without replacement."""
    chosen = torch.randperm(len(points), generator=generator)[:count]
    return points[chosen.to(points.device)]


@torch.no_grad()
def nearest(points: Tensor, others: Tensor) -> Tensor:
    """Return (N,): the index in `others`, (M, 3), of the nearest to each of `points`, (N, 3).

    Only the nearest of N M pairs have a gradient, so the search needs none. A k-d tree is fastest
    on a CPU, all pairs on other devices.
    """
    if points.device.type != "cpu":
        return torch.cdist(points, others).argmin(1)
    from scipy.spatial import KDTree

    _, index = KDTree(others.numpy()).query(points.numpy())
    return torch.from_numpy(np.asarray(index, np.int64))
