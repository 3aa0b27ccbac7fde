"""The papers' distributions of training points, by name.

Each is drawn in its paper's own frame and handed back in the frame of the solid that was given.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...contract.errors import RequestError
from ...geometry.frames import FRAMES, apply, from_sphere, scale_of
from .solid import Solid

SPHERE_SAMPLES = 16_384  # surface points that define DISN's frame
DISN_GRID = 256  # cells along an axis of DISN's distance grid
DISN_HALF = 1.2  # half a side of that grid
DISN_ISO = 0.003  # DISN's surface: the level 0.003 of the distance to the original mesh
GRID_VERTICES = 65  # along a side of the grid of DISN's 3D CNN
DISN_BANDS = ((-0.1, -0.03), (-0.03, 0.0), (0.0, 0.03), (0.03, 0.1))


@dataclass(frozen=True)
class PointSet:
    """Points with their signed distance: `points` (N, 3) and `distance` (N,), float32.

    Negative is inside; lengths are in the frame of the solid they were drawn from.
    """

    points: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class Distribution:
    """How one paper draws points: the frame it speaks of, how many, and how."""

    frame: str
    count: int
    draw: Callable[[Solid, int, np.random.Generator], np.ndarray]
    iso: float = 0.0  # subtracted from the distance, in the paper's frame
    source: str = ""


def frame_matrix(solid: Solid, frame: str, rng: np.random.Generator) -> np.ndarray:
    """Return the (4, 4) similarity from the solid's frame to the named one of `FRAMES`."""
    if frame == "unit-sphere":
        return from_sphere(solid.surface(SPHERE_SAMPLES, rng).points)
    return FRAMES[frame](solid.vertices[np.unique(solid.faces)])


def sample_points(
    solid: Solid, name: str, *, count: int | None = None, seed: int = 0, labels: bool = True
) -> PointSet:
    """Draw labelled points as a paper does.

    Parameters
    ----------
    solid
        Mended, in any frame.
    name
        One of `DISTRIBUTIONS`.
    count
        How many; None is the paper's own number.
    labels
        False leaves `distance` at zero, for points on the surface or labelled elsewhere.

    Raises
    ------
    RequestError
        If there is no such distribution.
    """
    if name not in DISTRIBUTIONS:
        raise RequestError(
            f"{name!r} is not a distribution of points.",
            f"Choose one of {', '.join(DISTRIBUTIONS)}.",
        )
    how, rng = DISTRIBUTIONS[name], np.random.default_rng(seed)
    matrix = frame_matrix(solid, how.frame, rng)
    framed = solid.in_frame(matrix)
    points = how.draw(framed, how.count if count is None else count, rng)
    distance = np.zeros(len(points))
    if labels:
        distance = framed.signed_distance(points) - how.iso
    back = np.linalg.inv(matrix)
    own = apply(back, np.asarray(points, np.float64)).astype(np.float32)
    return PointSet(own, (distance * scale_of(back)).astype(np.float32))


def uniform(half: float) -> Callable[[Solid, int, np.random.Generator], np.ndarray]:
    """Return a drawing of uniform points in [-half, half]^3."""
    return lambda solid, count, rng: rng.uniform(-half, half, (count, 3))


