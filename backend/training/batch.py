"""Inputs of a method's training: batches for the loss and examples for calibration."""

import dataclasses
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..geometry.views import View


@dataclass(frozen=True)
class Batch:
    """The input of `Reconstructor.loss`: B objects with V views each, in the volume's frame.

    Attributes
    ----------
    images : (B, V, 4, S, S) float32 RGBA, straight alpha, framed as `Reconstructor.framing` says
    points : (B, P, 3) supervised points
    inside : (B, P) float32, 1 inside, 0 outside
    distances : (B, P) signed distances, negative inside; None if not sampled
    near : (B, P) bool, points sampled near the surface; None if unknown
    camera_from_volume : (B, V, 4, 4), camera axes x right, y down, z forward; None if unposed
    intrinsics : (B, V, 4), fx fy cx cy in pixels of `images`
    orthographic : whether all cameras are orthographic
    surface, normals : (B, Q, 3) points of the surface, and their normals
    depth : (B, V, S, S) distance along the optical axis, infinite at the background
    voxels : (B, 32, 32, 32) occupancy [x, y, z] of the cube of side 1.8
    """

    images: Tensor
    points: Tensor
    inside: Tensor
    distances: Tensor | None = None
    near: Tensor | None = None
    camera_from_volume: Tensor | None = None
    intrinsics: Tensor | None = None
    orthographic: bool = False
    surface: Tensor | None = None
    normals: Tensor | None = None
    depth: Tensor | None = None
    voxels: Tensor | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on another device."""
        moved = {
            f.name: value.to(device)
            for f in dataclasses.fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)


@dataclass(frozen=True)
class Example:
    """An unseen shape with its ground truth, for `Reconstructor.calibration_sample`.

    Attributes
    ----------
    views : posed in the volume's frame
    points : (N, 3), volume frame
    inside : (N,) bool
    surface : (M, 3) points of the surface; None if the data set has none
    times : (N,) moments of the points, in [-1, 1], of a moving shape; else None
    """

    views: tuple[View, ...]
    points: Tensor
    inside: Tensor
    surface: Tensor | None = None
    times: Tensor | None = None
