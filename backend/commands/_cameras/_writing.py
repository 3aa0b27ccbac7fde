"""Write found cameras as a transforms.json beside or away from their images."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.cameras import CameraData, to_frame
from ...contract.protocol import ViewData
from ...contract.streams import json_text


def write_transforms(
    path: str | Path,
    views: Sequence[ViewData],
    cameras: Sequence[CameraData | None],
    *,
    world_from_volume: np.ndarray | None = None,
    world_offset: Sequence[float] = (0.0, 0.0, 0.0),
) -> int:
    """Write the cameras of image files; return their number.

    Paths are relative to the file's folder where that is possible.

    Parameters
    ----------
    views : with files
    cameras : one for each view; None: it is left out
    world_offset : the local origin that is added to all positions, see `PosedFiles`
    """
    from ...geometry.writing import written_whole

    folder = Path(path).resolve().parent
    frames = [
        _frame(view, camera, folder, world_offset)
        for view, camera in zip(views, cameras, strict=True)
        if camera is not None and view.file is not None
    ]
    content: dict[str, Any] = {"frames": frames}
    if world_from_volume is not None:
        volume = np.array(world_from_volume, np.float64)
        volume[:3, 3] += world_offset
        content["world_from_volume"] = volume.tolist()
    with written_whole(path) as partial:
        partial.write_text(json_text(content) + "\n", encoding="utf-8")
    return len(frames)


def _frame(
    view: ViewData, camera: CameraData, folder: Path, world_offset: Sequence[float]
) -> dict[str, Any]:
    assert view.file is not None  # whoever calls has seen to that
    frame = to_frame(camera)
    pose = np.array(frame["transform_matrix"])
    pose[:3, 3] += world_offset
    frame = {"file_path": _relative(view.file.path, folder), **frame}
    frame["transform_matrix"] = pose.tolist()
    if view.file.mask:
        frame["mask_path"] = _relative(view.file.mask, folder)
    return frame


def _relative(path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return Path(path).as_posix()
