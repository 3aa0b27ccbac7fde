"""Score a volume by a quick reconstruction in it, drawn back into the images.

A network that has learned objects of one position and size reconstructs badly in a misplaced
volume, and the result then covers the silhouettes badly. The score therefore chooses among volumes
and fronts that the silhouettes alone leave open.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..fields.field import Field
from ..geometry.views import View
from .carving import Silhouette

SIDE = 32  # pixels of a drawn silhouette
CELLS = 20  # samples of the field along a side of the volume
WINDOW = 1.5  # side of the drawn window, in sides of the silhouette
STEPS = np.array(
    [0.2, 0.06, 0.06, 0.1]
)  # first steps: along the common axis, across it, of the log scale
FINEST = 0.02  # step of the log scale that ends the search
TRIALS = 44
GAIN = 0.05  # smallest gain in score for which the volume is moved
# Possible error of the silhouettes in each, and the cost of such a step.
SPREAD, PENALTY = np.array([0.25, 0.06, 0.06, 0.12]), 0.004


class TrialNetwork(Protocol):
    """The interface of a reconstructor in a trial."""

    def encode(self, views: Sequence[View]) -> Any: ...

    def decode(self, code: Any) -> Field: ...


class VolumeTrial:
    """Scores volumes of one object by the network's reconstruction in them.

    Parameters
    ----------
    network
        Of any method with an occupancy field.
    views
        Posed in the world, small.
    silhouettes
        Of the same views.
    """

    def __init__(
        self, network: TrialNetwork, views: Sequence[View], silhouettes: Sequence[Silhouette]
    ) -> None:
        self._network, self._views = network, views
        self._windows = [_Window.of(item) for item in silhouettes]
        axis = (torch.arange(CELLS) + 0.5) * (2 / CELLS) - 1
        self._points = torch.cartesian_prod(axis, axis, axis)

    @torch.no_grad()
    def score(self, world_from_volume: np.ndarray) -> float:
        """Return the mean soft IoU of the drawn silhouettes with the images', 0 to 1."""
        try:
            views = [
                View(view.image, view.camera and view.camera.in_frame(world_from_volume), view.name)
                for view in self._views
            ]
            field = self._network.decode(self._network.encode(views))
        except RequestError:  # for example a camera inside this volume
            return 0.0
        inside = torch.sigmoid(-field(self._points.to(field.device))).cpu()
        points = self._points.double() @ torch.from_numpy(world_from_volume[:3, :3].T)
        points = points + torch.from_numpy(world_from_volume[:3, 3])
        return float(np.mean([window.iou(points, inside) for window in self._windows]))

    def improve(self, world_from_volume: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """Return a nearby volume, moved and scaled, with a better score, or the same volume.

        Parameters
        ----------
        world_from_volume : (4, 4)
        axes : (3, 3), rows are unit vectors of the world: along the views' common axis, and across
        """

        def moved(change: np.ndarray) -> np.ndarray:
            matrix = world_from_volume.copy()
            matrix[:3, 3] += size * (change[:3] @ axes)
            matrix[:3, :3] *= np.exp(change[3])
            return matrix

        def worth(change: np.ndarray) -> float:
            return self.score(moved(change)) - PENALTY * float(((change / SPREAD) ** 2).sum())

        size = float(np.linalg.norm(world_from_volume[:3, 0]))
        best, steps, trials = np.zeros(4), STEPS.copy(), 1
        start = highest = worth(best)
        while trials < TRIALS and steps[3] > FINEST:
            better = False
            for index, sign in ((0, 1), (0, -1), (3, 1), (3, -1), (1, 1), (1, -1), (2, 1), (2, -1)):
                change = best.copy()
                change[index] += sign * steps[index]
                score, trials = worth(change), trials + 1
                if score > highest + 0.002:
                    best, highest, better = change, score, True
            if not better:
                steps /= 2
        return moved(best) if highest - start >= GAIN else world_from_volume


class _Window:
    """A square of an image around its silhouette, where silhouettes are drawn small."""

    def __init__(self, item: Silhouette, corner: Tensor, pixel: float, mask: Tensor, known: Tensor):
        self.camera, self.corner, self.pixel = item.sight.camera, corner, pixel
        self.mask, self.known = mask, known

    @classmethod
    def of(cls, item: Silhouette) -> "_Window":
        left, top, right, bottom = item.sight.rectangle
        side = WINDOW * max(right - left, bottom - top)
        middle = torch.tensor([(left + right) / 2, (top + bottom) / 2], dtype=torch.float64)
        corner, pixel = middle - side / 2, side / SIDE
        fine = (torch.arange(4 * SIDE) + 0.5) * (pixel / 4)
        height, width = item.alpha.shape
        x, y = 2 * (fine + corner[0]) / width - 1, 2 * (fine + corner[1]) / height - 1
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        grid = torch.stack([grid_x, grid_y], -1)[None].float()
        taken = F.grid_sample(item.alpha[None, None], grid, align_corners=False)
        known = ((grid_x.abs() < 1) & (grid_y.abs() < 1)).float()[None, None]
        means = [F.avg_pool2d(image, 4)[0, 0] for image in (taken, known)]
        return cls(item, corner, float(pixel), *means)

    def iou(self, points: Tensor, inside: Tensor) -> float:
        """Return the soft IoU of points, (N, 3) world, that are `inside`, (N,) 0 to 1, as drawn."""
        pixels, _ = self.camera.project(points)
        cell = torch.floor((pixels - self.corner) / self.pixel).long()
        seen = ((cell >= 0) & (cell < SIDE)).all(1)
        index = cell[seen, 1] * SIDE + cell[seen, 0]
        drawn = torch.zeros(SIDE * SIDE).scatter_reduce(0, index, inside[seen], "amax")
        grown = F.max_pool2d(drawn.view(1, 1, SIDE, SIDE), 3, stride=1, padding=1)
        drawn = -F.max_pool2d(-grown, 3, stride=1, padding=1)[0, 0]  # gaps between points closed
        both = (torch.minimum(drawn, self.mask) * self.known).sum()
        either = (torch.maximum(drawn, self.mask) * self.known).sum()
        outside = float((inside[~seen] > 0.5).sum()) / max(float((inside > 0.5).sum()), 1.0)
        return float(both / either.clamp_min(1e-6)) * (1 - outside)
