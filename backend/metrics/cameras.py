"""Errors of an estimated camera (DISN, section 4.2)."""

import numpy as np
import torch

from ..geometry.cameras import Camera


def camera_distances(
    prediction: Camera, reference: Camera, points: np.ndarray
) -> tuple[float, float]:
    """Return DISN's d3D and d2D.

    Parameters
    ----------
    prediction, reference : both posed in the frame of `points`
    points : (N, 3), on or near the object

    Returns
    -------
    d3d : mean Euclidean distance between the points in both camera frames
    d2d : mean distance in pixels between their projections, clamped to the image
    """
    places = torch.as_tensor(np.asarray(points, np.float64))
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], 1).astype(np.float64)
    local = [homogeneous @ camera.camera_from_world[:3].T for camera in (prediction, reference)]
    d3d = float(np.linalg.norm(local[0] - local[1], axis=1).mean())
    pixels = [_clamped(camera, places) for camera in (prediction, reference)]
    return d3d, float(torch.linalg.vector_norm(pixels[0] - pixels[1], dim=1).mean())


def _clamped(camera: Camera, points: torch.Tensor) -> torch.Tensor:
    """Return (N, 2) projections as pixel indices, clamped to [0, size - 1]."""
    pixels = camera.project(points)[0] - 0.5
    limit = torch.tensor([camera.width - 1, camera.height - 1], dtype=pixels.dtype)
    return torch.minimum(pixels.clamp(min=0), limit)
