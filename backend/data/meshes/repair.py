"""Repair defects of a mesh before inside tests.

These are inconsistent orientation, duplicate faces, inverted parts, and openings (a house without a
floor). Overlaps are kept, since the winding number tolerates them.
"""

from dataclasses import dataclass

import numpy as np

from ...geometry.frames import FRAMES
from ...geometry.meshes import Mesh
from .reading import NoSurface
from .solid import Solid
from .topology import boundary, loops, weld

PATCH_SAMPLES = 64  # points per part tested for lying inside the other parts
UNDECIDED = (0.25, 0.75)  # range of ambiguous winding numbers
MAX_UNDECIDED = 0.15  # fraction of ambiguous points near the surface that makes labels unreliable
MAX_CLOSED = 0.48  # fraction of added surface; a closed single sheet has half
SMALL_RIM = 0.1  # rims of at most this extent, relative to the mesh, are always closed
FLAT_RIM = 0.02  # a larger rim is closed if it is at most this far from a plane, per extent
MIN_FILLED = 0.002  # minimum fraction of the bounding cube filled by a solid
PROBE = 0.01  # distance from the surface of tested points, object frame


@dataclass(frozen=True)
class MeshReport:
    """Changes made by `mend`.

    degenerate, duplicate : numbers of faces removed
    turned_faces : number of faces flipped to agree with their neighbours
    turned_parts : number of parts inverted as a whole
    openings : number of rims closed
    closed_area : fraction of the area in added faces
    """

    degenerate: int
    duplicate: int
    turned_faces: int
    turned_parts: int
    openings: int
    closed_area: float


def mend(mesh: Mesh) -> tuple[Mesh, MeshReport]:
    """Return the mesh without degenerate and duplicate faces, all oriented outwards.

    Faces are oriented like the majority of their part, by area. A part with negative volume is
    inverted, unless it is a cavity inside the others. Remaining flat or small rims are closed by a
    fan around their centre. Vertices keep their order, new ones are appended; normals are dropped.

    Raises
    ------
    NoSurface
        If no face has a positive area.
    """
    import igl

    welded = weld(mesh.vertices)
    faces = welded[mesh.faces].astype(np.int64)
    keep, degenerate, duplicate = _distinct(faces, _areas(mesh.vertices, mesh.faces))
    original, faces = mesh.faces[keep], faces[keep]
    if len(faces) == 0:
        raise NoSurface("The mesh has no face with an area.")
    oriented, parts = map(np.asarray, igl.bfs_orient(np.ascontiguousarray(faces)))
    turned = _parity(faces) != _parity(oriented)
    turned ^= _minority(turned, parts, _areas(mesh.vertices, original))[parts]
    inverted = _inverted(
        mesh.vertices, np.where(turned[:, None], original[:, ::-1], original), parts
    )
    flip = turned ^ inverted[parts]
    result = np.where(flip[:, None], original[:, ::-1], original).astype(np.int32)
    closed, openings = _close(Mesh(mesh.vertices, result, None, mesh.colors), welded)
    areas = _areas(closed.vertices, closed.faces)
    fraction = float(areas[len(result) :].sum() / areas.sum())
    counts = (int(turned.sum()), int(inverted.sum()), openings)
    return closed, MeshReport(degenerate, duplicate, *counts, fraction)


def _close(mesh: Mesh, welded: np.ndarray) -> tuple[Mesh, int]:
    """Return the mesh with a fan of faces over each flat or small rim, and the number of fans.

    Large curved rims stay open: a fan would invent a surface, and the winding number is more
    reliable.
    """
    edges = boundary(welded[mesh.faces])
    places, first = np.unique(welded, return_index=True)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    vertices, fans = [mesh.vertices], [mesh.faces]
    colors = [] if mesh.colors is None else [mesh.colors]
    count = len(mesh.vertices)
    for loop in loops(edges):
        rim = first[np.searchsorted(places, loop)]  # one vertex of the mesh per distinct position
        if not _is_simple(mesh.vertices[rim].astype(np.float64), size):
            continue
        vertices.append(mesh.vertices[rim].mean(0, keepdims=True))
        if mesh.colors is not None:
            colors.append(mesh.colors[rim].mean(0, keepdims=True))
        fans.append(np.stack([np.roll(rim, -1), rim, np.full(len(rim), count)], 1))
        count += 1
    closed = Mesh(
        np.concatenate(vertices),
        np.concatenate(fans).astype(np.int32),
        None,
        np.concatenate(colors) if colors else None,
    )
    return closed, len(fans) - 1


