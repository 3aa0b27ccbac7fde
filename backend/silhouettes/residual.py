"""The contour residual: how far outlines and cameras contradict each other, in pixels.

With correct cameras the ray through a contour point touches the object, so some point of the ray is
inside all other silhouettes. With sdf_j positive inside and X(t) the ray of contour point p,

    r(p) = max(0, -max_t min_{j != i} sdf_j(project_j(X(t))))

which is then zero, and otherwise the number of pixels by which the silhouettes would have to grow.
It is the coherence of Hernandez, Schmitt and Cipolla ("Silhouette Coherence for Camera
Calibration under Circular Motion", PAMI 2007) with a distance instead of a binary test, which
makes it a least-squares residual, differentiable in poses and intrinsics.

Points beyond a border that the silhouette meets are unknown and contradict nothing; beyond the
other borders the image is empty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..geometry.cameras import Camera
from .outlines import REFERENCE, Outline, stacked

STEPS = 40  # samples along a ray
CANDIDATES = 2  # number of the best samples that are refined
HALVINGS = 3
CAP = 64.0  # pixels of 224; larger residuals carry no more information
NEAR = 1e-4  # depth below which a point is behind a perspective camera, in the rig's size
SLACK = 0.15  # rays are followed past the object by this fraction of a rectangle's side
MORE = 0.25  # each ray is extended at both ends by this fraction of the rays' median length
FAR = 4.0  # end of an otherwise endless ray, in distances from the camera to the focus
UNKNOWN = 1e4


@dataclass(frozen=True)
class Rig:
    """Cameras as tensors, all differentiable.

    Attributes
    ----------
    rotation : (V, 3, 3) and translation : (V, 3), camera_from_world; x right, y down, z forward
    focal, center : (V, 2) fractions of the image's width and height; orthographic: per unit
    orthographic : (V,) bool
    """

    rotation: Tensor
    translation: Tensor
    focal: Tensor
    center: Tensor
    orthographic: Tensor

    def __len__(self) -> int:
        return len(self.rotation)

    def pick(self, index: Sequence[int]) -> "Rig":
        """Return the cameras at these indices, in this order."""
        chosen = torch.as_tensor(list(index), dtype=torch.long)
        return replace(self, **{name: tensor[chosen] for name, tensor in vars(self).items()})

    @classmethod
    def of(cls, cameras: Sequence[Camera], dtype: torch.dtype = torch.float32) -> "Rig":
        """Return cameras as tensors, in a frame of the rig's own centre and size.

        The residual is the same in every frame; this one keeps map coordinates exact in float32.
        """
        poses = torch.stack([torch.from_numpy(c.world_from_camera) for c in cameras])
        centers = poses[:, :3, 3]
        middle = centers.mean(0)
        size = (centers - middle).norm(dim=1).mean().clamp_min(1e-9)
        rotation = poses[:, :3, :3].transpose(1, 2)
        translation = -(rotation @ ((centers - middle) / size)[..., None])[..., 0]
        orthographic = torch.tensor([c.orthographic for c in cameras])
        scale = torch.tensor([[c.width, c.height] for c in cameras], dtype=torch.float64)
        focal = torch.tensor([[c.fx, c.fy] for c in cameras], dtype=torch.float64) / scale
        focal = torch.where(orthographic[:, None], focal * size, focal)
        center = torch.tensor([[c.cx, c.cy] for c in cameras], dtype=torch.float64) / scale
        rotation, translation = rotation.to(dtype), translation.to(dtype)
        return cls(rotation, translation, focal.to(dtype), center.to(dtype), orthographic)


class Residual:
    """Computes the residual of fixed outlines for any cameras.

    Parameters
    ----------
    outlines : V, all with the same number of points P
    """

    def __init__(self, outlines: Sequence[Outline], dtype: torch.dtype = torch.float32) -> None:
        self.maps = stacked(outlines).to(dtype)
        self.points = torch.stack([o.points for o in outlines]).to(dtype)  # (V, P, 2)
        rows = [
            (*o.origin, *o.step, o.distances.shape[1] - 1.0, o.distances.shape[0] - 1.0)
            for o in outlines
        ]
        self.layout = torch.tensor(rows, dtype=dtype)  # (V, 6)
        self.open = torch.tensor([o.open for o in outlines])  # (V, 4)
        self.rectangles = torch.tensor([o.rectangle for o in outlines], dtype=dtype)
        unit = [REFERENCE / max(o.size) for o in outlines]
        sizes = [[w * u, h * u] for (w, h), u in zip((o.size for o in outlines), unit, strict=True)]
        self.sizes = torch.tensor(sizes, dtype=dtype)  # (V, 2) of an image, pixels of 224

    def pick(self, index: Sequence[int]) -> "Residual":
        """Return the residual of the outlines at these indices, in this order."""
        chosen = torch.as_tensor(list(index), dtype=torch.long)
        result = object.__new__(Residual)
        for name, tensor in vars(self).items():
            setattr(result, name, tensor[chosen])
        return result

    def thinned(self, count: int, subset: int = 0) -> "Residual":
        """Return the residual of a subset of the points, about `count` of each view.

        Each number `subset` gives different points, as long as there are enough.
        """
        step = max(self.points.shape[1] // count, 1)
        result = object.__new__(Residual)
        for name, tensor in vars(self).items():
            setattr(result, name, tensor)
        result.points = self.points[:, (step // 2 + subset) % step :: step]
        return result

    def __call__(self, rig: Rig) -> Tensor:
        """Return (V, P): each contour point's residual, pixels of 224, at most `CAP`."""
        count, points = self.points.shape[:2]
        origins, directions, others = self._setup(rig)
        o, d = origins[..., None], directions[..., None]
        t, width, slopes = self._search(rig, o.detach(), d.detach(), others)
        values = self._values(rig, o, d, t[:, None], others)[..., 0]
        return (-_peak(values, slopes, width)).clamp(0.0, CAP).reshape(count, points)

    def linearized(self, rig: Rig) -> tuple[Tensor, Tensor]:
        """Return the residuals and their derivatives with respect to each camera.

        A point's residual depends on its own camera and on the one or two others whose silhouettes
        limit it, so one pass backwards through the distance maps gives all derivatives.

        Returns
        -------
        residuals : (V, P), as calling returns them
        derivatives : (V, P, V, 7) with respect to a rotation vector and a translation applied after
            each camera's pose, p -> exp(w) p + v in the camera's axes, and to the logarithm of its
            focal length
        """
        with torch.no_grad():
            count, points = self.points.shape[:2]
            origins, directions, others = self._setup(rig)
            o, d = origins[..., None], directions[..., None]
            t, width, slopes = self._search(rig, o, d, others)
            place = torch.addcmul(o, t[:, None], d)  # (3, V, N, 1)
        with torch.enable_grad():
            place.requires_grad_()
            values = self._values_at(rig, place, others)
            (slope,) = torch.autograd.grad(values.sum(), place)
        with torch.no_grad():
            place, slope, values = place[..., 0].detach(), slope[..., 0], values[..., 0].detach()
            rows = self._rows(rig, place, slope, *_meeting(values, slopes, width))
            residuals = (-_peak(values, slopes, width)).clamp(0.0, CAP)
            active = (residuals > 0) & (residuals < CAP)
            rows = torch.where(active[:, None, None], -rows, 0.0)
        return residuals.reshape(count, points), rows.reshape(count, points, count, 7)

    def _rows(
        self, rig: Rig, place: Tensor, slope: Tensor, first: Tensor, second: Tensor, weight: Tensor
    ) -> Tensor:
        """Return (N, V, 7), the derivatives of each ray's peak; see `linearized`.

        Parameters
        ----------
        place, slope : (3, V, N) the peak in each camera's axes, and the derivatives of its values
        first, second : (N,) the cameras whose lines meet
        weight : (N,) of the second
        """
        count, points = self.points.shape[:2]
        owner = torch.arange(count).repeat_interleave(points)
        ray = torch.arange(len(owner))
        rows = place.new_zeros(len(owner), count, 7)
        own = place[:, owner, ray].T
        for camera, part in ((first, 1 - weight), (second, weight)):
            at, pull = place[:, camera, ray].T, slope[:, camera, ray].T * part[:, None]
            turned = rig.rotation[camera].transpose(1, 2) @ pull[..., None]
            turned = (rig.rotation[owner] @ turned)[..., 0]
            rows[ray, camera] += torch.cat(
                [torch.linalg.cross(at, pull), pull, (at * pull)[:, :2].sum(1, keepdim=True)], 1
            )
            zoom = -(own * turned)[:, :2].sum(1, keepdim=True)
            rows[ray, owner] += torch.cat([-torch.linalg.cross(own, turned), -turned, zoom], 1)
        return rows

    def _setup(self, rig: Rig) -> tuple[Tensor, Tensor, Tensor]:
        """Return the rays in each camera's frame, (3, V, N) twice, and (V, N): of other views."""
        count, points = self.points.shape[:2]
        owner = torch.arange(count).repeat_interleave(points)
        origins, directions = self._rays(rig, owner)
        return origins, directions, torch.arange(count)[:, None] != owner

    def _search(
        self, rig: Rig, origins: Tensor, directions: Tensor, others: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return (N,) the best t and its tolerance, and (V, N) the slopes of the values there."""
        with torch.no_grad():
            t, width = self._best(rig, origins, directions, others)
            around = torch.stack([t - width, t + width], 1)
            before, after = self._values(rig, origins, directions, around, others).unbind(2)
            return t, width, (after - before) / (2 * width).clamp_min(1e-12)

    def _rays(self, rig: Rig, owner: Tensor) -> tuple[Tensor, Tensor]:
        """Return origins and directions, (3, V, N), of the points' rays in each camera's frame."""
        plane = (self.points - rig.center[:, None]) / rig.focal[:, None]  # (V, P, 2)
        plane = plane.reshape(-1, 2)
        orthographic = rig.orthographic[owner][:, None]
        zero, one = torch.zeros_like(plane[:, :1]), torch.ones_like(plane[:, :1])
        start = torch.where(orthographic, torch.cat([plane, zero], 1), 0.0)
        ahead = torch.where(
            orthographic, torch.cat([0 * plane, one], 1), torch.cat([plane, one], 1)
        )
        rotation = rig.rotation[owner].transpose(1, 2)  # world_from_camera
        start = start - rig.translation[owner]
        origin = (rotation @ start[..., None])[..., 0]
        direction = (rotation @ ahead[..., None])[..., 0]
        axes = rig.rotation.transpose(0, 1)  # (3, V, 3)
        return axes @ origin.T + rig.translation.T[..., None], axes @ direction.T

    def _inside(
        self, rig: Rig, origins: Tensor, directions: Tensor, t: Tensor, others: Tensor
    ) -> Tensor:
        """Return (N, T): the least signed distance to all other silhouettes at `t`, (N, T)."""
        return self._values(rig, origins, directions, t, others).amin(0)

    def _values(
        self, rig: Rig, origins: Tensor, directions: Tensor, t: Tensor, others: Tensor
    ) -> Tensor:
        """Return (V, N, T) signed distances to each silhouette; unknown for the contour's own."""
        place = [torch.addcmul(o, t, d) for o, d in zip(origins, directions, strict=True)]
        return self._values_at(rig, place, others)

    def _values_at(self, rig: Rig, place: Iterable[Tensor], others: Tensor) -> Tensor:
        """Return (V, N, T) as `_values`, at points in each camera's axes, 3 of (V, N, T)."""
        x, y, z = place
        if not bool(rig.orthographic.all()):
            nearness = z.clamp_min(NEAR).reciprocal()
            if bool(rig.orthographic.any()):
                nearness = torch.where(rig.orthographic[:, None, None], 1.0, nearness)
            x, y = x * nearness, y * nearness
        value = self._sample_distance(rig, x, y)
        value = torch.where(z > NEAR, value, -CAP + (z - NEAR).clamp(-1.0, 0.0))
        return torch.where(others[..., None], value, UNKNOWN)

    def _sample_distance(self, rig: Rig, x: Tensor, y: Tensor) -> Tensor:
        """Return (V, N, T) the distances at positions on the plane z = 1, (V, N, T) each."""
        grid, beyond, unknown = [], [], []
        for axis, plane in enumerate((x, y)):
            origin, step, last = (self.layout[:, axis + 2 * part, None, None] for part in range(3))
            place = torch.addcmul(
                rig.center[:, axis, None, None], plane, rig.focal[:, axis, None, None]
            )
            index = (place - origin) / step
            held = torch.minimum(index.clamp_min(0.0), last)
            grid.append(held * (2.0 / (self.maps.shape[3 - axis] - 1)) - 1.0)
            beyond.append((index - held) * (step * self.sizes[:, axis, None, None]))
            if bool(self.open[:, axis].any()):
                unknown.append((place < 0) & self.open[:, axis, None, None])
            if bool(self.open[:, axis + 2].any()):
                unknown.append((place > 1) & self.open[:, axis + 2, None, None])
        value = grid_sample(
            self.maps, torch.stack(grid, -1), padding_mode="border", align_corners=True
        )[:, 0]
        value = value - torch.sqrt(beyond[0].square() + beyond[1].square() + 1e-12) + 1e-6
        for outside in unknown:
            value = torch.where(outside, UNKNOWN, value)
        return value

    def _best(
        self, rig: Rig, origins: Tensor, directions: Tensor, others: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (N,) where each ray is farthest inside the other silhouettes, and how exactly."""
        start, stop = self._range(rig, origins[..., 0], directions[..., 0], others)
        fraction = torch.linspace(0.0, 1.0, STEPS, dtype=start.dtype)
        t = torch.lerp(start[:, None], stop[:, None], fraction)
        width = (stop - start) / (STEPS - 1)
        value = self._inside(rig, origins, directions, t, others)
        top = value.topk(CANDIDATES, dim=1).indices
        t, value = t.gather(1, top), value.gather(1, top)
        for _ in range(HALVINGS):
            width = width / 2
            tried = torch.cat([t, t - width[:, None], t + width[:, None]], 1)
            both = self._inside(rig, origins, directions, tried[:, CANDIDATES:], others)
            value = torch.stack([value, *both.split(CANDIDATES, 1)], 2)  # (N, C, 3)
            value, side = value.max(2)
            t = torch.stack(tried.split(CANDIDATES, 1), 2).gather(2, side[..., None])[..., 0]
        return t.gather(1, value.argmax(1, keepdim=True))[:, 0], width

    def _range(
        self, rig: Rig, origins: Tensor, directions: Tensor, others: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the start and end, (N,) each, of the part of each ray that may hold the object.

        That part lies in front of every camera and, except on open sides, within the rectangle of
        every silhouette; it is extended a little.
        """
        low, high = self.rectangles.split(2, dim=1)
        slack = SLACK * (high - low)
        low, high = low - slack, high + slack
        steady = torch.where(rig.orthographic, 1.0, 0.0)[:, None]
        planes = []  # (V, N) pairs: value at t = 0, slope
        for sign, border, shut in (
            (1.0, low, ~self.open[:, :2]),
            (-1.0, high, ~self.open[:, 2:]),
        ):
            for axis in (0, 1):
                focal = sign * rig.focal[:, axis, None]
                offset = sign * (rig.center[:, axis, None] - border[:, axis, None])
                constant = offset * steady
                slope = offset * (1 - steady)
                held = others & shut[:, axis, None]
                planes.append(
                    (
                        focal * origins[axis] + slope * origins[2] + constant,
                        focal * directions[axis] + slope * directions[2],
                        held,
                    )
                )
        planes.append((origins[2] - NEAR, directions[2], torch.ones_like(others)))
        base, slope, held = (torch.cat(parts) for parts in zip(*planes, strict=True))
        cross = -base / torch.where(slope.abs() < 1e-9, 1e-9, slope)
        rises, falls = held & (slope > 1e-9), held & (slope < -1e-9)
        limit = self._farthest(rig)[(~others).long().argmax(0)]
        start = torch.where(rises, cross, 0.0).amax(0).clamp_min(0.0).minimum(limit)
        stop = torch.where(falls, cross, torch.inf).amin(0).minimum(limit).clamp_min(0.0)
        start, stop = torch.minimum(start, stop), torch.maximum(start, stop)
        more = (
            MORE * (stop - start).median()
        )  # with wrong cameras the best agreement lies slightly outside
        return (start - more).clamp_min(0.0), torch.minimum(stop + more, limit)

    def _farthest(self, rig: Rig) -> Tensor:
        """Return (V,): the end of each camera's rays where nothing else bounds them."""
        rotation = rig.rotation.transpose(1, 2)
        centers = -(rotation @ rig.translation[..., None])[..., 0]
        middle = (self.rectangles[:, :2] + self.rectangles[:, 2:]) / 2
        plane = (middle - rig.center) / rig.focal
        orthographic = rig.orthographic[:, None]
        local = torch.cat([torch.where(orthographic, 0.0, plane), torch.ones_like(plane[:, :1])], 1)
        translation = torch.cat(
            [torch.where(orthographic, plane, 0.0), torch.zeros_like(plane[:, :1])], 1
        )
        axis = (rotation @ local[..., None])[..., 0]
        axis = axis / axis.norm(dim=1, keepdim=True)
        centers = centers + (rotation @ translation[..., None])[..., 0]
        across = torch.eye(3, dtype=axis.dtype) - axis[:, :, None] * axis[:, None]
        system = across.sum(0) + 1e-4 * torch.eye(3, dtype=axis.dtype)
        focus = torch.linalg.solve(system, (across @ centers[..., None]).sum(0)[:, 0])
        return FAR * (focus - centers).norm(dim=1).clamp_min(0.5)


def _peak(values: Tensor, slopes: Tensor, width: Tensor) -> Tensor:
    """Return (N,) the maximum over t of the minimum of V lines, near the best sample.

    The maximum lies where a rising line meets a falling one. Solving for that point gives a mean of
    both lines' gradients; the gradient of the lower line alone would be wrong.

    Parameters
    ----------
    values, slopes : (V, N) at the sample, and along the ray
    width : (N,) how far the maximum may be from the sample
    """
    first, second, weight = _meeting(values, slopes, width)
    lower, upper = (values.gather(0, line[None])[0] for line in (first, second))
    return torch.lerp(lower, upper, weight)


def _meeting(values: Tensor, slopes: Tensor, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (N,) the lowest line, the line that it meets, and the weight of the latter's value.

    The weight is zero where no line meets it within `width`; see `_peak`.
    """
    values = values.detach()
    lowest = values.argmin(0, keepdim=True)
    value, slope = values.gather(0, lowest), slopes.gather(0, lowest)  # (1, N)
    opposed = slopes * slope < 0
    gap = torch.where(opposed, slope - slopes, 1.0)
    distance = torch.where(opposed, (values - value) / gap, torch.inf).abs()  # to where they meet
    nearest = distance.argmin(0, keepdim=True)
    against = slopes.gather(0, nearest)
    meets = (slope * against < 0) & (distance.gather(0, nearest) <= 2 * width)
    safe = torch.where(meets, against - slope, 1.0)
    weight = torch.where(meets, -slope / safe, 0.0)
    return lowest[0], nearest[0], weight[0]
