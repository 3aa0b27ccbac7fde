"""Free poses: six numbers a camera and one factor of all focal lengths, near given cameras."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..geometry.cameras import Camera
from .residual import Rig
from .rotations import cross_matrix, left_jacobian, rotation
from .solving import Prior


@dataclass(frozen=True)
class Deviations:
    """How far cameras are expected to be from the given ones, one standard deviation.

    Attributes
    ----------
    rotation : radians
    position : fraction of the cameras' distance from their middle
    focal : of the logarithm; 0: the focal lengths are known
    """

    rotation: float = np.radians(3.0)
    position: float = 0.05
    focal: float = 0.05


class FreePoses:
    """The model whose parameters are, for each camera, a rotation vector and a translation.

    They apply after the given pose, in the camera's own axes; the translation's unit is the
    cameras' mean distance from their middle. The last parameter, unless the focal lengths are
    known, is the logarithm of a factor of all perspective focal lengths.

    Parameters
    ----------
    cameras : posed in the world
    """

    def __init__(self, cameras: Sequence[Camera], *, focal: bool = True) -> None:
        self.cameras = list(cameras)
        self.focal = focal and not all(camera.orthographic for camera in cameras)
        self._given = Rig.of(cameras, torch.float64)
        self._rotation = self._given.rotation.numpy()
        self._translation = self._given.translation.numpy()
        self._perspective = ~self._given.orthographic.numpy()
        centers = np.stack([camera.center for camera in cameras])
        self.size = max(float(np.linalg.norm(centers - centers.mean(0), axis=1).mean()), 1e-9)

    @property
    def count(self) -> int:
        """The number of parameters."""
        return 6 * len(self.cameras) + self.focal

    def prior(self, deviations: Deviations, weight: float) -> Prior:
        """Return a pull to the given cameras; `weight` in pixels at one standard deviation."""
        each = [deviations.rotation] * 3 + [deviations.position] * 3
        scale = np.array(each * len(self.cameras) + [deviations.focal] * self.focal)
        return Prior(np.zeros(self.count), weight / scale)

    def rig(self, numbers: np.ndarray) -> Rig:
        """Return the cameras for (K,) parameters."""
        vectors, moves, zoom = self._split(numbers)
        rotated = rotation(vectors)
        translation = (rotated @ self._translation[..., None])[..., 0] + moves
        focal = (
            self._given.focal * torch.from_numpy(np.where(self._perspective, zoom, 1.0))[:, None]
        )
        return Rig(
            torch.from_numpy(rotated @ self._rotation).float(),
            torch.from_numpy(translation).float(),
            focal.float(),
            self._given.center.float(),
            self._given.orthographic,
        )

    def twists(self, numbers: np.ndarray) -> np.ndarray:
        """Return (V, 7, K), see `solving.RigModel`."""
        vectors, moves, _ = self._split(numbers)
        count = len(self.cameras)
        jacobian = left_jacobian(vectors)
        result = np.zeros((count, 7, self.count))
        for index in range(count):
            own = slice(6 * index, 6 * index + 3)
            result[index, :3, own] = jacobian[index]
            result[index, 3:6, own] = cross_matrix(moves[index]) @ jacobian[index]
            result[index, 3:6, 6 * index + 3 : 6 * index + 6] = np.eye(3)
        if self.focal:
            result[:, 6, -1] = self._perspective
        return result

    def solved(self, numbers: np.ndarray) -> list[Camera]:
        """Return the cameras for (K,) parameters, in the given cameras' world."""
        vectors, moves, zoom = self._split(numbers)
        rotated = rotation(vectors)
        result = []
        for camera, matrix, step in zip(self.cameras, rotated, moves, strict=True):
            change = np.eye(4)  # the new camera's frame from the given one's
            change[:3, :3], change[:3, 3] = matrix, step * self.size
            factor = 1.0 if camera.orthographic else zoom
            pose = camera.world_from_camera @ np.linalg.inv(change)
            result.append(
                replace(
                    camera,
                    world_from_camera=pose,
                    fx=camera.fx * factor,
                    fy=camera.fy * factor,
                )
            )
        return result

    def _split(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Return rotation vectors (V, 3), translations (V, 3) and the focal factor."""
        parts = numbers[: 6 * len(self.cameras)].reshape(-1, 2, 3)
        return parts[:, 0], parts[:, 1], float(np.exp(numbers[-1])) if self.focal else 1.0