def _is_simple(rim: np.ndarray, size: float) -> bool:
    """Whether a rim, (N, 3), is small relative to the mesh, or nearly flat."""
    extent = float(np.ptp(rim, axis=0).max())
    if extent < SMALL_RIM * size:
        return True
    spread = np.linalg.svd(rim - rim.mean(0), compute_uv=False) / np.sqrt(len(rim))
    return float(spread[2]) < FLAT_RIM * extent


def usable(solid: Solid, report: MeshReport, *, seed: int = 0) -> str | None:
    """Return why a repaired solid can't be labelled inside and outside, or None if it can.

    It must not be a sheet, must fill some volume, and be unambiguous near most of its surface.
    """
    if report.closed_area > MAX_CLOSED:
        return f"sheet: {report.closed_area:.0%} of its surface had to be made up to close it"
    lower, upper = solid.bounds
    if (upper - lower).min() < 1e-4 * (upper - lower).max():
        return "flat: it has no volume"
    rng = np.random.default_rng(seed)
    framed = solid.in_frame(FRAMES["object"](solid.vertices[np.unique(solid.faces)]))
    filled = float(framed.inside(rng.uniform(-1, 1, (20_000, 3))).mean())
    near = framed.surface(2_000, rng)
    inner = framed.winding(near.points - PROBE * near.normals)
    outer = framed.winding(near.points + PROBE * near.normals)
    asked = np.concatenate([inner, outer])
    doubt = float(((asked > UNDECIDED[0]) & (asked < UNDECIDED[1])).mean())
    if doubt > MAX_UNDECIDED:
        return f"open: inside or outside is in doubt beside {doubt:.0%} of its surface"
    if filled < MIN_FILLED:
        return f"thin: it fills {filled:.2%} of its cube"
    return None


def _areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = vertices[faces].astype(np.float64)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.linalg.norm(cross, axis=1) / 2


def _distinct(faces: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return the indices of faces to keep and the numbers of degenerate and duplicate ones."""
    ordered = np.sort(faces, axis=1)
    proper = (np.diff(ordered, axis=1) > 0).all(1) & (areas > 0)
    candidates = np.flatnonzero(proper)
    first = np.unique(ordered[candidates], axis=0, return_index=True)[1]
    keep = candidates[np.sort(first)]
    return keep, int((~proper).sum()), len(candidates) - len(keep)


def _parity(faces: np.ndarray) -> np.ndarray:
    """Return (F,) bool: whether the indices of a face are in descending cyclic order."""
    a, b, c = faces.T
    return ((a > b).astype(int) + (b > c) + (c > a)) == 2


def _minority(turned: np.ndarray, parts: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Return (P,) bool: parts where more area was flipped than kept, to be flipped back."""
    count = int(parts.max()) + 1
    turned_area = np.bincount(parts, areas * turned, count)
    return turned_area > np.bincount(parts, areas, count) / 2


def _inverted(vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return (P,) bool: parts with negative volume that are not cavities of the others."""
    count = int(parts.max()) + 1
    corners = vertices[faces].astype(np.float64)
    areas = _areas(vertices, faces)
    weight = np.maximum(np.bincount(parts, areas, count), 1e-300)
    middle = corners.mean(1)
    center = np.stack([np.bincount(parts, areas * middle[:, k], count) for k in range(3)], 1)
    local = corners - (center / weight[:, None])[parts][:, None]
    cones = np.einsum("ij,ij->i", local[:, 0], np.cross(local[:, 1], local[:, 2])) / 6
    volumes = np.bincount(parts, cones, count)
    negative = volumes < -1e-3 * weight**1.5  # the volume of a nearly flat part is not meaningful
    flipped = np.where(negative[parts][:, None], faces[:, ::-1], faces)
    return negative & ~_cavities(vertices, flipped, parts, np.flatnonzero(negative))


def _cavities(
    vertices: np.ndarray, faces: np.ndarray, parts: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Return (P,) bool: `candidates` inside the other parts, which are assumed to face outwards."""
    import igl

    result = np.zeros(int(parts.max()) + 1, bool)
    points = vertices.astype(np.float64)
    for part in candidates:
        own = parts == part
        rest = np.ascontiguousarray(faces[~own], np.int64)
        if len(rest) == 0:
            continue
        middle = points[faces[own]].mean(1)
        step = max(1, len(middle) // PATCH_SAMPLES)
        around = igl.fast_winding_number(points, rest, np.ascontiguousarray(middle[::step]))
        result[part] = np.median(np.asarray(around)) > 0.5
    return result
