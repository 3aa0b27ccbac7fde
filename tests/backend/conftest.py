"""What several tests share: one coloured object, taken exactly by any camera."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View

# Three spheres: centre, radius, colour. Nothing about them is symmetric.
SPHERES = [
    ((0.25, -0.1, 0.1), 0.45, (0.9, 0.3, 0.2)),
    ((-0.4, 0.2, -0.25), 0.35, (0.2, 0.7, 0.3)),
    ((0.0, 0.15, 0.55), 0.3, (0.2, 0.3, 0.9)),
]
_TAKEN = {}


def look_at(center, target, *, roll=0.0):
    """Return a pose at `center` that looks at `target`, turned about its axis by `roll` radians."""
    forward = np.subtract(target, center) / np.linalg.norm(np.subtract(target, center))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward], 1)
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes @ turn, center
    return pose


def take(camera, *, name="view"):
    """Return a view of the spheres; images are kept, for many tests take the same ones."""
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    key = (camera.world_from_camera.tobytes(), *intrinsics, camera.orthographic)
    if key not in _TAKEN:
        _TAKEN[key] = draw(camera)
    return View(_TAKEN[key].clone(), camera, name)


def draw(camera, *, samples=3):
    """Return the image, (H, W, 4): Lambert-shaded, `samples` squared rays a pixel."""
    y = (torch.arange(camera.height * samples, dtype=torch.float64) + 0.5) / samples
    x = (torch.arange(camera.width * samples, dtype=torch.float64) + 0.5) / samples
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    origins, directions = camera.rays(torch.stack([grid_x, grid_y], -1))
    best = torch.full(grid_x.shape, torch.inf, dtype=torch.float64)
    color = torch.zeros(*grid_x.shape, 3, dtype=torch.float64)
    light = torch.tensor([0.3, -0.6, 0.74], dtype=torch.float64)
    for center, radius, paint in SPHERES:
        offset = origins - torch.tensor(center, dtype=torch.float64)
        a = (directions**2).sum(-1)
        b = (offset * directions).sum(-1)
        root = b**2 - a * ((offset**2).sum(-1) - radius**2)
        depth = (-b - root.clamp(min=0).sqrt()) / a
        hit = (root > 0) & (depth > 0) & (depth < best)
        normal = (offset + depth[..., None] * directions) / radius
        shade = 0.4 + 0.6 * (normal @ light).clamp(min=0)
        color[hit] = (shade[..., None] * torch.tensor(paint, dtype=torch.float64))[hit]
        best[hit] = depth[hit]
    flat = torch.cat([color, best.isfinite()[..., None].double()], -1)
    shape = (camera.height, samples, camera.width, samples, 4)
    flat = flat.reshape(shape).mean((1, 3))
    straight = flat[..., :3] / flat[..., 3:].clamp(min=1e-6)
    return torch.cat([straight, flat[..., 3:]], -1).float()


def five_cameras():
    """Return five cameras that see the whole object: lens, size, aim, roll and crop all differ."""
    return [
        Camera(look_at((0, -3, 0.8), (0, 0, 0)), 260, 260, 120, 120, 240, 240),
        Camera(look_at((2.4, -1.2, 1.0), (0.3, 0.4, -0.2), roll=0.7), 210, 210, 130, 100, 250, 210),
        Camera(look_at((-1.5, -2.5, 0.3), (-0.2, 0.1, 0.3)), 204, 204, 192, 120, 384, 240),
        Camera(look_at((0.5, 3.1, 1.5), (0.5, 0, 0.4), roll=-1.9), 200, 200, 150, 150, 300, 300),
        Camera(look_at((-3.0, 1.0, -0.9), (0, 0, 0.5)), 250, 250, 100, 150, 256, 256),
    ]


@pytest.fixture(scope="session")
def photograph():
    """The function that takes a view of the test object; see `take`."""
    return take


@pytest.fixture(scope="session")
def cameras():
    """Five very different cameras around the test object."""
    return five_cameras()


@pytest.fixture(scope="session")
def aim():
    """The function that poses a camera; see `look_at`."""
    return look_at


@dataclass(frozen=True)
class Ghostscript:
    """A program `gs` that leaves a mark when it is started, and a PostScript file's content."""

    mark: Path
    content: bytes = (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
        b"0 0 8 8 rectfill\nshowpage\n"
    )

    @property
    def started(self) -> bool:
        return self.mark.exists()


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ghostscript:
    """Put a `gs` on the PATH that Pillow starts for PostScript."""
    from PIL import EpsImagePlugin

    folder = tmp_path / "bin"
    folder.mkdir()
    mark = tmp_path / "started"
    (folder / "gs").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (folder / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    return Ghostscript(mark)