def near_surface(*stds: float) -> Callable[[Solid, int, np.random.Generator], np.ndarray]:
    """Return a drawing of surface points with Gaussian noise, in equal shares of the given stds."""

    def draw(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
        points = solid.surface(count, rng).points.astype(np.float64)
        spread = np.repeat(stds, -(-count // len(stds)))[:count]
        return points + rng.normal(size=(count, 3)) * spread[:, None]

    return draw


def mixture(*parts) -> Callable[[Solid, int, np.random.Generator], np.ndarray]:
    """Return a drawing that takes (share, drawing) pairs; shares add up to 1."""

    def draw(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
        edges = np.round(np.cumsum([0.0, *[fraction for fraction, _ in parts]]) * count).astype(int)
        sizes = np.diff(edges)
        return np.concatenate(
            [how(solid, int(size), rng) for (_, how), size in zip(parts, sizes, strict=True)]
        )

    return draw


def clipped(draw) -> Callable[[Solid, int, np.random.Generator], np.ndarray]:
    """Return the same drawing, clipped to [-1, 1]^3 (Deep Meta)."""
    return lambda solid, count, rng: np.clip(draw(solid, count, rng), -1, 1)


def _on_surface(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
    return solid.surface(count, rng).points.astype(np.float64)


def _disn_bands(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw grid points, a quarter from each band of distance; a lack rolls over to the next."""
    candidates = _grid_near_surface(solid, max(4 * count, 4096), rng)
    distance = solid.signed_distance(candidates) - DISN_ISO
    picked, owed = [], 0
    for index, (low, high) in enumerate(DISN_BANDS):
        fraction = (index + 1) * count // 4 - index * count // 4
        inside = np.flatnonzero((distance >= low) & (distance < high))
        owed += fraction
        if len(inside):
            picked.append(candidates[rng.choice(inside, owed, replace=True)])
            owed = 0
    if owed and not picked:
        raise RequestError(
            f"{solid.name} has no grid point within 0.1 of its surface.", "Use a thicker shape."
        )
    if owed:  # the last bands were empty: what is owed is taken from all that was found
        indices = np.concatenate(picked)
        picked.append(indices[rng.integers(len(indices), size=owed)])
    return np.concatenate(picked)


def _grid_near_surface(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points of DISN's 257^3 grid, uniform among those within about 0.1 of the surface.

    Only the blocks of 8^3 cells that come near are drawn from: the dense grid has 17 M points.
    """
    step, blocks = 2 * DISN_HALF / DISN_GRID, DISN_GRID // 8
    size = 8 * step
    axis = (np.arange(blocks) + 0.5) * size - DISN_HALF
    centers = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    reach = 0.1 + DISN_ISO + size * np.sqrt(3) / 2
    near = np.flatnonzero(solid.distance(centers) <= reach)
    block = np.stack(np.unravel_index(near[rng.integers(len(near), size=count)], (blocks,) * 3), 1)
    index = block * 8 + rng.integers(0, 8, (count, 3))
    return index * step - DISN_HALF


def grid_vertices(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return different vertices, (count, 3), of the grid of DISN's 3D CNN over [-1, 1]^3.

    Raises
    ------
    RequestError
        If the grid has fewer.
    """
    if count > GRID_VERTICES**3:
        raise RequestError(
            f"The grid has {GRID_VERTICES**3} vertices, not {count}.", "Ask for fewer points."
        )
    chosen = rng.permutation(GRID_VERTICES**3)[:count]
    index = np.stack(np.unravel_index(chosen, (GRID_VERTICES,) * 3), 1)
    return 2.0 * index / (GRID_VERTICES - 1) - 1


DISTRIBUTIONS: dict[str, Distribution] = {
    "deep-meta-functionals": Distribution(
        "padded-grid",
        11_000,
        mixture((10 / 11, clipped(near_surface(0.1))), (1 / 11, uniform(1.0))),
        source="surface points with Gaussian noise (std 0.1, as the code has it), 10 % uniform",
    ),
    "disn": Distribution(
        "unit-sphere",
        32_768,
        _disn_bands,
        DISN_ISO,
        "grid points, a quarter from each of four bands",
    ),
    "disn-gaussian": Distribution(
        "unit-sphere", 32_768, near_surface(0.1), DISN_ISO, "surface points with noise N(0, 0.1)"
    ),
    "disn-grid": Distribution(
        "object",
        GRID_VERTICES**3,
        lambda _, count, rng: grid_vertices(count, rng),
        source="vertices of the grid of DISN's 3D CNN",
    ),
    "occupancy-network": Distribution(
        "unit-cube", 100_000, uniform(0.55), source="uniform in the padded box"
    ),
    "occupancy-network-near": Distribution(
        "unit-cube",
        100_000,
        mixture((0.5, uniform(0.55)), (0.5, near_surface(0.01))),
        source="half uniform, half beside the surface (std 0.01)",
    ),
    "tdgn": Distribution(
        "unit-cube",
        200_000,
        mixture((0.5, uniform(0.55)), (0.5, near_surface(0.0025, 0.025))),
        source="half uniform, half beside the surface (std 0.0025 and 0.025)",
    ),
    "uclid-net": Distribution("unit-box", 5_000, _on_surface, source="points on the surface"),
    "uniform": Distribution("object", 100_000, uniform(1.0), source="uniform in the volume"),
    "near": Distribution(
        "object",
        100_000,
        near_surface(0.01, 0.05),
        source="surface points with Gaussian noise (std 0.01 and 0.05)",
    ),
    "wide": Distribution(
        "object",
        100_000,
        near_surface(0.04, 0.1),
        source="surface points with Gaussian noise (std 0.04 and 0.1)",
    ),
}
