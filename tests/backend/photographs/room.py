"""A textured room with a textured cube in it, ray-traced: photographs with known cameras."""

from functools import cache

import numpy as np
from levelform.backend.contract.cameras import CameraData, rays
from levelform.backend.contract.drawings import pose
from scipy.ndimage import map_coordinates

WIDTH, HEIGHT = 360, 270
FOCAL = 300.0  # pixels
CUBE = np.array([[-0.5, -0.4, 0.0], [0.5, 0.4, 0.8]])
WALLS = np.array([[-3.0, -3.0, 0.0], [3.0, 3.0, 3.0]])
DISTANCE = 2.2


@cache
def lattice() -> np.ndarray:
    return np.random.default_rng(5).random((64, 64, 64)).astype(np.float32)


def texture(points: np.ndarray) -> np.ndarray:
    """Return (N, 3) greys: noise of several octaves."""
    value = np.zeros(len(points), np.float32)
    for octave in range(4):
        places = (points * (7.3 * 2**octave)).T
        value += (map_coordinates(lattice(), places, order=1, mode="grid-wrap") - 0.5) * 0.8**octave
    return np.repeat((0.5 + 0.6 * value).clip(0, 1)[:, None], 3, 1)


def cameras(count: int, seed: int = 1) -> list[CameraData]:
    """Return cameras around the cube, as held by hand."""
    rng = np.random.default_rng(seed)
    result = []
    for index in range(count):
        azimuth = 360 * index / count + rng.uniform(-2, 2)
        matrix = pose(azimuth, rng.uniform(18, 32), DISTANCE * rng.uniform(0.95, 1.05))
        matrix[2, 3] += 0.4
        result.append(CameraData(matrix, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT))
    return result


def photograph(camera: CameraData) -> tuple[np.ndarray, np.ndarray]:
    """Return (H, W, 3) uint8 and the cube's mask, (H, W) bool."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    origins, directions = rays(camera, np.stack([x, y], -1).reshape(-1, 2))
    near, far = slabs(origins, directions, CUBE)
    hit = (near < far) & (far > 0)
    depth = np.where(hit, near, slabs(origins, directions, WALLS)[1])
    color = texture(origins + depth[:, None] * directions)
    shape = (HEIGHT, WIDTH)
    return (color * 255).astype(np.uint8).reshape(*shape, 3), hit.reshape(shape)


def slabs(
    origins: np.ndarray, directions: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (N,) depths at which rays enter and leave a box."""
    a, b = ((side - origins) / directions for side in box)
    return np.minimum(a, b).max(1), np.maximum(a, b).min(1)
