"""Write cameras that were made rather than found: a ring around an object."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .contract.cameras import CameraData, to_frame
from .contract.drawings import SIZE
from .contract.errors import RequestError
from .contract.image_files import image_size, list_images
from .geometry.writing import check_place, written_whole


def write_ring(
    cameras: Sequence[CameraData],
    out: str | Path,
    *,
    images: str | Path | None = None,
    object_size: float = SIZE,
) -> dict[str, Any]:
    """Write cameras as a `transforms.json` with the object's volume; return the facts.

    Parameters
    ----------
    images : a folder with an image for each, in natural order of names; their sizes become the
        cameras'. None: names of images that do not exist yet

    Raises
    ------
    RequestError
        If the numbers differ, or a file can't be read or written.
    """
    check_place(out)
    target = Path(out)
    names = [f"images/{index}.png" for index in range(len(cameras))]
    if images is not None:
        cameras, names = _with_images(cameras, Path(images), target.parent)
    frames = [
        {"file_path": name, **to_frame(camera)} for name, camera in zip(names, cameras, strict=True)
    ]
    volume = np.diag([*[object_size / SIZE] * 3, 1.0])
    with written_whole(target) as partial:
        content = {"world_from_volume": volume.tolist(), "frames": frames}
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return {"views": len(cameras), "out": str(target)}


def _with_images(
    cameras: Sequence[CameraData], folder: Path, base: Path
) -> tuple[list[CameraData], list[str]]:
    """Return the cameras at the sizes of a folder's images, and their paths from `base`."""
    if not folder.is_dir():
        raise RequestError(f"The folder {folder} does not exist.", "Name the folder of the images.")
    paths = list_images(folder)
    if len(paths) != len(cameras):
        raise RequestError(
            f"{folder} holds {len(paths)} images for {len(cameras)} cameras.",
            f"Make a ring of {len(paths)} cameras, or name another folder.",
        )
    sized = []
    for camera, path in zip(cameras, paths, strict=True):
        width, height = image_size(path)
        focal = camera.fl_x / min(camera.w, camera.h) * min(width, height)
        sized.append(
            replace(camera, fl_x=focal, fl_y=focal, cx=width / 2, cy=height / 2, w=width, h=height)
        )
    return sized, [Path(os.path.relpath(path, base)).as_posix() for path in paths]
