"""Mesh files: right axes, colours where the format has them, whole or not at all."""

import errno
import json
import os
import struct

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.contract.srgb import linear_from_srgb
from levelform.backend.geometry.mesh_files import (
    FORMATS,
    offset_remark,
    to_srgb,
    write_mesh,
)
from levelform.backend.geometry.meshes import Mesh
from setups.meshes import read_mesh


def ball():
    """Return an octahedron, longest along +Z, coloured by place, normals outwards."""
    vertices = np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 3], [0, 0, -1]], np.float32
    )
    faces = np.array(
        [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]],
        np.int32,
    )
    colors = np.concatenate([np.abs(vertices) / 3, np.ones((6, 1))], 1).astype(np.float32)
    normals = vertices / np.linalg.norm(vertices, axis=1, keepdims=True)
    return Mesh(vertices, faces, normals.astype(np.float32), colors)


def volume(mesh):
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(np.float64), 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("suffix", FORMATS)
def test_round_trip_keeps_the_shape_its_side_and_its_axes(tmp_path, suffix):
    mesh = ball()
    write_mesh(mesh, tmp_path / f"out{suffix}")
    assert os.listdir(tmp_path) == [f"out{suffix}"]
    again = read_mesh(tmp_path / f"out{suffix}")
    assert len(again.faces) == len(mesh.faces)
    assert volume(again) == pytest.approx(volume(mesh), rel=1e-5)
    if suffix == ".stl":  # three corners a triangle
        assert again.colors is None
        corners = [m.vertices[m.faces].reshape(-1, 9) for m in (mesh, again)]
        np.testing.assert_allclose(corners[1], corners[0], atol=1e-5)
        return
    order = [np.lexsort(np.round(m.vertices, 4).T) for m in (mesh, again)]
    np.testing.assert_allclose(again.vertices[order[1]], mesh.vertices[order[0]], atol=1e-5)
    np.testing.assert_allclose(again.colors[order[1]], mesh.colors[order[0]], atol=0.01)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_bare_mesh_is_written_as_well(tmp_path, suffix):
    mesh = ball()
    write_mesh(Mesh(mesh.vertices, mesh.faces), tmp_path / f"out{suffix}")
    assert volume(read_mesh(tmp_path / f"out{suffix}")) == pytest.approx(volume(mesh), rel=1e-5)


