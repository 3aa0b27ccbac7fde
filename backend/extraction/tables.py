"""The cases of marching cubes, derived on import rather than typed in.

Corner b of a cell is at (b >> 2 & 1, b >> 1 & 1, b & 1); bit b of its case is set if corner b is
inside. An edge is identified by its start corner and its axis.

Derivation. Traverse each of the six faces counter-clockwise as seen from outside the cell. Each run
of inside corners is entered across one edge and left across another: the surface crosses the face
in a segment from the first to the second. (A face with diagonal inside corners has two segments,
which separate them; the neighbour across the face decides alike, so there are no holes. PyMCubes
resolves it the same way, with equal counts of triangles.) An edge entered on one of its two faces
is left on the other, so the segments form closed loops with the inside on their left:
counter-clockwise as seen from outside the solid. Loops are triangulated along chords that lie in no
face of the cell, so an edge inside a cell belongs to exactly two triangles of that cell and to none
of its neighbours': the mesh is a 2-manifold.
"""

from functools import cache

import numpy as np

CORNERS = np.array([(b >> 2 & 1, b >> 1 & 1, b & 1) for b in range(8)])
EDGES = [(b, axis) for axis in range(3) for b in range(8) if not CORNERS[b, axis]]
DIRECTIONS = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1)])

Triangle = tuple[int, int, int]


def _face_corners(direction: np.ndarray) -> list[int]:
    """Return the four corners of the face, counter-clockwise seen from outside the cell."""
    axis = int(np.abs(direction).argmax())
    u, v = (axis + 1) % 3, (axis + 2) % 3
    ring = [(0, 0), (1, 0), (1, 1), (0, 1)]
    corners = []
    for along_u, along_v in ring if direction[axis] > 0 else ring[::-1]:
        place = np.zeros(3, int)
        place[axis], place[u], place[v] = direction[axis] > 0, along_u, along_v
        corners.append(int(place @ (4, 2, 1)))
    return corners


def _edge(a: int, b: int) -> int:
    """Return the number of the edge between two corners."""
    return EDGES.index((min(a, b), {4: 0, 2: 1, 1: 2}[abs(a - b)]))


_FACES = [_face_corners(direction) for direction in DIRECTIONS]
_FACES_OF_EDGE = [
    {f for f, ring in enumerate(_FACES) if {b, b + (4, 2, 1)[axis]} <= set(ring)}
    for b, axis in EDGES
]
_MIDDLES = np.array([CORNERS[b] + np.eye(3)[axis] / 2 for b, axis in EDGES])


def _segments(ring: list[int], inside: list[bool]) -> dict[int, int]:
    """Return {edge entered: edge left} for each run of inside corners around one face."""
    segments = {}
    for k in range(4):
        if inside[ring[k]] and not inside[ring[k - 1]]:
            end = k
            while inside[ring[(end + 1) % 4]]:
                end += 1
            segments[_edge(ring[k - 1], ring[k])] = _edge(ring[end % 4], ring[(end + 1) % 4])
    return segments


def _loops(inside: list[bool]) -> list[list[int]]:
    """Return the closed loops of edges in which the surface crosses the cell's faces."""
    follows: dict[int, int] = {}
    for ring in _FACES:
        follows |= _segments(ring, inside)
    loops = []
    while follows:
        loop = [min(follows)]
        while (edge := follows.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        loops.append(loop)
    return loops


def _chord_cost(a: int, b: int) -> float:
    """Return the squared length of a chord, or a prohibitive cost where it would lie in a face."""
    shared = _FACES_OF_EDGE[a] & _FACES_OF_EDGE[b]
    return 1e3 if shared else float(((_MIDDLES[a] - _MIDDLES[b]) ** 2).sum())


def _triangulate(loop: tuple[int, ...]) -> tuple[float, list[Triangle]]:
    """Cut a loop into triangles along the cheapest chords; return their cost and the triangles."""

    @cache
    def cut(i: int, j: int) -> tuple[float, tuple[Triangle, ...]]:
        """Triangulate the part of the loop between corners i and j, whose chord is already paid."""
        if j - i < 2:
            return 0.0, ()
        choices = []
        for k in range(i + 1, j):
            left, right = cut(i, k), cut(k, j)
            cost = left[0] + right[0]
            cost += sum(_chord_cost(loop[a], loop[b]) for a, b in ((i, k), (k, j)) if b - a > 1)
            choices.append((cost, ((loop[i], loop[k], loop[j]), *left[1], *right[1])))
        return min(choices)

    cost, triangles = cut(0, len(loop) - 1)
    return cost, list(triangles)


def _triangles(case: int) -> list[Triangle]:
    """Return the triangles of one case, as triples of edge numbers."""
    triangles: list[Triangle] = []
    for loop in _loops([bool(case >> b & 1) for b in range(8)]):
        cost, cut = _triangulate(tuple(loop))
        assert cost < 1e3, f"case {case}: no way to cut {loop} but along a face"
        triangles += cut
    return triangles


def _mixed_faces(case: int) -> list[bool]:
    return [len({case >> b & 1 for b in ring}) == 2 for ring in _FACES]


_TABLE = [_triangles(case) for case in range(256)]

COUNT = np.array([len(triangles) for triangles in _TABLE])
"""(256,) how many triangles a case has."""

FIRST = np.concatenate([[0], np.cumsum(COUNT)[:-1]])
"""(256,) where a case's triangles start in `CORNER_OF` and `AXIS_OF`."""

CORNER_OF = np.array([[EDGES[e][0] for e in t] for ts in _TABLE for t in ts])
"""(T, 3) first corner of the edge of each of a triangle's vertices."""

AXIS_OF = np.array([[EDGES[e][1] for e in t] for ts in _TABLE for t in ts])
"""(T, 3) the axis along which that edge runs."""

MIXED_FACES = np.array([_mixed_faces(case) for case in range(256)])
"""(256, 6) faces, in the order of `DIRECTIONS`, that have corners on both sides of the surface."""


def _own_edges(corner: int) -> np.ndarray:
    cases, masks = np.arange(256), np.zeros(256, np.int32)
    for axis, step in enumerate((4, 2, 1)):
        if not CORNERS[corner, axis]:
            masks |= (cases >> corner ^ cases >> corner + step) % 2 << axis
    return masks


OWN_EDGES = np.array([_own_edges(corner) for corner in range(8)])
"""(8, 256) int32: bit k set where the edge that starts from a corner along axis k is crossed."""
