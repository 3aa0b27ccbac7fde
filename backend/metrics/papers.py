"""The papers' metrics of one pair of shapes, each with its own sample counts, powers and factors.

Every function takes the prediction (None: an empty mesh) and the reference in the protocol's frame,
and a random generator, and returns numbers by name. `protocols` assigns the frames.
"""

from typing import Protocol as Structural

import numpy as np

from ..geometry.frames import from_box
from .alignment import icp
from .clouds import f_score, nearest, normal_consistency
from .grids import pool, shell_iou
from .occupancy import iou
from .transport import matched_distance

EMPTY_DISTANCE = float(np.sqrt(3))  # Occupancy Networks: distance of an empty mesh from anything
DISN_THRESHOLDS = (0.5, 1, 2, 5, 10, 20)  # percent
DISN_SIDE = 2.5  # DISN's thresholds are percentages of this length
PADDED_HALF = 0.55  # half the side of Occupancy Networks' padded box


class SampledSurface(Structural):
    """Points on a surface and their normals, (N, 3) each."""

    @property
    def points(self) -> np.ndarray: ...
    @property
    def normals(self) -> np.ndarray: ...


class Evaluable(Structural):
    """The interface that protocols require of a shape, such as `data.meshes.Solid`."""

    vertices: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)

    def surface(self, count: int, rng: np.random.Generator) -> SampledSurface: ...
    def inside(self, points: np.ndarray) -> np.ndarray: ...
    def occupancy_grid(self, resolution: int, half: float) -> np.ndarray: ...
    def in_frame(self, matrix: np.ndarray) -> "Evaluable": ...


Numbers = dict[str, float]
Maybe = Evaluable | None
Rng = np.random.Generator


# ---------------------------------------------------------------- common parts of protocols


def _far(count: int) -> np.ndarray:
    return np.full(count, EMPTY_DISTANCE)


