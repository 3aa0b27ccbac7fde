"""The visual hull as a field: what every silhouette allows.

In one view, a pixel at distance D from the silhouette's edge proves that a whole cone is empty (or,
inside, allowed). A point at depth z on that pixel's ray is at least this far from the border of
what the silhouette allows (Lin, Wang, Lucey: SDF-SRN, NeurIPS 2020, Eq. 1, in closed form):

    b = z D / sqrt(1 + (|u| + D)^2)            u, D on the plane z = 1;  orthographic: b = D

with u the ray's position relative to the optical axis. The hull is the largest of the views'
values. A view leaves inside what it does not see: outside its frame or behind its camera.

The field's gradient is at most sqrt(2): with q = 1 + (|u| + D)^2 the gradient of b has length
at most 1 wherever D is 1-Lipschitz, and at most L where D is L-Lipschitz with L >= 1 (b is convex
quadratic in the cosine between grad D and u; it is largest when they are opposed, where it is
(1 + (|u| + D)^2) / q = 1). Samples of D are 1-Lipschitz along rows and columns, so bilinear
interpolation is sqrt(2)-Lipschitz. Outside the frame the value is the smaller of that and minus the
distance to the frame's pyramid, which is 1-Lipschitz. The largest of several such functions has
the same bound.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from ..contract.errors import RequestError
from ..geometry.cameras import Camera
from .field import Field
from .silhouettes import PADDING, signed_distances

NEAREST = 1e-6  # a depth below this counts as behind a pinhole, volume units
BLOCK = {"cpu": 8192}  # points per pass: a pass's tensors stay in the processor's cache
BLOCK_ELSEWHERE = 1 << 18


def silhouette_map(alpha: Tensor, camera: Camera) -> Tensor:
    """Return the silhouette's signed distances in the units of `camera`.

    Parameters
    ----------
    alpha : (H, W) in [0, 1]
    camera : the one that took the image

    Returns
    -------
    (H + 2 PADDING, W + 2 PADDING) float32: on the plane z = 1; orthographic: in volume units
    """
    pitch = (1.0 / camera.fx, 1.0 / camera.fy)
    return torch.from_numpy(signed_distances(alpha.cpu().numpy(), pitch))


class HullField(Field):
    """The intersection of the views' silhouette cones, with lower bounds of the distance.

    Inside and outside, |value| is at most the distance to the hull's surface, up to the error of
    interpolating between pixels.

    Parameters
    ----------
    maps
        One per view, as `silhouette_map` makes them; sizes may differ.
    cameras
        One per view, posed in the volume's frame.
    device
        Where to compute.
    """

    kind = "distance"
    lipschitz = math.sqrt(2.0)

    def __init__(
        self,
        maps: Sequence[Tensor],
        cameras: Sequence[Camera],
        *,
        device: torch.device | str = "cpu",
    ) -> None:
        if not cameras or len(maps) != len(cameras):
            raise RequestError(
                f"A hull needs one silhouette for each of its {len(cameras)} views.",
                "Give a silhouette for each camera.",
            )
        self.device = torch.device(device)
        self.cameras = tuple(cameras)
        kinds = [camera.orthographic for camera in cameras]
        self._groups: list[tuple[list[int], _Cones]] = []
        for kind in sorted(set(kinds)):
            chosen = [index for index, k in enumerate(kinds) if k == kind]
            cones = _Cones([maps[i] for i in chosen], [cameras[i] for i in chosen], self.device)
            self._groups.append((chosen, cones))

    def __call__(self, points: Tensor) -> Tensor:
        blocks = points.split(BLOCK.get(self.device.type, BLOCK_ELSEWHERE))
        return torch.cat([self._block(block) for block in blocks])

    def _block(self, points: Tensor) -> Tensor:
        largest = [cones(points).amax(0) for _, cones in self._groups]
        return largest[0] if len(largest) == 1 else torch.maximum(*largest)

    def per_view(self, points: Tensor) -> Tensor:
        """Return (V, N): each view's own value at `points`, (N, 3) volume frame."""
        result = points.new_zeros((len(self.cameras), len(points)))
        for chosen, cones in self._groups:
            result[chosen] = cones(points)
        return result


