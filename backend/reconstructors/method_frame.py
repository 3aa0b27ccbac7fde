"""The frame of a paper, and how points and cameras get into it and back."""

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..geometry.frames import scale_of

FRAME_LIMIT = 1e6  # greatest number in a method's frame, and one over its least scale


class MethodFrame(nn.Module):
    """A network that works in the axes and scale of its paper.

    Attributes
    ----------
    method_from_volume : (4, 4) float64 similarity to the frame of the weights; see `set_frame`
    """

    def __init__(self) -> None:
        super().__init__()
        self.method_from_volume = np.eye(4)

    @property
    def scale(self) -> float:
        """Length in the method's frame of a length of 1 in the volume."""
        return scale_of(self.method_from_volume)

    def set_frame(self, method_from_volume: np.ndarray) -> None:
        """Set the frame that the weights were trained in, (4, 4) a similarity."""
        matrix = np.asarray(method_from_volume, np.float64)
        if matrix.shape != (4, 4) or not (np.abs(matrix) <= FRAME_LIMIT).all():
            raise RequestError(
                f"A method's frame is a 4x4 matrix of numbers of at most {FRAME_LIMIT:g}.",
                "Check the numbers.",
            )
        square = matrix[:3, :3] @ matrix[:3, :3].T
        if np.linalg.det(matrix[:3, :3]) <= FRAME_LIMIT**-3 or not np.allclose(
            square, np.eye(3) * square[0, 0], atol=1e-6 * square[0, 0]
        ):
            raise RequestError(
                "A method's frame is a rotation, one scale and a translation.",
                "Leave shear and uneven scale out.",
            )
        self.method_from_volume = matrix

    def to_method(self, points: Tensor) -> Tensor:
        """Return points, (..., 3) volume frame, in the method's own frame."""
        if np.array_equal(self.method_from_volume, np.eye(4)):
            return points
        matrix = torch.as_tensor(self.method_from_volume, dtype=points.dtype, device=points.device)
        return points @ matrix[:3, :3].T + matrix[:3, 3]

    def to_volume(self, points: Tensor) -> Tensor:
        """Return points, (..., 3) method frame, in the volume's: the inverse of `to_method`."""
        matrix = torch.as_tensor(self.method_from_volume, dtype=torch.float64).inverse().to(points)
        return points @ matrix[:3, :3].T + matrix[:3, 3]

    def cameras_to_method(
        self, camera_from_volume: Tensor, intrinsics: Tensor, *, orthographic: bool
    ) -> tuple[Tensor, Tensor]:
        """Return a batch's cameras for the method's frame.

        Parameters
        ----------
        camera_from_volume : (B, V, 4, 4)
        intrinsics : (B, V, 4)

        Returns
        -------
        extrinsics : (B V, 4, 4) camera_from_method, rigid
        intrinsics : (B V, 4); orthographic: pixels per method unit
        """
        volume_from_method = torch.tensor(self.method_from_volume).inverse().to(camera_from_volume)
        extrinsics = camera_from_volume.flatten(0, 1) @ volume_from_method
        extrinsics = torch.cat([extrinsics[:, :3] * self.scale, extrinsics[:, 3:]], 1)  # unit axes
        intrinsics = intrinsics.flatten(0, 1).clone()
        if orthographic:
            intrinsics[:, :2] /= self.scale
        return extrinsics, intrinsics
