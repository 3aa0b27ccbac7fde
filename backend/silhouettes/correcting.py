"""Correct small errors of cameras until the silhouettes agree.

Each camera may rotate about its own centre, which moves its image as an error of its position does.
Adam minimises the mean residual of the contours (see `residual`). This is an L1 loss, so that a
single wrong camera moves and the others stay; a weak prior holds the undetermined parameters. A
common error of the focal lengths only scales the hull of cameras around an object; it stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..geometry.cameras import Camera
from ..geometry.views import View
from ..ticket import Ticket
from .outlines import trace_all
from .residual import Residual, Rig

FEWEST = 3  # minimum number of views; two outlines agree with nearly any cameras
AGREES = 0.15  # mean residual (pixels of 224) below which nothing is corrected
BETTER = 0.7  # maximum fraction of the residual left by a correction that is used
ROUNDS = 90
LEARNING_RATE = 2e-3  # of the first step, radians
ROTATION_STD = math.radians(2.0)  # of the prior
PRIOR = 0.02  # its weight, pixels
SAMPLES = 1 << 14  # approximate number of contour points times views of a round
FEWEST_POINTS = 6  # of a view


@dataclass(frozen=True)
class CameraCorrection:
    """Views with corrected cameras.

    Attributes
    ----------
    views : as given, with other cameras
    rotations : (V,) rotation of each camera, degrees
    before, after : mean residual, pixels of 224
    """

    views: list[View]
    rotations: tuple[float, ...]
    before: float
    after: float

    @property
    def remark(self) -> str:
        """A sentence about the correction."""
        worst = max(range(len(self.rotations)), key=lambda index: self.rotations[index])
        return (
            f"Cameras were rotated to make the silhouettes agree: {self.views[worst].name} by "
            f"{self.rotations[worst]:.1f} degrees, the others by less."
        )


def corrected(views: Sequence[View], ticket: Ticket | None = None) -> CameraCorrection | None:
    """Return the views with better agreeing cameras; None if not needed or not possible.

    Parameters
    ----------
    views : all with cameras, in one frame
    """
    outlines = [o for o in trace_all(views) if o is not None]
    cameras = [view.camera for view in views if view.camera is not None]
    if len(views) < FEWEST or len(outlines) != len(views) or len(cameras) != len(views):
        return None
    whole = Residual(outlines)
    count = max(SAMPLES // (40 * len(views)), FEWEST_POINTS)
    residual, rig = whole.thinned(count), Rig.of(cameras)
    before = _mean(residual, rig)
    if before < AGREES:
        return None
    rotations = _minimised(residual, rig, ticket)
    after = _mean(residual, _rotated(rig, rotations))
    if after > BETTER * before:
        return None
    moved = [
        replace(view, camera=_moved(camera, rotation))
        for view, camera, rotation in zip(views, cameras, rotations.double().numpy(), strict=True)
    ]
    degrees = tuple(math.degrees(float(rotation.norm())) for rotation in rotations)
    return CameraCorrection(moved, degrees, before, after)


@torch.no_grad()
def _mean(residual: Residual, rig: Rig) -> float:
    return float(residual(rig).mean())


def _minimised(residual: Residual, rig: Rig, ticket: Ticket | None) -> Tensor:
    """Return (V, 3) rotation vectors of the cameras' own frames."""
    rotations = torch.zeros(len(rig), 3, requires_grad=True)
    optimiser = torch.optim.Adam([rotations], LEARNING_RATE, betas=(0.8, 0.95))
    for step in range(ROUNDS):
        if ticket is not None:
            ticket.check()
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * 0.03 ** (step / ROUNDS)
        prior = (rotations / ROTATION_STD).square().sum(1).add(1e-12).sqrt().mean()
        loss = residual(_rotated(rig, rotations)).mean() + PRIOR * prior
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return rotations.detach()


def _rotated(rig: Rig, rotations: Tensor) -> Rig:
    """Return a rig with cameras rotated about their centres."""
    change = torch.linalg.matrix_exp(_cross(rotations))
    return replace(
        rig,
        rotation=change @ rig.rotation,
        translation=(change @ rig.translation[..., None])[..., 0],
    )


def _cross(vectors: Tensor) -> Tensor:
    """Return (V, 3, 3) the matrices of the cross products with (V, 3) vectors."""
    x, y, z = vectors.unbind(1)
    zero = torch.zeros_like(x)
    rows = (zero, -z, y, z, zero, -x, -y, x, zero)
    return torch.stack(rows, 1).view(-1, 3, 3)


def _moved(camera: Camera, rotation: np.ndarray) -> Camera:
    """Return a camera rotated by a rotation vector of its own frame."""
    matrix = torch.linalg.matrix_exp(_cross(torch.from_numpy(rotation)[None]))[0].numpy()
    pose = camera.world_from_camera.copy()
    pose[:3, :3] = pose[:3, :3] @ matrix.T
    return replace(camera, world_from_camera=pose)
