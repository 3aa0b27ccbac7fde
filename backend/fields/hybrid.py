"""A network of the point and of what V images show at its projections, baked.

Nothing that does not depend on the point is computed per point. The network's first layer is
linear, so a view's part of it is an affine map of the point, a multiple of alpha, and the feature
maps times the layer's weights at the projection. That product is computed on the maps once, which
is exact because sampling is linear too. Of 32 feature channels there remains, for each view, one
weighted sum of four rows of a table of first-layer sums.

A network may have a second output, how sure it is of the first: views are then averaged by that,
see `weighted_mean`. And it may be asked at the point's mirror image in x = 0 too, as if the
mirrored image were one more view: most objects are symmetric.

Multiplying the maps before sampling is one matmul over 64^2 rows; doing it after would be one over
about 100,000 points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from .field import Field
from .mirrored import mirror

Layer = tuple[Tensor, Tensor]
"""(inputs, outputs) weight and (outputs,) bias."""

NEAREST = 1e-6  # a depth whose size is smaller counts as this


@dataclass(frozen=True)
class Views:
    """V images as a field looks them up.

    Attributes
    ----------
    maps : (V, C, T, T) features; None where the first layer reads none
    alpha : (V, S, S)
    poses : (V, 4, 4) camera_from_volume
    intrinsics : (V, 4) fx fy cx cy, in pixels of alpha
    orthographic : (V,) bool, orthographic
    """

    maps: Tensor | None
    alpha: Tensor
    poses: Tensor
    intrinsics: Tensor
    orthographic: Tensor


@dataclass(frozen=True)
class FirstLayer:
    """The first layer's weights, by what they meet; any but `place` and `bias` may be None.

    Attributes
    ----------
    place : (3, H) of the point, volume frame
    camera : (3, H) of the point along the camera's axes, from the volume's centre
    alpha : (1, H) of the mask at the projection
    features : (C, H) of the maps at the projection
    bias : (H,)
    """

    place: Tensor
    camera: Tensor | None
    alpha: Tensor | None
    features: Tensor | None
    bias: Tensor


def weighted_mean(outputs: Tensor, seen: Tensor, gate: Tensor | None = None) -> Tensor:
    """Return the mean logit (..., N) of V views, and of their mirror images.

    Parameters
    ----------
    outputs
        (V, T, ..., N, outputs): a logit, and how sure the network is of it, if it tells; of the
        point and, where T is 2, of its mirror image.
    seen
        (V, T, ..., N) bool. Only what is seen counts; where nothing is, everything does.
    gate
        (..., 1), added to how sure all mirror images are.
    """
    seen = torch.where(seen.any(0).any(0), seen, True)
    confidence = outputs[..., 1] if outputs.shape[-1] > 1 else torch.zeros_like(outputs[..., 0])
    if gate is not None:
        confidence = torch.cat([confidence[:, :1], confidence[:, 1:] + gate], 1)
    weights = confidence.masked_fill(~seen, -torch.inf).flatten(0, 1).softmax(0)
    return (outputs[..., 0].flatten(0, 1) * weights).sum(0)


def with_mirror_images(points: Tensor) -> Tensor:
    """Return (..., 2 N, 3): points (..., N, 3), then their mirror images in x = 0."""
    return torch.cat([points, mirror(points)], -2)


class HybridField(Field):
    """Minus the mean logit of a network that is run for each view; see `weighted_mean`.

    Parameters
    ----------
    first
        The first layer.
    layers
        The others, an ELU before each; the last has one output, or two with how sure it is.
    views
        The images. None where the first layer reads none of them.
    gate
        (1,) for how sure mirror images are; None asks none.
    """

    kind = "occupancy"

    def __init__(
        self,
        first: FirstLayer,
        layers: Sequence[Layer],
        views: Views | None,
        gate: Tensor | None = None,
    ) -> None:
        self.device = first.bias.device
        self._layers = list(layers)
        self._views, self._gate = views, gate
        count = 1 if views is None else len(views.poses)
        self._place = first.place.expand(count, -1, -1)
        if views is not None and first.camera is not None:
            self._place = self._place + views.poses[:, :3, :3].mT @ first.camera
        self._place = self._place.contiguous()
        self._bias = first.bias
        self._features = self._alpha = self._alpha_weight = None
        if views is None:
            return
        self._size = views.alpha.shape[-1]
        self._projection = _projection(views)
        if views.maps is not None and first.features is not None:
            self._features = _PixelTable(views.maps, first.features)
        if first.alpha is not None:
            self._alpha, self._alpha_weight = _PixelTable(views.alpha[:, None]), first.alpha

    def __call__(self, points: Tensor) -> Tensor:
        places = points if self._gate is None else with_mirror_images(points)
        if self._views is None:
            sums = torch.addmm(self._bias, places, self._place[0])[None]
            seen = torch.ones(1, len(places), dtype=torch.bool, device=points.device)
        else:
            pixels, seen = self._project(places)
            sums = self._first(places, pixels)
        outputs = self._rest(sums.flatten(0, 1)).unflatten(0, (len(seen), -1, len(points)))
        if outputs.shape[:2] == (1, 1):
            return -outputs[0, 0, :, 0]
        return -weighted_mean(outputs, seen.unflatten(1, (-1, len(points))), self._gate)

    def _first(self, points: Tensor, pixels: Tensor) -> Tensor:
        """Return (V, N, H): the first layer's sums at points whose projections are (V, N, 2)."""
        count = len(pixels)
        sums = torch.baddbmm(self._bias, points.expand(count, -1, -1), self._place)
        if self._features is not None:
            sums = sums + self._features(pixels, self._size)
        if self._alpha is not None and self._alpha_weight is not None:
            sums = torch.addcmul(sums, self._alpha(pixels, self._size), self._alpha_weight)
        return sums

    def _rest(self, sums: Tensor) -> Tensor:
        """Return (M, outputs) of first-layer sums (M, H)."""
        x = sums
        for weight, bias in self._layers:
            x = torch.addmm(bias, F.elu(x), weight)
        return x

    def _project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return pixels (V, N, 2), and which points a view sees, (V, N) bool."""
        matrix, translation = self._projection
        x, y, w, depth = torch.baddbmm(
            translation, matrix, points.T.expand(len(matrix), -1, -1)
        ).unbind(1)
        w = torch.where(w.abs() < NEAREST, NEAREST, w)
        pixels = torch.stack([x / w, y / w], -1)
        inside = ((pixels >= 0) & (pixels <= self._size)).all(-1) & (depth > 0)
        return pixels, inside


class _PixelTable:
    """Maps of V views as rows, (V T T, outputs), to be looked up at pixels.

    Parameters
    ----------
    maps
        (V, C, T, T).
    weight
        (C, outputs) that the maps are multiplied by; None leaves them.
    """

    def __init__(self, maps: Tensor, weight: Tensor | None = None) -> None:
        self.side = maps.shape[-1]
        rows = maps.permute(0, 2, 3, 1).flatten(0, 2)
        self.rows = (rows if weight is None else rows @ weight).contiguous()

    def __call__(self, pixels: Tensor, size: int) -> Tensor:
        """Return (V, N, outputs) at pixels (V, N, 2) of an image of `size`, clamped to it."""
        rows, weights = self._taps(pixels, size)
        flat = F.embedding_bag(
            rows.flatten(0, 1), self.rows, mode="sum", per_sample_weights=weights.flatten(0, 1)
        )
        return flat.unflatten(0, pixels.shape[:2])

    def _taps(self, pixels: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Return rows of the table and their bilinear weights, (V, N, 4) each."""
        side = self.side
        index = (pixels * (side / size) - 0.5).clamp(0, side - 1)
        corner = index.detach().floor().clamp(max=side - 2)
        right, down = (index - corner).unbind(-1)
        column, row = corner.long().unbind(-1)
        first = row * side + column
        first = first + side * side * torch.arange(len(first), device=first.device)[:, None]
        rows = torch.stack([first, first + 1, first + side, first + side + 1], -1)
        left, up = 1 - right, 1 - down
        return rows, torch.stack([left * up, right * up, left * down, right * down], -1)


def _projection(views: Views) -> tuple[Tensor, Tensor]:
    """Return (V, 4, 3) and (V, 4, 1): points to x w, y w, w and depth, x and y in pixels."""
    local = views.poses[:, :3]  # (V, 3, 4)
    depth = local[:, 2:]
    one = torch.zeros_like(depth)
    one[..., 3] = 1
    w = torch.where(views.orthographic[:, None, None], one, depth)
    plane = local[:, :2] * views.intrinsics[:, :2, None] + w * views.intrinsics[:, 2:, None]
    full = torch.cat([plane, w, depth], 1)
    return full[..., :3].contiguous(), full[..., 3:].contiguous()
