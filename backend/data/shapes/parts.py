"""A part: one solid with its frame, material and role; and its bounding box."""

from dataclasses import dataclass, replace

import numpy as np

from .primitives import HEAD, PrimitiveKind


@dataclass(frozen=True)
class Material:
    """Appearance of a surface.

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
    kind, numbers : the solid, see `PrimitiveKind`
    frame : (3, 4) float64, object_from_local
    material : of its surface; a cut's material is that of its walls
    body : the index of the body it belongs to
    cut : subtracted from its body instead of added
    """

    kind: PrimitiveKind
    numbers: np.ndarray
    frame: np.ndarray
    material: Material
    body: int = 0
    cut: bool = False

    @property
    def scale(self) -> float:
        """Smallest singular value of the frame: local distances times it are conservative."""
        return float(np.linalg.svd(self.frame[:, :3], compute_uv=False)[-1])

    def moved(self, scale: float, translation: np.ndarray) -> "Part":
        """Return the part scaled uniformly about the origin, then translated by (3,)."""
        frame = self.frame * scale
        frame[:, 3] += translation
        return replace(self, frame=frame)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper corner, (3,) each, of the bounding box, object frame."""
        linear, origin = self.frame[:, :3], self.frame[:, 3]
        upper = support(self.kind, self.numbers, linear)
        lower = support(self.kind, self.numbers, -linear)
        return origin - lower, origin + upper


@dataclass(frozen=True)
class Body:
    """A set of parts: their union minus the union of its cuts.

    blend : radius of the smooth union, object units; 0 is sharp
    cut_blend : radius of the smooth cut, object units; 0 is sharp
    """

    blend: float = 0.0
    cut_blend: float = 0.0


def edges_of(kind: PrimitiveKind, numbers: np.ndarray) -> np.ndarray:
    """Return the edges, (M, 4), of an extrusion's or a revolution's polygon."""
    return numbers[HEAD[kind] :].reshape(-1, 4)


def support(kind: PrimitiveKind, numbers: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Support function of a solid: the maximum of direction . point over its points.

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
    """Support function of an arc of the unit circle, centred on +x, with half angle `half`."""
    across = np.hypot(directions[:, 0], directions[:, 1])
    angle = np.abs(np.arctan2(directions[:, 1], directions[:, 0]))
    end = directions[:, 0] * np.cos(half) + np.abs(directions[:, 1]) * np.sin(half)
    return np.where(angle <= half, across, end)
