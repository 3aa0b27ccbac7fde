"""The derived cases of marching cubes, against PyMCubes and against what makes a mesh closed."""

from collections import Counter

import mcubes
import numpy as np
import pytest
from levelform.backend.extraction import tables

CASES = range(256)


def corner_values(case: int) -> np.ndarray:
    """Return the cell's corners, -1 inside and 1 outside, bit b at (b >> 2, b >> 1 & 1, b & 1)."""
    return np.array([-1.0 if case >> b & 1 else 1.0 for b in range(8)]).reshape(2, 2, 2)


def triangles(case: int) -> list[list[tuple[int, int]]]:
    """Return the case's triangles, each corner as (start corner, axis)."""
    rows = range(tables.FIRST[case], tables.FIRST[case] + tables.COUNT[case])
    return [list(zip(tables.CORNER_OF[r], tables.AXIS_OF[r], strict=True)) for r in rows]


def middle(edge: tuple[int, int]) -> np.ndarray:
    """Return the middle of an edge in the unit cell."""
    return tables.CORNERS[edge[0]] + np.eye(3)[edge[1]] / 2


def border_edges(case: int) -> Counter:
    """Return the directed edges that one triangle of the case has and no other runs back along."""
    directed = Counter((t[k], t[(k + 1) % 3]) for t in triangles(case) for k in range(3))
    return Counter({(a, b): n for (a, b), n in directed.items() if (b, a) not in directed})


@pytest.mark.parametrize("case", CASES)
def test_as_many_triangles_as_pymcubes(case):
    _, faces = mcubes.marching_cubes(corner_values(case), 0.0)
    assert tables.COUNT[case] == len(faces)


@pytest.mark.parametrize("case", CASES)
def test_every_crossed_edge_has_a_vertex_and_no_other(case):
    crossed = {
        (b, axis)
        for b, axis in tables.EDGES
        if (case >> b & 1) != (case >> (b + (4, 2, 1)[axis]) & 1)
    }
    assert {edge for t in triangles(case) for edge in t} == crossed
    own = {(b, k) for b in range(8) for k in range(3) if tables.OWN_EDGES[b, case] >> k & 1}
    assert own == crossed


@pytest.mark.parametrize("case", CASES)
def test_only_border_edges_lie_in_faces(case):
    """A chord in a face could meet the same chord of the neighbour: four triangles at one edge."""
    border = set(border_edges(case))
    for triangle in triangles(case):
        for k in range(3):
            a, b = middle(triangle[k]), middle(triangle[(k + 1) % 3])
            in_face = ((a == b) & ((a == 0) | (a == 1))).any()
            on_border = (triangle[k], triangle[(k + 1) % 3]) in border
            assert in_face == on_border


@pytest.mark.parametrize("axis", range(3))
def test_neighbours_meet_in_the_same_segments(axis):
    """What a case leaves open in its upper face, every neighbour's lower face closes."""
    bit = (4, 2, 1)[axis]
    low = [b for b in range(8) if not b & bit]
    below, above = {}, {}
    for case in CASES:
        for side, store, base in ((1, below, bit), (0, above, 0)):
            signs = tuple(case >> (b + base) & 1 for b in low)
            segments = {
                tuple((c - bit * side, k) for c, k in edge)
                for edge in border_edges(case)
                if all(middle(end)[axis] == side for end in edge)
            }
            assert store.setdefault(signs, segments) == segments
    for signs, segments in below.items():
        assert above[signs] == {(b, a) for a, b in segments}


def test_counter_clockwise_seen_from_outside():
    for b in range(8):
        (triangle,) = triangles(1 << b)
        one, two, three = (middle(edge) for edge in triangle)
        outward = (one + two + three) / 3 - tables.CORNERS[b]
        assert np.cross(two - one, three - one) @ outward > 0


def test_mixed_faces():
    for case in CASES:
        for face, direction in enumerate(tables.DIRECTIONS):
            axis, side = face % 3, int(direction.sum() > 0)
            signs = {case >> b & 1 for b in range(8) if tables.CORNERS[b, axis] == side}
            assert tables.MIXED_FACES[case, face] == (len(signs) == 2)
