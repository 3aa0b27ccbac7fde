"""3D-R2N2's renderings and voxels, and ShapenetRender_more_variation (DISN, UCLID-Net).

R2N2/ShapeNetRendering/<class>/<shape>/rendering/{00..23}.png, rendering_metadata.txt
R2N2/ShapeNetVox32/<class>/<shape>/model.binvox

MORE/image/<class>/<shape>/{easy,hard}/{00..35}.png, rendering_metadata.txt
MORE/meshes/<class>/<shape>/model.obj         ShapeNetCore's mesh, or
MORE/SurfaceSamples/<class>/<shape>.ply       UCLID-Net's points in DISN's unit sphere, with
MORE/normalization_parameters.json            {"<class>/<shape>": [cx, cy, cz, m]}
"""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np

from ...contract.errors import RequestError
from ...geometry.cameras import Camera
from ...geometry.frames import FRAMES, OBJECT_SIDE, apply, similarity
from ...geometry.image_formats import allowed_formats_alone
from ..format import Record, pack_voxels
from .base import (
    Reader,
    folders,
    from_shapenet,
    grid_points,
    layout,
    posed,
    read_image,
    turned_grid,
    views_of,
)
from .binvox import read_binvox

DISTANCE = 1.75  # the renderer's camera distance; metadata has distances relative to it
FOCAL = 35 / 32  # focal length in image widths: 35 mm on a 32 mm sensor


def shapenet_camera(
    azimuth: float, elevation: float, ratio: float, size: int, shift: np.ndarray | None = None
) -> Camera:
    """Return the camera of 3D-R2N2's renderer, posed in ShapeNet's own frame.

    P = K [R | t] Q S, in DISN's notation: Q takes +Y up to +Z up, S translates the object.

    Parameters
    ----------
    azimuth, elevation : degrees
    ratio : distance over 1.75
    shift : (3,), translation of the object in "hard" views
    """
    a, e = np.radians([-azimuth, -elevation])
    world = np.array(
        [
            [np.cos(a) * np.cos(e), -np.sin(a), np.cos(a) * np.sin(e)],
            [np.sin(a) * np.cos(e), np.cos(a), np.sin(a) * np.sin(e)],
            [-np.sin(e), 0, np.cos(e)],
        ]
    ).T
    axes = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([1, -1, -1]) @ axes @ world
    matrix[2, 3] = DISTANCE * ratio
    stand = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
    if shift is not None:
        stand = stand @ similarity(offset=np.array([shift[0], shift[2], -shift[1]]))
    intrinsics = {"fx": FOCAL * size, "fy": FOCAL * size, "cx": size / 2, "cy": size / 2}
    return posed(matrix @ stand, **intrinsics, width=size, height=size)


def read_metadata(path: Path) -> np.ndarray:
    """Return (V, columns) float64 of a `rendering_metadata.txt`, plain or with brackets."""
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        rows = [[float(word) for word in re.findall(r"[-+.\deE]+", line)] for line in lines]
        return np.array(rows, np.float64).reshape(len(rows), -1)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} can't be read: {error}.", "Download the file again.") from error


@layout("r2n2")
class R2N2(Reader):
    """3D-R2N2: 24 views and a grid of 32^3; the grid's cube is the object frame's [-0.9, 0.9]^3."""

    def names(self) -> list[str]:
        return folders(self.root / "ShapeNetRendering", "rendering/rendering_metadata.txt")

    def read(self, name: str) -> Record | str:
        path = self.root / "ShapeNetVox32" / name / "model.binvox"
        if not path.exists():
            return "its voxels are missing"
        voxels = read_binvox(path)
        scale = OBJECT_SIDE / voxels.side
        middle = voxels.corner + voxels.side / 2
        matrix = from_shapenet(similarity(scale=scale, offset=-scale * middle))
        folder = self.root / "ShapeNetRendering" / name / "rendering"
        rows = read_metadata(folder / "rendering_metadata.txt")
        images = [read_image(folder / f"{index:02d}.png") for index in range(len(rows))]
        back = np.linalg.inv(matrix)
        cameras = [
            shapenet_camera(row[0], row[1], row[3], image.shape[0]).in_frame(back)
            for row, image in zip(rows, images, strict=True)
        ]
        grid = turned_grid(voxels.grid)
        arrays = views_of(images, cameras, self.size) | grid_points(grid)
        arrays |= {"voxels": pack_voxels(grid), "source_from_object": back[None]}
        return Record(name, name.split("/")[0], arrays, info={"layout": "r2n2"})


