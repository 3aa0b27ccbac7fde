"""Views framed as a network expects them.

A network is trained on centred images of one camera model, but a scene's cameras have any
intrinsics, aim and crop. `frame_view` converts: it rotates a posed view about its own centre until
it looks at the volume's centre, upright, with the training field of view. This is exact (a
homography). A view without a pose is cropped and padded around its mask.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..geometry.cameras import Camera, pose_of
from ..geometry.views import View
from .alpha import BackgroundKind
from .cropping import crop_square, whole_camera
from .reprojection import reproject


@dataclass(frozen=True)
class Framing:
    """How the training images of a network were taken.

    Attributes
    ----------
    size : side of the square image in pixels
    background : behind the object: "white", "black", or "rgba" (four channels, straight
        alpha, colour 0 where alpha is 0)
    focal : focal length over the image's side; 35/32 is the lens of the 3D-R2N2 renders
    near, far : least and greatest distance of the training cameras from the volume's centre, in
        volume units. A camera in this range keeps the training field of view; outside it, the image
        is zoomed until the object is as large as from the nearest distance in the range, which is
        what the network has learned.
    margin : fraction of the side left free on each side of the mask of an unposed image
    """

    size: int
    background: BackgroundKind = field(default="white", metadata={"key": "backdrop"})
    focal: float = 35 / 32
    near: float = 2.0
    far: float = 4.0
    margin: float = 0.1

    @property
    def channels(self) -> int:
        """Channels of the image as the network sees it."""
        return 4 if self.background == "rgba" else 3


# The 3D-R2N2 renders of ShapeNet: a 35 mm lens on a 32 mm sensor at 0.65 to 1.0 of 1.75 ShapeNet
# units; an object's longest side is about three quarters of such a unit there, and 1.8 here.
R2N2 = Framing(size=137, focal=35 / 32, near=2.7, far=4.2)
# The images that our own small networks are trained on: 42 mm on a 36 mm sensor at 3.2.
OURS = Framing(size=128, focal=42 / 36, near=3.2, far=3.2)


@dataclass(frozen=True)
class FramedViews:
    """Framed views of one object, stacked.

    images : (V, 4, S, S) float32 RGBA, straight alpha
    cameras : one per view, None where unknown, in the same frame as the views' cameras
    """

    images: Tensor
    cameras: tuple[Camera | None, ...]


def frame_views(views: Sequence[View], framing: Framing) -> FramedViews:
    """Frame every view and stack them; cameras posed in the volume's frame."""
    framed = [frame_view(view, framing) for view in views]
    images = torch.stack([view.image.permute(2, 0, 1) for view in framed])
    return FramedViews(images, tuple(view.camera for view in framed))


def frame_view(view: View, framing: Framing) -> View:
    """Return the view as a training camera would have taken it, (S, S, 4) pixels.

    Raises
    ------
    RequestError
        If the volume's centre is not in front of the camera, or an unposed image is empty.
    """
    if view.camera is None:
        return replace(view, image=crop_to_mask(view, framing))
    target = training_camera(view.camera, framing, name=view.name)
    return replace(view, image=reproject(view.image, view.camera, target), camera=target)


def training_camera(camera: Camera, framing: Framing, *, name: str = "view") -> Camera:
    """Return the camera at the same place that looks at the volume's centre as in training.

    It is upright (the volume's +Z is up in the image) unless it looks along Z. An orthographic
    camera keeps its direction and slides sideways; its zoom is that of the middle training
    distance.
    """
    center, forward = camera.center, camera.forward
    ahead = -float(center @ forward)
    if ahead <= 1e-6 and not camera.orthographic:
        raise RequestError(
            f"The volume's center is behind the camera of {name}.",
            "Aim the camera at the volume, or move the volume in front of it.",
        )
    if camera.orthographic:
        axis, center = forward, -ahead * forward
        focal = framing.size * framing.focal / ((framing.near + framing.far) / 2)
    else:
        distance = float(np.linalg.norm(center))
        axis = -center / distance
        focal = (
            framing.size * framing.focal * distance / min(max(distance, framing.near), framing.far)
        )
    pose = np.eye(4)
    pose[:3, :3] = _upright(axis, fallback=-camera.world_from_camera[:3, 1])
    pose[:3, 3] = center
    half = framing.size / 2
    size = framing.size
    return Camera(pose, focal, focal, half, half, size, size, orthographic=camera.orthographic)


def _upright(forward: np.ndarray, *, fallback: np.ndarray) -> np.ndarray:
    """Return camera axes (x right, y down, z forward) as columns, with +Z up in the image."""
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.999 else fallback
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward], axis=1)


def crop_to_mask(view: View, framing: Framing) -> Tensor:
    """Return an unposed image cropped and padded to a square around its mask, (S, S, 4)."""
    square = mask_square(view.image[..., 3], framing, name=view.name)
    return crop_square(view.image, square, framing.size)


def mask_square(alpha: Tensor, framing: Framing, *, name: str = "view") -> tuple[int, int, int]:
    """Return (left, top, side) in pixels of the square around the mask alpha, (H, W)."""
    rows, columns = (alpha > 0.5).nonzero(as_tuple=True)
    if rows.numel() == 0:
        raise RequestError(
            f"{name}: the image shows no object, its alpha is empty.",
            "Give an image with the object's mask as alpha, or name its background.",
        )
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
    side = math.ceil(max(height, width) / (1 - 2 * framing.margin))
    return left - (side - width) // 2, top - (side - height) // 2, side


def whole_cameras(
    cameras: Sequence[Camera], views: Sequence[View], framing: Framing
) -> list[Camera]:
    """Convert cameras of the framed images to cameras of the original, unposed views."""
    result = []
    for camera, view in zip(cameras, views, strict=True):
        square = mask_square(view.image[..., 3], framing, name=view.name)
        height, width = view.image.shape[:2]
        result.append(whole_camera(camera, square, (width, height)))
    return result


def canonical_camera(camera: Camera, framing: Framing) -> Camera:
    """Return the camera with the training intrinsics that takes nearly the image of `camera`.

    A camera network knows one focal length. The camera is aimed at the image's middle, and moved
    along its axis until the volume's centre appears as large with the training focal length; only a
    slight difference in perspective remains.

    Parameters
    ----------
    camera
        Of a framed image, `framing.size` pixels wide and high; perspective.
    """
    size = framing.size
    focal, middle = framing.focal * size, size / 2
    aim = np.array([(middle - camera.cx) / camera.fx, (middle - camera.cy) / camera.fy, 1.0])
    tilt = _rotation_to(aim)
    camera_from_world = camera.camera_from_world
    rotation = tilt @ camera_from_world[:3, :3]
    translation = tilt @ camera_from_world[:3, 3]
    translation[2] *= focal / camera.fx
    pose = pose_of(rotation, translation)
    return Camera(pose, focal, focal, middle, middle, size, size)


def _rotation_to(aim: np.ndarray) -> np.ndarray:
    """Return the shortest rotation, (3, 3), that takes the direction `aim` to +z."""
    a = aim / np.linalg.norm(aim)
    v = np.array([a[1], -a[0], 0.0])  # a x z
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + a[2])
