"""Silhouettes of objects made of capsules, by the distance of each pixel's ray to their cores."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View

SIZE = 192


def capsule_view(camera, capsules, name="view"):
    """A view of capsules (start, end, radius), world; alpha is 1 where a ray meets one."""
    y, x = np.mgrid[: camera.height, : camera.width] + 0.5
    origins, directions = camera.rays(torch.from_numpy(np.stack([x, y], -1)))
    directions = (directions / directions.norm(dim=-1, keepdim=True)).numpy()
    origins = np.broadcast_to(origins.numpy(), directions.shape)
    alpha = torch.zeros(camera.height, camera.width)
    for start, end, radius in capsules:
        along = np.subtract(end, start).astype(float)
        length = np.linalg.norm(along)
        along = along / max(length, 1e-12)
        away = np.array(start) - origins
        slant = directions @ along
        place = slant * (away * directions).sum(-1) - away @ along
        place = np.clip(place / np.maximum(1 - slant**2, 1e-12), 0, length)
        across = np.cross(away + place[..., None] * along, directions)
        alpha[torch.from_numpy(np.linalg.norm(across, axis=-1) <= radius)] = 1.0
    image = alpha[..., None].repeat(1, 1, 4)
    return View(image, camera, name)


def box_of(capsules):
    """The true box, (2, 3)."""
    low = [np.minimum(a, b) - np.array(r) for a, b, r in capsules]
    high = [np.maximum(a, b) + np.array(r) for a, b, r in capsules]
    return np.stack([np.min(low, 0), np.max(high, 0)])


def camera_around(azimuth, elevation, *, target=(0, 0, 0), distance=6.0, reach=1.4, ortho=False):
    """A camera, degrees around and above a target, that sees `reach` to each side of it."""
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(-back, right), -back], 1)
    pose[:3, 3] = np.array(target) + distance * back
    focal = SIZE / (2 * reach) * (1.0 if ortho else distance)
    half = SIZE / 2
    return Camera(pose, focal, focal, half, half, SIZE, SIZE, orthographic=ortho)


@pytest.fixture(scope="session")
def hammer():
    """A thin handle and a head, longest side 2."""
    return [((0, 0, -0.95), (0, 0, 0.85), 0.03), ((-0.3, 0, 0.87), (0.3, 0, 0.87), 0.1)]


@pytest.fixture(scope="session")
def glass():
    """A bowl on a stem of 0.02 on a foot."""
    ring = [(math.cos(t), math.sin(t)) for t in np.linspace(0, 2 * math.pi, 13)]
    foot = [((0, 0, -0.95), (0.4 * x, 0.4 * y, -0.95), 0.04) for x, y in ring]
    return [((0, 0, 0.4), (0, 0, 0.6), 0.4), ((0, 0, -0.95), (0, 0, 0.1), 0.02), *foot]
