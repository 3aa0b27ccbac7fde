"""The volume to be reconstructed: a cube in the world, restricted to a box if its sides differ."""

from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError
from .cameras import Camera

Box = tuple[tuple[float, float, float], tuple[float, float, float]]
CUBE: Box = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True)
class Volume:
    """The region to be reconstructed.

    Attributes
    ----------
    world_from_mesh : (4, 4) float64, rigid: pose of the cube in the world
    scale : half the cube's side in world units
    box : lower and upper corner of the reconstructed part of the cube [-1, 1]^3
    """

    world_from_mesh: np.ndarray
    scale: float
    box: Box = CUBE

    @property
    def world_from_cube(self) -> np.ndarray:
        """(4, 4) float64 similarity: from the frame of fields to the world."""
        return self.world_from_mesh @ np.diag([self.scale, self.scale, self.scale, 1.0])

    @classmethod
    def from_matrix(cls, world_from_volume: np.ndarray) -> "Volume":
        """Decompose a matrix that maps [-1, 1]^3 to the volume into pose, scale and box.

        Raises
        ------
        RequestError
            If it is not a finite (4, 4) matrix, is singular or sheared.
        """
        matrix = np.asarray(world_from_volume, np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise RequestError(
                "The volume's matrix holds a number that is not finite.",
                "Reset the volume's location, rotation and scale.",
            )
        lengths = np.linalg.norm(matrix[:3, :3], axis=0)
        if lengths.min() < 1e-9 or lengths.min() < 1e-4 * lengths.max():
            raise RequestError(
                f"The volume is flat: its sides are {' x '.join(f'{2 * s:g}' for s in lengths)}.",
                "Give it a scale above zero on every axis.",
            )
        axes = matrix[:3, :3] / lengths
        if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
            raise RequestError(
                "The volume is sheared: its axes do not stand at right angles.",
                "Clear its parent's uneven scale, or apply it.",
            )
        place = np.eye(4)
        place[:3, :3] = _rotation(axes)
        place[:3, 3] = matrix[:3, 3]
        scale = float(lengths.max())
        x, y, z = (float(side) for side in lengths / scale)
        return cls(place, scale, ((-x, -y, -z), (x, y, z)))


def _rotation(axes: np.ndarray) -> np.ndarray:
    """Return the nearest rotation, (3, 3); a reflected cube equals a rotated one."""
    if np.linalg.det(axes) < 0:
        axes = axes * [1.0, 1.0, -1.0]
    left, _, right = np.linalg.svd(axes)
    return left @ right


def check_in_front(camera: Camera, box: Box, name: str) -> None:
    """Refuse a camera, posed in the volume's frame, inside the volume or facing away from it."""
    lower, upper = np.array(box)
    middle = (lower + upper) / 2
    if bool(((camera.center > lower) & (camera.center < upper)).all()):
        raise RequestError(
            f"{name} stands inside the volume.",
            "Move the camera out of the volume, or make the volume smaller.",
        )
    if float((middle - camera.center) @ camera.forward) <= 0:
        raise RequestError(
            f"{name} looks away from the volume: the volume is behind the camera.",
            "Turn the camera around, or move the volume in front of it.",
        )
