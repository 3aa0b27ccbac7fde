"""Rows about the metrics: the same numbers as the straightforward computation, in less time.

The anchors are written out here in numpy, straight from the definitions: every pair of points, and
every solid angle of every triangle.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from data_shapes import best
from levelform.backend.data.meshes import Solid
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.metrics import (
    chamfer_l1,
    chamfer_l2,
    f_score,
    iou,
    nearest,
    normal_consistency,
    precision_recall,
)
from rows import KINDS, Row, RowKind, at_least, at_most

POINTS = 10_000
PLACES = 4_000  # where inside and outside are asked for
CELLS = 64
RADIUS = 0.02
BLOCK = 500


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Yield how far the metrics are from their definitions, and how much faster they are."""
    first, second = blob(0.0), blob(0.05)
    clouds = [
        shape.surface(POINTS, np.random.default_rng(i)) for i, shape in enumerate((first, second))
    ]
    places = np.random.default_rng(2).uniform(-1, 1, (PLACES, 3))
    if "count" in kinds:
        yield agreement_of_clouds(*clouds)
        yield agreement_of_labels(first, second, places)
        yield agreement_of_grids(first)
    if "time" in kinds:
        yield from speed_rows(first, clouds, places)


def blob(dent: float) -> Solid:
    """Return a closed, dented ball of 5,120 triangles."""
    import trimesh

    made = trimesh.creation.icosphere(subdivisions=4, radius=0.8)
    vertices = made.vertices * (1 - (0.2 + dent) * np.cos(5 * made.vertices[:, :1]) ** 2)
    return Solid(Mesh(vertices.astype(np.float32), made.faces.astype(np.int32)))


# ---------------------------------------------------------------- the straightforward way


def every_pair(points: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return nearest distances and indices by looking at every pair, in float64."""
    distances, indices = [], []
    for start in range(0, len(points), BLOCK):
        part = points[start : start + BLOCK].astype(np.float64)
        squared = ((part[:, None] - others[None].astype(np.float64)) ** 2).sum(-1)
        actual = squared.argmin(1)
        indices.append(actual)
        distances.append(np.sqrt(squared[np.arange(len(part)), actual]))
    return np.concatenate(distances), np.concatenate(indices)


def solid_angles(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Return winding numbers as the sum of all triangles' solid angles (van Oosterom, 1983)."""
    corners, result = solid.vertices[solid.faces], np.zeros(len(points))
    for start in range(0, len(points), BLOCK):
        a, b, c = np.moveaxis(corners[None] - points[start : start + BLOCK, None, None], 2, 0)
        x, y, z = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
        volume = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
        below = x * y * z + (a * b).sum(-1) * z + (b * c).sum(-1) * x + (c * a).sum(-1) * y
        result[start : start + BLOCK] = 2 * np.arctan2(volume, below).sum(1) / (4 * np.pi)
    return result


# ---------------------------------------------------------------- rows


def agreement_of_clouds(first, second) -> Row:
    """Return the largest difference of Chamfer, F-score and normals from their definitions."""
    forward, to = every_pair(first.points, second.points)
    backward, fro = every_pair(second.points, first.points)
    cosines = [
        np.abs((a.normals.astype(np.float64) * b.normals[index]).sum(1)).mean()
        for a, b, index in ((first, second, to), (second, first, fro))
    ]
    shares = [(d < RADIUS).mean() for d in (forward, backward)]
    pairs = (
        (chamfer_l1(first.points, second.points), (forward.mean() + backward.mean()) / 2),
        (chamfer_l2(first.points, second.points), (forward**2).mean() + (backward**2).mean()),
        (
            f_score(*precision_recall(first.points, second.points, RADIUS)),
            2 * shares[0] * shares[1] / sum(shares),
        ),
        (
            normal_consistency(first.points, first.normals, second.points, second.normals),
            sum(cosines) / 2,
        ),
    )
    worst = max(abs(ours - theirs) for ours, theirs in pairs)
    note = f"Chamfer L1 and L2, F-score, normals of {POINTS:,} points each"
    return at_most("metrics of clouds, off the definition", worst, None, 1e-9, note=note)


def agreement_of_labels(first: Solid, second: Solid, places: np.ndarray) -> Row:
    """Return how far the IoU of two meshes is from the one by solid angles."""
    ours = iou(first.inside(places), second.inside(places))
    theirs = iou(*(solid_angles(shape, places) > 0.5 for shape in (first, second)))
    note = f"{PLACES:,} points, {len(first.faces):,} triangles"
    return at_most("IoU of meshes, off the definition", abs(ours - theirs), None, 0.0, note=note)


def agreement_of_grids(solid: Solid) -> Row:
    """Return the share of a grid's cells that scanning labels otherwise than asking each centre."""
    ticks = (np.arange(CELLS) + 0.5) / CELLS * 2 - 1
    centers = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    scanned = solid.occupancy_grid(CELLS, 1.0).ravel()
    fraction = float((scanned != solid.inside(centers)).mean())
    note = f"{CELLS}^3 cells of a closed mesh"
    return at_most("voxels by scanning, labelled otherwise", fraction, None, 1e-5, note=note)


def speed_rows(solid: Solid, clouds: list, places: np.ndarray) -> Iterator[Row]:
    """Yield how much faster than the straightforward way, the same machine and run."""
    first, second = (cloud.points for cloud in clouds)
    ours, theirs = best(lambda: nearest(first, second)), best(lambda: every_pair(first, second))
    name = f"nearest of {POINTS:,} to {POINTS:,} points, by every pair"
    yield at_least(name, ours, theirs, 50, kind="time", unit="s")
    ours, theirs = best(lambda: solid.inside(places)), best(lambda: solid_angles(solid, places))
    name = f"inside or not, {PLACES:,} points, by solid angles"
    yield at_least(name, ours, theirs, 50, kind="time", unit="s")
    ticks = (np.arange(CELLS) + 0.5) / CELLS * 2 - 1
    centers = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
    ours = best(lambda: solid.occupancy_grid(CELLS, 1.0))
    theirs = best(lambda: solid.inside(centers))
    name = f"{CELLS}^3 voxels of a closed mesh, by asking each centre"
    yield at_least(name, ours, theirs, 5, kind="time", unit="s")
