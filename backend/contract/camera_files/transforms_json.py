"""`transforms.json` of nerfstudio, instant-ngp and NeRF's synthetic scenes.

An object with `frames`; each has `file_path`, `transform_matrix` (world_from_camera, Blender's
axes), optionally `mask_path`, `depth_file_path` (with `depth_unit_scale_factor`, which counts for
whole numbers alone), and its own or shared intrinsics. `applied_transform` is ignored: the poses
already contain it. Layouts: docs.nerf.studio "Data
conventions"; instant-ngp, `docs/nerf_dataset_tips.md` and `src/nerf_loader.cu`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import RequestError
from .numbers import matrix
from .types import Entry, Listing

# Map instant-ngp's scene to its unit cube; `aabb_scale` alone only enlarges the region.
DEPTH_UNIT = 1e-3  # nerfstudio's default: millimetres
_SCENE_KEYS = ("aabb", "render_aabb", "scale", "offset")


def is_transforms(content: Any) -> bool:
    """Say whether a JSON file's content is this format."""
    return isinstance(content, Mapping) and "frames" in content


def read(file: Path, content: Mapping[str, Any]) -> Listing:
    """Read the file.

    Raises
    ------
    RequestError
        If it lists no frames, a frame names no image, or its volume is not a matrix.
    """
    frames = content.get("frames")
    if not isinstance(frames, list) or not frames:
        raise RequestError(f"{file} lists no frames.", "It needs one entry for each image.")
    shared = {key: value for key, value in content.items() if key != "frames"}
    entries = tuple(_entry(file, number, frame, shared) for number, frame in enumerate(frames))
    volume = content.get("world_from_volume")
    if volume is not None:
        volume = matrix(volume, "world_from_volume", str(file), ((4, 4),))
    remarks = () if volume is not None else _scene_remarks(content)
    return Listing(file, entries, (file.parent, file.parent / "images"), volume, remarks)


def _entry(file: Path, number: int, frame: Any, shared: Mapping[str, Any]) -> Entry:
    if not isinstance(frame, Mapping) or not isinstance(frame.get("file_path"), str):
        seen = type(frame).__name__
        if isinstance(frame, Mapping):
            seen = f"file_path {frame.get('file_path')!r}"
        raise RequestError(
            f"Frame {number} of {file} names no image ({seen}).", "Give it a file_path."
        )
    mask = frame.get("mask_path")
    if mask is not None and not isinstance(mask, str):
        raise RequestError(
            f"mask_path of frame {number} of {file} is not a path: {mask!r}.",
            "Correct it, or remove it.",
        )
    own = {key: value for key, value in frame.items() if value is not None}
    keys = {**shared, **own}
    depth = frame.get("depth_file_path") or ""
    if not isinstance(depth, str):
        raise RequestError(
            f"depth_file_path of frame {number} of {file} is not a path: {depth!r}.",
            "Correct it, or remove it.",
        )
    return Entry(number, frame["file_path"], keys, mask or "", depth, _scale(keys, file))


def _scale(keys: Mapping[str, Any], file: Path) -> float:
    """Return the world units of a depth of 1 in files of whole numbers."""
    value = keys.get("depth_unit_scale_factor", DEPTH_UNIT)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise RequestError(
            f"depth_unit_scale_factor of {file} is {value!r}.", "Give a number above 0."
        )
    return float(value)


def _scene_remarks(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a remark if the file has instant-ngp's keys for the extent of the scene.

    `aabb`, or `scale` and `offset` (.33 and .5 if missing), map the file's world to a unit cube by
    p -> scale p + offset; `aabb_scale` (1 to 128) enlarges the cube about its middle; then the axes
    are cycled. This trained region does not bound the object: as the volume of a reconstruction it
    would clip the object, or be far too large for it.
    """
    named = [key for key in _SCENE_KEYS if content.get(key) is not None]
    if not named:
        return ()
    return (
        f"The file's {', '.join(named)} bounds instant-ngp's scene, not the object; the "
        "volume was estimated instead.",
    )
