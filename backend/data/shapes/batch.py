"""Evaluates many different shapes at many points at once, on any device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import RequestError
from ...geometry.meshes import Mesh
from .primitives import HEAD, PrimitiveKind, distance, smooth_minimum
from .shape import Shape

# Part-point pairs evaluated at once: few enough for the cache, enough to amortise the calls.
PAIRS_CPU = 1 << 20
PAIRS_DEVICE = 1 << 25
FAR = 1e3


@dataclass(frozen=True)
class _Pack:
    """Solids of one kind, additive ones before cuts.

    numbers : (N, C); local_from_object : (N, 3, 3) and (N, 3, 1); scale : (N, 1); shape, body :
        (N,);
    adding : number of additive ones; material : (N, 4) linear RGB and gloss
    """

    kind: PrimitiveKind
    numbers: Tensor
    linear: Tensor
    offset: Tensor
    scale: Tensor
    shape: Tensor
    body: Tensor
    material: Tensor
    adding: int

    def distances(self, points: Tensor) -> Tensor:
        """Return (N, P) object units at `points`, (B, 3, P)."""
        local = torch.baddbmm(self.offset, self.linear, points[self.shape])
        return distance(self.kind, local, self.numbers) * self.scale


class ShapeBatch:
    """Shapes evaluated together.

    Values are signed distances in the object frame: negative inside, 1-Lipschitz, so their absolute
    value never exceeds the true distance to the surface (equal to it outside of one solid or of a
    sharp union of rigidly placed solids). Not differentiable.

    Parameters
    ----------
    shapes : B shapes
    device : of all tensors
    """

    def __init__(self, shapes: Sequence[Shape], device: torch.device | str = "cpu") -> None:
        if not shapes:
            raise RequestError("A batch needs at least one shape.", "Give one or more.")
        self.shapes = tuple(shapes)
        self.device = torch.device(device)
        first = np.cumsum([0, *(len(shape.bodies) for shape in shapes)])
        bodies = [body for shape in shapes for body in shape.bodies]
        owner = np.repeat(np.arange(len(shapes)), np.diff(first))
        self._body_shape = self._tensor(owner, torch.long)
        self._blend = self._tensor([[b.blend, b.cut_blend] for b in bodies])
        self._packs = [self._pack(rows, first) for rows in self._rows()]
        self._cuts = any(part.cut for shape in shapes for part in shape.parts)
        self._smooth = self._smooth_rows(first)

    def __len__(self) -> int:
        return len(self.shapes)

    @torch.no_grad()
    def distance(self, points: Tensor) -> Tensor:
        """Return signed distances, (B, P) float32.

        Parameters
        ----------
        points : (B, P, 3) object frame of each shape, on the batch's device
        """
        self._check(points)
        return torch.cat([self._shape_values(p)[0] for p in self._chunks(points)], 1)

    @torch.no_grad()
    def color(self, points: Tensor) -> Tensor:
        """Return the colour of the nearest part, (B, P, 4) float32 linear RGBA."""
        material = self.material(points)
        return torch.cat([material[..., :3], torch.ones_like(material[..., :1])], -1)

    @torch.no_grad()
    def material(self, points: Tensor) -> Tensor:
        """Return linear RGB and gloss of the part with the nearest surface, (B, P, 4)."""
        self._check(points)
        table = torch.cat([pack.material for pack in self._packs])
        return torch.cat([table[self._nearest_part(p)] for p in self._chunks(points)], 1)

    @torch.no_grad()
    def normal(self, points: Tensor, step: float = 1e-3) -> Tensor:
        """Return unit normals, (B, P, 3): central differences over a tetrahedron of size `step`."""
        self._check(points)
        corners = torch.tensor([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]])
        corners = corners.to(points.device, points.dtype)
        count = points.shape[1]
        around = torch.cat([points + step * corner for corner in corners], 1)
        values = self.distance(around).reshape(len(self), 4, count)
        normal = torch.einsum("bkp,kc->bpc", values, corners)
        return torch.nn.functional.normalize(normal, dim=-1)

    def meshes(self, resolution: int = 128) -> list[Mesh]:
        """Mesh each shape by marching cubes over its cube, `resolution` cells along each side."""
        from .marching import mesh_of

        return [mesh_of(shape, resolution, self.device) for shape in self.shapes]

    # ---------------------------------------------------------------- evaluation

    def _chunks(self, points: Tensor) -> Iterator[Tensor]:
        """Yield (B, 3, p) pieces of `points`, (B, P, 3), that fit the cache."""
        pairs = PAIRS_CPU if self.device.type == "cpu" else PAIRS_DEVICE
        parts = sum(len(pack.numbers) for pack in self._packs)
        size = max(64, pairs // max(parts, 1))
        for start in range(0, max(points.shape[1], 1), size):
            yield points[:, start : start + size].transpose(1, 2).contiguous()

    def _body_values(self, points: Tensor, keep: list[Tensor] | None = None) -> Tensor:
        """Return the bodies' values, (G, P), at (B, 3, P); `keep` receives (N, P) of each pack."""
        size = (len(self._body_shape), points.shape[2])
        near = torch.full(size, FAR, device=points.device)
        cut = torch.full(size, FAR, device=points.device) if self._cuts else None
        blended = []
        for pack, rows in zip(self._packs, self._smooth.rows, strict=True):
            values = pack.distances(points)
            _lower(near, pack.body[: pack.adding], values[: pack.adding])
            if cut is not None and pack.adding < len(values):
                _lower(cut, pack.body[pack.adding :], values[pack.adding :])
            if self._smooth.members.numel():
                blended.append(values[rows])
            if keep is not None:
                keep.append(values)
        if blended:
            self._blend_members(near, torch.cat(blended))
        if cut is not None:
            near = -smooth_minimum(-near, cut, self._blend[:, 1:])
        return near

    def _blend_members(self, near: Tensor, values: Tensor) -> None:
        """Replace the sharp unions in `near`, (G, P), by smooth ones where bodies have a blend."""
        far = torch.full_like(values[:1], FAR)
        members = torch.cat([values, far])[self._smooth.members]  # (S, M, P)
        two = members.topk(2, dim=1, largest=False).values
        radius = self._blend[self._smooth.bodies, :1]
        near[self._smooth.bodies] = smooth_minimum(two[:, 0], two[:, 1], radius)

    def _shape_values(
        self, points: Tensor, keep: list[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the values of shapes, (B, P), and of bodies, (G, P), at (B, 3, P)."""
        bodies = self._body_values(points, keep)
        values = torch.full((len(self), points.shape[2]), FAR, device=points.device)
        _lower(values, self._body_shape, bodies)
        return values, bodies

    def _nearest_part(self, points: Tensor) -> Tensor:
        """Return the row, among all packs concatenated, of the nearest part at (B, 3, P)."""
        keep: list[Tensor] = []
        values, bodies = self._shape_values(points, keep)
        # Only parts of the body that determines the value are candidates.
        loses = (bodies > values[self._body_shape]).float() * FAR
        best = torch.full_like(values, 2 * FAR)
        costs = []
        for pack, value in zip(self._packs, keep, strict=True):
            costs.append(value.abs() + loses[pack.body])
            _lower(best, pack.shape, costs[-1])
        cost = torch.cat(costs)
        shape = torch.cat([pack.shape for pack in self._packs])
        row = torch.arange(len(cost), device=cost.device)[:, None].expand_as(cost)
        row = torch.where(cost <= best[shape], row, -1)
        result = torch.zeros(values.shape, dtype=torch.long, device=cost.device)
        return result.scatter_reduce_(0, shape[:, None].expand_as(row), row, "amax")

    # ---------------------------------------------------------------- packing

    def _tensor(self, values: object, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=dtype, device=self.device)

    def _rows(self) -> list[list[tuple[int, int]]]:
        """Return (shape, part) of all solids, in one list per pack.

        Additive solids come before cuts. Polygons with similar numbers of edges share a pack, so
        that a few large ones don't slow down the others by padding.
        """
        groups: dict[tuple[PrimitiveKind, int], list[tuple[int, int]]] = {}
        for s, shape in enumerate(self.shapes):
            for p, part in enumerate(shape.parts):
                edges = len(part.numbers) // 4 if part.kind in HEAD else 0
                groups.setdefault((part.kind, edges.bit_length()), []).append((s, p))
        for rows in groups.values():
            rows.sort(key=lambda row: self.shapes[row[0]].parts[row[1]].cut)
        return [groups[key] for key in sorted(groups)]

    def _pack(self, rows: list[tuple[int, int]], first: np.ndarray) -> _Pack:
        parts = [self.shapes[s].parts[p] for s, p in rows]
        frames = np.stack([part.frame for part in parts])
        linear = np.linalg.inv(frames[:, :, :3])
        offset = -linear @ frames[:, :, 3:]
        scale = np.linalg.svd(frames[:, :, :3], compute_uv=False)[:, -1:]
        numbers = _padded([part.numbers for part in parts], parts[0].kind)
        return _Pack(
            parts[0].kind,
            self._tensor(numbers),
            self._tensor(linear),
            self._tensor(offset),
            self._tensor(scale),
            self._tensor([s for s, _ in rows], torch.long),
            self._tensor([first[s] + self.shapes[s].parts[p].body for s, p in rows], torch.long),
            self._tensor([(*part.material.color, part.material.gloss) for part in parts]),
            sum(not part.cut for part in parts),
        )

    def _smooth_rows(self, first: np.ndarray) -> "_Smooth":
        """Collect the rows of each pack that belong to bodies with a smooth union."""
        members: dict[int, list[int]] = {}
        rows, count = [], 0
        for pack in self._packs:
            bodies = pack.body[: pack.adding].tolist()
            mine = [i for i, body in enumerate(bodies) if float(self._blend[body, 0]) > 0]
            for i in mine:
                members.setdefault(bodies[i], []).append(count)
                count += 1
            rows.append(self._tensor(mine, torch.long))
        width = max([2, *map(len, members.values())])
        table = [m + [count] * (width - len(m)) for m in members.values()]
        table = np.array(table, np.int64).reshape(-1, width)
        return _Smooth(rows, self._tensor(table, torch.long), self._tensor([*members], torch.long))

    def _check(self, points: Tensor) -> None:
        if points.ndim != 3 or points.shape[0] != len(self) or points.shape[2] != 3:
            raise RequestError(
                f"Points of {len(self)} shapes are ({len(self)}, P, 3), not {tuple(points.shape)}.",
                "Give each shape as many points.",
            )


@dataclass(frozen=True)
class _Smooth:
    """Smooth bodies: the blending rows of packs, the members of each body (S, M), the bodies (S,).

    `members` indexes the blending rows of all packs concatenated; one past the last is padding.
    """

    rows: list[Tensor]
    members: Tensor
    bodies: Tensor


def _lower(target: Tensor, index: Tensor, values: Tensor) -> None:
    """Reduce rows of `values`, (N, P), by the minimum into the rows `index` of `target`, (G, P)."""
    target.scatter_reduce_(0, index[:, None].expand_as(values), values, "amin")


def _padded(numbers: list[np.ndarray], kind: PrimitiveKind) -> np.ndarray:
    """Stack numbers of different lengths: polygons are padded with edges of length 0."""
    width = max(len(n) for n in numbers)
    result = np.zeros((len(numbers), width))
    for row, values in zip(result, numbers, strict=True):
        row[: len(values)] = values
        if kind in HEAD and len(values) < width:
            row[len(values) :] = np.tile(values[-2:], (width - len(values)) // 2)
    return result
