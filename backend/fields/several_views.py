"""Occupancy of a point from what several views show of it, inside their hull.

Each view contributes what it shows where the point projects (features of an image encoder), what
its silhouette says (the distance of its cone), and how far behind the visible surface the point
lies: the surface is at the hull's front at the earliest, and at a depth that the network predicts
between the hull's front and back. Everything is measured along the camera, not in the volume, so
the answer does not change when the volume is turned about its vertical axis. The hidden features
of the views are pooled by weighted mean, maximum and variance.

Outside the hull nothing is inside; there the network is not run.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from .context import Context
from .field import Field
from .intersection import LOGITS_PER_UNIT
from .view_silhouettes import Interval, Silhouettes, distances_at, hull_interval, project

MARGIN = 0.05  # volume units outside the hull in which the network is still asked, and trained
OUTER = 0.03  # the network is evaluated up to this far outside the hull, volume units
VIEW_INPUTS, POINT_INPUTS, CUES = 16, 6, 5
NEAR, FAR = 0.1, 0.5  # volume units: scales of the distances that the network reads
MOST_VIEWS = 8.0


class VisibleSurface(NamedTuple):
    """What is known of the visible surface on T x T cells of each view.

    features : (B, V, C, T, T)
    cues : (B, V, CUES, T, T); see `SeveralViews.surface`
    depth, spread : (B, V, T, T) predicted depth along the axis, and scale of its Laplace density
    interval : of the hull
    """

    features: Tensor
    cues: Tensor
    depth: Tensor
    spread: Tensor
    interval: Interval


class Round(NamedTuple):
    """A batch of B objects, each seen by V cameras, for `Levelform.several_loss`.

    Attributes
    ----------
    vectors : (B, V, features) of the image encoder
    distances : (B, V, S, S) pixels to the silhouettes
    poses, intrinsics : (B, V, 4, 4) camera_from_volume, (B, V, 4) in pixels
    depth : (B, V, T, T) true depth at the cells of the encoder's finest map, or infinite
    points, inside : (B, P, 3), (B, P) 0 or 1
    maps : (B, V, C, T, T) of the image encoder, the finest first
    """

    vectors: Tensor
    distances: Tensor
    poses: Tensor
    intrinsics: Tensor
    depth: Tensor
    points: Tensor
    inside: Tensor
    maps: tuple[Tensor, ...]

    @property
    def views(self) -> Silhouettes:
        """The silhouettes; the cameras are perspective."""
        orthographic = torch.zeros(self.poses.shape[:2], dtype=torch.bool, device=self.poses.device)
        return Silhouettes(self.distances, self.poses, self.intrinsics, orthographic)

    def to(self, device: torch.device | str) -> "Round":
        """Return the batch on another device."""
        *tensors, maps = self
        return Round._make(
            [*(t.to(device) for t in tensors), tuple(level.to(device) for level in maps)]
        )


class SeveralViews(nn.Module):
    """Image features, silhouettes and cameras of V views to logits at points.

    Parameters
    ----------
    widths
        Channels of the encoder's maps, from the finest; each next one is half as large.
    features
        Of the encoder's vector of an image.
    channels
        Of the local features at points.
    hidden
        Width of the networks of a point.
    context
        Channels of the finest maps of the `Context` network; 0: there is none.
    """

    def __init__(
        self,
        widths: Sequence[int],
        features: int,
        *,
        channels: int = 24,
        hidden: int = 64,
        context: int = 0,
    ) -> None:
        super().__init__()
        # One number of channels for all maps: (N, channels, T / 2^i, T / 2^i).
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        self.entry = nn.Conv2d(3, channels, 1)  # front, thickness and hit of the hull
        self.refine = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.context = Context(channels + 3, channels, width=context) if context else None
        self.depth = nn.Conv2d(channels, 2, 1)  # fraction of the thickness, logarithm of the spread
        self.shift = nn.Linear(features, 2 * hidden)  # of both hidden layers, by the image
        self.first = nn.Linear(channels + VIEW_INPUTS, hidden)  # a point in one view
        self.second = nn.Linear(hidden, hidden)
        self.weight = nn.Linear(hidden, 1)  # of a view, for one point
        self.fuse = nn.Linear(3 * hidden + POINT_INPUTS, hidden)
        self.mix = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 1)

    def surface(self, maps: Sequence[Tensor], views: Silhouettes) -> VisibleSurface:
        """Return the predicted visible surface.

        Parameters
        ----------
        maps
            (B V, widths[i], T / 2^i, T / 2^i) of the encoder.
        views
            The silhouettes.
        """
        objects, count = views.poses.shape[:2]
        cells = maps[0].shape[-1]
        interval = hull_interval(views, cells)  # (B, V, T, T) each
        middle = views.poses[..., 2, 3][..., None, None]  # depth of the volume's centre
        valid = interval.valid.float()
        known = torch.stack(
            [(interval.front - middle) * valid, (interval.back - interval.front) * valid, valid], 2
        )
        # (B, V, C, T, T)
        x = self.combine(maps, known.flatten(0, 1)).unflatten(0, (objects, count))
        fraction, log_spread = self.depth(x.flatten(0, 1)).unflatten(0, (objects, count)).unbind(2)
        thick = interval.back - interval.front
        # The surface lies between the hull's ends, near the front at first.
        depth = interval.front + thick * torch.sigmoid(fraction - 2.0)
        spread = 0.01 + F.softplus(log_spread - 2.0)
        cues = torch.stack(
            [
                valid,
                valid * (interval.front - middle),
                valid * thick,
                valid * (depth - middle),
                valid * spread,
            ],
            2,
        )
        return VisibleSurface(x, cues, depth, spread, interval)

    def combine(self, maps: Sequence[Tensor], known: Tensor) -> Tensor:
        """Return (N, channels, T, T): the encoder's maps combined with the hull's."""
        x = self.lateral[-1](maps[-1])  # the coarsest; finer ones are added on the way up
        for lateral, feature_map in zip(list(self.lateral)[-2::-1], maps[-2::-1], strict=True):
            coarse = F.interpolate(x, feature_map.shape[-2:], mode="bilinear", align_corners=False)
            x = coarse + lateral(feature_map)
        x = x + self.entry(known)
        if self.context is not None:
            x = x + self.context(torch.cat([x, known.to(x.dtype)], 1))
        return x + self.refine(x)

    def forward(
        self, points: Tensor, views: Silhouettes, surface: VisibleSurface, vectors: Tensor
    ) -> Tensor:
        """Return (B, P) logits at points (B, P, 3); vectors (B, V, features) of the images."""
        hull = distances_at(points, views)  # (B, V, P)
        read, local, cues = self._read(points, views, surface)
        shifts = self.shift(vectors)[:, :, None].chunk(2, -1)  # (B, V, 1, hidden) each
        # (B, V, P, channels + VIEW_INPUTS)
        inputs = torch.cat([read, self._measures(hull, local, cues, views)], -1)
        hidden = F.silu(self.first(inputs) + shifts[0])  # (B, V, P, hidden)
        hidden = F.silu(self.second(hidden) + shifts[1])
        return self._fused(hidden, points, hull)

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Add `level` to every logit."""
        self.last.bias.add_(level)

    def _read(
        self, points: Tensor, views: Silhouettes, surface: VisibleSurface
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return features (B, V, P, C), points in camera axes (.., 3) and cues (.., CUES)."""
        pixels, local, _ = project(points, views)
        grid = (2 * pixels / views.size - 1).flatten(0, 1)[:, :, None]  # (B V, P, 1, 2) in [-1, 1]
        maps = torch.cat([surface.features, surface.cues], 2).flatten(0, 1)  # (B V, C + CUES, T, T)
        taken = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)
        # (B, V, P, C + CUES)
        taken = taken[..., 0].mT.unflatten(0, points.shape[:1] + views.poses.shape[1:2])
        return (
            taken[..., : surface.features.shape[2]],
            local,
            taken[..., surface.features.shape[2] :],
        )

    def _measures(self, hull: Tensor, local: Tensor, cues: Tensor, views: Silhouettes) -> Tensor:
        """Return (B, V, P, VIEW_INPUTS): where the point is, as seen from each view."""
        translation = views.poses[:, :, None, :3, 3]
        at = local - translation  # from the volume's centre, in camera axes
        up = views.poses[:, :, None, :3, 2]  # the volume's +Z in camera axes
        orthographic = views.orthographic[:, :, None, None]
        ray = torch.where(orthographic, local.new_tensor([0.0, 0, 1]), F.normalize(local, dim=-1))
        valid = cues[..., :1]
        front, thick, depth, spread = (cues[..., 1:] / valid.clamp_min(0.05)).split(1, -1)
        behind_front, behind = at[..., 2:] - front, at[..., 2:] - depth
        spread = spread.clamp_min(0.01)
        return torch.cat(
            [
                (hull / NEAR).clamp(-3, 3)[..., None],
                (hull / FAR).clamp(-2, 2)[..., None],
                at,
                (ray * up).sum(-1, keepdim=True),
                up[..., 1:].expand_as(at[..., 1:]),
                valid,
                (behind_front / NEAR).clamp(-3, 3),
                (behind_front / FAR).clamp(-2, 3),
                thick.clamp(0, 3),
                (behind / NEAR).clamp(-3, 3),
                (behind / FAR).clamp(-3, 3),
                torch.tanh(behind / spread),
                spread.log(),
            ],
            -1,
        )

    def _fused(self, hidden: Tensor, points: Tensor, hull: Tensor) -> Tensor:
        """Return (B, P) logits of the views' hidden features, (B, V, P, hidden)."""
        weights = self.weight(hidden).softmax(1)  # (B, V, P, 1) over the views
        mean = (hidden * weights).sum(1)  # (B, P, hidden)
        spread = ((hidden - mean[:, None]) ** 2).mean(1)  # how far the views disagree
        largest = hull.amax(1)[..., None]  # (B, P, 1) the hull's distance
        count = torch.full_like(largest, hidden.shape[1] / MOST_VIEWS)
        # (B, P, POINT_INPUTS): height, distance from the axis, number of views, distances.
        own = torch.cat(
            [
                points[..., 2:],
                points[..., :2].norm(dim=-1, keepdim=True),
                count,
                (largest / NEAR).clamp(-3, 3),
                (largest / 0.02).clamp(-3, 3),
                (hull.mean(1)[..., None] / FAR).clamp(-2, 2),
            ],
            -1,
        )
        x = F.silu(self.fuse(torch.cat([mean, hidden.amax(1), spread, own], -1)))
        x = x + F.silu(self.mix(x))
        return self.last(x)[..., 0]


def depth_loss(surface: VisibleSurface, true: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean Laplace loss of predicted depth, and the mean error, volume units.

    Parameters
    ----------
    surface
        The prediction.
    true
        (B, V, T, T) depth of the visible surface; infinite where there is none. Cells with rays
        that miss the hull do not count.
    """
    counted = surface.interval.valid & true.isfinite()
    error = torch.where(counted, (surface.depth - true).abs(), 0.0)
    each = torch.where(counted, error / surface.spread + surface.spread.log(), 0.0)
    count = counted.sum().clamp_min(1)
    return each.sum() / count, error.sum() / count


class SeveralViewsField(Field):
    """Minus the logits of `SeveralViews` for one object; outside the hull, its distance as logits.

    Parameters
    ----------
    network
        In evaluation mode.
    maps, vectors
        Of the image encoder: (V, C, T, T) each, and (V, features).
    views
        Silhouettes of one object, B = 1.
    """

    kind = "occupancy"
    block = 16384
    carved = True

    def __init__(
        self, network: SeveralViews, maps: Sequence[Tensor], vectors: Tensor, views: Silhouettes
    ) -> None:
        self.device = vectors.device
        self._network, self._views, self._vectors = network, views, vectors[None]
        with torch.no_grad():
            self.surface = network.surface(maps, views)

    def __call__(self, points: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and points.requires_grad):
            hull = distances_at(points[None], self._views)[0].amax(0)
            values = hull * LOGITS_PER_UNIT
            asked = (hull < OUTER).nonzero()[:, 0]
            if not len(asked):
                return values
            inner = points[asked][None]
            logits = self._network(inner, self._views, self.surface, self._vectors)
            return values.index_copy(0, asked, -logits[0])
