"""The edges of triangles: each once, and the right one after each corner."""

import numpy as np
import pytest
from levelform.backend.geometry import meshes
from levelform.backend.geometry.meshes import Mesh, mesh_edges


@pytest.mark.parametrize("block", [10, 200_000])
@pytest.mark.parametrize("seed", range(4))
def test_every_corner_is_followed_by_its_edge(seed, block, monkeypatch):
    monkeypatch.setattr(meshes, "EDGE_BLOCK", block)
    faces = np.random.default_rng(seed).permuted(
        np.tile(np.arange(30, dtype=np.int32), (50, 1)), axis=1
    )[:, :3]
    edges, corner_edges = mesh_edges(faces)
    expected = {
        frozenset(pair) for f in faces.tolist() for pair in zip(f, f[1:] + f[:1], strict=True)
    }
    assert {frozenset(edge) for edge in edges.tolist()} == expected
    assert len(edges) == len(expected)
    for corner, edge in enumerate(corner_edges):
        face, place = divmod(corner, 3)
        assert set(edges[edge]) == {faces[face, place], faces[face, (place + 1) % 3]}
    assert edges.dtype == corner_edges.dtype == np.int32


def test_a_closed_mesh_has_three_edges_for_two_triangles():
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.int32)
    edges, corner_edges = mesh_edges(tetrahedron)
    assert edges.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert np.bincount(corner_edges).tolist() == [2] * 6


def test_edges_can_be_stopped():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mesh_edges(np.array([[0, 1, 2]], np.int32), stop)


def test_no_triangles_no_edges():
    edges, corner_edges = mesh_edges(Mesh.empty().faces)
    assert edges.shape == (0, 2)
    assert corner_edges.shape == (0,)
