"""Fit a camera to a silhouette, so that a mesh covers an image's mask.

A network without a camera input predicts the object in its own frame and says nothing of the
camera. The camera is found in two steps: a coarse search over the directions from which people take
photographs, with focal length and shift from the rectangle around the silhouette, then
Gauss-Newton steps on the blurred difference of both silhouettes, from a wide to a narrow blur, from
the best few directions; most are given up after the widest blurs. A camera network's estimate is
one more start.

The search draws points of the surface, all azimuths at once. A Gauss-Newton step draws the mesh
four times: roll, zoom and shift move the image as a plane, so their derivatives are those of the
blurred image itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..geometry.cameras import Camera, pose_of
from ..images.cropping import crop_square, cropped_camera, whole_camera
from ..ticket import Ticket
from .drawing import silhouette

COARSE, FINE = 48, 96  # pixels along a side of the square in which silhouettes are compared
MARGIN = 0.12  # around the mask, fraction of the square
AZIMUTHS = np.arange(0.0, 360.0, 10.0)  # degrees
ELEVATIONS = (-10.0, 5.0, 18.0, 32.0, 50.0, 72.0)
DISTANCE = 3.2  # of the coarse search, volume units
POINTS = 6_000  # on the surface, for the coarse search
STARTS = 5  # best directions to refine
KEPT = 2  # of the starts, after the first `GIVEN_UP` steps
GIVEN_UP = 3
APART = 25.0  # degrees between two starts
BLURS = (4.0, 4.0, 3.0, 2.0, 2.0, 1.0, 1.0, 1.0)  # pixels of `FINE`, one Gauss-Newton step each
STEPS = {0: 0.035, 1: 0.035, 3: 0.1}  # finite differences, by place in `_CameraNumbers`
# Standard deviations of a prior about the start, in the order of `_CameraNumbers`; a residual's
# is 1.
PRIOR = np.array([0.6, 0.5, 0.12, 0.35, 0.8, 0.5, 0.5])
PRIOR_WEIGHT = 0.05
LARGEST_STEP = np.array([0.25, 0.25, 0.1, 0.3, 0.3, 0.2, 0.2])

Prior = Callable[[float], float]


@dataclass(frozen=True)
class FittedCamera:
    """A camera, and the agreement of mesh and mask seen from it.

    camera : of the whole image, in the mesh's frame
    iou : of both silhouettes
    """

    camera: Camera
    iou: float


@dataclass(frozen=True)
class _CameraNumbers:
    """A camera's seven numbers: radians, and lengths in sides of the square image.

    azimuth is counter-clockwise from -Y, seen from above; distance is a logarithm, and so is zoom,
    how large a unit at the volume's centre appears: the focal length over the distance.
    """

    azimuth: float
    elevation: float
    roll: float
    distance: float
    zoom: float
    x: float
    y: float

    @classmethod
    def of(cls, numbers: np.ndarray) -> "_CameraNumbers":
        return cls(*(float(number) for number in numbers))

    @property
    def numbers(self) -> np.ndarray:
        return np.array([*self.__dict__.values()])

    def camera(self, size: int) -> Camera:
        """Return the camera of the square, `size` pixels wide and high."""
        rotation = _axes(self.azimuth, self.elevation, self.roll)
        pose = pose_of(rotation, np.array([0.0, 0.0, math.exp(self.distance)]))
        focal = math.exp(self.zoom + self.distance) * size
        return Camera(pose, focal, focal, self.x * size, self.y * size, size, size)


@dataclass
class _Descent:
    """The state of Gauss-Newton steps from one start.

    first, numbers : of the start, and after the last step
    best, iou : the best sight so far; iou is below 0 before it is known
    """

    first: np.ndarray
    numbers: np.ndarray
    best: _CameraNumbers
    iou: float = -1.0

    @classmethod
    def at(cls, sight: _CameraNumbers) -> "_Descent":
        return cls(sight.numbers, sight.numbers, sight)


class SilhouetteFit:
    """Fits cameras to one mask.

    Parameters
    ----------
    alpha : (H, W) in [0, 1]
    """

    def __init__(self, alpha: Tensor) -> None:
        self._size = (alpha.shape[1], alpha.shape[0])
        rows, columns = (alpha > 0.5).nonzero(as_tuple=True)
        if not rows.numel():
            raise ValueError("the mask is empty")
        top, left = int(rows.min()), int(columns.min())
        height, width = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
        side = math.ceil(max(height, width) / (1 - 2 * MARGIN))
        self._square = (left - (side - width) // 2, top - (side - height) // 2, side)
        image = torch.ones(*alpha.shape, 4)
        image[..., 0] = alpha
        self._mask, self._valid = (
            {size: crop_square(image, self._square, size)[..., part] for size in (COARSE, FINE)}
            for part in (0, 3)
        )
        self._masks: dict[float, np.ndarray] = {}  # blurred

    def fit(
        self,
        vertices: Tensor,
        faces: Tensor,
        *,
        starts: Sequence[Camera] = (),
        search: bool = True,
        prior: Prior | None = None,
        ticket: Ticket | None = None,
    ) -> FittedCamera:
        """Return the best camera.

        Parameters
        ----------
        vertices, faces : (N, 3), (F, 3) of a coarse mesh
        starts
            Estimated cameras of the whole image.
        search
            Also try directions all around; else `starts` alone are refined.
        prior
            Bonus in IoU of an azimuth in degrees, where directions look alike.
        """
        ticket = ticket or Ticket()
        sights = [self._sight_of(camera) for camera in starts]
        if search or not sights:
            sights += self._searched(vertices, faces, prior, ticket)

        def rated(sight: _CameraNumbers, iou: float) -> float:
            return iou + (prior(math.degrees(sight.azimuth)) if prior else 0.0)

        descents = [_Descent.at(sight) for sight in sights]
        for blurs in (BLURS[:GIVEN_UP], BLURS[GIVEN_UP:]):
            for descent in descents:
                ticket.check()
                self._descend(descent, blurs, vertices, faces)
            descents.sort(key=lambda each: -rated(each.best, each.iou))
            descents = descents[:KEPT]
        return FittedCamera(self._whole(descents[0].best), descents[0].iou)

    def iou(self, camera: Camera, vertices: Tensor, faces: Tensor) -> float:
        """Return the IoU of the mask and a mesh's silhouette in the square."""
        drawn = silhouette(vertices, faces, camera)
        size = camera.width
        seen, valid = self._mask[size] > 0.5, self._valid[size] > 0.5
        both, either = seen & drawn & valid, (seen | drawn) & valid
        return float(both.sum()) / max(float(either.sum()), 1.0)

    # ------------------------------------------------------------ the search

    def _searched(
        self, vertices: Tensor, faces: Tensor, prior: Prior | None, ticket: Ticket
    ) -> list[_CameraNumbers]:
        """Return the best few directions, apart from each other."""
        points = _surface_points(vertices, faces)
        rated = []
        for elevation in ELEVATIONS:
            ticket.check()
            ious, sights = self._around(math.radians(elevation), points)
            bonus = [prior(azimuth) if prior else 0.0 for azimuth in AZIMUTHS]
            rated += zip(ious + np.array(bonus), sights, strict=True)
        rated.sort(key=lambda pair: -pair[0])
        chosen: list[_CameraNumbers] = []
        for _, sight in rated:
            if all(_angle(sight, other) > math.radians(APART) for other in chosen):
                chosen.append(sight)
            if len(chosen) == STARTS:
                break
        return chosen

    def _around(self, elevation: float, points: Tensor) -> tuple[np.ndarray, list[_CameraNumbers]]:
        """Return the IoU and the sight of each azimuth, whose rectangle is that of the mask."""
        angles = np.radians(AZIMUTHS)
        axes = np.stack([_axes(angle, elevation, 0.0) for angle in angles])
        local = points @ torch.from_numpy(axes).float().mT  # (A, N, 3)
        pixels = local[..., :2] / (local[..., 2:] + DISTANCE)  # focal length 1
        low, high = pixels.amin(1), pixels.amax(1)
        wide, tall, middle = self._rectangle
        sides = (high - low).clamp(min=1e-6)
        scale = (wide / sides[:, 0] * tall / sides[:, 1]).sqrt()
        center = middle - scale[:, None] * (low + high) / 2
        ious = self._splatted(pixels * scale[:, None, None] + center[:, None])
        far = math.log(DISTANCE)
        numbers = zip(angles, (scale.log() - far).tolist(), center.tolist(), strict=True)
        return ious, [
            _CameraNumbers(float(a), elevation, 0.0, far, zoom, *at) for a, zoom, at in numbers
        ]

    def _splatted(self, places: Tensor) -> np.ndarray:
        """Return the IoU of the mask and of points, (A, N, 2) in sides of the square: (A,)."""
        cells = (places * COARSE).floor().long()
        inside = ((cells >= 0) & (cells < COARSE)).all(2)
        flat = cells[..., 1] * COARSE + cells[..., 0]
        drawn = torch.zeros(len(places), COARSE * COARSE + 1, dtype=torch.bool)
        drawn.scatter_(1, torch.where(inside, flat, COARSE * COARSE), True)
        seen, valid = (part[COARSE].flatten() > 0.5 for part in (self._mask, self._valid))
        drawn = drawn[:, :-1] & valid
        both, either = (drawn & seen).sum(1), (drawn | (seen & valid)).sum(1)
        return (both / either.clamp(min=1)).double().numpy()

    @cached_property
    def _rectangle(self) -> tuple[float, float, Tensor]:
        """Width, height and middle of the rectangle around the mask, in sides of the square."""
        rows, columns = (self._mask[FINE] > 0.5).nonzero(as_tuple=True)
        low = torch.stack([columns.min(), rows.min()]) / FINE
        high = (torch.stack([columns.max(), rows.max()]) + 1) / FINE
        wide, tall = (high - low).tolist()
        return wide, tall, (low + high) / 2

    # ------------------------------------------------------------ Gauss-Newton

    def _descend(
        self, descent: "_Descent", blurs: Sequence[float], vertices: Tensor, faces: Tensor
    ) -> None:
        """Take damped Gauss-Newton steps; the best sight so far is kept."""
        if descent.iou < 0:
            descent.iou = self.iou(descent.best.camera(FINE), vertices, faces)
        numbers = descent.numbers
        weight = PRIOR_WEIGHT / PRIOR**2
        for blur in blurs:
            drawn = self._blurred(numbers, vertices, faces, blur)
            residual = (drawn - self._blurred_mask(blur))[::2, ::2].ravel()
            slopes = self._slopes(numbers, drawn, vertices, faces, blur)
            system = slopes.T @ slopes + np.diag(weight)
            pull = slopes.T @ residual + weight * (numbers - descent.first)
            numbers = numbers - np.linalg.solve(system, pull).clip(-LARGEST_STEP, LARGEST_STEP)
            sight = _CameraNumbers.of(numbers)
            iou = self.iou(sight.camera(FINE), vertices, faces)
            if iou > descent.iou:
                descent.best, descent.iou = sight, iou
        descent.numbers = numbers

    def _slopes(
        self, numbers: np.ndarray, drawn: np.ndarray, vertices: Tensor, faces: Tensor, blur: float
    ) -> np.ndarray:
        """Return the derivatives of the residual by a sight's numbers, (FINE^2 / 4, 7)."""
        slopes = np.zeros((len(numbers), *drawn[::2, ::2].shape))
        for place, step in STEPS.items():
            moved = numbers.copy()
            moved[place] += step
            change = self._blurred(moved, vertices, faces, blur) - drawn
            slopes[place] = change[::2, ::2] / step
        down, right = (part[::2, ::2] for part in np.gradient(drawn))
        row, column = np.mgrid[0:FINE:2, 0:FINE:2] + 0.5
        x, y = column - numbers[5] * FINE, row - numbers[6] * FINE
        slopes[2] = y * right - x * down
        slopes[4] = -(x * right + y * down)
        slopes[5], slopes[6] = -FINE * right, -FINE * down
        return slopes.reshape(len(numbers), -1).T

    def _blurred(
        self, numbers: np.ndarray, vertices: Tensor, faces: Tensor, blur: float
    ) -> np.ndarray:
        """Return the blurred silhouette of a mesh, (FINE, FINE)."""
        drawn = silhouette(vertices, faces, _CameraNumbers.of(numbers).camera(FINE))
        return _gaussian(drawn * self._valid[FINE], blur)

    def _blurred_mask(self, blur: float) -> np.ndarray:
        if blur not in self._masks:
            self._masks[blur] = _gaussian(self._mask[FINE] * self._valid[FINE], blur)
        return self._masks[blur]

    # ------------------------------------------------------------ frames

    def _sight_of(self, camera: Camera) -> _CameraNumbers:
        """Return the numbers of a camera of the whole image, which looks near the centre."""
        square = cropped_camera(camera, self._square, 1)
        rotation, offset = square.camera_from_world[:3, :3], square.camera_from_world[:3, 3]
        forward = rotation[2]
        elevation = math.asin(float(np.clip(-forward[2], -1, 1)))
        azimuth = math.atan2(-forward[0], forward[1])
        upright = _axes(azimuth, elevation, 0.0)
        twist = rotation @ upright.T
        roll = math.atan2(twist[1, 0], twist[0, 0])
        depth = max(float(offset[2]), 0.1)
        # An offset from the axis becomes a shift of the image, exact at the centre's depth.
        x = square.cx + square.fx * offset[0] / depth
        y = square.cy + square.fy * offset[1] / depth
        return _CameraNumbers(
            azimuth, elevation, roll, math.log(depth), math.log(square.fx / depth), x, y
        )

    def _whole(self, sight: _CameraNumbers) -> Camera:
        return whole_camera(sight.camera(FINE), self._square, self._size)


