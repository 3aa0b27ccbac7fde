"""A view: an image and its camera."""

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..contract.errors import RequestError
from .cameras import Camera
from .frames import scale_of


@dataclass(frozen=True)
class View:
    """An image and, if known, its camera.

    Attributes
    ----------
    image : (H, W, 4) float32, row 0 at the top, sRGB values in [0, 1], straight alpha; alpha is the
        object's mask
    camera : posed in the volume's frame; None when unknown
    name : of the view in messages
    depth : (h, w) along the camera's axis over the whole image, in the unit of the camera's frame;
        infinite where nothing is known; None: no depth map
    """

    image: Tensor
    camera: Camera | None = None
    name: str = "view"
    depth: Tensor | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 4:
            raise RequestError(
                f"{self.name}: an image is (height, width, 4), not {tuple(self.image.shape)}.",
                "Convert the image to RGBA.",
            )
        if not self.image.is_floating_point():
            raise RequestError(
                f"{self.name}: an image's values are floats in [0, 1].",
                "Divide 8-bit values by 255.",
            )
        camera = self.camera
        size = (self.image.shape[1], self.image.shape[0])
        if camera is not None and (camera.width, camera.height) != size:
            raise RequestError(
                f"{self.name}: the image is {size[0]} x {size[1]}, "
                f"but its camera is for {camera.width} x {camera.height}.",
                "Resize the image, or the camera with `resized`.",
            )

    def in_frame(self, world_from_frame: np.ndarray) -> "View":
        """Return the view in another frame, a similarity: camera and depth."""
        if self.camera is None:
            return self
        depth = None if self.depth is None else self.depth / scale_of(world_from_frame)
        return replace(self, camera=self.camera.in_frame(world_from_frame), depth=depth)
