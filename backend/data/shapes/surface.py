"""The surface of a shape as triangles with sharp edges, for rendering and sampling.

Each part is tessellated separately; hidden triangles in overlaps stay (a depth buffer hides them,
the sampler rejects them). Cuts are exact: the parts' triangles are clipped at the cut, and the
cut's own triangles, inverted, become the walls. Bodies with a smooth union have a surface of their
own and are meshed by marching cubes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .batch import ShapeBatch
from .marching import march
from .parts import Part
from .shape import Shape, torch_points
from .tessellate import Patch, join, tessellate

Values = Callable[[np.ndarray], np.ndarray]

BLEND_CELL = 1 / 40  # object units: marching cubes cell for bodies with a smooth union
CLIP_EDGE = 0.03  # object units: triangles crossed by a cut are split down to this size
FLAT_EDGE = 0.2  # or to this, if the cut is straight across them
FLAT = 5e-4  # object units: tolerance for straight
TOUCH = 1e-6  # a wall that coincides with a face belongs to it


@dataclass(frozen=True)
class ShapeSurface:
    """Triangles in the object frame.

    Attributes
    ----------
    vertices, normals : (V, 3) float32; normals point outside
    faces : (F, 3) int64, counter-clockwise seen from outside
    materials : (V, 4) float32, linear RGB and gloss
    areas : (F,) float64
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    materials: np.ndarray
    areas: np.ndarray


def surface_of(shape: Shape) -> ShapeSurface:
    """Return the triangles of a shape; see the module."""
    patches, looks = [], []
    for index in range(len(shape.bodies)):
        for patch, look in _body_patches(shape, index):
            patches.append(patch)
            looks.append(look)
    whole = join(patches)
    a, b, c = whole.vertices[whole.faces].transpose(1, 0, 2)
    return ShapeSurface(
        whole.vertices.astype(np.float32),
        whole.normals.astype(np.float32),
        whole.faces.astype(np.int64),
        np.concatenate(looks).astype(np.float32),
        np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2,
    )


def _body_patches(shape: Shape, index: int) -> list[tuple[Patch, np.ndarray]]:
    """Return the patches of one body, each with the (V, 4) materials of its vertices."""
    body = shape.bodies[index]
    adds = [part for part in shape.parts if part.body == index and not part.cut]
    cuts = [part for part in shape.parts if part.body == index and part.cut]
    if not adds:
        return []
    if body.blend > 0 or (cuts and body.cut_blend > 0):
        return [_marched(_only(shape, adds + cuts))]
    if not cuts:
        return [_dressed(tessellate(part), part) for part in adds]
    solid, hole = _values(shape, adds), _values(shape, cuts)
    result = [_dressed(clip(tessellate(part), hole), part) for part in adds]
    for i, part in enumerate(cuts):
        others = cuts[:i] + cuts[i + 1 :]
        wall = clip(tessellate(part), lambda points: TOUCH - solid(points))
        if others:
            wall = clip(wall, _values(shape, others))
        result.append(_dressed(Patch(wall.vertices, -wall.normals, wall.faces[:, ::-1]), part))
    return result


def _dressed(patch: Patch, part: Part) -> tuple[Patch, np.ndarray]:
    look = np.array([*part.material.color, part.material.gloss])
    return patch, np.broadcast_to(look, (len(patch.vertices), 4))


def _only(shape: Shape, parts: list[Part]) -> Shape:
    """Return the shape of some of its parts."""
    return replace(shape, parts=tuple(parts))


def _values(shape: Shape, parts: list[Part]) -> Values:
    """Return a function (N, 3) -> (N,): the distance to the union of parts; cuts are solids."""
    solids = [replace(part, cut=False, body=0) for part in parts]
    batch = ShapeBatch([replace(shape, parts=tuple(solids), bodies=shape.bodies[:1])])
    return lambda points: batch.distance(torch_points(points)[None])[0].numpy()


