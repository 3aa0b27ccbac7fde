"""Cameras from the matrices that camera networks predict, shared by DISN and UCLID-Net.

A camera network predicts [s R | t], camera_from_object: the similarity from the object's frame, in
the paper's axes and unit, to the camera of a framed image. The intrinsics are those of the training
cameras.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..geometry.cameras import Camera, pose_of
from ..geometry.frames import scale_of
from ..images.framing import Framing


def given_or_estimated(
    given: Sequence[Camera | None], estimate: Callable[[], Sequence[Camera]]
) -> list[Camera]:
    """Return the given cameras, those that are None estimated; all in one frame."""
    if all(camera is not None for camera in given):
        return [camera for camera in given if camera is not None]
    return [camera or own for camera, own in zip(given, estimate(), strict=True)]


def cameras_of(matrices: Tensor, object_from_volume: np.ndarray, framing: Framing) -> list[Camera]:
    """Return the cameras that a network predicted, posed in the volume's frame.

    Parameters
    ----------
    matrices : (N, 3, 4), camera_from_object
    object_from_volume : (4, 4), a similarity
    framing : of the images that the network saw
    """
    rows = matrices.double().cpu().numpy()
    return [_camera_of(row, object_from_volume, framing) for row in rows]


def _camera_of(
    camera_from_object: np.ndarray, object_from_volume: np.ndarray, framing: Framing
) -> Camera:
    """Return the camera that sees the volume as [s R | t] sees the object.

    A pinhole's image does not change when everything is scaled about the pinhole, so the product's
    scale becomes a distance.

    Raises
    ------
    RequestError
        If the matrix is singular or not finite.
    """
    matrix = np.vstack([camera_from_object, [0, 0, 0, 1]]) @ object_from_volume
    scale = scale_of(matrix)
    if not np.isfinite(matrix).all() or abs(scale) < 1e-6:
        raise RequestError(
            "The camera network found no camera for the image.",
            "Give the image a camera of its own.",
        )
    return training_camera_at(matrix[:3, :3] / scale, matrix[:3, 3] / scale, framing)


def rigid_cameras(matrices: Tensor, scale: float, framing: Framing) -> tuple[Tensor, Tensor]:
    """Return predicted cameras as rigid motions, with their scale as a distance.

    Parameters
    ----------
    matrices : (N, 3, 4) [s R | t], camera_from_object
    scale : length in the wanted frame of a length 1 in the object's, whose axes are the same
    framing : of the images that the network saw

    Returns
    -------
    (N, 4, 4) camera_from_frame, and (N, 4) intrinsics, those of the training cameras.
    """
    size = torch.linalg.det(matrices[:, :, :3]).clamp_min(1e-12) ** (1 / 3)
    extrinsics = torch.eye(4).to(matrices).repeat(len(matrices), 1, 1)
    extrinsics[:, :3, :3] = matrices[:, :, :3] / size[:, None, None]
    extrinsics[:, :3, 3] = matrices[:, :, 3] / size[:, None] * scale
    focal, middle = framing.focal * framing.size, framing.size / 2
    intrinsics = matrices.new_tensor([focal, focal, middle, middle])
    return extrinsics, intrinsics.expand(len(matrices), 4)


def training_camera_at(rotation: np.ndarray, translation: np.ndarray, framing: Framing) -> Camera:
    """Return the training camera with camera_from_volume = (3, 3) rotation, (3,) translation."""
    pose, size = pose_of(rotation, translation), framing.size
    focal = framing.focal * size
    return Camera(pose, focal, focal, size / 2, size / 2, size, size)


def no_camera_network(title: str) -> RequestError:
    """Return the error of weights without a camera network, asked for a camera."""
    return RequestError(
        f"These weights of {title} have no camera network, so every image needs its camera.",
        "Attach the images to cameras, or use weights that can estimate them.",
    )
