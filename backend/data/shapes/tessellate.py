"""Tessellates a solid: flat faces with sharp edges, curved ones with exact normals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .parts import Part, edges_of
from .primitives import PrimitiveKind

CHORD = 1.2e-3  # object units: maximum deviation of a facet from a curved surface


@dataclass(frozen=True)
class Patch:
    """Triangles.

    vertices, normals : (V, 3) float64; faces : (F, 3), counter-clockwise seen from outside
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray


def tessellate(part: Part) -> Patch:
    """Return the closed surface of one part in the object frame."""
    patch = _MAKE[part.kind](part.numbers, part.scale)
    linear = part.frame[:, :3]
    vertices = patch.vertices @ linear.T + part.frame[:, 3]
    normals = patch.normals @ np.linalg.inv(linear)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)
    return _outward(Patch(vertices, normals, patch.faces))


def join(patches: list[Patch]) -> Patch:
    """Concatenate patches."""
    starts = np.cumsum([0, *(len(p.vertices) for p in patches)])
    return Patch(
        np.concatenate([p.vertices for p in patches]),
        np.concatenate([p.normals for p in patches]),
        np.concatenate([p.faces + s for p, s in zip(patches, starts, strict=False)]),
    )


def _outward(patch: Patch) -> Patch:
    """Remove degenerate triangles and orient the others by their normals."""
    a, b, c = patch.vertices[patch.faces].transpose(1, 0, 2)
    cross = np.cross(b - a, c - a)
    agree = np.einsum("fc,fc->f", cross, patch.normals[patch.faces].sum(1))
    faces = np.where(agree[:, None] < 0, patch.faces[:, ::-1], patch.faces)
    return Patch(patch.vertices, patch.normals, faces[(cross**2).sum(1) > 1e-20])


def segments(radius: float) -> int:
    """Return the number of facets, a multiple of 4, of a full circle; radius in object units."""
    step = np.arccos(1 - CHORD / max(radius, 2 * CHORD))
    return int(np.clip(4 * np.ceil(np.pi / step / 4), 8, 64))


def _grid(rows: np.ndarray, normals: np.ndarray, wrap: bool) -> Patch:
    """Return the quads between neighbours in a grid, (R, S, 3); `wrap` closes its rows."""
    count, size = rows.shape[:2]
    index = np.arange(count * size).reshape(count, size)
    right = np.roll(index, -1, axis=1)
    a, b, c, d = index[:-1], right[:-1], right[1:], index[1:]
    if not wrap:
        a, b, c, d = (q[:, :-1] for q in (a, b, c, d))
    a, b, c, d = (q.ravel() for q in (a, b, c, d))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return Patch(rows.reshape(-1, 3), normals.reshape(-1, 3), faces)


# ---------------------------------------------------------------- solids of revolution


def lathe(profile: np.ndarray, normals: np.ndarray, count: int) -> Patch:
    """Revolve points (radius, z), (K, 2), and their normals, (K, 2), around z in `count` facets."""
    angle = np.arange(count) * (2 * np.pi / count)
    cosine, sine = np.cos(angle), np.sin(angle)

    def around(line: np.ndarray) -> np.ndarray:
        height = np.broadcast_to(line[:, 1, None], (len(line), count))
        return np.stack([line[:, :1] * cosine, line[:, :1] * sine, height], -1)

    return _grid(around(profile), around(normals), wrap=True)


