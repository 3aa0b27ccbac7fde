"""Draws sheets of the sample's objects for the tests: orthographic renders side by side."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from levelform.backend.contract.cameras import CameraData
from levelform.backend.contract.drawings import SIDES, pose
from levelform.backend.geometry.cameras import Camera
from levelform.backend.silhouettes.drawing import silhouette

SAMPLES = Path(__file__).parents[3] / "assets" / "sample"
PAPER, INK = (1.0, 1.0, 0.97), (0.4, 0.3, 0.6)


@cache
def render(name: str, side: str, scale: float) -> np.ndarray:
    """Return the silhouette of a sample from a side, (S, S), with `scale` pixels a unit."""
    truth = np.load(SAMPLES / name / "truth.npz")
    vertices = torch.from_numpy(truth["vertices"]).float()
    faces = torch.from_numpy(truth["faces"]).long()
    size = int(2.0 * scale)
    view = SIDES[side]
    matrix = pose(view.azimuth, view.elevation, 4.0)
    middle = (size / 2, size / 2, size, size)
    camera = Camera.from_data(CameraData(matrix, scale, scale, *middle, "ORTHOGRAPHIC"))
    return silhouette(vertices, faces, camera).numpy().astype(np.float32)


def row(name: str, sides: Sequence[str], scales: Sequence[float]) -> np.ndarray:
    """Return the coverage of drawings in a row, (H, W)."""
    tiles = [render(name, side, scale) for side, scale in zip(sides, scales, strict=True)]
    height = max(len(tile) for tile in tiles)
    return np.concatenate([np.pad(t, ((0, height - len(t)), (0, 0))) for t in tiles], 1)


def drawn(coverage: np.ndarray) -> torch.Tensor:
    """Return an opaque drawing, (H, W, 4), of a coverage."""
    alpha = coverage[..., None].astype(np.float32)
    color = alpha * np.float32(INK) + (1 - alpha) * np.float32(PAPER)
    return torch.from_numpy(np.concatenate([color, np.ones_like(alpha)], 2))


def save(path: Path, image: torch.Tensor) -> Path:
    """Write an image as a PNG; return the path."""
    from PIL import Image

    Image.fromarray((image * 255).round().to(torch.uint8).numpy()).save(path)
    return path
