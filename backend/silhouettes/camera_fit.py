"""Fit a camera to a silhouette: the camera from which a mesh covers an image's mask.

A network without a camera input predicts the object in its own frame and says nothing of the
camera. The camera is found in two steps: a coarse search over the directions from which people take
photographs, with focal length and shift from the rectangle around the silhouette, then
Gauss-Newton steps on the blurred difference of both silhouettes, from a wide to a narrow blur, from
the best few directions. A camera network's estimate is one more start.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
STARTS = 5  # best directions that are refined
APART = 25.0  # degrees between two starts
BLURS = (4.0, 4.0, 3.0, 2.0, 2.0, 1.0, 1.0, 1.0)  # pixels of `FINE`, one Gauss-Newton step each
STEPS = np.array([0.035, 0.035, 0.035, 0.1, 0.03, 0.01, 0.01])  # finite differences, see `_Sight`
# Standard deviations of a prior about the start, in the order of `_Sight`; residuals count as 1.
PRIOR = np.array([0.6, 0.5, 0.12, 0.35, 0.8, 0.5, 0.5])
PRIOR_WEIGHT = 0.05
LARGEST_STEP = np.array([0.25, 0.25, 0.1, 0.3, 0.3, 0.2, 0.2])

Prior = Callable[[float], float]


@dataclass(frozen=True)
class FittedCamera:
    """A camera and how well the mesh covers the mask from it.

    camera : of the whole image, in the mesh's frame
    iou : of both silhouettes
    """

    camera: Camera
    iou: float


@dataclass(frozen=True)
class _Sight:
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
    def of(cls, numbers: np.ndarray) -> "_Sight":
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
        best, best_score, best_iou = sights[0], -math.inf, 0.0
        for sight in sights:
            ticket.check()
            refined = self._refined(sight, vertices, faces)
            iou = self.iou(refined.camera(FINE), vertices, faces)
            score = iou + (prior(math.degrees(refined.azimuth)) if prior else 0.0)
            if score > best_score:
                best, best_score, best_iou = refined, score, iou
        return FittedCamera(self._whole(best), best_iou)

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
    ) -> list[_Sight]:
        """Return the best few directions, apart from each other."""
        rated = []
        for elevation in ELEVATIONS:
            ticket.check()
            for azimuth in AZIMUTHS:
                sight = self._aligned(math.radians(azimuth), math.radians(elevation), vertices)
                iou = self.iou(sight.camera(COARSE), vertices, faces)
                rated.append((iou + (prior(azimuth) if prior else 0.0), sight))
        rated.sort(key=lambda pair: -pair[0])
        chosen: list[_Sight] = []
        for _, sight in rated:
            if all(_angle(sight, other) > math.radians(APART) for other in chosen):
                chosen.append(sight)
            if len(chosen) == STARTS:
                break
        return chosen

    def _aligned(self, azimuth: float, elevation: float, vertices: Tensor) -> _Sight:
        """Return the sight from a direction whose rectangle is that of the mask."""
        far = math.log(DISTANCE)
        plain = _Sight(azimuth, elevation, 0.0, far, -far, 0.5, 0.5)
        pixels, _ = plain.camera(1).project(vertices)
        low, high = pixels.amin(0), pixels.amax(0)
        rows, columns = (self._mask[FINE] > 0.5).nonzero(as_tuple=True)
        wide = float(columns.max() - columns.min() + 1) / FINE
        tall = float(rows.max() - rows.min() + 1) / FINE
        across, down = (max(float(side), 1e-6) for side in high - low)
        scale = math.sqrt(wide / across * tall / down)
        middle = (low + high) / 2 - 0.5
        x = float(columns.min() + columns.max() + 1) / 2 / FINE - scale * float(middle[0])
        y = float(rows.min() + rows.max() + 1) / 2 / FINE - scale * float(middle[1])
        return replace(plain, zoom=plain.zoom + math.log(scale), x=x, y=y)

    # ------------------------------------------------------------ Gauss-Newton

    def _refined(self, start: _Sight, vertices: Tensor, faces: Tensor) -> _Sight:
        """Return the sight after a few damped Gauss-Newton steps; never a worse one."""
        best, best_iou = start, self.iou(start.camera(FINE), vertices, faces)
        numbers, first = start.numbers, start.numbers
        for blur in BLURS:
            residual = self._difference(numbers, vertices, faces, blur)
            slopes = np.stack(
                [
                    (self._difference(numbers + step, vertices, faces, blur) - residual) / size
                    for step, size in zip(np.diag(STEPS), STEPS, strict=True)
                ],
                1,
            )
            weight = PRIOR_WEIGHT / PRIOR**2
            system = slopes.T @ slopes + np.diag(weight)
            change = -np.linalg.solve(system, slopes.T @ residual + weight * (numbers - first))
            numbers = numbers + change.clip(-LARGEST_STEP, LARGEST_STEP)
            sight = _Sight.of(numbers)
            iou = self.iou(sight.camera(FINE), vertices, faces)
            if iou > best_iou:
                best, best_iou = sight, iou
        return best

    def _difference(
        self, numbers: np.ndarray, vertices: Tensor, faces: Tensor, blur: float
    ) -> np.ndarray:
        """Return the blurred difference of both silhouettes, (FINE^2 / 4,)."""
        from scipy.ndimage import gaussian_filter

        drawn = silhouette(vertices, faces, _Sight.of(numbers).camera(FINE)).float()
        difference = (drawn - self._mask[FINE]) * self._valid[FINE]
        return gaussian_filter(difference.numpy().astype(np.float64), blur)[::2, ::2].ravel()

    # ------------------------------------------------------------ frames

    def _sight_of(self, camera: Camera) -> _Sight:
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
        # What is off the axis becomes a shift of the image, exact at the centre's depth.
        x = square.cx + square.fx * offset[0] / depth
        y = square.cy + square.fy * offset[1] / depth
        return _Sight(azimuth, elevation, roll, math.log(depth), math.log(square.fx / depth), x, y)

    def _whole(self, sight: _Sight) -> Camera:
        return whole_camera(sight.camera(FINE), self._square, self._size)


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


def _angle(first: _Sight, second: _Sight) -> float:
    """Return the angle between two viewing directions."""
    a, b = (_axes(s.azimuth, s.elevation, 0.0)[2] for s in (first, second))
    return math.acos(float(np.clip(a @ b, -1, 1)))