def _offset_line(
    edge: np.ndarray, before: np.ndarray | None, rounding: float, quarter: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return points and normals, (K, 2) each, of an edge offset by a rounding radius.

    The arc around a convex corner at its start comes first, with `quarter` facets to a right angle.
    """
    normal = _edge_normal(edge)
    points = [edge[:2] + rounding * normal, edge[2:] + rounding * normal]
    normals = [normal, normal]
    if rounding > 0 and before is not None:
        last = _edge_normal(before)
        if last[0] * normal[1] - last[1] * normal[0] > 1e-6:  # a convex corner
            arc = _arc(last, normal, quarter)
            points = [*(edge[:2] + rounding * arc), points[1]]
            normals = [*arc, normal]
    return np.array(points), np.array(normals)


def _edge_normal(edge: np.ndarray) -> np.ndarray:
    """Return the unit normal, to the right of an edge (x0, y0, x1, y1): outside of its polygon."""
    x, y = edge[2] - edge[0], edge[3] - edge[1]
    return np.array([y, -x]) / max(np.hypot(x, y), 1e-12)


def _arc(start: np.ndarray, end: np.ndarray, quarter: int) -> np.ndarray:
    """Return unit vectors, (K, 2), from one direction counter-clockwise to another."""
    first = np.arctan2(start[1], start[0])
    sweep = (np.arctan2(end[1], end[0]) - first) % (2 * np.pi)
    angle = first + np.linspace(0, sweep, 1 + max(1, round(sweep / (np.pi / 2) * quarter)))
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def _before(edges: np.ndarray) -> list[np.ndarray | None]:
    """Return the predecessor of each edge, or None."""
    result = []
    for edge in edges:
        same = np.abs(edges[:, 2:] - edge[:2]).max(1) < 1e-9
        result.append(edges[int(same.argmax())] if same.any() else None)
    return result


def _turned(edges: np.ndarray, rounding: float, scale: float) -> Patch:
    """Return the surface of revolution of a profile's edges, offset by a rounding radius."""
    count = segments(scale * float(edges[:, [0, 2]].max() + rounding))
    quarter = segments(scale * rounding) // 4
    patches = []
    for edge, before in zip(edges, _before(edges), strict=True):
        profile, normals = _offset_line(edge, before, rounding, quarter)
        profile[:, 0] = profile[:, 0].clip(0)
        patches.append(lathe(profile, normals, count))
    return join(patches)


def _cone(numbers: np.ndarray, scale: float) -> Patch:
    half, bottom, top, rounding = numbers
    corners = np.array([[0, -half], [bottom, -half], [top, half], [0, half]])
    edges = np.concatenate([corners[:-1], corners[1:]], 1)
    edges = edges[np.hypot(edges[:, 0] - edges[:, 2], edges[:, 1] - edges[:, 3]) > 1e-9]
    return _turned(edges, rounding, scale)


def _revolution(numbers: np.ndarray, scale: float) -> Patch:
    return _turned(edges_of(PrimitiveKind.REVOLUTION, numbers), numbers[0], scale)


def _capsule(numbers: np.ndarray, scale: float) -> Patch:
    half, bottom, top = numbers
    lean = np.arcsin(np.clip((bottom - top) / (2 * half), -1, 1))
    count = segments(scale * max(bottom, top))
    steps = max(2, count // 4)
    low = np.linspace(-np.pi / 2, lean, steps + 1)
    high = np.linspace(lean, np.pi / 2, steps + 1)
    normals = np.stack([np.cos([*low, *high]), np.sin([*low, *high])], 1)
    radii = np.repeat([bottom, top], steps + 1)[:, None]
    profile = radii * normals + np.repeat([[0, -half], [0, half]], steps + 1, axis=0)
    return lathe(profile, normals, count)


def _ellipsoid(numbers: np.ndarray, scale: float) -> Patch:
    count = segments(scale * float(numbers.max()))
    angle = np.linspace(-np.pi / 2, np.pi / 2, count // 2 + 1)
    line = np.stack([np.cos(angle), np.sin(angle)], 1)
    ball = lathe(line, line, count)
    normals = ball.vertices / numbers
    return Patch(ball.vertices * numbers, normals, ball.faces)


def _torus(numbers: np.ndarray, scale: float) -> Patch:
    ring, tube, half = numbers
    around = segments(scale * tube)
    closed = half > np.pi - 1e-6
    count = max(2, int(segments(scale * (ring + tube)) * half / np.pi))
    arc = np.linspace(-half, half, count + 1)
    tip = np.linspace(np.pi / 2, 0, 1 + max(2, around // 4))
    lift = np.zeros(0) if closed else tip
    # Rows along the arc; an open end is a hemisphere of shrinking circles.
    at = np.concatenate([np.full(len(lift), -half), arc, np.full(len(lift), half)])
    ahead = np.concatenate([-lift, np.zeros(len(arc)), lift[::-1]])
    theta = np.arange(around) * (2 * np.pi / around)
    outward = np.cos(ahead)[:, None] * np.cos(theta)
    upward = np.cos(ahead)[:, None] * np.sin(theta)
    forward = np.broadcast_to(np.sin(ahead)[:, None], outward.shape)
    cosine, sine = np.cos(at)[:, None], np.sin(at)[:, None]
    normals = np.stack(
        [outward * cosine - forward * sine, outward * sine + forward * cosine, upward], -1
    )
    centers = ring * np.stack([np.cos(at), np.sin(at), np.zeros_like(at)], -1)
    return _grid(centers[:, None] + tube * normals, normals, wrap=True)


# ---------------------------------------------------------------- flat-sided solids


def _frustum(numbers: np.ndarray, scale: float) -> Patch:
    half, ax, ay, bx, by = numbers
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    low = np.column_stack([signs * [ax, ay], np.full(4, -half)])
    high = np.column_stack([signs * [bx, by], np.full(4, half)])
    quads = [low[::-1], high]
    quads += [
        np.array([low[i], low[j], high[j], high[i]])
        for i, j in zip(range(4), (1, 2, 3, 0), strict=True)
    ]
    return join([_flat(quad) for quad in quads])


def _flat(corners: np.ndarray) -> Patch:
    """Return a flat convex polygon, (K, 3)."""
    following = np.roll(corners, -1, axis=0)
    normal = np.cross(corners, following).sum(0)  # twice the area vector
    normal = normal / max(np.linalg.norm(normal), 1e-12)
    fan = np.array([[0, i, i + 1] for i in range(1, len(corners) - 1)])
    return Patch(corners, np.broadcast_to(normal, corners.shape), fan)


def _box(numbers: np.ndarray, scale: float) -> Patch:
    x, y, z, rounding = numbers
    corners = np.array([[-x, -y], [x, -y], [x, y], [-x, y]])
    edges = np.concatenate([corners, np.roll(corners, -1, axis=0)], 1)
    return _pulled(edges, z, rounding, scale)


def _extrusion(numbers: np.ndarray, scale: float) -> Patch:
    return _pulled(edges_of(PrimitiveKind.EXTRUSION, numbers), numbers[0], numbers[1], scale)


def _pulled(edges: np.ndarray, half: float, rounding: float, scale: float) -> Patch:
    """Return a polygon extruded along z from -half to half and offset by a rounding radius."""
    quarter = segments(scale * rounding) // 4
    lift = np.linspace(0, np.pi / 2, quarter + 1) if rounding > 0 else np.zeros(1)
    tilt = np.concatenate([-lift[::-1], lift])
    level = np.repeat([-half, half], len(lift))
    patches = []
    for edge, before in zip(edges, _before(edges), strict=True):
        line, normals = _offset_line(edge, before, rounding, quarter)
        core = line - rounding * normals
        flat = np.cos(tilt)[:, None, None] * normals
        rise = np.broadcast_to(np.sin(tilt)[:, None, None], (*flat.shape[:2], 1))
        normal = np.concatenate([flat, rise], -1)
        base = np.broadcast_to(core, flat.shape)
        base = np.concatenate([base, np.broadcast_to(level[:, None, None], rise.shape)], -1)
        patches.append(_grid(base + rounding * normal, normal, wrap=False))
    faces = triangles_of(edges[:, :2])
    for side in (-1, 1):
        height = np.full((len(edges), 1), side * (half + rounding))
        normal = np.broadcast_to([0.0, 0.0, side], (len(edges), 3))
        patches.append(Patch(np.concatenate([edges[:, :2], height], 1), normal, faces))
    return join(patches)


def triangles_of(polygon: np.ndarray) -> np.ndarray:
    """Triangulate a simple counter-clockwise polygon, (M, 2), by ear clipping: (M - 2, 3)."""
    left = list(range(len(polygon)))
    faces = []
    while len(left) > 3:
        ears = [i for i in range(len(left)) if _is_ear(polygon, left, i)]
        best = max(ears, key=lambda i: _ear_height(polygon, left, i)) if ears else 0
        faces.append([left[best - 1], left[best], left[(best + 1) % len(left)]])
        del left[best]
    return np.array([*faces, left])


def _corner(
    polygon: np.ndarray, left: list[int], i: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return polygon[left[i - 1]], polygon[left[i]], polygon[left[(i + 1) % len(left)]]


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return twice the signed area of triangles; `c` may be many points."""
    return (b[0] - a[0]) * (c[..., 1] - a[1]) - (b[1] - a[1]) * (c[..., 0] - a[0])


def _is_ear(polygon: np.ndarray, left: list[int], i: int) -> bool:
    a, b, c = _corner(polygon, left, i)
    if _cross(a, b, c) <= 0:
        return False
    skip = {left[i - 1], left[i], left[(i + 1) % len(left)]}
    rest = polygon[[k for k in left if k not in skip]]
    inside = (_cross(a, b, rest) >= 0) & (_cross(b, c, rest) >= 0) & (_cross(c, a, rest) >= 0)
    return not inside.any()


def _ear_height(polygon: np.ndarray, left: list[int], i: int) -> float:
    """Return the quality of an ear: its area over its longest side."""
    a, b, c = _corner(polygon, left, i)
    longest = max(np.hypot(*(b - a)), np.hypot(*(c - b)), np.hypot(*(a - c)))
    return float(_cross(a, b, c) / longest)


_MAKE: dict[PrimitiveKind, Callable[[np.ndarray, float], Patch]] = {
    PrimitiveKind.BOX: _box,
    PrimitiveKind.CONE: _cone,
    PrimitiveKind.CAPSULE: _capsule,
    PrimitiveKind.ELLIPSOID: _ellipsoid,
    PrimitiveKind.TORUS: _torus,
    PrimitiveKind.FRUSTUM: _frustum,
    PrimitiveKind.EXTRUSION: _extrusion,
    PrimitiveKind.REVOLUTION: _revolution,
}
