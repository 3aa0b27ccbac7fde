"""Cameras inside the maths: x right, y down, z forward; pixel centres at +0.5.

On disk and in the API a camera is a frame of a `transforms.json` (nerfstudio, instant-ngp), whose
pose has Blender's axes (x right, y up, looking along -z): `contract.cameras`, which also reads and
writes frames. `Camera.from_data` and `to_data` are where the two meet.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.cameras import FLIP_YZ as FLIP_YZ
from ..contract.cameras import CameraData, from_frame, in_frame, to_frame
from ..contract.cameras import pose_of as pose_of
from ..contract.errors import RequestError
from .projection import project


@dataclass(frozen=True)
class Camera:
    """A pinhole or an orthographic camera.

    Attributes
    ----------
    world_from_camera : (4, 4) float64, rigid; camera axes x right, y down, z forward. "World" is
        the frame that the points come in: Blender's on the way in, the volume's in the backend.
    fx, fy : focal lengths in pixels; for an orthographic camera pixels per unit of length
    cx, cy : principal point in pixels, measured from the top left corner of the image
    width, height : size of the image in pixels
    orthographic : no perspective division
    """

    world_from_camera: np.ndarray
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    orthographic: bool = False

    def __post_init__(self) -> None:
        pose = np.asarray(self.world_from_camera, np.float64)
        if pose.shape != (4, 4):
            raise RequestError(
                f"A camera's pose is a 4x4 matrix, not {pose.shape}.", "Give a rigid 4x4 matrix."
            )
        numbers = [self.fx, self.fy, self.cx, self.cy]
        if not (np.isfinite(pose).all() and all(map(math.isfinite, numbers))):
            raise RequestError(
                "A camera's pose or intrinsics contain a number that is not finite.",
                "Check the camera's numbers.",
            )
        if min(self.fx, self.fy, self.width, self.height) <= 0:
            raise RequestError(
                "A camera's focal length and image size must be above zero.",
                "Check the camera's numbers.",
            )
        object.__setattr__(self, "world_from_camera", pose)

    @property
    def center(self) -> np.ndarray:
        """(3,) float64: position of the camera, world frame."""
        return self.world_from_camera[:3, 3]

    @property
    def forward(self) -> np.ndarray:
        """(3,) float64: unit viewing direction, world frame."""
        return self.world_from_camera[:3, 2]

    @property
    def camera_from_world(self) -> np.ndarray:
        """(4, 4) float64: the inverse of the pose."""
        return np.linalg.inv(self.world_from_camera)

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Project points into the image.

        Parameters
        ----------
        points : (..., 3) world frame

        Returns
        -------
        pixels : (..., 2), x right and y down from the top left corner; pixel centres at +0.5
        depth : (...,), distance along the optical axis; not above zero means behind a pinhole,
            where `pixels` are meaningless (but finite)
        """
        kind = {"dtype": points.dtype, "device": points.device}
        extrinsics = torch.as_tensor(self.camera_from_world, **kind)
        intrinsics = torch.tensor([self.fx, self.fy, self.cx, self.cy], **kind)
        flat = points.reshape(-1, 3)
        pixels, depth = project(flat, extrinsics, intrinsics, orthographic=self.orthographic)
        return pixels.view(*points.shape[:-1], 2), depth.view(points.shape[:-1])

    def rays(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the ray through each pixel position.

        Parameters
        ----------
        pixels : (..., 2), as `project` returns them

        Returns
        -------
        origins : (..., 3) world frame
        directions : (..., 3) world frame; z of the camera frame is 1, so
            `origin + depth * direction` inverts `project`
        """
        pose = torch.as_tensor(self.world_from_camera, dtype=pixels.dtype, device=pixels.device)
        x = (pixels[..., 0] - self.cx) / self.fx
        y = (pixels[..., 1] - self.cy) / self.fy
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        if self.orthographic:
            start, ahead = torch.stack([x, y, zero], -1), torch.stack([zero, zero, one], -1)
        else:
            start, ahead = torch.stack([zero, zero, zero], -1), torch.stack([x, y, one], -1)
        return start @ pose[:3, :3].T + pose[:3, 3], ahead @ pose[:3, :3].T

    def in_frame(self, world_from_frame: np.ndarray) -> "Camera":
        """Return the same camera as seen from another frame.

        Parameters
        ----------
        world_from_frame : (4, 4) a similarity: rotation, one positive scale, translation

        Raises
        ------
        RequestError
            If the matrix is not a similarity.
        """
        return Camera.from_data(in_frame(self.to_data(), world_from_frame))

    @classmethod
    def from_transforms(cls, frame: Mapping[str, Any], shared: Mapping[str, Any] = {}) -> "Camera":
        """Read one frame of a `transforms.json`.

        Parameters
        ----------
        frame
            The frame: `transform_matrix` and, where they differ from the shared ones, intrinsics.
        shared
            The top level of the file: `fl_x fl_y cx cy w h`, `camera_angle_x`, `camera_model`, ...

        Raises
        ------
        RequestError
            As `contract.cameras.from_frame`, and if the lens is distorted.
        """
        return cls.from_data(from_frame(frame, shared))

    @classmethod
    def from_data(cls, data: CameraData) -> "Camera":
        """Return a camera of the contract; raise `RequestError` if its lens is distorted."""
        if data.distortion is not None:
            raise RequestError("The lens has distortion.", "Undistort the image first.")
        return cls(
            unit_axes(np.asarray(data.transform_matrix, np.float64) * FLIP_YZ),
            float(data.fl_x),
            float(data.fl_y),
            float(data.cx),
            float(data.cy),
            int(data.w),
            int(data.h),
            orthographic=data.camera_model == "ORTHOGRAPHIC",
        )

    def to_data(self) -> CameraData:
        """Return the camera as the contract has it."""
        return CameraData(
            transform_matrix=self.world_from_camera * FLIP_YZ,
            fl_x=self.fx,
            fl_y=self.fy,
            cx=self.cx,
            cy=self.cy,
            w=self.width,
            h=self.height,
            camera_model="ORTHOGRAPHIC" if self.orthographic else "PINHOLE",
        )

    def to_transforms(self) -> dict[str, Any]:
        """Return the camera as a frame of a `transforms.json`, with its own intrinsics."""
        return to_frame(self.to_data())


def unit_axes(pose: np.ndarray) -> np.ndarray:
    """Return a pose, (4, 4), with unit axes; the scale of a camera does not change its image."""
    axes = pose[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(pose).all() or lengths.min() < 1e-12:
        raise RequestError("A camera's pose is singular or not finite.", "Give a rigid matrix.")
    result = pose.copy()
    result[:3, :3] = axes / lengths
    return result
