"""Common parts of all readers: the table of layouts, images, transforms to the object frame."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...contract.errors import RequestError
from ...contract.protocol import ImageFile
from ...geometry.cameras import Camera
from ...geometry.frames import Z_UP_FROM_SHAPENET
from ...images.decoding import opened
from ..format import VOXEL_HALF, VOXELS, Record
from ..renders import camera_arrays

READERS: dict[str, type["Reader"]] = {}
AnyReader = TypeVar("AnyReader", bound=type["Reader"])


class Reader(ABC):
    """Reads one published layout, shape by shape.

    Parameters
    ----------
    root
        Folder of the unpacked archive.
    size
        Side of the images in the records; others are resized to it.
    mesh
        Whether records have the mesh, where the layout has one.
    """

    def __init__(self, root: str | Path, *, size: int = 128, mesh: bool = False) -> None:
        self.root, self.size, self.mesh = Path(root), size, mesh
        if not self.root.is_dir():
            raise RequestError(f"The folder {self.root} does not exist.", "Check the path.")

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the available shapes, sorted."""

    @abstractmethod
    def read(self, name: str) -> Record | str:
        """Return the record of a shape, or the reason for leaving it out."""


def layout(name: str):
    """Register a reader under the name of its layout."""

    def register(cls: AnyReader) -> AnyReader:
        READERS[name] = cls
        return cls

    return register


def folders(root: Path, marker: str) -> list[str]:
    """Return the "class/shape" folders of `root` that hold `marker`, sorted."""
    return sorted(
        path.relative_to(root).as_posix() for path in root.glob("*/*") if (path / marker).exists()
    )


def read_image(path: Path, mode: str = "RGBA") -> np.ndarray:
    """Return an image, (H, W, channels) uint8.

    Raises
    ------
    RequestError
        If it is missing or damaged.
    """
    with opened(ImageFile(str(path))) as file:
        return np.asarray(file.convert(mode))


def with_mask(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return RGBA, (H, W, 4) uint8, of an RGB image and a mask, (H, W) bool."""
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    return np.concatenate([image[..., :3], alpha[..., None]], -1)


def resized(image: np.ndarray, camera: Camera, size: int) -> tuple[np.ndarray, Camera]:
    """Return an image, (H, W, 4) uint8, and its camera at `size` pixels a side.

    Colours are weighted by alpha, so that transparent pixels do not bleed into the object.
    """
    from PIL import Image

    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image, camera
    weight = image[..., 3:].astype(np.float32) / 255
    planes = np.concatenate([image[..., :3] * weight, image[..., 3:]], -1)
    small = np.stack(
        [
            np.asarray(
                Image.fromarray(planes[..., k].astype(np.float32)).resize(
                    (size, size),
                    Image.Resampling.BOX if size < width else Image.Resampling.BILINEAR,
                )
            )
            for k in range(4)
        ],
        -1,
    )
    color = small[..., :3] / np.maximum(small[..., 3:] / 255, 1e-6)
    result = np.concatenate([color, small[..., 3:]], -1).round().clip(0, 255).astype(np.uint8)
    across, down = size / width, size / height
    scaled = replace(
        camera,
        fx=camera.fx * across,
        fy=camera.fy * down,
        cx=camera.cx * across,
        cy=camera.cy * down,
        width=size,
        height=size,
    )
    return result, scaled


def cropped(
    image: np.ndarray, camera: Camera, center: tuple[float, float], side: int
) -> tuple[np.ndarray, Camera]:
    """Return the square of `side` pixels around `center` (x, y); transparent outside the image."""
    left, top = round(center[0] - side / 2), round(center[1] - side / 2)
    result = np.zeros((side, side, 4), np.uint8)
    height, width = image.shape[:2]
    x0, x1 = max(left, 0), min(left + side, width)
    y0, y1 = max(top, 0), min(top + side, height)
    if x1 > x0 and y1 > y0:
        result[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    moved = replace(camera, cx=camera.cx - left, cy=camera.cy - top, width=side, height=side)
    return result, moved


def views_of(
    images: Sequence[np.ndarray], cameras: Sequence[Camera], size: int
) -> dict[str, np.ndarray]:
    """Return a record's `views.*` of images, and cameras posed in the object frame."""
    pairs = [resized(image, camera, size) for image, camera in zip(images, cameras, strict=True)]
    return {"views.images": np.stack([image for image, _ in pairs])} | camera_arrays(
        [camera for _, camera in pairs]
    )


def posed(camera_from_world: np.ndarray, **intrinsics: float) -> Camera:
    """Return a camera from its extrinsic, (3 or 4, 4) rigid: x right, y down, z forward."""
    matrix = np.eye(4)
    matrix[:3] = np.asarray(camera_from_world, np.float64)[:3]
    return Camera(np.linalg.inv(matrix), **intrinsics)  # type: ignore[arg-type]


def turned_grid(grid: np.ndarray) -> np.ndarray:
    """Convert a grid [x, y, z] from ShapeNet's axes to ours: (-z, -x, y)."""
    return grid.transpose(2, 0, 1)[::-1, ::-1]


def grid_points(grid: np.ndarray) -> dict[str, np.ndarray]:
    """Return the cell centres of an occupancy grid, ours, as a set of labelled points "grid"."""
    ticks = (np.arange(VOXELS) + 0.5) / VOXELS * 2 * VOXEL_HALF - VOXEL_HALF
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    return {
        "grid.points": points.astype(np.float32),
        "grid.inside": grid.reshape(-1).astype(np.uint8),
    }


def from_shapenet(matrix: np.ndarray) -> np.ndarray:
    """Return object_from_shapenet for a similarity without rotation in ShapeNet's axes."""
    return Z_UP_FROM_SHAPENET @ matrix
