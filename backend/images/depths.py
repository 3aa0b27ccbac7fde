"""Depth maps: read from files, and framed as a network expects its images."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError, WorkError
from ..contract.exr import read_exr
from ..contract.protocol import ImageFile
from ..geometry.array_files import read_npy
from ..geometry.views import View
from .decoding import opened
from .framing import Framing, training_camera

# Names of the channel of depth, in the order in which they are looked for; else any other one.
CHANNELS = ("Z", "Depth", "depth", "Y", "V", "R")
FARTHEST = 1e9  # Blender writes 1e10 where its Z pass sees nothing


def read_depth(path: str, scale: float = 1.0, *, name: str = "view") -> Tensor:
    """Return a depth map, (h, w) float32 along the optical axis; infinite where nothing is known.

    Parameters
    ----------
    path
        .exr, .npy, or an image of whole numbers (16-bit PNG or TIFF).
    scale
        World units of a depth of 1, for whole numbers; .exr and .npy hold world units.

    Raises
    ------
    RequestError
        If the file is missing, is of another kind, or holds no depth.
    """
    suffix = Path(path).suffix.lower()
    if not Path(path).is_file():
        raise RequestError(f"{name}: there is no depth map {path}.", "Check the path.")
    try:
        values = _READERS.get(suffix, _read_whole)(path)
    except (OSError, ValueError, WorkError) as error:
        raise RequestError(
            f"{name}: the depth map {path} can't be read: {error}.",
            "Give an .exr in scan lines, a .npy, or a 16-bit PNG.",
        ) from error
    if values.ndim != 2:
        raise RequestError(
            f"{name}: the depth map has the shape {values.shape}.", "Give one number a pixel."
        )
    whole = values.dtype.kind in "ui"
    depth = torch.from_numpy(np.ascontiguousarray(values, np.float32)) * (scale if whole else 1.0)
    known = depth.isfinite() & (depth > 0) & (depth < FARTHEST)
    if not known.any():
        raise RequestError(f"{name}: the depth map is empty.", "Check how it was written.")
    return torch.where(known, depth, torch.inf)


def _read_exr(path: str) -> np.ndarray:
    channels = read_exr(path)
    last = {name.rpartition(".")[2]: plane for name, plane in channels.items()}
    depth = [plane for name, plane in channels.items() if name.endswith("Depth.Z")]
    named = [last[name] for name in CHANNELS if name in last]
    planes = [*depth, *named, *channels.values()]
    if not planes:
        raise ValueError("it has no channel")
    return planes[0]


def _read_npy(path: str) -> np.ndarray:
    values = read_npy(path)
    return values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values


def _read_whole(path: str) -> np.ndarray:
    with opened(ImageFile(path)) as image:
        values = np.asarray(image)
    return values.astype(np.uint32) if values.dtype.kind in "uib" else values


_READERS = {".exr": _read_exr, ".npy": _read_npy}


def framed_depth(view: View, framing: Framing) -> Tensor:
    """Return a view's depth as the training camera sees it, (S, S), infinite at the background.

    A pixel takes the nearest value, so that nothing is averaged across depth edges; its depth is
    converted to the training camera's axis. Where the image shows no object it is infinite.

    Raises
    ------
    RequestError
        If the view has no camera.
    """
    camera, depth = view.camera, view.depth
    if camera is None or depth is None:
        raise RequestError(
            f"{view.name} has no camera, so its depth map can't be used.", "Give it its camera."
        )
    target = training_camera(camera, framing, name=view.name)
    ticks = torch.arange(framing.size, dtype=torch.float64) + 0.5
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    origins, directions = target.rays(torch.stack([x, y], -1))
    pixels, ahead = camera.project(origins + directions)
    along = _nearest(depth.double(), pixels, camera.width, camera.height)
    shown = _nearest(view.image[..., 3].double(), pixels, camera.width, camera.height)
    starts, rays = camera.rays(pixels)
    points = starts + torch.where(along.isfinite(), along, 0.0)[..., None] * rays
    offset = points - torch.from_numpy(target.center)
    framed = offset @ torch.from_numpy(target.forward)
    seen = along.isfinite() & (shown >= 0.5) & (ahead > 0)
    return torch.where(seen, framed, torch.inf).float()


def _nearest(values: Tensor, pixels: Tensor, width: int, height: int) -> Tensor:
    """Return the values of a map, (h, w) over a whole image, nearest to pixels (..., 2) of it.

    Infinite outside the image.
    """
    rows, columns = values.shape
    column = (pixels[..., 0] * columns / width).floor()
    row = (pixels[..., 1] * rows / height).floor()
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    at = row.clamp(0, rows - 1).long(), column.clamp(0, columns - 1).long()
    return torch.where(inside, values[at], torch.inf)
