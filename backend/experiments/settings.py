"""What a method is given of an object: how many images, and which of their cameras."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..data.format import StoredShape
from ..geometry.views import View
from ..reconstructors import Reconstructor
from ..training.parts import lacks

CameraUse = Literal["given", "estimated", "none"]
VIEWS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Setting:
    """How a method is asked.

    Attributes
    ----------
    views : the first so many images of the shape
    camera : "given" with the images; "estimated" from images that are framed as with cameras;
        "none": images that are framed by their masks, as a photograph is
    """

    views: int = 1
    camera: CameraUse = "given"

    def __str__(self) -> str:
        words = {"given": "cameras given", "estimated": "cameras estimated", "none": "unposed"}
        return f"{self.views} {'view' if self.views == 1 else 'views'}, {words[self.camera]}"

    def images(self, shape: StoredShape) -> list[View]:
        """Return the images of a shape as the method gets them."""
        taken = [shape.view(index) for index in range(self.views)]
        if self.camera == "none":
            return [replace(view, camera=None) for view in taken]
        return taken


ONE = Setting()
ESTIMATED = Setting(camera="estimated")
UNPOSED = Setting(camera="none")


def settings_of(model: Reconstructor, views: Sequence[int] = VIEWS) -> tuple[Setting, ...]:
    """Return all settings that a network can be asked in."""
    spec = model.spec
    most = max(views) if spec.max_views is None else spec.max_views
    settings = [Setting(count) for count in views if spec.min_views <= count <= most]
    estimates = "camera" in model.auxiliary and not lacks(model, "camera")
    if estimates:
        settings.append(ESTIMATED)
    if estimates or not (spec.needs_camera or lacks(model, "camera")):
        settings.append(UNPOSED)
    return tuple(settings)