class _Cones:
    """The silhouette cones of several views, all perspective or all orthographic."""

    def __init__(self, maps: Sequence[Tensor], cameras: Sequence[Camera], device: torch.device):
        self.orthographic = cameras[0].orthographic
        self.maps = _stack(maps).to(device)
        poses = torch.stack([torch.from_numpy(camera.camera_from_world) for camera in cameras])
        self.rotation = _float(poses[:, :3, :3].transpose(0, 1).reshape(-1, 3), device)  # (3V, 3)
        self.translation = _float(poses[:, :3, 3].T.reshape(-1, 1), device)  # (3V, 1)
        height, width = self.maps.shape[-2:]
        across = [_axis(c.fx, c.cx, width) for c in cameras]
        down = [_axis(c.fy, c.cy, height) for c in cameras]
        self.scale_x, self.offset_x = _columns(across, device)  # (V, 1): grid = scale u + offset
        self.scale_y, self.offset_y = _columns(down, device)
        planes = torch.stack([_frame(c, m) for c, m in zip(cameras, maps, strict=True)], dim=1)
        self.sides = _float(planes[..., :3].reshape(-1, 3), device)  # (4V, 3) unit normals, inwards
        self.side_shift = _float(planes[..., 3].reshape(-1, 1), device)  # (4V, 1)
        # The cube [-reach, reach]^3 is seen whole by every view.
        self.reach = float((planes[..., 3] / planes[..., :3].abs().sum(-1)).min())

    def __call__(self, points: Tensor) -> Tensor:
        """Return (V, N): each view's value at `points`, (N, 3) volume frame."""
        x, y, z = torch.addmm(self.translation, self.rotation, points.T).chunk(3)  # (V, N) each
        if self.orthographic:
            value = torch.minimum(self._sample_distance(x, y), z)
        else:
            nearness = z.clamp_min(NEAREST).reciprocal()
            u, v = x * nearness, y * nearness
            distance = self._sample_distance(u, v)
            reach = torch.sqrt(torch.addcmul(v * v, u, u) + 1e-12) + distance.abs()
            value = z.clamp_min(0.0) * distance * torch.rsqrt(1.0 + reach * reach)
        if len(points) == 0 or float(points.detach().abs().amax()) <= self.reach:
            return value
        frame = torch.addmm(self.side_shift, self.sides, points.T).reshape(4, *value.shape).amin(0)
        return torch.where(frame < 0, torch.minimum(value, frame), value)

    def _sample_distance(self, u: Tensor, v: Tensor) -> Tensor:
        """Return (V, N) the maps at plane positions, bilinear, positions clamped to the map."""
        across = torch.addcmul(self.offset_x, u, self.scale_x)
        down = torch.addcmul(self.offset_y, v, self.scale_y)
        grid = torch.stack([across, down], dim=-1)[:, None]  # (V, 1, N, 2)
        return grid_sample(
            self.maps, grid, mode="bilinear", padding_mode="border", align_corners=True
        )[:, 0, 0]


def _stack(maps: Sequence[Tensor]) -> Tensor:
    """Return (V, 1, H, W): maps of any sizes, each padded right and down with its border."""
    height, width = (max(m.shape[axis] for m in maps) for axis in (0, 1))
    grown = [
        pad(
            m[None, None].float(), (0, width - m.shape[1], 0, height - m.shape[0]), mode="replicate"
        )
        for m in maps
    ]
    return torch.cat(grown)


def _axis(focal: float, center: float, stacked: int) -> tuple[float, float]:
    """Return scale and offset from a plane position u to `grid_sample`'s coordinate.

    The pixel position is p = focal u + center, the map's sample k is at p = k - PADDING + 0.5, and
    its `grid_sample` coordinate is 2 k / (stacked - 1) - 1.
    """
    step = 2.0 / (stacked - 1)
    return focal * step, (center + PADDING - 0.5) * step - 1.0


def _frame(camera: Camera, silhouettes: Tensor) -> Tensor:
    """Return (4, 4) float64: the planes through a map's border, volume frame.

    Rows are (normal, offset), normal . x + offset >= 0 inside; normals have length 1.
    """
    inverse = torch.from_numpy(camera.camera_from_world)
    rows = []
    for axis, focal, center in ((0, camera.fx, camera.cx), (1, camera.fy, camera.cy)):
        first = 0.5 - PADDING
        last = first + silhouettes.shape[1 - axis] - 1
        for sign, pixel in ((1.0, first), (-1.0, last)):
            border = (pixel - center) / focal
            local = torch.zeros(4, dtype=torch.float64)
            local[axis] = sign
            local[3 if camera.orthographic else 2] = -sign * border
            rows.append(local / local[:3].norm())
    return torch.stack(rows) @ inverse


def _columns(rows: Sequence[tuple[float, ...]], device: torch.device) -> list[Tensor]:
    """Return each entry of the rows, one row a view, as a (V, 1) tensor."""
    return [
        _float(torch.tensor(column, dtype=torch.float64)[:, None], device)
        for column in zip(*rows, strict=True)
    ]


def _float(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.to(dtype=torch.float32).to(device).contiguous()
