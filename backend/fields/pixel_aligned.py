"""Fields that read feature maps where a point projects: DISN's streams, and their baked field.

Nothing that does not depend on the point is computed per point. A decoder's first layer is linear,
so the global feature's part of it is a bias, and the local features' part is computed on the maps
once: a 1x1 convolution commutes with bilinear resizing and sampling. Per point there remains a
weighted sum of four rows of a table for each view.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..geometry.frames import scale_of
from ..geometry.projection import project
from .field import Field


class Stream(nn.Module):
    """A point MLP, and a decoder of its features joined with features of the image.

    Parameters
    ----------
    features
        How many features of the image the decoder reads.
    point_widths, decoder_widths
        Widths of the layers, each followed by a ReLU.
    outputs
        Width of the last, linear layer.
    """

    def __init__(
        self,
        features: int,
        point_widths: tuple[int, ...],
        decoder_widths: tuple[int, ...],
        outputs: int,
    ) -> None:
        super().__init__()
        self.points = _linears((3, *point_widths), last_relu=True)
        sizes = (point_widths[-1] + features, *decoder_widths, outputs)
        self.decoder = _linears(sizes, last_relu=False)

    def forward(self, points: Tensor, features: Tensor) -> Tensor:
        """Return (B, P, outputs) at points (B, P, 3), method frame.

        `features` is (B, P, C), or (B, 1, C) where all points share them.
        """
        first, *_ = self.points
        *_, last = self.decoder
        return last(self.hidden(first(points), features))

    def hidden(self, x: Tensor, features: Tensor) -> Tensor:
        """Return the input of the last layer, (B, P, C); no coordinates are seen here.

        Parameters
        ----------
        x : (B, P, C_1), the first layer's output at points
        features : (B, P, F) or (B, 1, F), of the image
        """
        for layer in list(self.points)[1:]:
            x = layer(x)
        first = self.first
        width = x.shape[-1]
        x = F.linear(x, first.weight[:, :width])
        x = x + F.linear(features, first.weight[:, width:], first.bias)
        for layer in list(self.decoder)[1:-1]:
            x = layer(x)
        return x

    @property
    def first(self) -> nn.Linear:
        """The decoder's first layer: columns of the point's features, then of the image's."""
        layer = self.decoder[0]
        assert isinstance(layer, nn.Linear)
        return layer