def _both_ways(first: np.ndarray | None, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return nearest distances prediction -> truth and reverse; far for an empty prediction."""
    if first is None:
        return _far(1), _far(len(second))
    return nearest(first, second)[0], nearest(second, first)[0]


def _scores(forward: np.ndarray, backward: np.ndarray, radius: float) -> tuple[float, float, float]:
    """Return precision, recall and F-score in percent."""
    precision, recall = float((forward < radius).mean()), float((backward < radius).mean())
    return 100 * precision, 100 * recall, 100 * f_score(precision, recall)


def _cloud(shape: Maybe, count: int, rng: Rng) -> np.ndarray | None:
    return None if shape is None else shape.surface(count, rng).points


def _point_iou(shape: Maybe, ground_truth: Evaluable, points: np.ndarray) -> float:
    return 0.0 if shape is None else iou(shape.inside(points), ground_truth.inside(points))


def _grid_iou(shape: Maybe, ground_truth: Evaluable, resolution: int, half: float) -> float:
    if shape is None:
        return 0.0
    return iou(
        shape.occupancy_grid(resolution, half), ground_truth.occupancy_grid(resolution, half)
    )


def _moved(first: np.ndarray | None, second: np.ndarray) -> np.ndarray:
    """Return the matched distances between two clouds; far for an empty prediction."""
    return _far(len(second)) if first is None else matched_distance(first, second)


# ---------------------------------------------------------------- the papers


def occupancy_network(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """Occupancy Networks, eval_meshes: 100k points each, unit cube, Chamfer-L1 in tenths."""
    points = rng.uniform(-PADDED_HALF, PADDED_HALF, (100_000, 3))
    second = ground_truth.surface(100_000, rng)
    first = None if shape is None else shape.surface(100_000, rng)
    forward, backward = _both_ways(None if first is None else first.points, second.points)
    return {
        "iou": _point_iou(shape, ground_truth, points),
        "accuracy": float(forward.mean()),
        "completeness": float(backward.mean()),
        "chamfer_l1": 10 * float(forward.mean() + backward.mean()) / 2,
        "chamfer_l2": float((forward**2).mean() + (backward**2).mean()) / 2,
        "normal_consistency": _normals(first, second),
        "f_score_1%": _scores(forward, backward, 0.01)[2],
    }


def _normals(first: SampledSurface | None, second: SampledSurface) -> float:
    """Return the normal consistency; -1, the authors' value, for an empty mesh."""
    if first is None:
        return -1.0
    return normal_consistency(first.points, first.normals, second.points, second.normals)


def tdgn(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """TDGN: IoU and Chamfer as Occupancy Networks; F at radius 0.01 (the tables) and 0.02."""
    points = rng.uniform(-PADDED_HALF, PADDED_HALF, (100_000, 3))
    second = ground_truth.surface(100_000, rng).points
    forward, backward = _both_ways(_cloud(shape, 100_000, rng), second)
    return {
        "iou": _point_iou(shape, ground_truth, points),
        "chamfer_l1": 10 * float(forward.mean() + backward.mean()) / 2,
        "f_score_1%": _scores(forward, backward, 0.01)[2],
        "f_score_2%": _scores(forward, backward, 0.02)[2],
    }


def deep_meta(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """Deep Meta: IoU at 32^3 and at 256^3 pooled to 32^3, in percent; Chamfer of 10k points x 1000.

    Shapes are given with a longest side of 64/35. The grids cover the cube around the object; the
    Chamfer distance is AtlasNet's, with the truth scaled to the unit ball.
    """
    half = 32 / 35
    values = {"iou_32": 100 * _grid_iou(shape, ground_truth, 32, half)}
    pooled = 0.0
    if shape is not None:
        grids = (pool(solid.occupancy_grid(256, half), 8) for solid in (shape, ground_truth))
        pooled = iou(*grids)
    values["iou_256_pooled"] = 100 * pooled
    second = ground_truth.surface(10_000, rng).points
    radius = np.linalg.norm(second - second.mean(0), axis=1).max()
    forward, backward = _both_ways(_cloud(shape, 10_000, rng), second)
    squares = float((forward**2).mean() + (backward**2).mean())
    values["chamfer_l2"] = 1000 * squares / float(radius) ** 2
    return values


def disn(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """DISN, in the unit sphere of the truth: 2,048 random *vertices* of each mesh."""
    second = _vertices(ground_truth, 2_048, rng)
    first = None if shape is None else _vertices(shape, 2_048, rng)
    forward, backward = _both_ways(first, second)
    moved = _moved(first, second)
    values = {
        "chamfer_l2": 1000 * float((forward**2).mean() + (backward**2).mean()),
        "emd": 0.01 * float(moved.sum()),
        "emd_mean": float(moved.mean()),
        "iou": 100 * _grid_iou(shape, ground_truth, 110, 1.0),
    }
    for percent in DISN_THRESHOLDS:
        scores = _scores(forward, backward, percent / 100 * DISN_SIDE)
        for word, value in zip(("precision", "recall", "f_score"), scores, strict=True):
            values[f"{word}_{percent:g}%"] = value / 100
    return values


def _vertices(shape: Evaluable, count: int, rng: Rng) -> np.ndarray:
    """Draw vertices used by faces, without replacement if there are enough."""
    used = shape.vertices[np.unique(shape.faces)]
    return used[rng.choice(len(used), count, replace=len(used) < count)]


def uclid(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """UCLID-Net, in the unit sphere of the truth; an empty prediction becomes 100 random points."""
    second = ground_truth.surface(12_000, rng).points
    first = _cloud(shape, 12_000, rng)
    if first is None:
        first = rng.uniform(-0.5, 0.5, (100, 3))
    pairs = {n: (_some(first, n, rng), _some(second, n, rng)) for n in (2_048, 7_000, 10_000)}
    forward, backward = _both_ways(*pairs[2_048])
    moved = matched_distance(*pairs[2_048])
    return {
        "chamfer_l2": 1000 * float((forward**2).mean() + (backward**2).mean()),
        "emd": 0.01 * float(moved.sum()),
        "emd_mean": float(moved.mean()),
        "shell_iou": 100 * shell_iou(*pairs[7_000]),
        "f_score_5%": _scores(*_both_ways(*pairs[10_000]), 2 * 0.05)[2],
    }


def _some(cloud: np.ndarray, count: int, rng: Rng) -> np.ndarray:
    return cloud[rng.choice(len(cloud), count, replace=len(cloud) < count)]


def pix3d(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """Pix3D: 1,024 surface points, each cloud centred and scaled to a longest side of 1; x 100."""
    second = _boxed(ground_truth.surface(1_024, rng).points)
    first = None if shape is None else _boxed(shape.surface(1_024, rng).points)
    forward, backward = _both_ways(first, second)
    return {
        "chamfer_l1": 100 * float(forward.mean() + backward.mean()),
        "emd": 100 * float(_moved(first, second).mean()),
    }


def _boxed(points: np.ndarray) -> np.ndarray:
    matrix = from_box(points, 1.0)
    return points * matrix[0, 0] + matrix[:3, 3]


def sdf_srn(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """SDF-SRN on ShapeNet: 100k predicted points, 30k true ones, both means x 10."""
    second = ground_truth.surface(30_000, rng).points
    forward, backward = _both_ways(_cloud(shape, 100_000, rng), second)
    return {"accuracy": 10 * float(forward.mean()), "coverage": 10 * float(backward.mean())}


def sdf_srn_pascal(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """SDF-SRN on PASCAL3D+: 50k true points, after 50 steps of ICP."""
    second = ground_truth.surface(50_000, rng).points
    first = _cloud(shape, 100_000, rng)
    if first is not None:
        first = icp(first, second, iterations=50)[0]
    forward, backward = _both_ways(first, second)
    return {"accuracy": 10 * float(forward.mean()), "coverage": 10 * float(backward.mean())}


def _around(shape: Maybe) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the padded box, extended to contain the prediction.

    The papers' box alone ignores parts of a prediction outside it.
    """
    corners = np.array([[-PADDED_HALF] * 3, [PADDED_HALF] * 3])
    if shape is not None:
        corners = np.concatenate([corners, shape.vertices[np.unique(shape.faces)]])
    return corners.min(0), corners.max(0)


def levelform(shape: Maybe, ground_truth: Evaluable, rng: Rng) -> Numbers:
    """Ours: lengths in percent of the truth's longest side, IoU on 100k points around both."""
    lower, upper = _around(shape)
    points = rng.uniform(lower, upper, (100_000, 3))
    second = ground_truth.surface(50_000, rng)
    first = None if shape is None else shape.surface(50_000, rng)
    forward, backward = _both_ways(None if first is None else first.points, second.points)
    return {
        "iou": _point_iou(shape, ground_truth, points),
        "chamfer_l1": 100 * float(forward.mean() + backward.mean()) / 2,
        "normal_consistency": _normals(first, second),
        "f_score_1%": _scores(forward, backward, 0.01)[2],
        "f_score_2%": _scores(forward, backward, 0.02)[2],
    }
