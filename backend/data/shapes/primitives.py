"""Signed distances of primitive solids, for many solids at many points at once.

Every solid is defined in its own local frame, mostly as a core grown by a rounding radius. All
distances are negative inside and 1-Lipschitz, so unions, cuts and affine frames keep them
*conservative*: their absolute value never exceeds the true distance to the surface. In a rigid or
evenly scaled frame a single solid's distance is exact, except for the frustum: the greatest
distance to its faces' planes is exact inside and above its faces, but up to a half too small where
an edge or a corner is nearest.

The formulas are those of Euclidean geometry; the capped cone, the round cone and the arc of a torus
follow the derivations that Inigo Quilez published, the ellipsoid follows Eberly, "Distance from a
point to an ellipse, an ellipsoid, or a hyperellipsoid" (2013).
"""

import math
from collections.abc import Callable
from enum import IntEnum

import torch
from torch import Tensor

NEWTON_STEPS = 10  # for the ellipsoid's foot point; float32 converges in eight at an aspect of 30


class PrimitiveKind(IntEnum):
    """Kinds of solids. Their numbers (local units) are, in this order:

    BOX : half sizes x, y, z of the core; rounding
    CONE : half height along z, radius at the bottom, radius at the top, rounding (cylinders too)
    CAPSULE : half length along z, radius of the ball at the bottom, radius of the ball at the top
    ELLIPSOID : radii x, y, z
    TORUS : radius of the ring in the xy plane, radius of the tube, half angle of the arc around +x
    FRUSTUM : half height along z, half sizes x, y at the bottom, half sizes x, y at the top
    EXTRUSION : half depth along z, rounding, then the edges x0, y0, x1, y1 of a polygon
    REVOLUTION : rounding, then the edges of a profile (radius, z), revolved around z; without edges
        on the axis
    """

    BOX = 0
    CONE = 1
    CAPSULE = 2
    ELLIPSOID = 3
    TORUS = 4
    FRUSTUM = 5
    EXTRUSION = 6
    REVOLUTION = 7


HEAD = {PrimitiveKind.EXTRUSION: 2, PrimitiveKind.REVOLUTION: 1}
"""How many numbers stand before the edges of a polygon."""


def distance(kind: PrimitiveKind, local: Tensor, numbers: Tensor) -> Tensor:
    """Return the signed distances of N solids of one kind, each at P points of its own.

    Parameters
    ----------
    kind : of all N solids
    local : (N, 3, P) points in the local frame of each solid
    numbers : (N, C) see `PrimitiveKind`

    Returns
    -------
    (N, P) in local units
    """
    x, y, z = local.unbind(1)
    return _DISTANCE[kind](x, y, z, numbers)


def _columns(numbers: Tensor, count: int) -> list[Tensor]:
    return [numbers[:, i, None] for i in range(count)]


def _join(a: Tensor, b: Tensor) -> Tensor:
    """Return the distance of a product of two sets from the distances to each, (N, P)."""
    outside = torch.hypot(a.clamp_min(0), b.clamp_min(0))
    return outside + torch.maximum(a, b).clamp_max(0)