def _marched(shape: Shape) -> tuple[Patch, np.ndarray]:
    """Mesh a body by marching cubes, with its vertices projected onto the surface."""
    batch = shape.batch
    corners = [part.bounds() for part in shape.parts if not part.cut]
    lower = np.min([low for low, _ in corners], axis=0) - 3 * BLEND_CELL
    upper = np.max([high for _, high in corners], axis=0) + 3 * BLEND_CELL
    cells = np.ceil((upper - lower) / BLEND_CELL).astype(int)
    vertices, faces = march(batch, lower, BLEND_CELL, cells)
    points = torch_points(vertices)[None]
    normals = batch.normal(points)
    points = points - batch.distance(points)[..., None] * normals
    look = batch.material(points)[0].numpy()
    patch = Patch(points[0].double().numpy(), normals[0].double().numpy(), faces.astype(np.int64))
    return patch, look


def clip(patch: Patch, values: Values) -> Patch:
    """Return the part of a patch where a function, (N, 3) -> (N,), is positive.

    The function is 1-Lipschitz, so triangles whose values exceed their size are kept or removed
    whole; others are split until they are small or the cut is straight, and clipped along a line.
    """
    kept, open_faces = [], patch.vertices[patch.faces]
    open_normals = patch.normals[patch.faces]
    while len(open_faces):
        distances = values(open_faces.reshape(-1, 3)).reshape(-1, 3)
        size = np.linalg.norm(open_faces - np.roll(open_faces, 1, axis=1), axis=2).max(1)
        # A point of a triangle lies within its longest side / sqrt(3) of some corner.
        whole = distances.min(1) >= size / np.sqrt(3)
        gone = distances.max(1) <= -size / np.sqrt(3)
        cut = ~whole & ~gone
        small = cut & (size <= CLIP_EDGE)
        maybe = np.flatnonzero(cut & ~small & (size <= FLAT_EDGE))
        small[maybe] = _is_straight(open_faces[maybe], distances[maybe], values)
        split = cut & ~small
        kept.append((open_faces[whole], open_normals[whole]))
        kept.append(_clip_straight(open_faces[small], open_normals[small], distances[small]))
        open_faces, open_normals = _quartered(open_faces[split]), _quartered(open_normals[split])
    corners = np.concatenate([k[0] for k in kept]).reshape(-1, 3)
    normals = np.concatenate([k[1] for k in kept]).reshape(-1, 3)
    return Patch(corners, normals, np.arange(len(corners)).reshape(-1, 3))


def _is_straight(corners: np.ndarray, at_corners: np.ndarray, values: Values) -> np.ndarray:
    """Whether a function is linear over triangles, (F, 3, 3), given its corner values, (F, 3)."""
    weights = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [2, 1, 1], [1, 2, 1], [1, 1, 2]])
    weights = weights / weights.sum(1, keepdims=True)
    points = np.einsum("wk,fkc->fwc", weights, corners)
    distances = values(points.reshape(-1, 3)).reshape(len(corners), len(weights))
    return np.abs(distances - at_corners @ weights.T).max(1, initial=0) < FLAT


def _quartered(corners: np.ndarray) -> np.ndarray:
    """Split triangles, (F, 3, C), at the middles of their sides into (4 F, 3, C)."""
    a, b, c = corners.transpose(1, 0, 2)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    four = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([np.stack(corner, 1) for corner in four])


def _clip_straight(
    corners: np.ndarray, normals: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Clip triangles, (F, 3, 3), where values at corners, (F, 3), linearly fall below zero."""
    inside = values > 0
    count = inside.sum(1)
    data = np.concatenate([corners, normals], -1)
    pieces = [data[count == 3]]
    for lonely in (1, 2):  # one corner stays, or one corner goes
        rows = np.flatnonzero(count == lonely)
        first = (inside if lonely == 1 else ~inside)[rows].argmax(1)
        order = (first[:, None] + np.arange(3)) % 3
        a, b, c = (data[rows, order[:, i]] for i in range(3))
        va, vb, vc = (values[rows, order[:, i]] for i in range(3))
        ab = a + (b - a) * (va / (va - vb))[:, None]
        ac = a + (c - a) * (va / (va - vc))[:, None]
        if lonely == 1:
            pieces.append(np.stack([a, ab, ac], 1))
        else:
            pieces += [np.stack([ab, b, c], 1), np.stack([ab, c, ac], 1)]
    result = np.concatenate(pieces)
    return result[..., :3], result[..., 3:]
