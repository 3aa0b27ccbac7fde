"""What the tests of extraction share: a dense oracle and the strictest checks of a mesh."""

from collections.abc import Callable

import numpy as np
import pytest
from levelform.backend.extraction import FieldSamples
from levelform.backend.extraction.dense import capped, dense_values
from levelform.backend.extraction.grid import NestedGrid
from levelform.backend.extraction.sampler import FieldEvaluator
from levelform.backend.fields import Field
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.ticket import Ticket


def _dense(field: Field, n: int, *, box=None, level: float = 0.0, cap: bool = True) -> np.ndarray:
    grid, samples = NestedGrid.over(box), FieldSamples()
    samples.claim(field, grid)
    values = dense_values(FieldEvaluator(field, grid, samples, Ticket()), n)
    return capped(values, level) if cap else values


def _assert_closed_manifold(mesh: Mesh, *, euler: int | None = None) -> None:
    """Assert by trimesh, and by counting edges, that a mesh is a closed oriented 2-manifold."""
    import trimesh

    assert np.isfinite(mesh.vertices).all()
    assert mesh.vertices.dtype == np.float32
    assert mesh.faces.dtype == np.int32
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False, validate=False)
    assert solid.is_watertight
    assert solid.is_winding_consistent
    _, uses = np.unique(np.sort(solid.edges, axis=1), axis=0, return_counts=True)
    assert (uses == 2).all()
    assert np.array_equal(np.unique(mesh.faces), np.arange(len(mesh.vertices)))
    assert len(np.unique(np.sort(mesh.faces, axis=1), axis=0)) == len(mesh.faces)
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.linalg.norm(area, axis=1) > 0).all()
    assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)
    # Around every vertex the triangles form one fan: as many fans as vertices.
    assert _fans(mesh) == len(mesh.vertices)
    assert euler is None or solid.euler_number == euler


def _fans(mesh: Mesh) -> int:
    """Return how many fans of triangles there are around all vertices."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(mesh.faces)
    here = np.arange(3 * count).reshape(-1, 3)  # a corner of a triangle, and where its edge starts
    there = np.roll(here, -1, axis=1)
    start, end = (mesh.faces.astype(np.int64), np.roll(mesh.faces, -1, axis=1).astype(np.int64))
    size = len(mesh.vertices)
    forth, back = (start * size + end).ravel(), (end * size + start).ravel()
    order = np.argsort(forth)
    met = order[np.searchsorted(forth, back, sorter=order)]  # the edge that runs back along each
    i = np.concatenate([here.ravel(), there.ravel()])
    j = np.concatenate([there.ravel()[met], here.ravel()[met]])
    graph = coo_matrix((np.ones(len(i), np.int8), (i, j)), (3 * count, 3 * count))
    return connected_components(graph, directed=False)[0]


@pytest.fixture
def dense() -> Callable[..., np.ndarray]:
    """Return a function that evaluates every node of a grid."""
    return _dense


@pytest.fixture
def assert_closed_manifold() -> Callable[..., None]:
    """Return a function that asserts that a mesh is a closed oriented 2-manifold."""
    return _assert_closed_manifold
