"""A small DISN, and posed images drawn by a formula."""

from dataclasses import replace

import numpy as np
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors.disn import COMPACT, DISN


def tiny(**changes):
    """Build a network of the paper's shape, small enough for a test."""
    torch.manual_seed(0)
    config = replace(
        COMPACT,
        framing=replace(COMPACT.framing, size=24),
        picture=32,
        width=4,
        hidden=8,
        features=10,
        point_widths=(6, 8, 10),
        decoder_widths=(12, 7),
        volume_widths=(6, 5, 4, 3, 3, 2),
        symmetry=False,  # what the streams say, unless a test is about it
    )
    model = DISN(replace(config, **changes)).eval()
    for stream in (model.sdf.global_stream, model.sdf.local_stream):
        for layer in [] if stream is None else [*stream.points, *stream.decoder]:
            if isinstance(layer, torch.nn.Linear):  # biases start at 0, where a lost one is unseen
                torch.nn.init.normal_(layer.bias)
    for layer in [] if model.sdf.volume is None else model.sdf.volume.modules():
        if isinstance(layer, torch.nn.ConvTranspose3d | torch.nn.Conv3d):
            torch.nn.init.normal_(layer.bias)
    return model


def look(azimuth, *, size=40, distance=3.2, orthographic=False):
    """Return a camera that looks at the volume's centre, its image drawn by a formula."""
    a = np.radians(azimuth)
    away = np.array([np.sin(a), -np.cos(a), 0.4])
    away /= np.linalg.norm(away)
    right = np.cross(-away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(-away, right), -away], axis=1)
    pose[:3, 3] = distance * away
    focal = 0.4 * size if orthographic else 42 / 36 * size
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, orthographic)


def picture(size=40, phase=0.0):
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    alpha = ((0.8 - x**2 - y**2) * 8).clamp(0, 1)
    return torch.stack(
        [0.5 + 0.4 * torch.sin(3 * x + phase), 0.5 + 0.4 * y, x * y + 0.5, alpha], -1
    )


def view(azimuth=20.0, **options):
    camera = look(azimuth, **options)
    return View(picture(camera.width, azimuth), camera, name=f"at {azimuth:g}")
