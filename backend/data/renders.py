"""Folders of rendered images, in one layout for all renderers.

    <shape>/transforms.json   cameras in Blender's axes; `world_from_volume`: where the object is
    <shape>/000.png           RGBA, straight alpha, sRGB
    <shape>/000_depth.npy     float32 (H, W): along the optical axis, in world units; 0 is nothing
    <shape>/000_normal.png    RGB = (n + 1) / 2 in the world's axes; grey 128 is nothing
    <shape>/000_albedo.png    RGB, sRGB

The last three are optional; a frame refers to them by `depth_file_path`, `normal_file_path` and
`albedo_file_path`. `transforms.json` is written last, so its presence marks a finished folder.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.camera_files.numbers import matrix
from ..contract.camera_files.reading import TRANSFORMS as NAME
from ..contract.errors import RequestError, WorkError
from ..contract.protocol import ImageFile
from ..geometry.array_files import read_npy
from ..geometry.cameras import Camera
from ..geometry.frames import scale_of
from ..geometry.writing import written_whole
from ..images.decoding import opened


def find_renders(folder: str | Path) -> list[Path]:
    """Return the finished shape folders at or below `folder`, sorted."""
    root = Path(folder)
    if not root.is_dir():
        raise RequestError(f"The folder {root} does not exist.", "Check the path.")
    return sorted(path.parent for path in root.rglob(NAME))


def write_renders(
    folder: str | Path,
    arrays: dict[str, np.ndarray],
    *,
    world_from_volume: np.ndarray | None = None,
) -> None:
    """Write the views of one shape.

    Parameters
    ----------
    folder
        Of this shape; created if missing.
    arrays
        `views.*` as a record has them (object frame).
    world_from_volume
        (4, 4) similarity from the object frame to the world of the files. None: identity.
    """
    folder = Path(folder)
    world = np.eye(4) if world_from_volume is None else np.asarray(world_from_volume, np.float64)
    back = np.linalg.inv(world)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        frames = []
        for index in range(len(arrays["views.images"])):
            frame = _write_images(folder, f"{index:03d}", arrays, index, world)
            frames.append(frame | camera_of(arrays, index).in_frame(back).to_transforms())
    except OSError as error:
        raise WorkError(
            f"The images in {folder} could not be written: {error.strerror or error}.",
            "Free some space and run the same command again: what is finished is kept.",
        ) from error
    with written_whole(folder / NAME) as partial:
        content = {"world_from_volume": world.tolist(), "frames": frames}
        partial.write_text(json.dumps(content, indent=1) + "\n")


def _write_images(
    folder: Path, stem: str, arrays: dict[str, np.ndarray], index: int, world: np.ndarray
) -> dict[str, Any]:
    """Write the images of one view; return the frame's paths."""
    from PIL import Image

    scale = scale_of(world)
    frame: dict[str, Any] = {"file_path": f"{stem}.png"}
    Image.fromarray(arrays["views.images"][index]).save(folder / f"{stem}.png")
    if "views.depth" in arrays:
        frame["depth_file_path"] = f"{stem}_depth.npy"
        depth = arrays["views.depth"][index].astype(np.float32) * scale
        np.save(folder / f"{stem}_depth.npy", depth, allow_pickle=False)
    if "views.normals" in arrays:
        frame["normal_file_path"] = f"{stem}_normal.png"
        normals = arrays["views.normals"][index].astype(np.float32) @ (world[:3, :3].T / scale)
        pixels = np.round(normals + 128).clip(1, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{stem}_normal.png")
    if "views.albedo" in arrays:
        frame["albedo_file_path"] = f"{stem}_albedo.png"
        Image.fromarray(arrays["views.albedo"][index]).save(folder / f"{stem}_albedo.png")
    return frame


def camera_of(arrays: dict[str, np.ndarray], index: int) -> Camera:
    """Return a camera of a record, posed in the object frame."""
    height, width = arrays["views.images"].shape[1:3]
    fx, fy, cx, cy = arrays["views.intrinsics"][index].tolist()
    orthographic = bool(arrays["views.orthographic"][index])
    return Camera(
        arrays["views.poses"][index], fx, fy, cx, cy, width, height, orthographic=orthographic
    )


def camera_arrays(cameras: Sequence[Camera]) -> dict[str, np.ndarray]:
    """Return the `views.*` arrays of cameras posed in the object frame."""
    intrinsics = [[c.fx, c.fy, c.cx, c.cy] for c in cameras]
    return {
        "views.poses": np.stack([camera.world_from_camera for camera in cameras]),
        "views.intrinsics": np.array(intrinsics, np.float64),
        "views.orthographic": np.array([c.orthographic for c in cameras], np.uint8),
    }


def read_renders(folder: str | Path) -> dict[str, np.ndarray]:
    """Read the views of one shape as a record's `views.*`, in the object frame.

    Raises
    ------
    RequestError
        If `transforms.json` is missing or garbled, or an image is.
    """
    folder = Path(folder)
    content = _content(folder)
    frames, world = content["frames"], _world(content)
    images = [_image(folder, frame["file_path"], "RGBA") for frame in frames]
    shared = {key: value for key, value in content.items() if key != "frames"}
    cameras = [
        Camera.from_transforms(
            {"w": image.shape[1], "h": image.shape[0], **shared, **frame}
        ).in_frame(world)
        for frame, image in zip(frames, images, strict=True)
    ]
    arrays = {"views.images": _stacked(folder, images)} | camera_arrays(cameras)
    return arrays | _read_passes(folder, frames, world)


def _world(content: dict[str, Any]) -> np.ndarray:
    """Return world_from_object, (4, 4)."""
    given = content.get("world_from_volume")
    return np.eye(4) if given is None else matrix(given, "world_from_volume", NAME, ((4, 4),))


def _content(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / NAME).read_text())
        if not all("file_path" in frame for frame in content["frames"]) or not content["frames"]:
            raise ValueError("it has no frames")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f"{folder / NAME} can't be read: {error}.", "Render it again."
        ) from error
    return content