def _box(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    a, b, c, rounding = _columns(numbers, 4)
    x, y, z = x.abs() - a, y.abs() - b, z.abs() - c
    inside = torch.maximum(torch.maximum(x, y), z).clamp_max(0)
    x, y, z = x.clamp_min(0), y.clamp_min(0), z.clamp_min(0)
    return (x * x).addcmul_(y, y).addcmul_(z, z).sqrt_().add_(inside).sub_(rounding)


def _cone(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    half, bottom, top, rounding = _columns(numbers, 4)
    radius = torch.hypot(x, y)
    # To the nearer cap, and to the slanted side as a segment from (bottom, -half) to (top, half).
    cap_x = (radius - torch.where(z < 0, bottom, top)).clamp_min(0)
    cap_y = z.abs() - half
    slope_x, slope_y = top - bottom, 2 * half
    along = (radius - bottom) * slope_x + (z + half) * slope_y
    along = (along / (slope_x * slope_x + slope_y * slope_y)).clamp(0, 1)
    side_x = radius - bottom - along * slope_x
    side_y = z + half - along * slope_y
    squared = torch.minimum(cap_x * cap_x + cap_y * cap_y, side_x * side_x + side_y * side_y)
    inside = (side_x < 0) & (cap_y < 0)
    return torch.where(inside, -squared.sqrt(), squared.sqrt()) - rounding


def _capsule(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    half, bottom, top = _columns(numbers, 3)
    lean = (bottom - top) / (2 * half)
    upright = (1 - lean * lean).clamp_min(0).sqrt()
    radius, height = torch.hypot(x, y), z + half
    along = upright * height - lean * radius
    low = torch.hypot(radius, height) - bottom
    high = torch.hypot(radius, height - 2 * half) - top
    side = upright * radius + lean * height - bottom
    return torch.where(along < 0, low, torch.where(along > upright * 2 * half, high, side))


def _ellipsoid(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    """Find the foot point r^2 p / (t + r^2) on the ellipsoid by Newton's method in t.

    The condition is convex and decreasing in t, so Newton's method started left of the root
    converges monotonically.
    """
    numbers, order = numbers.sort(dim=1)  # the shortest axis first
    points = torch.stack([x, y, z], 1).abs()
    points = points.gather(1, order[:, :, None].expand_as(points)) / numbers[:, :1, None]
    radii = (numbers / numbers[:, :1])[:, :, None]
    squares, weights = radii * radii, radii * points
    t = (weights - squares).amax(1).clamp_min(-1 + 1e-4)  # the centre has no foot point of its own
    for _ in range(NEWTON_STEPS):
        inverse = 1 / (t[:, None] + squares)
        terms = (weights * inverse) ** 2
        slope = (terms * inverse).sum(1)
        t = torch.maximum(t, t + (terms.sum(1) - 1) / (2 * slope).clamp_min(1e-12))
    outside = t.abs() * (points / (t[:, None] + squares)).square_().sum(1).sqrt_()
    # Inside, rounding dominates the foot point's short-axis coordinate: compute it from the others.
    others, at = points[:, 1:], t[:, None] + squares[:, 1:]
    rest = 1 - (weights[:, 1:] / at).square_().sum(1)
    inside = t.abs() * ((others / at).square_().sum(1) + rest.clamp_min(0)).sqrt_()
    level = (points / radii).square_().sum(1)
    return numbers[:, :1] * torch.where(level < 1, -inside, outside)


def _torus(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    ring, tube, arc = _columns(numbers, 3)
    y = y.abs()
    sine, cosine = arc.sin(), arc.cos()
    beyond = (cosine * y > sine * x) & (arc < math.pi - 1e-6)
    reach = torch.where(beyond, cosine * x + sine * y, torch.hypot(x, y))
    squared = x * x + y * y + z * z + ring * ring - 2 * ring * reach
    return squared.clamp_min(0).sqrt() - tube


def _frustum(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    half, ax, ay, bx, by = _columns(numbers, 5)
    result = z.abs() - half
    for across, low, high in ((x, ax, bx), (y, ay, by)):
        slope = (high - low) / (2 * half)
        face = (across.abs() - (low + high) / 2 - slope * z) / (1 + slope * slope).sqrt()
        result = torch.maximum(result, face)
    return result


def _polygon(x: Tensor, y: Tensor, edges: Tensor) -> Tensor:
    """Return the signed distances to polygons.

    Parameters
    ----------
    x, y : (N, P)
    edges : (N, 4 M), x0, y0, x1, y1 of M edges in any order; edges of length 0 are padding
    """
    best = torch.full_like(x, math.inf)
    odd = torch.zeros_like(x, dtype=torch.bool)
    for i in range(0, edges.shape[1], 4):
        x0, y0, x1, y1 = (edges[:, i + j, None] for j in range(4))
        ex, ey = x1 - x0, y1 - y0
        inverse = 1 / (ex * ex + ey * ey).clamp_min(1e-20)
        wx, wy = x - x0, y - y0
        along = (wx * (ex * inverse) + wy * (ey * inverse)).clamp_(0, 1)
        crosses = (y0 <= y) != (y1 <= y)
        slope = torch.where(ey == 0, torch.zeros_like(ex), ex / torch.where(ey == 0, 1.0, ey))
        odd ^= crosses & (wx < wy * slope)
        wx = torch.addcmul(wx, along, ex, value=-1)
        wy = torch.addcmul(wy, along, ey, value=-1)
        best = torch.minimum(best, (wx * wx).addcmul_(wy, wy))
    best = best.sqrt_()
    return torch.where(odd, -best, best)


def _extrusion(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    half, rounding = _columns(numbers, 2)
    return (
        _join(_polygon(x, y, numbers[:, HEAD[PrimitiveKind.EXTRUSION] :]), z.abs() - half)
        - rounding
    )


def _revolution(x: Tensor, y: Tensor, z: Tensor, numbers: Tensor) -> Tensor:
    profile = _polygon(torch.hypot(x, y), z, numbers[:, HEAD[PrimitiveKind.REVOLUTION] :])
    return profile - numbers[:, 0, None]


_DISTANCE: dict[PrimitiveKind, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    PrimitiveKind.BOX: _box,
    PrimitiveKind.CONE: _cone,
    PrimitiveKind.CAPSULE: _capsule,
    PrimitiveKind.ELLIPSOID: _ellipsoid,
    PrimitiveKind.TORUS: _torus,
    PrimitiveKind.FRUSTUM: _frustum,
    PrimitiveKind.EXTRUSION: _extrusion,
    PrimitiveKind.REVOLUTION: _revolution,
}


def smooth_minimum(a: Tensor, b: Tensor, radius: Tensor) -> Tensor:
    """Return a smooth minimum: blended where the two differ by less than `radius`.

    Quadratic blend: min(a, b) - (radius - |a - b|)^2 / (4 radius). Its partial derivatives are
    nonnegative and add up to one, so it is 1-Lipschitz if both are. Radius 0 is the sharp minimum.
    """
    blend = (radius - (a - b).abs()).clamp_min(0)
    return torch.minimum(a, b) - blend * blend / (4 * radius.clamp_min(1e-12))
