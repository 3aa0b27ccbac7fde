"""A part: one solid with its place, its colour and its role; and the box that bounds it."""

from dataclasses import dataclass, replace

import numpy as np

from .primitives import HEAD, PrimitiveKind


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    color : (3,) linear RGB
    gloss : strength of the highlight, 0 (matte) to 1
    """

    color: tuple[float, float, float] = (0.5, 0.5, 0.5)
    gloss: float = 0.2


@dataclass(frozen=True)
class Part:
    """One solid.

    Attributes
    ----------
    kind, numbers : what it is, see `primitives.Kind`
    frame : (3, 4) float64, object_from_local
    material : how its surface looks; a cut's is that of the walls it leaves
    body : the index of the body it belongs to
    cut : taken away from its body rather than added
    """

    kind: PrimitiveKind
    numbers: np.ndarray
    frame: np.ndarray
    material: Material
    body: int = 0
    cut: bool = False

    @property
    def scale(self) -> float:
        """Local distances times this are conservative in the object frame: the least stretch."""
        return float(np.linalg.svd(self.frame[:, :3], compute_uv=False)[-1])

    def moved(self, scale: float, translation: np.ndarray) -> "Part":
        """Return the part scaled evenly about the origin, then shifted by (3,)."""
        frame = self.frame * scale
        frame[:, 3] += translation
        return replace(self, frame=frame)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper corner, (3,) each, of the tightest box in the object frame."""
        linear, origin = self.frame[:, :3], self.frame[:, 3]
        upper = support(self.kind, self.numbers, linear)
        lower = support(self.kind, self.numbers, -linear)
        return origin - lower, origin + upper


@dataclass(frozen=True)
class Body:
    """Parts that are joined first, then cut: their union minus the union of their cuts.

    blend : radius of the smooth union, object units; 0 is sharp
    cut_blend : radius of the smooth cut, object units; 0 is sharp
    """

    blend: float = 0.0
    cut_blend: float = 0.0


def edges_of(kind: PrimitiveKind, numbers: np.ndarray) -> np.ndarray:
    """Return the edges, (M, 4), of an extrusion's or a revolution's polygon."""
    return numbers[HEAD[kind] :].reshape(-1, 4)


def support(kind: PrimitiveKind, numbers: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return how far a solid reaches along directions: max over its points of direction . point.

    Parameters
    ----------
    kind, numbers : the solid
    directions : (D, 3) local frame, of any length

    Returns
    -------
    (D,) float64
    """
    across, along = np.hypot(directions[:, 0], directions[:, 1]), directions[:, 2]
    length = np.linalg.norm(directions, axis=1)
    n = numbers
    if kind is PrimitiveKind.BOX:
        return np.abs(directions) @ n[:3] + n[3] * length
    if kind is PrimitiveKind.CONE:
        ends = np.stack([across * n[1] - along * n[0], across * n[2] + along * n[0]])
        return ends.max(0) + n[3] * length
    if kind is PrimitiveKind.CAPSULE:
        return np.maximum(n[1] * length - along * n[0], n[2] * length + along * n[0])
    if kind is PrimitiveKind.ELLIPSOID:
        return np.linalg.norm(directions * n, axis=1)
    if kind is PrimitiveKind.TORUS:
        return _arc_support(n[2], directions) * n[0] + n[1] * length
    if kind is PrimitiveKind.FRUSTUM:
        low = np.abs(directions[:, :2]) @ n[1:3] - along * n[0]
        return np.maximum(low, np.abs(directions[:, :2]) @ n[3:5] + along * n[0])
    corners = edges_of(kind, n).reshape(-1, 2)
    if kind is PrimitiveKind.EXTRUSION:
        return (directions[:, :2] @ corners.T).max(1) + np.abs(along) * n[0] + n[1] * length
    reach = across[:, None] * corners[:, 0] + along[:, None] * corners[:, 1]
    return reach.max(1) + n[0] * length


def _arc_support(half: float, directions: np.ndarray) -> np.ndarray:
    """Return how far an arc of the unit circle around +x, of half angle `half`, reaches."""
    across = np.hypot(directions[:, 0], directions[:, 1])
    angle = np.abs(np.arctan2(directions[:, 1], directions[:, 0]))
    end = directions[:, 0] * np.cos(half) + np.abs(directions[:, 1]) * np.sin(half)
    return np.where(angle <= half, across, end)
