"""Cameras of unposed images, and votes on the object's front, by an `UprightCameraNetwork`."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..encoders.upright import (
    UprightCameraNetwork,
    choices,
    read,
    sighting_loss,
    true_sightings,
)
from ..geometry.cameras import Camera, pose_of
from ..geometry.views import View
from ..images.cropping import crop_square
from ..images.framing import Framing, mask_square
from ..training.batch import Batch


def upright_cameras(
    network: UprightCameraNetwork, views: Sequence[View], framing: Framing
) -> list[Camera]:
    """Return an upright camera for each whole image, posed in the volume's frame.

    Raises
    ------
    RequestError
        If an image shows no object.
    """
    squares = [mask_square(v.image[..., 3], framing, name=v.name) for v in views]
    sightings = network.sightings(_crops(views, squares, framing, _device_of(network)))
    numbers = torch.cat([sightings.zoom.exp()[:, None], sightings.offset], 1).double().cpu().numpy()
    axes = sightings.axes.double().cpu().numpy()
    return [
        _camera_of(view, square, framing, rotation, *row)
        for view, square, rotation, row in zip(views, squares, axes, numbers, strict=True)
    ]


def azimuth_votes(
    network: UprightCameraNetwork, views: Sequence[View], framing: Framing
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and azimuths, (V, 2 BINS) float64: see `Levelform.azimuths`."""
    squares = [mask_square(v.image[..., 3], framing, name=v.name) for v in views]
    crops = _crops(views, squares, framing, _device_of(network))
    weights, azimuths = [], []
    for images, sign in ((crops, 1.0), (crops.flip(3), -1.0)):
        fraction, angle = choices(network(images))
        weights.append(fraction / 2)
        azimuths.append(sign * angle)
    return (
        torch.cat(weights, 1).double().cpu().numpy(),
        torch.cat(azimuths, 1).double().cpu().numpy(),
    )


def upright_camera_loss(
    network: UprightCameraNetwork, batch: Batch, framing: Framing
) -> dict[str, Tensor]:
    """Return the network's loss on posed images, cropped as unposed ones are.

    Logged beside it: "d3D", the mean distance between the batch's points along the estimated and
    along the true camera's axes, both from the volume's centre.
    """
    assert batch.camera_from_volume is not None
    assert batch.intrinsics is not None
    true = true_sightings(
        batch.camera_from_volume.flatten(0, 1),
        batch.intrinsics.flatten(0, 1),
        size=batch.images.shape[-1],
        unit=framing.focal / middle_distance(framing),
        orthographic=batch.orthographic,
    )
    raw = network(batch.images.flatten(0, 1))
    with torch.no_grad():
        rotation = read(raw).axes - true.axes
        apart = batch.points.repeat_interleave(batch.images.shape[1], 0) @ rotation.mT
    return {"loss": sighting_loss(raw, true), "d3D": apart.norm(dim=-1).mean()}


def middle_distance(framing: Framing) -> float:
    """Return the distance of estimated cameras from the volume's centre."""
    return (framing.near + framing.far) / 2


def _device_of(network: UprightCameraNetwork) -> torch.device:
    return next(network.parameters()).device


def _crops(
    views: Sequence[View],
    squares: Sequence[tuple[int, int, int]],
    framing: Framing,
    device: torch.device,
) -> Tensor:
    """Return (V, 4, S, S): a square of each image, as the camera network reads it."""
    crops = [
        crop_square(view.image, square, framing.size).permute(2, 0, 1)
        for view, square in zip(views, squares, strict=True)
    ]
    return torch.stack(crops).float().to(device)


def _camera_of(
    view: View,
    square: tuple[int, int, int],
    framing: Framing,
    rotation: np.ndarray,
    zoom: float,
    across: float,
    down: float,
) -> Camera:
    """Return the camera of a whole image from what was estimated in a square of it."""
    left, top, side = square
    height, width = view.image.shape[:2]
    pose = pose_of(rotation, np.array([0.0, 0.0, middle_distance(framing)]))
    focal = zoom * framing.focal * side
    cx, cy = left + (across + 1) / 2 * side, top + (down + 1) / 2 * side
    return Camera(pose, focal, focal, cx, cy, width, height)
