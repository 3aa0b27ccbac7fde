"""UVs outside Blender, by xatlas: charts that do not overlap, packed into a square."""

import numpy as np

from ..contract.errors import WorkError
from ..geometry.meshes import Mesh
from ..ticket import Ticket

PIECE = 600  # triangles of a piece for growing charts; the time is superlinear in this number
SAMPLE = 20_000  # maximum number of triangles to centre pieces by
PADDING = 4  # texels between charts
TURN = 0.7  # distance equivalent to the angle between normals, in half sides of the volume


def unwrap(mesh: Mesh, size: int, ticket: Ticket | None = None, *, seed: int = 0) -> np.ndarray:
    """Return (F, 3, 2) float32 UVs of the corners of a mesh's triangles, in [0, 1], v upwards.

    The mesh is first split into pieces of adjacent triangles with similar normals, because xatlas
    takes minutes to grow charts over a large mesh.

    Parameters
    ----------
    size : texels along the texture's side, the unit of the padding

    Raises
    ------
    WorkError
        If xatlas is not installed.
    """
    try:
        import xatlas
    except ImportError as error:
        raise WorkError(
            "A texture needs the library xatlas, which is not installed.",
            "Run `pip install xatlas`, or make the texture in Blender.",
        ) from error
    ticket = ticket or Ticket()
    atlas = xatlas.Atlas()
    labels = _pieces(mesh, seed)
    parts = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    for part in parts:
        vertices, corners = np.unique(mesh.faces[part], return_inverse=True)
        indices = corners.reshape(-1, 3).astype(np.uint32)
        atlas.add_mesh(np.ascontiguousarray(mesh.vertices[vertices], np.float32), indices)
    ticket.check()
    pack = xatlas.PackOptions()
    pack.resolution, pack.padding, pack.bilinear = size, PADDING, True
    atlas.generate(xatlas.ChartOptions(), pack)
    ticket.check()
    return _collected(atlas, parts, len(mesh.faces))


def _collected(atlas: "object", parts: list[np.ndarray], count: int) -> np.ndarray:
    """Return (F, 3, 2) the UVs of all pieces, scaled alike on both axes."""
    result = np.zeros((count, 3, 2), np.float32)
    for index, part in enumerate(parts):
        _, indices, uvs = atlas.get_mesh(index)  # pyright: ignore[reportAttributeAccessIssue]
        result[part] = uvs[indices.reshape(-1, 3)]
    width, height = atlas.width, atlas.height  # pyright: ignore[reportAttributeAccessIssue]
    return result * (np.array([width, height], np.float32) / max(width, height))


def _pieces(mesh: Mesh, seed: int) -> np.ndarray:
    """Return (F,) the piece of each triangle."""
    from scipy.cluster.vq import kmeans2
    from scipy.spatial import KDTree

    count = max(len(mesh.faces) // PIECE, 1)
    if count == 1:
        return np.zeros(len(mesh.faces), int)
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-20)
    features = np.concatenate([(a + b + c) / 3, TURN * normals], 1)
    some = features[:: max(len(features) // SAMPLE, 1)]
    chosen = np.random.default_rng(seed).choice(len(some), count, replace=False)
    centers, _ = kmeans2(some, some[chosen], iter=6, minit="matrix")
    return np.asarray(KDTree(centers).query(features)[1])
