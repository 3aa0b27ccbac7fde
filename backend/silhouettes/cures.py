"""Apply cures: change views and cameras as a cure's name says; see `contract.cures`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..contract.cures import Parsed, check_numbers, order_of, parse_cure
from ..contract.errors import RequestError
from ..geometry.cameras import Camera
from ..geometry.images import resized
from ..geometry.views import View

FLIP_YZ = np.diag([1.0, -1.0, -1.0, 1.0])  # between OpenGL's camera axes and ours
SAME_ASPECT = 0.01  # largest relative difference in aspect ratio of images that are exchanged


@dataclass(frozen=True)
class Convention:
    """A different interpretation of all cameras or all images.

    pose : maps world_from_camera as read (axes x right, y down, z forward) to the corrected one;
        None: the cameras stay
    axes : of an image, (H, W, 4), along which it is reversed
    """

    pose: Callable[[np.ndarray], np.ndarray] | None = None
    axes: tuple[int, ...] = ()


def _mirrored(axis: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return the reading that undoes a reflection of a world axis, in the file's camera axes.

    A change of basis reflects the camera's own axis too; that is undone as well.
    """
    mirror = np.diag([-1.0 if i == axis else 1.0 for i in range(4)])

    def undo(pose: np.ndarray) -> np.ndarray:
        result = mirror @ pose
        return result if np.linalg.det(result[:3, :3]) > 0 else result @ mirror

    return undo


CONVENTIONS = {
    "opencv": Convention(lambda pose: pose @ FLIP_YZ),
    "world-to-camera": Convention(lambda pose: np.linalg.inv(pose @ FLIP_YZ) @ FLIP_YZ),
    "opencv-world-to-camera": Convention(lambda pose: np.linalg.inv(pose @ FLIP_YZ)),
    "mirror-y": Convention(_mirrored(1)),
    "mirror-z": Convention(_mirrored(2)),
    "upside-down": Convention(axes=(0, 1)),
    "flip-images": Convention(axes=(0,)),
    "mirror-images": Convention(axes=(1,)),
}


@dataclass(frozen=True)
class Cured:
    """Views after cures.

    views : all, in their order, the left out ones too
    left_out : the numbers of those that are not to be used
    """

    views: tuple[View, ...]
    left_out: frozenset[int] = frozenset()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the views to use."""
        return [index for index in range(len(self.views)) if index not in self.left_out]

    @property
    def kept(self) -> list[View]:
        """The views to use."""
        return [self.views[index] for index in self.numbers]


def apply_cures(views: Sequence[View], names: Sequence[str]) -> Cured:
    """Return the views with the cures applied in the given order.

    Views are left out last, so that the numbers of the others stay valid.

    Parameters
    ----------
    views : cameras posed in the world, as they were read

    Raises
    ------
    RequestError
        If a cure's name is not one, a number is not a view's, or no view is left.
    """
    result, left_out = list(views), set()
    for parsed in map(parse_cure, names):
        if parsed.kind == "leave-out":
            check_numbers(parsed.numbers, len(views))
            left_out |= set(parsed.numbers)
        else:
            result = _apply(result, parsed)
    if len(left_out) == len(result):
        raise RequestError("All views are left out.", "Leave at least one in.")
    return Cured(tuple(result), frozenset(left_out))


def _apply(views: list[View], cure: Parsed) -> list[View]:
    if cure.kind == "convention":
        convention = CONVENTIONS[cure.convention]
        return [_converted(view, convention) for view in views]
    if cure.kind in ("upside-down", "mirror"):
        check_numbers(cure.numbers, len(views))
        axes = (0, 1) if cure.kind == "upside-down" else (1,)
        return [
            replace(view, image=view.image.flip(axes)) if index in cure.numbers else view
            for index, view in enumerate(views)
        ]
    return _reordered(views, image_order(cure, views))


def image_order(cure: Parsed, views: Sequence[View]) -> list[int]:
    """Return, for a "swap", "shift" or "reverse", which view each view takes its image from."""
    posed = [index for index, view in enumerate(views) if view.camera is not None]
    return order_of(cure, len(views), posed)


def _reordered(views: list[View], order: list[int]) -> list[View]:
    """Return the views with the images in another order; the cameras and names stay."""
    return [
        view if source == index else _with_image(view, views[source])
        for index, (view, source) in enumerate(zip(views, order, strict=True))
    ]


def _with_image(view: View, other: View) -> View:
    image: Tensor = other.image
    if view.camera is None:
        return replace(view, image=image)
    height, width = image.shape[:2]
    if not same_aspect(view.camera, width, height):
        raise RequestError(
            f"{view.name} can't take the image of {other.name}: it is {width} x {height}, the "
            f"camera is for {view.camera.width} x {view.camera.height}.",
            "Only images of the same proportions can change places.",
        )
    return replace(view, image=image, camera=resized(view.camera, width=width, height=height))


def same_aspect(camera: Camera, width: int, height: int) -> bool:
    """Return whether an image of this size fits the camera."""
    return abs(width * camera.height / (height * camera.width) - 1) <= SAME_ASPECT


def _converted(view: View, convention: Convention) -> View:
    image = view.image.flip(convention.axes) if convention.axes else view.image
    return replace(view, image=image, camera=converted(view.camera, convention))


def converted(camera: Camera | None, convention: Convention) -> Camera | None:
    """Return the camera with its pose read in another convention."""
    if camera is None or convention.pose is None:
        return camera
    return replace(camera, world_from_camera=convention.pose(camera.world_from_camera))