def _read_passes(
    folder: Path, frames: list[dict[str, Any]], world: np.ndarray
) -> dict[str, np.ndarray]:
    """Return depth, normals and albedo in the object frame, each if all frames have it."""
    scale, arrays = scale_of(world), {}
    if all("depth_file_path" in frame for frame in frames):
        depths = [_depth(folder, frame["depth_file_path"]) / scale for frame in frames]
        arrays["views.depth"] = _stacked(folder, depths).astype(np.float16)
    if all("normal_file_path" in frame for frame in frames):
        pixels = [_image(folder, frame["normal_file_path"], "RGB") for frame in frames]
        normals = (_stacked(folder, pixels).astype(np.float32) - 128) @ (world[:3, :3] / scale)
        arrays["views.normals"] = np.round(normals).clip(-127, 127).astype(np.int8)
    if all("albedo_file_path" in frame for frame in frames):
        albedo = [_image(folder, frame["albedo_file_path"], "RGB") for frame in frames]
        arrays["views.albedo"] = _stacked(folder, albedo)
    return arrays


def _image(folder: Path, name: str, mode: str) -> np.ndarray:
    with opened(ImageFile(str(folder / name))) as file:
        return np.asarray(file.convert(mode))


def _depth(folder: Path, name: str) -> np.ndarray:
    try:
        return read_npy(folder / name)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"The depth {folder / name} can't be read: {error}.", "Render it again."
        ) from error


def _stacked(folder: Path, images: list[np.ndarray]) -> np.ndarray:
    sizes = {image.shape for image in images}
    if len(sizes) > 1:
        raise RequestError(
            f"The images in {folder} differ in size: {sorted(sizes)}.",
            "Render them again at one size.",
        )
    return np.stack(images)
