"""A small SDF-SRN, and images of a lit sphere."""

import math
from dataclasses import replace

import numpy as np
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.sdf_srn import SDFSRN

RADIUS = 0.6  # of the sphere in the images, volume units


def tiny(**changes):
    """Build a network of the paper's shape, small enough for a test."""
    torch.manual_seed(0)
    base = replace(SDFSRN.configurations["compact"], latent=16, encoder_width=4, width=12, hidden=8)
    return SDFSRN(replace(base, **changes)).eval()


def orbit(azimuth, *, elevation=20.0, distance=2.732 * 1.8, size=64, orthographic=False):
    """Return a camera that looks at the volume's centre."""
    a, e = math.radians(azimuth), math.radians(elevation)
    away = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.cross(-away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(-away, right), -away], axis=1)
    pose[:3, 3] = distance * away
    focal = 0.45 * size if orthographic else 1.866 * size
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, orthographic)


def sphere_image(camera, radius=RADIUS):
    """Return (H, W, 4): a sphere, lit from above, with an edge of one pixel."""
    size = camera.width
    y, x = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    off = torch.stack([x - camera.cx, y - camera.cy], -1).double().norm(dim=-1) / camera.fx
    edge = radius
    if not camera.orthographic:
        distance = float(np.linalg.norm(camera.center))
        edge = radius / math.sqrt(distance**2 - radius**2)
    alpha = ((edge - off) * camera.fx + 0.5).clamp(0, 1).float()
    shade = 0.3 + 0.6 * (1 - y / size)
    return torch.stack([shade, shade * 0.5, shade * 0.2, alpha], -1)


def sphere_view(azimuth=30.0, **options):
    camera = orbit(azimuth, **options)
    return View(sphere_image(camera), camera, name=f"at {azimuth:g}")
