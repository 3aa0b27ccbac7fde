"""The vocabulary of category programs: solids placed by what they connect.

Units are arbitrary, since the finished shape is normalised. +Z is up and the front faces -Y.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np

from ...contract.errors import WorkError
from .parts import Body, Material, Part
from .primitives import PrimitiveKind

Vector = Sequence[float] | np.ndarray
AXES = {"x": np.array([1.0, 0, 0]), "y": np.array([0, 1.0, 0]), "z": np.array([0, 0, 1.0])}


def rotation_about(axis: str | Vector, degrees: float) -> np.ndarray:
    """Return the (3, 3) rotation about an axis, right-handed."""
    x, y, z = AXES[axis] if isinstance(axis, str) else np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(degrees)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross)


def aim(direction: Vector) -> np.ndarray:
    """Return a (3, 3) rotation that takes +Z to a direction, of any length."""
    z = np.asarray(direction, np.float64)
    z = z / np.linalg.norm(z)
    side = AXES["x"] if abs(z[0]) < 0.9 else AXES["y"]
    y = np.cross(z, side)
    y /= np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z], axis=1)


LIE = {
    "x": rotation_about("y", 90) @ rotation_about("z", 90),
    "y": rotation_about("x", 90),
    "z": np.eye(3),
}
"""Where an outline's plane goes so that its depth runs along an axis: its x and y become