def _linears(sizes: tuple[int, ...], *, last_relu: bool) -> nn.Sequential:
    """Return linear layers, ReLU between them; Xavier weights, biases 0."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*(layers if last_relu else layers[:-1]))


@dataclass(frozen=True)
class Maps:
    """Feature maps of V images, to be sampled at pixels.

    Attributes
    ----------
    levels : each (V, C_i, h_i, w_i)
    size : S, side of the image in pixels; every map is resized to it first
    legacy : resize and sample like TensorFlow 1: sample k of n is at k / n, and a pixel position is
        an index. Else both use pixel centres
    """

    levels: tuple[Tensor, ...]
    size: int
    legacy: bool

    def sample(self, pixels: Tensor) -> Tensor:
        """Return (V, N, sum of C_i) at pixels (V, N, 2), clamped to the image; bilinear.

        Equal to `F.grid_sample` on `resized()`, but resizes only what is sampled.
        """
        where = self.indices(pixels)
        return torch.cat([self._taken(level, where) for level in self.levels], -1)

    def _taken(self, level: Tensor, where: Tensor) -> Tensor:
        """Return (V, N, C) of a map (V, C, h, w) at positions (V, N, 2) in it when resized."""
        if self.legacy or max(level.shape[-2:]) > self.size:
            grid = 2 * where / (self.size - 1) - 1
            resized = self.resize(level, self.size, legacy=self.legacy).to(where)
            return F.grid_sample(resized, grid[:, :, None], align_corners=True)[..., 0].mT
        views, channels, height, width = level.shape
        columns, across = _resized_taps(where[..., 0], width, self.size)
        lines, down = _resized_taps(where[..., 1], height, self.size)
        view = torch.arange(views, device=level.device)[:, None, None, None]
        rows = (view * height + lines[..., :, None]) * width + columns[..., None, :]
        weights = down[..., :, None] * across[..., None, :]
        table = level.permute(0, 2, 3, 1).reshape(-1, channels).to(where)
        values = F.embedding_bag(
            rows.flatten(2).flatten(0, 1),
            table,
            mode="sum",
            per_sample_weights=weights.flatten(2).flatten(0, 1),
        )
        return values.unflatten(0, where.shape[:2])

    def indices(self, pixels: Tensor) -> Tensor:
        """Return pixels, centres at +0.5, as positions in the resized maps, within them."""
        return (pixels if self.legacy else pixels - 0.5).clamp(0, self.size - 1)

    def resized(self) -> Tensor:
        """Return (V, sum of C_i, S, S)."""
        return torch.cat([self.resize(x, self.size, legacy=self.legacy) for x in self.levels], 1)

    def projected(self, matrix: Tensor) -> Tensor:
        """Return (V, outputs, S, S): the resized maps times `matrix`, (outputs, sum of C_i).

        Each map is multiplied at its own resolution, which is exact and cheaper. Going by view,
        channels last, keeps the sums in a processor's cache.
        """
        slices = matrix.split([level.shape[1] for level in self.levels], dim=1)
        rows = matrix.new_empty((len(self.levels[0]), self.size, self.size, len(matrix)))
        images = rows.permute(0, 3, 1, 2)
        for view in range(len(rows)):
            one = slice(view, view + 1)
            for index, (level, part) in enumerate(zip(self.levels, slices, strict=True)):
                small = (level[one].permute(0, 2, 3, 1) @ part.T).permute(0, 3, 1, 2)
                image = self.resize(small, self.size, legacy=self.legacy)
                _ = images[one].add_(image) if index else images[one].copy_(image)
        return images

    @staticmethod
    def resize(images: Tensor, size: int, *, legacy: bool) -> Tensor:
        """Return (V, C, size, size) of (V, C, h, w), bilinear; see the class for `legacy`."""
        if not legacy:
            shape = (size, size)
            if images.shape[-2:] == shape:
                return images
            return F.interpolate(images, shape, mode="bilinear", align_corners=False)
        grid = torch.stack(
            torch.meshgrid(
                *(_legacy_axis(n, size, images) for n in images.shape[:-3:-1]), indexing="xy"
            ),
            dim=-1,
        )
        return F.grid_sample(images, grid.expand(len(images), -1, -1, -1), align_corners=True)


def _resized_taps(where: Tensor, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    """Return the map's pixels that a position in the resized map depends on, and their weights.

    A position (...) among `outputs` resized pixels lies between two of them, and each of these
    between two of the map's `inputs` pixels. Since the map is not larger than its resized copy,
    those are three pixels: (..., 3) both.
    """
    corner = where.floor().clamp(max=outputs - 2)
    fraction = where - corner
    pair = corner[..., None] + torch.arange(2, device=where.device)
    sources = ((pair + 0.5) * (inputs / outputs) - 0.5).clamp(0, inputs - 1)
    places = sources[..., :1].floor() + torch.arange(3, device=where.device)
    hats = (1 - (sources[..., None, :] - places[..., None]).abs()).clamp(min=0)
    weights = (hats * torch.stack([1 - fraction, fraction], -1)[..., None, :]).sum(-1)
    return places.clamp(max=inputs - 1).long(), weights


def _legacy_axis(inputs: int, outputs: int, like: Tensor) -> Tensor:
    """Return the outputs' `grid_sample` coordinates along one axis, by TensorFlow 1's rule."""
    source = torch.arange(outputs, device=like.device, dtype=like.dtype) * (inputs / outputs)
    return 2 * source.clamp(max=inputs - 1) / max(inputs - 1, 1) - 1


class DISNField(Field):
    """One object's streams, baked for V views.

    Parameters
    ----------
    global_stream, local_stream
        One or both. If only `local_stream` is given and its decoder also accepts the G global
        features, it is the one-stream network. Two outputs are logits of inside and outside, one is
        a distance.
    tensors
        "globals" (V, G); "shares" (V,), weights of the views; "poses" (V, 4, 4),
        camera_from_volume; "lenses" (V, 4), fx fy cx cy; "flat" (V,) bool, orthographic.
    maps
        Of the V views.
    method_from_volume
        (4, 4), to the frame of the point MLPs.
    unit
        The networks' output for a distance of 1.
    maximum
        Fuse by the maximum of features instead of the mean of the first layer.
    """

    def __init__(
        self,
        *,
        global_stream: Stream | None,
        local_stream: Stream | None,
        tensors: Mapping[str, Tensor],
        maps: Maps,
        method_from_volume: np.ndarray,
        unit: float,
        maximum: bool,
    ) -> None:
        vectors = tensors["globals"]
        self.device = vectors.device
        self.kind = "distance"
        streams = [s for s in (global_stream, local_stream) if s is not None]
        if streams[0].decoder[-1].out_features == 2:
            self.kind = "occupancy"
        factor = 1.0 if self.kind == "occupancy" else 1 / (unit * scale_of(method_from_volume))
        self._global = self._local = None
        self.block = 2048 if self.device.type == "cpu" else None
        self._weights = tensors["shares"] / tensors["shares"].sum()
        vector = vectors.amax(0) if maximum else self._weights @ vectors
        if global_stream is not None:
            baked = _BakedStream(global_stream, method_from_volume, factor)
            self._global, self._global_bias = baked, baked.bias(vector)
        if local_stream is not None:
            self._local = _BakedStream(local_stream, method_from_volume, factor)
            self._poses, self._intrinsics, self._orthographic = (
                tensors[k] for k in ("poses", "lenses", "flat")
            )
            self._bake_maps(self._local, maps, vector, maximum=maximum)

    def _bake_maps(
        self, stream: "_BakedStream", maps: Maps, vector: Tensor, *, maximum: bool
    ) -> None:
        """Make the table of rows that a point's first layer of the local decoder is summed from.

        Parameters
        ----------
        vector : (G,) global feature, for the one-stream network
        """
        local = sum(level.shape[1] for level in maps.levels)
        rest = stream.image_weight.shape[1] - local
        before, matrix = stream.image_weight.split([rest, local], 1)
        self._local_bias = stream.first_bias + (before @ vector if rest else 0)
        self._maps = maps
        self._matrix = matrix if maximum else None
        table = maps.resized() if maximum else maps.projected(matrix)
        self._rows = table.permute(0, 2, 3, 1).flatten(0, 2).contiguous()  # (V S S, C)
        if not maximum:  # a point's weights sum to 1, so the rows can contain the bias
            self._rows += self._local_bias

    def __call__(self, points: Tensor) -> Tensor:
        total = 0.0
        if self._global is not None:
            total = self._global(points, self._global_bias)
        if self._local is not None:
            total = total + self._local(points, self._local_term(points))
        assert isinstance(total, Tensor)
        return total

    def _local_term(self, points: Tensor) -> Tensor:
        """Return (N, width): the images' part of the local decoder's first layer, with its bias."""
        pixels, seen = self._project(points)
        rows, weights = self._taps(pixels)
        if self._matrix is not None:
            features = F.embedding_bag(
                rows.flatten(0, 1), self._rows, mode="sum", per_sample_weights=weights.flatten(0, 1)
            )
            largest = features.unflatten(0, rows.shape[:2]).amax(0)
            return torch.addmm(self._local_bias, largest, self._matrix.T)
        count = seen * self._weights[:, None]  # (V, N)
        count = torch.where(count.sum(0) > 0, count, self._weights[:, None])
        weights = weights * (count / count.sum(0))[..., None]
        return F.embedding_bag(
            rows.transpose(0, 1).flatten(1),
            self._rows,
            mode="sum",
            per_sample_weights=weights.transpose(0, 1).flatten(1),
        )

    def _project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return pixels (V, N, 2), and which points a view sees, (V, N)."""
        pixels, depth = project(
            points, self._poses, self._intrinsics, orthographic=self._orthographic
        )
        inside = ((pixels >= 0) & (pixels <= self._maps.size)).all(-1) & (depth > 0)
        return pixels, inside.to(points)

    def _taps(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows of the table and their bilinear weights, (V, N, 4) each."""
        size = self._maps.size
        index = self._maps.indices(pixels)
        corner = index.floor().clamp(max=size - 2)
        right, down = (index - corner).unbind(-1)
        column, row = corner.long().unbind(-1)
        first = row * size + column
        first = first + size * size * torch.arange(len(first), device=first.device)[:, None]
        rows = torch.stack([first, first + 1, first + size, first + size + 1], -1)
        left, up = 1 - right, 1 - down
        return rows, torch.stack([left * up, right * up, left * down, right * down], -1)


class _BakedStream:
    """A stream from points in the volume's frame to values in the field's unit and sign."""

    def __init__(self, stream: Stream, method_from_volume: np.ndarray, factor: float) -> None:
        layers = [layer for layer in stream.points if isinstance(layer, nn.Linear)]
        matrix = torch.tensor(method_from_volume).to(layers[0].weight)
        weight, bias = layers[0].weight.detach(), layers[0].bias.detach()
        self.points = [((weight @ matrix[:3, :3]).T, bias + weight @ matrix[:3, 3])]
        self.points += [(layer.weight.detach().T, layer.bias.detach()) for layer in layers[1:]]
        width = layers[-1].out_features
        first = stream.first
        weight, self.first_bias = first.weight.detach(), first.bias.detach()
        self.first_weight, self.image_weight = weight[:, :width].T, weight[:, width:]
        linear = [layer for layer in stream.decoder if isinstance(layer, nn.Linear)]
        _, *hidden, last = linear
        self.hidden = [(layer.weight.detach().T, layer.bias.detach()) for layer in hidden]
        weight, bias = last.weight.detach(), last.bias.detach()
        if len(weight) == 2:  # logits of inside, outside: their difference is positive outside
            weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
        self.last_weight, self.last_bias = weight[0] * factor, bias[0] * factor

    def bias(self, vector: Tensor) -> Tensor:
        """Return the first layer's part of a per-object feature, (C,), and its bias: (width,)."""
        return self.first_bias + self.image_weight @ vector

    def __call__(self, points: Tensor, term: Tensor) -> Tensor:
        """Return (N,) at points (N, 3), volume frame; `term`, (N or 1, width), is the images'."""
        x = points
        for weight, bias in self.points:
            x = torch.addmm(bias, x, weight).relu_()
        x = torch.addmm(term, x, self.first_weight).relu_()
        for weight, bias in self.hidden:
            x = torch.addmm(bias, x, weight).relu_()
        return x @ self.last_weight + self.last_bias
