"""Settings of a measurement: the number of images and the use of their cameras."""

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
    """The input of a method.

    Attributes
    ----------
    views : number of images, the first ones of the shape
    camera : "given"; "estimated" from images framed by their true cameras; or "none" for images
        framed by their masks, like photographs
    """

    views: int = 1
    camera: CameraUse = "given"

    def __str__(self) -> str:
        words = {"given": "cameras given", "estimated": "cameras estimated", "none": "unposed"}
        return f"{self.views} {'view' if self.views == 1 else 'views'}, {words[self.camera]}"

    def images(self, shape: StoredShape) -> list[View]:
        """Return the images of a shape in this setting."""
        taken = [shape.view(index) for index in range(self.views)]
        if self.camera == "none":
            return [replace(view, camera=None) for view in taken]
        return taken


ONE = Setting()
ESTIMATED = Setting(camera="estimated")
UNPOSED = Setting(camera="none")


def settings_of(model: Reconstructor, views: Sequence[int] = VIEWS) -> tuple[Setting, ...]:
    """Return all settings supported by a network."""
    spec = model.spec
    most = max(views) if spec.max_views is None else spec.max_views
    settings = [Setting(count) for count in views if spec.min_views <= count <= most]
    estimates = "camera" in model.auxiliary and not lacks(model, "camera")
    if estimates:
        settings.append(ESTIMATED)
    if estimates or not (spec.needs_camera or lacks(model, "camera")):
        settings.append(UNPOSED)
    return tuple(settings)