def _surface_points(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return (POINTS, 3) evenly spread points of a mesh's surface: always the same ones."""
    corners = vertices[faces.long()]  # (F, 3, 3)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = torch.linalg.cross(one, two).norm(dim=1).double().cumsum(0)
    steps = torch.arange(POINTS, dtype=torch.float64)
    owner = torch.searchsorted(area, (steps + 0.5) / POINTS * area[-1]).clamp(max=len(faces) - 1)
    # A Kronecker sequence of the plastic number spreads over the square, then over the triangle.
    u, v = ((steps * factor).frac().float() for factor in (0.7548776662466927, 0.5698402909980532))
    folded = u + v > 1
    u, v = torch.where(folded, 1 - u, u)[:, None], torch.where(folded, 1 - v, v)[:, None]
    return corners[owner, 0] + u * one[owner] + v * two[owner]


def _gaussian(image: Tensor, blur: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image.numpy().astype(np.float64), blur)


def _axes(azimuth: float, elevation: float, roll: float) -> np.ndarray:
    """Return camera_from_volume, (3, 3): rows right, down and forward."""
    sin_a, cos_a = math.sin(azimuth), math.cos(azimuth)
    sin_e, cos_e = math.sin(elevation), math.cos(elevation)
    upright = np.array(
        [
            [cos_a, sin_a, 0.0],
            [sin_e * sin_a, -sin_e * cos_a, -cos_e],
            [-cos_e * sin_a, cos_e * cos_a, -sin_e],
        ]
    )
    sin_r, cos_r = math.sin(roll), math.cos(roll)
    return np.array([[cos_r, -sin_r, 0.0], [sin_r, cos_r, 0.0], [0.0, 0.0, 1.0]]) @ upright


def _angle(first: _CameraNumbers, second: _CameraNumbers) -> float:
    """Return the angle between two viewing directions."""
    a, b = (_axes(s.azimuth, s.elevation, 0.0)[2] for s in (first, second))
    return math.acos(float(np.clip(a @ b, -1, 1)))
