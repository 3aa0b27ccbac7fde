"""Align an estimated camera: move it in its image plane until the mesh covers the object."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..geometry.cameras import Camera
from ..geometry.images import resized
from .photos import Photo
from .visibility import FAR, depth_map

LONGEST = 256  # pixels of the longer side of the compared masks
LEAST_IOU = 0.5  # of the mesh and the mask; cameras below it are not used
MOST_STRETCH = 1.5  # maximum factor between the distances of the estimated and the true camera


def aligned(photo: Photo, vertices: Tensor, faces: Tensor) -> Photo | None:
    """Return a photo with zoom and offset chosen to make the mesh cover its mask.

    A network's camera is some degrees off. Its offset across the image shows in the outline; a zoom
    and an offset that make the bounding boxes agree are used if they raise the IoU.

    Returns
    -------
    None if the IoU stays below `LEAST_IOU`: the colours would be something else's.
    """
    camera = _small(photo.camera)
    size = (camera.height, camera.width)
    alpha = photo.alpha.float()[None, None] / 255
    mask = interpolate(alpha, size=size, mode="bilinear", antialias=True)[0, 0] >= 0.5
    drawn = depth_map(vertices, faces, camera) < FAR
    if not bool(mask.any()) or not bool(drawn.any()):
        return None
    moved = _moved(camera, _box(drawn), _box(mask))
    again = depth_map(vertices, faces, moved) < FAR
    before, after = _iou(drawn, mask), _iou(again, mask)
    if max(before, after) < LEAST_IOU:
        return None
    if after <= before:
        return photo
    width, height = photo.camera.width, photo.camera.height
    return replace(photo, camera=resized(moved, width=width, height=height))


def _small(camera: Camera) -> Camera:
    factor = min(LONGEST / max(camera.width, camera.height), 1.0)
    width, height = (max(round(n * factor), 1) for n in (camera.width, camera.height))
    return resized(camera, width=width, height=height)


def _box(mask: Tensor) -> Tensor:
    """Return (2, 2): the first and last column and row, x and y, of a mask."""
    rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
    first = torch.stack([columns[0], rows[0]]).double()
    return torch.stack([first, torch.stack([columns[-1], rows[-1]]).double() + 1])


def _moved(camera: Camera, drawn: Tensor, wanted: Tensor) -> Camera:
    """Return the camera zoomed and offset to move one box, (2, 2), onto the other."""
    zoom = float(((wanted[1] - wanted[0]).prod() / (drawn[1] - drawn[0]).prod()).sqrt())
    zoom = min(max(zoom, 1 / MOST_STRETCH), MOST_STRETCH)
    center = torch.tensor([camera.cx, camera.cy], dtype=torch.double)
    offset = wanted.mean(0) - (center + zoom * (drawn.mean(0) - center))
    return replace(
        camera,
        fx=camera.fx * zoom,
        fy=camera.fy * zoom,
        cx=camera.cx + float(offset[0]),
        cy=camera.cy + float(offset[1]),
    )


def _iou(one: Tensor, other: Tensor) -> float:
    return int((one & other).sum()) / max(int((one | other).sum()), 1)
