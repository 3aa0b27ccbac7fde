"""Clean-up of the final mesh: removes small bodies, fills voids, decimates."""

from dataclasses import replace

import numpy as np

from ..contract.errors import RequestError
from ..geometry.meshes import Mesh
from .assembly import face_normals, is_watertight, part
from .types import Cleanup

_AGGRESSION = (7.0, 3.0, 1.0)
"""Rates at which decimation raises its error threshold, tried from fast to careful."""


def check_cleanup(cleanup: Cleanup) -> Cleanup:
    """Return the clean-up; raise `RequestError` if it is invalid."""
    if not 0.0 <= cleanup.min_component <= 1.0:
        raise RequestError(
            f"The smallest component is a fraction of the largest, not {cleanup.min_component}.",
            "Choose a number between 0 and 1.",
        )
    if cleanup.max_faces is not None and cleanup.max_faces < 4:
        raise RequestError(
            f"No closed mesh has {cleanup.max_faces} faces.", "Choose a budget of 4 or more."
        )
    return cleanup


def clean(mesh: Mesh, cleanup: Cleanup) -> tuple[Mesh, tuple[str, ...]]:
    """Return the mesh after the clean-up, and remarks on what could not be done.

    Decimation moves vertices: normals are recomputed from the triangles, and colours are dropped.
    """
    remarks: tuple[str, ...] = ()
    if cleanup.min_component > 0 or cleanup.fill_voids:
        mesh, remarks = _chosen_components(mesh, cleanup)
    if cleanup.max_faces is not None and len(mesh.faces) > cleanup.max_faces:
        mesh, more = _decimated(mesh, cleanup.max_faces)
        remarks += more
    return mesh, remarks


# ---------------------------------------------------------------- components


def _chosen_components(mesh: Mesh, cleanup: Cleanup) -> tuple[Mesh, tuple[str, ...]]:
    """Remove bodies that are too small and their voids; remove voids to fill and their contents.

    A remark gives the number of bodies removed.
    """
    labels, count = _components(mesh)
    if count < 2:
        return mesh, ()
    area, volume = _areas_and_volumes(mesh, labels, count)
    body = volume > 0  # (count,); voids face inwards, so their signed volume is negative
    inside = _containment(mesh, labels, volume)  # (count,) the component around each, or -1
    drop = body & (area < cleanup.min_component * area[body].max(initial=0.0))
    remarks = _dropped(int(drop.sum()), cleanup.min_component)
    drop |= ~body & (drop[inside] & (inside >= 0))  # the voids of removed bodies
    if cleanup.fill_voids:
        drop |= ~body
        for component in np.argsort(-np.abs(volume)):  # outermost first
            # Everything inside a filled void goes with it.
            drop[component] |= inside[component] >= 0 and drop[inside[component]]
    return (part(mesh, ~drop[labels]) if drop.any() else mesh), remarks


def _dropped(count: int, fraction: float) -> tuple[str, ...]:
    """Return the remark on removed bodies, if there were any."""
    if not count:
        return ()
    pieces = "1 loose piece" if count == 1 else f"{count} loose pieces"
    return (
        f"{pieces} with less than {fraction:.3g} of the largest piece's area "
        f"{'was' if count == 1 else 'were'} dropped (min_component, Remove Fragments).",
    )


def _components(mesh: Mesh) -> tuple[np.ndarray, int]:
    """Return the connected component of each triangle, (F,), and the number of components."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    a, b, c = mesh.faces.T
    links = np.concatenate([a, b]), np.concatenate([b, c])  # two edges connect a triangle
    size = len(mesh.vertices)
    graph = coo_matrix((np.ones(len(links[0]), np.int8), links), (size, size))
    count, labels = connected_components(graph, directed=False)
    return labels[a], count


def _areas_and_volumes(mesh: Mesh, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (count,) areas and signed volumes; voids, facing inwards, are negative."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    twice = np.cross(b - a, c - a)  # (F, 3) normal times twice the area
    area = np.bincount(labels, np.linalg.norm(twice, axis=1) / 2, count)
    return area, np.bincount(labels, (a * twice).sum(axis=1) / 6, count)


def _containment(mesh: Mesh, labels: np.ndarray, volume: np.ndarray) -> np.ndarray:
    """Return (count,), the innermost component around each component, or -1."""
    count = len(volume)
    corners = mesh.vertices[mesh.faces].astype(np.float64)  # (F, 3, 3)
    own = [corners[labels == k] for k in range(count)]
    lower = np.array([c.min(axis=(0, 1)) for c in own])
    upper = np.array([c.max(axis=(0, 1)) for c in own])
    around = np.full(count, -1)
    for k in range(count):
        # Candidates have a larger bounding box; the smallest that encloses a vertex is innermost.
        within = ((lower < lower[k]) & (upper > upper[k])).all(axis=1)
        for other in sorted(np.flatnonzero(within), key=lambda o: abs(volume[o])):
            if _winding(own[k][0, 0], own[other]) > 0.5:
                around[k] = other
                break
    return around


def _winding(point: np.ndarray, corners: np.ndarray) -> float:
    """Return the absolute winding number of triangles (F, 3, 3) at a point: 1 inside, 0 outside.

    The sum of the triangles' solid angles (Van Oosterom and Strackee, 1983).
    """
    a, b, c = (corners[:, k] - point for k in range(3))  # (F, 3) each
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    above = (a * np.cross(b, c)).sum(axis=1)
    below = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
    return abs(float(np.arctan2(above, below).sum())) / (2 * np.pi)


# ---------------------------------------------------------------- decimation


def _decimated(mesh: Mesh, budget: int) -> tuple[Mesh, tuple[str, ...]]:
    """Return the mesh with about `budget` triangles; a closed one stays closed."""
    from fast_simplification import simplify

    closed = is_watertight(mesh.faces)
    # Decimation can tear a closed mesh; slower rates do so less often.
    for aggression in _AGGRESSION:
        simplified = simplify(mesh.vertices, mesh.faces, target_count=budget, agg=aggression)
        vertices, faces = simplified[:2]
        smaller = Mesh(np.asarray(vertices, np.float32), np.asarray(faces, np.int32))
        if not closed or is_watertight(smaller.faces):
            normals = None if mesh.normals is None else face_normals(smaller)
            return replace(smaller, normals=normals), ()
    remark = f"The mesh was not reduced to {budget} faces: that would have torn holes in it."
    return mesh, (remark,)