"x": y and z (seen from +X); "y": x and z (seen from the front, depth towards the front); "z": x and
y.
"""


class Build:
    """Collects the parts of one shape.

    Parameters
    ----------
    rng : source of the program's random choices
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.parts: list[Part] = []
        self.bodies: list[Body] = [Body()]
        self._body = 0
        self._frame = np.eye(4)

    # ---------------------------------------------------------------- choices

    def between(self, low: float, high: float) -> float:
        """Draw a number between two bounds."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self.rng.random() < probability)

    def count(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, inclusive."""
        return int(self.rng.integers(low, high + 1))

    def choice(self, *options):
        """Draw one of the options."""
        return options[int(self.rng.integers(len(options)))]

    # ---------------------------------------------------------------- structure

    @contextmanager
    def body(self, blend: float = 0.0, cut_blend: float = 0.0) -> Iterator[None]:
        """Collect the parts made inside into a body of their own, affected only by its own cuts."""
        if self._body:
            raise WorkError("A body can't be opened inside another.")
        self.bodies.append(Body(blend, cut_blend))
        self._body = len(self.bodies) - 1
        yield
        self._body = 0

    @contextmanager
    def at(self, shift: Vector = (0, 0, 0), rotation: np.ndarray | None = None) -> Iterator[None]:
        """Transform the parts made inside: rotate by (3, 3), then translate; nests."""
        before = self._frame
        step = np.eye(4)
        step[:3, :3] = np.eye(3) if rotation is None else rotation
        step[:3, 3] = shift
        self._frame = before @ step
        yield
        self._frame = before

    def add(
        self,
        kind: PrimitiveKind,
        numbers: Vector,
        center: Vector,
        material: Material,
        rotation: np.ndarray | None = None,
        cut: bool = False,
    ) -> None:
        """Add one solid (see `PrimitiveKind`), rotated by `rotation` and centred at `center`."""
        if cut and not self._body:
            raise WorkError("A cut needs a body to cut.")
        frame = np.eye(4)
        frame[:3, :3] = np.eye(3) if rotation is None else rotation
        frame[:3, 3] = center
        frame = (self._frame @ frame)[:3]
        numbers = np.array(numbers, np.float64)
        self.parts.append(Part(kind, numbers, frame, material, self._body, cut))

    # ---------------------------------------------------------------- solids

    def box(
        self,
        center: Vector,
        size: Vector,
        material: Material,
        *,
        round: float = 0.0,
        rotation: np.ndarray | None = None,
        cut: bool = False,
    ) -> None:
        """Add a box of full `size`, with edges rounded by a radius clamped to fit."""
        half = np.asarray(size, np.float64) / 2
        radius = min(round, 0.98 * float(half.min()))
        self.add(PrimitiveKind.BOX, [*(half - radius), radius], center, material, rotation, cut)

    def cone(
        self,
        start: Vector,
        end: Vector,
        radius: float,
        end_radius: float,
        material: Material,
        *,
        round: float = 0.0,
        cut: bool = False,
    ) -> None:
        """Add a capped cone between two points, with rims rounded by a radius clamped to fit."""
        start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
        length = float(np.linalg.norm(end - start))
        fit = min(round, 0.49 * length, 0.98 * max(min(radius, end_radius), 0.0))
        numbers = [length / 2 - fit, radius - fit, end_radius - fit, fit]
        self.add(PrimitiveKind.CONE, numbers, (start + end) / 2, material, aim(end - start), cut)

    def cylinder(
        self,
        start: Vector,
        end: Vector,
        radius: float,
        material: Material,
        *,
        round: float = 0.0,
        cut: bool = False,
    ) -> None:
        """Add a cylinder between two points."""
        self.cone(start, end, radius, radius, material, round=round, cut=cut)

    def rod(
        self,
        start: Vector,
        end: Vector,
        radius: float,
        material: Material,
        *,
        end_radius: float | None = None,
        cut: bool = False,
    ) -> None:
        """Add a capsule between the centres of its two balls, which may differ in size."""
        start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
        length = float(np.linalg.norm(end - start))
        last = radius if end_radius is None else end_radius
        if length <= abs(radius - last):
            raise WorkError(f"A rod of length {length} can't go from {radius} to {last}.")
        numbers = [length / 2, radius, last]
        self.add(PrimitiveKind.CAPSULE, numbers, (start + end) / 2, material, aim(end - start), cut)

    def path(self, points: Sequence[Vector], radius: float, material: Material) -> None:
        """Add a bent tube: rods from each point to the next."""
        for start, end in pairwise(points):
            self.rod(start, end, radius, material)

    def ball(self, center: Vector, radius: float, material: Material, *, cut: bool = False) -> None:
        """Add a ball."""
        self.add(PrimitiveKind.ELLIPSOID, [radius] * 3, center, material, cut=cut)

    def ellipsoid(
        self,
        center: Vector,
        radii: Vector,
        material: Material,
        *,
        rotation: np.ndarray | None = None,
        cut: bool = False,
    ) -> None:
        """Add an ellipsoid."""
        self.add(PrimitiveKind.ELLIPSOID, radii, center, material, rotation, cut)

    def ring(
        self,
        center: Vector,
        radius: float,
        tube: float,
        material: Material,
        *,
        axis: Vector = (0, 0, 1),
        rotation: np.ndarray | None = None,
        arc: float = 360.0,
        cut: bool = False,
    ) -> None:
        """Add a torus around an axis, or an arc of it: `arc` degrees around the local +x."""
        rotation = aim(axis) if rotation is None else rotation
        numbers = [radius, tube, math.radians(arc) / 2]
        self.add(PrimitiveKind.TORUS, numbers, center, material, rotation, cut)

    def frustum(
        self,
        center: Vector,
        height: float,
        bottom: Vector,
        top: Vector,
        material: Material,
        *,
        rotation: np.ndarray | None = None,
        cut: bool = False,
    ) -> None:
        """Add a box that tapers from full sizes x, y at the bottom to others at the top."""
        numbers = np.array([height, *bottom, *top]) / 2
        self.add(PrimitiveKind.FRUSTUM, numbers, center, material, rotation, cut)

    def extrude(
        self,
        outline: Sequence[Vector] | np.ndarray,
        depth: float,
        material: Material,
        *,
        along: str = "z",
        center: Vector = (0, 0, 0),
        rotation: np.ndarray | None = None,
        round: float = 0.0,
        cut: bool = False,
    ) -> None:
        """Extrude a polygon, (M, 2), by a full `depth` centred on its plane.

        `along` is the axis of the depth, see `LIE`; `rotation` is applied after it. Rounding grows
        the polygon outwards by the radius; the depth does not change.
        """
        radius = min(round, 0.49 * depth)
        numbers = [depth / 2 - radius, radius, *_loop(outline).ravel()]
        turned = LIE[along] if rotation is None else rotation @ LIE[along]
        self.add(PrimitiveKind.EXTRUSION, numbers, center, material, turned, cut)

    def revolve(
        self,
        profile: Sequence[Vector] | np.ndarray,
        material: Material,
        *,
        center: Vector = (0, 0, 0),
        rotation: np.ndarray | None = None,
        round: float = 0.0,
        cut: bool = False,
    ) -> None:
        """Revolve a closed profile (radius, z) around z; it may touch the axis."""
        edges = _loop(profile)
        if edges[:, [0, 2]].min() < 0:
            raise WorkError("A profile has a radius below zero.")
        edges = edges[(edges[:, 0] > 1e-9) | (edges[:, 2] > 1e-9)]
        self.add(PrimitiveKind.REVOLUTION, [round, *edges.ravel()], center, material, rotation, cut)


def _loop(polygon: Sequence[Vector] | np.ndarray) -> np.ndarray:
    """Return the edges, (M, 4), of a closed polygon, counter-clockwise."""
    corners = np.asarray(polygon, np.float64)
    following = np.roll(corners, -1, axis=0)
    twice = (corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]).sum()
    if twice < 0:
        corners = corners[::-1]
        following = np.roll(corners, -1, axis=0)
    return np.concatenate([corners, following], axis=1)
