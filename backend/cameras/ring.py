"""Cameras of a turntable: one camera, rotated about an axis in steps.

Frame: the axis is z, the distance from the camera to the axis is 1, and the camera is at height 0,
which fixes the similarity that silhouettes leave open. The first camera is at (0, -1, 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..geometry.cameras import Camera
from ..silhouettes import Rig
from ..silhouettes.rotations import about_axis, vector_of

NUDGE = 1e-5  # step of numerical derivatives of poses, float64
SHARED = 4  # parameters of the camera: log focal length, elevation, pan, roll
LEVEL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # axes of a camera that looks along +y


@dataclass(frozen=True)
class Ring:
    """Model of a turntable, for some of its images.

    Parameters: the logarithm of the focal length in widths of the image, elevation, pan and roll in
    radians; then, if free, the logarithm of a factor of the step, and the deviation of each angle
    after the first (in this order).

    Attributes
    ----------
    places : steps from the first image to each
    size : width and height of an image in pixels
    direction : 1 if the camera moves counter-clockwise seen from above, and the object clockwise
    step : radians between two images
    focal : the focal length in widths of the image, if it is known
    free_step, free_angles : whether these are unknowns
    """

    places: tuple[int, ...]
    size: tuple[int, int]
    direction: int
    step: float
    focal: float | None = None
    free_step: bool = False
    free_angles: bool = False

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.places)

    @property
    def unknowns(self) -> int:
        """The number of parameters."""
        return SHARED + self.free_step + (self.count - 1) * self.free_angles

    def start(self, focal: float, elevation: float, column: float) -> np.ndarray:
        """Return starting parameters for an axis at this column of the images, in widths."""
        numbers = np.zeros(self.unknowns)
        pan = np.arctan2(column - 0.5, focal)
        numbers[:SHARED] = np.log(focal), elevation, -pan, 0.0
        return numbers

    def extended(self, numbers: np.ndarray, wider: "Ring") -> np.ndarray:
        """Return these parameters for a ring with more unknowns, of the same images."""
        result = np.zeros(wider.unknowns)
        result[:SHARED] = numbers[:SHARED]
        if self.free_step and wider.free_step:
            result[SHARED] = numbers[SHARED]
        if self.free_angles and wider.free_angles:
            result[1 - self.count :] = numbers[1 - self.count :]
        return result

    def without(self, numbers: np.ndarray, kept: Sequence[int]) -> tuple["Ring", np.ndarray]:
        """Return the ring of some of its images, by their numbers, and its parameters."""
        ring = replace(self, places=tuple(self.places[number] for number in kept))
        if not self.free_angles:
            return ring, numbers.copy()
        own = np.concatenate([[0.0], numbers[1 - self.count :]])[list(kept)]
        return ring, np.concatenate([numbers[: 1 - self.count], own[1:] - own[0]])

    def angles(self, numbers: np.ndarray) -> np.ndarray:
        """Return (..., count) each camera's angle about the axis, radians, for (..., K)."""
        step = np.full(numbers.shape[:-1], self.step)
        if self.free_step:
            step = step * np.exp(numbers[..., SHARED])
        result = step[..., None] * np.array(self.places)
        if self.free_angles:
            result[..., 1:] += numbers[..., SHARED + self.free_step :]
        return self.direction * result

    def poses(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rotations (..., count, 3, 3) and translations, camera_from_world, for (..., K)."""
        _, elevation, pan, roll = np.moveaxis(numbers[..., :SHARED], -1, 0)
        # world_from_camera of the first camera: elevation about x, then pan and roll of its own
        own = about_axis(0, -elevation) @ LEVEL
        own = own @ about_axis(1, pan) @ about_axis(2, roll)
        turned = about_axis(2, self.angles(numbers))
        rotation = np.swapaxes(turned @ own[..., None, :, :], -1, -2)
        center = turned @ np.array([0.0, -1.0, 0.0])
        return rotation, -(rotation @ center[..., None])[..., 0]

    def focal_of(self, numbers: np.ndarray) -> float:
        """Return the focal length in widths of the image."""
        return float(np.exp(numbers[0])) if self.focal is None else self.focal

    def rig(self, numbers: np.ndarray) -> Rig:
        """Return the cameras for (K,) parameters."""
        rotation, translation = self.poses(numbers)
        width, height = self.size
        focal = self.focal_of(numbers) * torch.tensor([1.0, width / height])
        return Rig(
            torch.from_numpy(rotation).float(),
            torch.from_numpy(translation).float(),
            focal.expand(self.count, 2),
            torch.full((self.count, 2), 0.5),
            torch.zeros(self.count, dtype=torch.bool),
        )

    def twists(self, numbers: np.ndarray) -> np.ndarray:
        """Return (V, 7, K), see `solving.RigModel`; by central differences of the poses."""
        nudges = np.eye(self.unknowns) * NUDGE
        above, below = self.poses(numbers + nudges), self.poses(numbers - nudges)
        rotation, translation = self.poses(numbers)
        d_rotation = (above[0] - below[0]) / (2 * NUDGE) @ np.swapaxes(rotation, -1, -2)
        d_translation = (above[1] - below[1]) / (2 * NUDGE)
        result = np.zeros((self.count, 7, self.unknowns))
        result[:, :3] = np.moveaxis(vector_of(d_rotation), 0, -1)
        result[:, 3:6] = np.moveaxis(
            d_translation - (d_rotation @ translation[..., None])[..., 0], 0, -1
        )
        result[:, 6, 0] = self.focal is None
        return result

    def all_cameras(self, numbers: np.ndarray, count: int) -> list[Camera]:
        """Return the cameras of all places from 0 on; those of missing images at equal steps."""
        known = dict(zip(self.places, self.cameras(numbers), strict=True))
        even = replace(self, places=tuple(range(count)), free_angles=False)
        others = even.cameras(numbers[: SHARED + self.free_step])
        return [known.get(place, camera) for place, camera in enumerate(others)]

    def cameras(self, numbers: np.ndarray) -> list[Camera]:
        """Return the cameras for (K,) parameters in the ring's frame."""
        width, height = self.size
        focal = self.focal_of(numbers) * width
        result = []
        for rotation, translation in zip(*self.poses(numbers), strict=True):
            pose = np.eye(4)
            pose[:3, :3], pose[:3, 3] = rotation.T, -rotation.T @ translation
            result.append(Camera(pose, focal, focal, width / 2, height / 2, width, height))
        return result
