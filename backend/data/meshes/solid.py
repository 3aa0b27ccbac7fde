"""A mesh as a solid: inside and outside, distances, points on its surface.

Inside and outside come from the generalised winding number (Jacobson et al., 2013; fast form by
Barill et al., 2018), which stays meaningful for open, overlapping and doubled surfaces; distances
are exact.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...contract.errors import RequestError
from ...geometry.frames import apply, scale_of
from ...geometry.meshes import Mesh
from .reading import NoSurface, check_numbers
from .scan import scan_grid
from .topology import boundary, weld

CHUNK = 200_000  # points a call, so that memory does not grow with the number of points
INSIDE = 0.5  # winding number above which a point is inside


@dataclass(frozen=True)
class SurfaceSamples:
    """Points on a surface: `points` and unit `normals`, (N, 3) float32; `faces`, (N,) int64."""

    points: np.ndarray
    normals: np.ndarray
    faces: np.ndarray


class Solid:
    """Inside, distances and surface samples of one mesh.

    Parameters
    ----------
    mesh
        Faces counter-clockwise seen from outside (`mend`). May be open or overlap itself.
    name
        What to call it in a message.

    Raises
    ------
    RequestError
        If there are no faces, a vertex is not finite, or the surface has no area.
    """

    def __init__(self, mesh: Mesh, name: str = "The mesh") -> None:
        check_numbers(mesh, name)
        self.mesh = mesh
        self.name = name
        self.vertices = np.ascontiguousarray(mesh.vertices, np.float64)
        self.faces = np.ascontiguousarray(mesh.faces, np.int64)
        corners = self.vertices[self.faces]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(cross, axis=1)
        self.areas = length / 2
        self.face_normals = cross / np.maximum(length, 1e-300)[:, None]
        if not self.areas.sum() > 0:
            raise NoSurface(f"{name} has no area: all its faces are lines or points.")

    @cached_property
    def _tree(self):
        import igl

        tree = igl.AABB()
        tree.init(self.vertices, self.faces)
        return tree

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The corners, (3,) float64 each, of the bounding box of the faces."""
        used = self.vertices[self.faces].reshape(-1, 3)
        return used.min(0), used.max(0)

    @cached_property
    def closed(self) -> bool:
        """Whether every directed edge is met by its opposite, so that winding numbers are whole."""
        return len(boundary(weld(self.vertices)[self.faces])) == 0

    def volume(self) -> float:
        """Return the signed volume; for an open surface that of its cone to the box's centre."""
        lower, upper = self.bounds
        a, b, c = np.moveaxis(self.vertices[self.faces] - (lower + upper) / 2, 1, 0)
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)

    def winding(self, points: np.ndarray) -> np.ndarray:
        """Return the generalised winding number, (N,) float64, at `points`, (N, 3)."""
        import igl

        return _chunked(
            lambda part: igl.fast_winding_number(self.vertices, self.faces, part), points
        )

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Return (N,) bool: which `points`, (N, 3), are inside."""
        result = np.zeros(len(points), bool)
        lower, upper = self.bounds
        near = ((points >= lower) & (points <= upper)).all(1)  # nothing is inside beyond the box
        result[near] = self.winding(points[near]) > INSIDE
        return result

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return the exact distance, (N,) float64, from `points`, (N, 3), to the surface."""
        squared = _chunked(
            lambda part: self._tree.squared_distance(self.vertices, self.faces, part)[0], points
        )
        return np.sqrt(squared)

    def signed_distance(self, points: np.ndarray) -> np.ndarray:
        """Return the signed distance, (N,) float64, negative inside, at `points`, (N, 3)."""
        return np.where(self.inside(points), -1.0, 1.0) * self.distance(points)

    def surface(self, count: int, rng: np.random.Generator) -> SurfaceSamples:
        """Draw `count` points on the surface, uniform by area."""
        edges = np.cumsum(self.areas)
        faces = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
        faces = np.minimum(faces, len(self.faces) - 1)
        root, along = np.sqrt(rng.random(count)), rng.random(count)
        weights = np.stack([1 - root, root * (1 - along), root * along], 1)
        points = np.einsum("nk,nkd->nd", weights, self.vertices[self.faces[faces]])
        return SurfaceSamples(
            points.astype(np.float32), self.face_normals[faces].astype(np.float32), faces
        )

    def in_frame(self, matrix: np.ndarray) -> "Solid":
        """Return the solid moved by a similarity, (4, 4)."""
        if not scale_of(matrix) > 0:
            raise RequestError(
                "A solid can be moved, rotated and scaled evenly, not mirrored.",
                "Leave the reflection out.",
            )
        mesh = self.mesh
        normals = None
        if mesh.normals is not None:
            normals = mesh.normals @ (matrix[:3, :3].T / scale_of(matrix))
            normals = normals.astype(np.float32)
        moved = replace(mesh, vertices=apply(matrix, mesh.vertices), normals=normals)
        return Solid(moved, self.name)

    def occupancy_grid(self, resolution: int, half: float) -> np.ndarray:
        """Return bool [x, y, z]: inside at the centres of resolution^3 cells of [-half, half]^3."""
        if self.closed:
            return scan_grid(self.vertices, self.faces, resolution, half)
        ticks = (np.arange(resolution) + 0.5) / resolution * 2 * half - half
        grid = np.zeros((resolution,) * 3, bool)
        yy, zz = np.meshgrid(ticks, ticks, indexing="ij")
        slab = max(1, CHUNK // resolution**2)
        for start in range(0, resolution, slab):
            x = ticks[start : start + slab]
            points = np.stack(
                [np.repeat(x, yy.size), np.tile(yy.ravel(), len(x)), np.tile(zz.ravel(), len(x))], 1
            )
            grid[start : start + len(x)] = self.inside(points).reshape(len(x), *yy.shape)
        return grid


def _chunked(function, points: np.ndarray) -> np.ndarray:
    points = np.ascontiguousarray(points, np.float64)
    result = np.zeros(len(points))
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK]
        result[start : start + CHUNK] = function(part)
    return result