def test_glb_is_valid_and_y_up_with_linear_colours(tmp_path):
    mesh = ball()
    write_mesh(mesh, tmp_path / "out.glb")
    data = (tmp_path / "out.glb").read_bytes()
    magic, number, length = struct.unpack_from("<4sII", data)
    assert (magic, number, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert (kind, size % 4) == (b"JSON", 0)
    content = json.loads(data[20 : 20 + size])
    attributes = content["meshes"][0]["primitives"][0]["attributes"]

    def array(index):
        accessor = content["accessors"][index]
        view = content["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        dtype = {5126: "<f4", 5125: "<u4"}[accessor["componentType"]]
        start = 28 + size + view["byteOffset"]
        flat = np.frombuffer(data, dtype, accessor["count"] * width, start)
        assert flat.nbytes == view["byteLength"]
        return flat.reshape(-1, width)

    positions = array(attributes["POSITION"])
    np.testing.assert_array_equal(positions[:, 1], mesh.vertices[:, 2])  # up
    np.testing.assert_array_equal(positions[:, 2], -mesh.vertices[:, 1])  # front towards +Z
    bounds = content["accessors"][attributes["POSITION"]]
    np.testing.assert_allclose(bounds["max"], positions.max(0))
    np.testing.assert_array_equal(array(attributes["COLOR_0"]), mesh.colors)
    np.testing.assert_array_equal(array(0).reshape(-1, 3), mesh.faces)


def test_colour_curves_are_inverse():
    rgba = np.random.default_rng(0).random((100, 4)).astype(np.float32)
    colors = np.concatenate([linear_from_srgb(to_srgb(rgba)[:, :3]), rgba[:, 3:]], 1)
    np.testing.assert_allclose(colors, rgba, atol=1e-5)
    assert to_srgb(np.array([[0.2140411, 0, 1, 0.5]]))[0].tolist() == pytest.approx(
        [0.5, 0, 1, 0.5]
    )


# ---------------------------------------------------------------- what goes wrong


def test_an_unknown_format_and_a_missing_folder_are_told(tmp_path):
    with pytest.raises(RequestError, match=r"\.fbx is not a supported mesh format"):
        write_mesh(ball(), tmp_path / "out.fbx")
    with pytest.raises(RequestError, match="does not exist"):
        write_mesh(ball(), tmp_path / "gone" / "out.ply")
    (tmp_path / "folder.ply").mkdir()
    with pytest.raises(RequestError, match="is a folder"):
        write_mesh(ball(), tmp_path / "folder.ply")


def test_a_mesh_without_faces_or_with_infinities_is_not_written(tmp_path):
    with pytest.raises(WorkError, match="no faces"):
        write_mesh(Mesh.empty(), tmp_path / "out.glb")
    mesh = ball()
    mesh.vertices[0, 0] = np.inf
    with pytest.raises(WorkError, match="not finite"):
        write_mesh(mesh, tmp_path / "out.glb")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, WorkError, "disk is full"),
        (errno.EACCES, RequestError, "permission denied"),
        (errno.EIO, WorkError, "could not be written"),
    ],
)
def test_a_failing_disk_is_told_and_leaves_the_old_file(tmp_path, monkeypatch, number, kind, words):
    target = tmp_path / "out.ply"
    target.write_bytes(b"old")

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(kind, match=words):
        write_mesh(ball(), target)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.ply"]


def test_no_permission_is_told_before_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(RequestError, match="permission denied"):
        write_mesh(ball(), tmp_path / "out.ply")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", [b"", b"\x00\x01 nonsense \xff"])
def test_a_damaged_file_is_told(tmp_path, suffix, content):
    (tmp_path / f"bad{suffix}").write_bytes(content)
    with pytest.raises(RequestError, match="bad"):
        read_mesh(tmp_path / f"bad{suffix}")


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_mesh(ball(), tmp_path / "out.stl")
    assert not os.listdir(tmp_path)


OFFSET = (500_000.0, 4_600_000.0, 300.0)


@pytest.mark.parametrize("suffix", FORMATS)
def test_far_from_the_origin_each_format_keeps_the_shape_and_names_the_place(tmp_path, suffix):
    import trimesh

    vertices = np.random.default_rng(0).uniform(-1, 1, (30, 3)).astype(np.float32)
    faces = np.arange(30, dtype=np.int32).reshape(10, 3)
    path = tmp_path / f"far{suffix}"
    write_mesh(Mesh(vertices, faces), path, world_offset=OFFSET)
    assert offset_remark(path).startswith(f"The {suffix} file has ")
    if suffix == ".npz":
        with np.load(path) as arrays:
            actual = arrays["vertices"] - OFFSET
        assert actual.dtype == np.float64
    else:
        scene = trimesh.load_scene(path, process=False)
        matrix, name = scene.graph[scene.graph.nodes_geometry[0]]
        piece = scene.geometry[name]
        local = np.asarray(piece.vertices, np.float64)
        if suffix == ".glb":
            x, y, z = matrix[:3, 3]
            assert (x, -z, y) == OFFSET
        else:
            assert b"world_offset 500000 4600000 300" in path.read_bytes()
        if suffix in (".glb", ".obj"):
            local = local @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
        actual = local[np.asarray(piece.faces)].reshape(-1, 3)
        vertices = vertices[faces].reshape(-1, 3)
    np.testing.assert_allclose(actual, vertices, atol=1e-6)
