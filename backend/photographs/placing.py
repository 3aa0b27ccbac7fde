"""The solver's cameras in the artist's world: upright, on the ground, at a chosen size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..contract.cameras import FLIP_YZ, CameraData, Distortion, in_frame, pose_of, resized
from ..contract.distortion import undistorted_camera, undistorted_image
from ..contract.drawings import SIZE
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..ticket import Ticket
from .boxes import Box, find_box
from .orienting import find_ground, focus, upright_from, vertical
from .solving import PlacedCamera, SfmSolution
from .sources import Photograph, Photographs
from .sweeping import SIDE, Region, surface_points


@dataclass(frozen=True)
class PlacedScene:
    """Cameras and object in one frame.

    Attributes
    ----------
    cameras : by the image's index, of the stored image
    box : the object's, standing above the origin
    up_from : "ground" or "cameras"
    world_from_volume : (4, 4) cube around the object
    """

    cameras: dict[int, CameraData]
    box: Box
    up_from: str
    world_from_volume: np.ndarray


def camera_data(placed: PlacedCamera) -> CameraData:
    """Return a camera of the solver, for the copy of its image, in the solver's frame."""
    matrix = placed.camera_from_world
    width, height = placed.size
    radial = placed.radial
    bent = Distortion("OPENCV", (radial, 0.0, 0.0, 0.0, 0.0, 0.0)) if radial else None
    return CameraData(
        pose_of(matrix[:, :3], matrix[:, 3]) * FLIP_YZ,
        placed.focal,
        placed.focal,
        *placed.center,
        width,
        height,
        distortion=bent,
    )


def silhouette_views(
    cameras: dict[int, CameraData], images: Sequence[Photograph], silhouettes: Sequence[Tensor]
) -> list[View]:
    """Return small views of the silhouettes, without distortion."""
    views = []
    for index, camera in cameras.items():
        alpha = silhouettes[index]
        height, width = alpha.shape
        small = resized(camera, width, height)
        shown = torch.cat([torch.ones(height, width, 3), alpha[..., None]], 2)
        if small.distortion is not None:
            pixels, small = undistorted_image(shown.numpy(), small)
            shown = torch.from_numpy(np.ascontiguousarray(pixels))
        views.append(View(shown, Camera.from_data(small), images[index].path.name))
    return views


def swept_points(
    cameras: dict[int, CameraData],
    photographs: Photographs,
    focus: np.ndarray,
    region: Region,
    *,
    seed: int = 0,
    ticket: Ticket | None = None,
) -> np.ndarray:
    """Return (N, 3) points of surfaces in the cameras' frame, by a plane sweep.

    Parameters
    ----------
    cameras : of the copies, by the image's index
    focus : (3,) where they look
    """
    shrunk = {index: _shrunk(camera) for index, camera in cameras.items()}
    order = list(shrunk)

    @cache
    def small(place: int) -> Tensor:
        return _small_image(photographs, order[place], shrunk[order[place]])

    straight = [
        Camera.from_data(undistorted_camera(camera) if camera.distortion else camera)
        for camera in shrunk.values()
    ]
    return surface_points(small, straight, region, focus, seed=seed, ticket=ticket)


def _shrunk(camera: CameraData) -> CameraData:
    """Return a camera at the size of a sweep's images."""
    factor = min(SIDE / max(camera.w, camera.h), 1.0)
    return resized(camera, max(round(camera.w * factor), 1), max(round(camera.h * factor), 1))


def _small_image(photographs: Photographs, index: int, camera: CameraData) -> Tensor:
    """Return the copy of an image at its camera's size, (h, w, 3), without distortion."""
    from PIL import Image

    path = photographs.folder / photographs.images[index].name
    with Image.open(path, formats=("PNG",)) as opened:
        small = opened.convert("RGB").resize((camera.w, camera.h), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32) / 255
    if camera.distortion is not None:
        opaque = np.dstack([pixels, np.ones(pixels.shape[:2], np.float32)])
        pixels = undistorted_image(opaque, camera)[0][..., :3]
    return torch.from_numpy(np.ascontiguousarray(pixels))


def stage(
    solution: SfmSolution,
    photographs: Photographs,
    silhouettes: Sequence[Tensor] | None,
    *,
    size: float = SIZE,
    seed: int = 0,
    ticket: Ticket | None = None,
) -> PlacedScene:
    """Return cameras and object, upright on the ground, at a size.

    The first image is taken from the front (-Y); the object stands above the origin.

    Parameters
    ----------
    silhouettes : (h, w) of each image, if known
    size : length of the object's longest side
    """
    images = photographs.images
    given = {index: camera_data(placed) for index, placed in solution.cameras.items()}
    poses = np.array([camera.transform_matrix for camera in given.values()])
    centers, forward = poses[:, :3, 3], -poses[:, :3, 2]
    rotations = np.array([placed.camera_from_world[:, :3] for placed in solution.cameras.values()])
    tags = [images[index].orientation for index in given]
    middle = focus(centers, forward)
    radius = float(np.median(np.linalg.norm(centers - middle, axis=1)))
    up = vertical(rotations, tags)
    ground = find_ground(solution.points, middle, radius, up, seed=seed)
    rotation = upright_from(ground.normal if ground else up, centers[0] - middle)
    given_from_upright = np.eye(4)
    given_from_upright[:3, :3] = rotation.T
    upright = {index: in_frame(camera, given_from_upright) for index, camera in given.items()}
    views = [] if silhouettes is None else silhouette_views(upright, images, silhouettes)
    height = ground.height if ground else None
    seen = rotation @ middle

    def sweep(region: Region) -> np.ndarray:
        return swept_points(upright, photographs, seen, region, seed=seed, ticket=ticket)

    box = find_box(views, solution.points @ rotation.T, seen, radius, height, sweep)
    scale = float(np.ptp(box.corners, 0).max()) / size  # upright lengths per unit of the world
    place = np.diag([scale, scale, scale, 1.0])  # turned_from_world
    place[:2, 3] = box.corners.mean(0)[:2]
    place[2, 3] = box.corners[0, 2]
    corners = (box.corners - place[:3, 3]) / scale
    volume = np.diag([*[size / SIZE] * 3, 1.0])
    volume[:3, 3] = corners.mean(0)
    cameras = {
        index: resized(in_frame(camera, place), *images[index].size)
        for index, camera in upright.items()
    }
    return PlacedScene(
        cameras, replace(box, corners=corners), "ground" if ground else "cameras", volume
    )
