"""Occupancy Networks' archives, and the NMR renderings that SDF-SRN trains on.

ONET/<class>/<shape>/points.npz        points float16, occupancies (packed bits), loc, scale
                    /pointcloud.npz    points, normals
                    /model.binvox      32^3
                    /img_choy2016/000.jpg..., cameras.npz (world_mat_i, camera_mat_i)
ONET/<class>/{train,val,test}.lst

NMR/<class>/<shape>/image/0000.png..., mask/0000.png..., cameras.npz (world_mat_i),
                   /pointcloud3.npz (points, normals)
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from ...contract.errors import RequestError
from ...geometry import array_files
from ...geometry.cameras import Camera
from ...geometry.frames import FRAMES, OBJECT_SIDE, Z_UP_FROM_SHAPENET, apply, similarity
from ..format import Record, pack_voxels
from .base import (
    Reader,
    folders,
    from_shapenet,
    layout,
    posed,
    read_image,
    turned_grid,
    views_of,
    with_mask,
)
from .binvox import read_binvox

SPLITS = ("train", "val", "test")
NMR_FOCAL = 1.8660254037844388  # in image widths, for a field of view of 30 degrees
WHITE = 0.03  # maximum deviation from white, in sRGB, of a JPEG's background


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file; pickled objects are refused.

    Raises
    ------
    RequestError
        If it is missing or damaged.
    """
    try:
        return array_files.read_npz(path)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} can't be read: {error}.", "Download the file again.") from error


class _Listed(Reader):
    """A layout of class folders that contain lists of their splits."""

    @cached_property
    def _splits(self) -> dict[str, str]:
        splits = {}
        for split in SPLITS:
            for path in self.root.glob(f"*/*{split}.lst"):
                for line in path.read_text().split():
                    splits[f"{path.parent.name}/{line}"] = split
        return splits


@layout("occupancy-network")
class OccupancyArchive(_Listed):
    """Occupancy Networks: 100k labelled points and 100k surface points in the unit cube."""

    def names(self) -> list[str]:
        return folders(self.root, "points.npz")

    def read(self, name: str) -> Record | str:
        folder = self.root / name
        stored = read_npz(folder / "points.npz")
        count = len(stored["points"])
        inside = np.unpackbits(stored["occupancies"])[:count]
        transform = Z_UP_FROM_SHAPENET.copy()
        transform[:3, :3] *= OBJECT_SIDE
        scale = OBJECT_SIDE / float(stored["scale"])
        matrix = from_shapenet(similarity(scale=scale, offset=-scale * stored["loc"]))
        back = np.linalg.inv(matrix)
        arrays = {
            "uniform.points": apply(transform, stored["points"].astype(np.float32)),
            "uniform.inside": inside.astype(np.uint8),
            "source_from_object": back[None],
        }
        if (folder / "pointcloud.npz").exists():
            arrays |= surface_arrays(read_npz(folder / "pointcloud.npz"), transform)
        if (folder / "model.binvox").exists():
            grid = turned_grid(read_binvox(folder / "model.binvox").grid)
            arrays["voxels"] = pack_voxels(grid)
        if (folder / "img_choy2016" / "cameras.npz").exists():
            arrays |= self._views(folder / "img_choy2016", back)
        split = self._splits.get(name, "")
        info = {"layout": "occupancy-network"}
        return Record(name, name.split("/")[0], arrays, split, info)

    def _views(self, folder: Path, back: np.ndarray) -> dict[str, np.ndarray]:
        mats = read_npz(folder / "cameras.npz")
        images, cameras = [], []
        for index, path in enumerate(sorted(folder.glob("*.jpg"))):
            images.append(cut_from_white(read_image(path, "RGB")))
            height, width = images[-1].shape[:2]
            intrinsics = np.asarray(mats[f"camera_mat_{index}"], np.float64)
            camera = posed(
                mats[f"world_mat_{index}"],
                fx=float(intrinsics[0, 0]),
                fy=float(intrinsics[1, 1]),
                cx=float(intrinsics[0, 2]),
                cy=float(intrinsics[1, 2]),
                width=width,
                height=height,
            )
            cameras.append(camera.in_frame(back))
        return views_of(images, cameras, self.size)


def surface_arrays(stored: dict[str, np.ndarray], matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Return `surface.*` of points and normals moved by a similarity, (4, 4)."""
    transform = matrix[:3, :3] / np.cbrt(np.linalg.det(matrix[:3, :3]))
    normals = stored["normals"].astype(np.float64) @ transform.T
    return {
        "surface.points": apply(matrix, stored["points"].astype(np.float32)),
        "surface.normals": normals.astype(np.float32),
    }


def cut_from_white(image: np.ndarray) -> np.ndarray:
    """Return RGBA, (H, W, 4) uint8, of an RGB image: white connected to its border is removed."""
    from scipy.ndimage import binary_propagation

    white = (image.min(-1) / 255.0) > 1 - WHITE
    border = np.zeros_like(white)
    border[[0, -1]], border[:, [0, -1]] = white[[0, -1]], white[:, [0, -1]]
    return with_mask(image, ~np.asarray(binary_propagation(border, mask=white), bool))


@layout("nmr")
class NeuralMeshRenderer(_Listed):
    """The 64^2 renderings of Kato et al. as DVR and SDF-SRN publish them; ShapeNet's axes."""

    def names(self) -> list[str]:
        return folders(self.root, "cameras.npz")

    def read(self, name: str) -> Record | str:
        folder = self.root / name
        if not (folder / "pointcloud3.npz").exists():
            return "its point cloud is missing"
        cloud = read_npz(folder / "pointcloud3.npz")
        matrix = from_shapenet(FRAMES["object"](cloud["points"]))
        back = np.linalg.inv(matrix)
        arrays = surface_arrays(cloud, matrix) | {"source_from_object": back[None]}
        mats = read_npz(folder / "cameras.npz")
        images, cameras = [], []
        for index, path in enumerate(sorted((folder / "image").glob("*.png"))):
            mask = read_image(folder / "mask" / path.name, "RGB")[..., 0] > 0
            images.append(with_mask(read_image(path, "RGB"), mask))
            cameras.append(self._camera(mats[f"world_mat_{index}"], mask.shape, back))
        arrays |= views_of(images, cameras, self.size)
        split = self._splits.get(name, "")
        return Record(name, name.split("/")[0], arrays, split, {"layout": "nmr"})

    def _camera(self, extrinsic: np.ndarray, shape: tuple[int, ...], back: np.ndarray) -> Camera:
        height, width = shape
        intrinsics = {
            "fx": NMR_FOCAL * width,
            "fy": NMR_FOCAL * width,
            "cx": width / 2,
            "cy": height / 2,
        }
        return posed(extrinsic, **intrinsics, width=width, height=height).in_frame(back)
