"""A view: an image and its camera."""

from dataclasses import dataclass

from torch import Tensor

from ..contract.errors import RequestError
from .cameras import Camera


@dataclass(frozen=True)
class View:
    """An image and, if known, its camera.

    Attributes
    ----------
    image : (H, W, 4) float32, row 0 at the top, sRGB values in [0, 1], straight alpha; alpha is the
        object's mask
    camera : posed in the volume's frame; None when unknown
    name : of the view in messages
    """

    image: Tensor
    camera: Camera | None = None
    name: str = "view"

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 4:
            raise RequestError(
                f"{self.name}: an image is (height, width, 4), not {tuple(self.image.shape)}."
            )
        if not self.image.is_floating_point():
            raise RequestError(f"{self.name}: an image's values are floats in [0, 1].")
        camera = self.camera
        size = (self.image.shape[1], self.image.shape[0])
        if camera is not None and (camera.width, camera.height) != size:
            raise RequestError(
                f"{self.name}: the image is {size[0]} x {size[1]}, "
                f"but its camera is for {camera.width} x {camera.height}."
            )
