"""Bodies in the volume with flat light, seen by cameras around them."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View

LIGHT = torch.tensor([0.3, -0.6, 0.74])


def camera_at(azimuth, elevation, *, size=64, distance=4.2, orthographic=False):
    """Return a camera that looks at the origin; angles in degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    place = [
        distance * math.sin(a) * math.cos(e),
        -distance * math.cos(a) * math.cos(e),
        distance * math.sin(e),
    ]
    focal = size / 2.4 if orthographic else size * 1.6
    back = np.array(place) / distance
    right = np.array([math.cos(a), math.sin(a), 0.0])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = np.stack([right, -np.cross(back, right), -back], 1), place
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, orthographic)


def image(distance, camera, *, samples=2):
    """Return a view of a body, sphere-traced and Lambert-shaded.

    distance : (N, 3) points to (N,), a lower bound of the distance
    """
    side = (torch.arange(camera.width * samples, dtype=torch.float64) + 0.5) / samples
    pixels = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    origins, directions = (t.float() for t in camera.rays(pixels))
    directions = directions / directions.norm(dim=1, keepdim=True)
    depth = torch.zeros(len(pixels))
    for _ in range(120):
        depth = depth + distance(origins + depth[:, None] * directions).clamp_min(0.0) * 0.9
        depth = depth.clamp_max(8.0)
    points = origins + depth[:, None] * directions
    hit = distance(points) < 2e-3
    leaf = points.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(distance(leaf).sum(), leaf)
    normal = torch.nn.functional.normalize(slope, dim=1)
    shade = 0.25 + 0.6 * (normal @ LIGHT).clamp_min(0.0)
    stripes = 0.8 + 0.2 * torch.sin(points * 9.0).prod(1)
    color = torch.tensor([0.9, 0.6, 0.4]) * (shade * stripes)[:, None]
    rgba = torch.cat([color, torch.ones(len(pixels), 1)], 1) * hit[:, None]
    fine = rgba.reshape(camera.height, samples, camera.width, samples, 4).mean((1, 3))
    alpha = fine[..., 3:]
    encoded = (fine[..., :3] / alpha.clamp_min(1e-6)).clamp(0.0, 1.0) ** (1 / 2.2)
    return View(torch.cat([encoded, alpha], -1), camera, "view")


def sphere(points):
    """A ball of radius 0.7."""
    return points.norm(dim=1) - 0.7


def bowl(points):
    """A ball of radius 0.75 without its top, and without a ball of 0.6 in its middle."""
    ball, hollow = points.norm(dim=1) - 0.75, 0.6 - points.norm(dim=1)
    return torch.stack([ball, hollow, points[:, 2] - 0.1]).amax(0)


def hull_of(views):
    """Return the visual hull of views."""
    cameras = [view.camera for view in views]
    maps = [silhouette_map(v.image[..., 3], c) for v, c in zip(views, cameras, strict=True)]
    return HullField(maps, cameras)


def iou(values, ground_truth):
    """Return the IoU of two bodies given by functions, on a grid of 48^3 points."""
    side = torch.linspace(-0.98, 0.98, 48)
    points = torch.cartesian_prod(side, side, side)
    a, b = values(points) < 0, ground_truth(points) < 0
    return float((a & b).sum() / (a | b).sum())


@pytest.fixture(scope="session")
def ball_views():
    return [image(sphere, camera_at(90.0 * i + 20.0, 20.0, size=48)) for i in range(4)]


@pytest.fixture(scope="session")
def bowl_views():
    """Six views into the bowl."""
    return [image(bowl, camera_at(60.0 * i, 38.0)) for i in range(6)]