@layout("more-variation")
class MoreVariation(Reader):
    """ShapenetRender_more_variation: 36 easy views, whose cameras are exact, of each shape.

    Hard views are omitted: for models of several parts their recorded translation does not match
    the image.
    """

    def names(self) -> list[str]:
        return folders(self.root / "image", "easy/rendering_metadata.txt")

    @cached_property
    def _norms(self) -> dict[str, list[float]]:
        path = self.root / "normalization_parameters.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def read(self, name: str) -> Record | str:
        folder = self.root / "image" / name / "easy"
        rows = read_metadata(folder / "rendering_metadata.txt")
        images = [read_image(folder / f"{index:02d}.png") for index in range(len(rows))]
        geometry = self._geometry(name)
        if isinstance(geometry, str):
            return geometry
        arrays, back = geometry
        cameras = [
            shapenet_camera(row[0], row[1], row[3], image.shape[0]).in_frame(back)
            for row, image in zip(rows, images, strict=True)
        ]
        arrays = arrays | views_of(images, cameras, self.size)
        return Record(name, name.split("/")[0], arrays, info={"layout": "more-variation"})

    def _geometry(self, name: str) -> tuple[dict[str, np.ndarray], np.ndarray] | str:
        """Return arrays in the object frame and shapenet_from_object, or why there are none."""
        mesh = self.root / "meshes" / name / "model.obj"
        if mesh.exists():
            return shapenet_mesh(mesh, name)
        samples = self.root / "SurfaceSamples" / f"{name}.ply"
        if not samples.exists():
            return (
                "neither its mesh nor its surface samples are there, so its cameras have no scale"
            )
        if name not in self._norms:
            return (
                "normalization_parameters.json does not name it; write it once from the published "
                "pickle, which is not read here"
            )
        *center, radius = self._norms[name]
        points = read_points(samples) * radius + np.array(center)
        matrix = from_shapenet(FRAMES["object"](points))
        arrays = {
            "surface.points": apply(matrix, points).astype(np.float32),
            "source_from_object": np.linalg.inv(matrix)[None],
        }
        return arrays, np.linalg.inv(matrix)


def shapenet_mesh(path: Path, name: str) -> tuple[dict[str, np.ndarray], np.ndarray] | str:
    """Return a ShapeNet mesh's points (object frame) and shapenet_from_object, or a reason."""
    from ..meshes import read_asset
    from ..records import Contents, record_of_mesh

    asset = read_asset(path, up="Z")  # unchanged: ShapeNet's own axes
    turned = from_shapenet(np.eye(4))
    mesh = type(asset.mesh)(apply(turned, asset.mesh.vertices), asset.mesh.faces)
    record = record_of_mesh(
        type(asset)(mesh, path), Contents(views=0), name=name, category=name.split("/")[0]
    )
    if isinstance(record, str):
        return record
    back = np.linalg.inv(turned) @ record.arrays["source_from_object"][0]
    return record.arrays | {"source_from_object": back[None]}, back


def read_points(path: Path) -> np.ndarray:
    """Return the points, (N, 3) float64, of a PLY file without faces."""
    import trimesh

    try:
        with allowed_formats_alone():
            cloud = cast("trimesh.PointCloud", trimesh.load(path, process=False))
        return np.asarray(cloud.vertices, np.float64)
    except (ValueError, OSError, AttributeError, IndexError) as error:
        raise RequestError(f"{path} can't be read: {error}.", "Download the file again.") from error
