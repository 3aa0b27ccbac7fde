"""Folders of images: written and read back, in the object frame wherever the object stands."""

import json

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.meshes import read_asset
from levelform.backend.data.records import PASSES, Contents, images_of_mesh, record_of_mesh
from levelform.backend.data.renders import find_renders, read_renders, write_renders
from levelform.backend.geometry.frames import similarity

trimesh = pytest.importorskip("trimesh")


@pytest.fixture
def asset(tmp_path):
    mesh = trimesh.creation.box((4.0, 2.0, 3.0))
    mesh.apply_translation([10, 0, 5])
    mesh.export(tmp_path / "box.stl")
    return read_asset(tmp_path / "box.stl")


def test_what_is_written_is_read_in_the_object_frame(tmp_path, asset):
    contents = Contents(views=3, size=48, passes=PASSES)
    arrays, world = images_of_mesh(asset, contents, name="box")
    write_renders(tmp_path / "out" / "box", arrays, world_from_volume=world)
    assert find_renders(tmp_path / "out") == [tmp_path / "out" / "box"]
    back = read_renders(tmp_path / "out" / "box")
    assert back.keys() == arrays.keys()
    for name in ("views.images", "views.albedo", "views.orthographic"):
        np.testing.assert_array_equal(back[name], arrays[name])
    np.testing.assert_allclose(back["views.poses"], arrays["views.poses"], atol=1e-9)
    np.testing.assert_allclose(back["views.intrinsics"], arrays["views.intrinsics"], rtol=1e-9)
    np.testing.assert_allclose(back["views.depth"], arrays["views.depth"], rtol=2e-3)
    difference = back["views.normals"].astype(int) - arrays["views.normals"]
    assert np.abs(difference).max() <= 1


def test_depth_back_projects_onto_the_box(asset):
    """Half a pixel's footprint, and half precision, away from the surface at most."""
    arrays, _ = images_of_mesh(asset, Contents(views=4, size=96, passes=PASSES), name="box")
    half = np.array([4.0, 2.0, 3.0]) / 4.0 * 0.9
    for index in range(4):
        depth = arrays["views.depth"][index].astype(float)
        row, column = np.nonzero(depth > 0)
        z = depth[row, column]
        fx, fy, cx, cy = arrays["views.intrinsics"][index]
        local = np.stack([(column + 0.5 - cx) / fx * z, (row + 0.5 - cy) / fy * z, z, z * 0 + 1], 1)
        points = (local @ arrays["views.poses"][index].T)[:, :3]
        beyond = np.abs(points) - half
        distance = np.where(
            beyond.max(1) < 0,
            -beyond.max(1),
            np.linalg.norm(np.maximum(beyond, 0), axis=1),
        )
        assert distance.max() < (z / fx).max() * 1.5  # a slanted face: one footprint and its slope


def test_depth_is_in_the_worlds_unit_on_disk(tmp_path, asset):
    arrays, world = images_of_mesh(asset, Contents(views=1, size=32, passes=PASSES), name="box")
    assert world[0, 0] == pytest.approx(4.0 / 1.8)
    write_renders(tmp_path, arrays, world_from_volume=world)
    stored = np.load(tmp_path / "000_depth.npy")
    np.testing.assert_allclose(stored, arrays["views.depth"][0].astype(float) * 4 / 1.8, rtol=1e-5)


def test_a_mesh_becomes_a_record_with_everything_in_it(asset):
    contents = Contents(
        points={"uniform": 500, "tdgn": 300}, surface=200, views=2, size=32, mesh=True
    )
    record = record_of_mesh(asset, contents, name="box", category="boxes")
    assert not isinstance(record, str)
    inside = record.arrays["uniform.distance"] < 0
    points = np.abs(record.arrays["uniform.points"])
    np.testing.assert_array_equal(inside, (points < [0.9, 0.45, 0.675]).all(1))
    corner = record.arrays["source_from_object"][0] @ [0.9, 0.45, 0.675, 1]
    np.testing.assert_allclose(corner[:3], [12, 1, 6.5], atol=1e-5)
    assert len(record.arrays["mesh.faces"]) == 12


def test_the_same_seed_makes_the_same_record(asset):
    contents = Contents(points={"near": 100}, surface=50, views=2, size=24, seed=3)
    first, second = (
        record_of_mesh(asset, contents, name="box", category="boxes") for _ in range(2)
    )
    for name, array in first.arrays.items():
        assert array.tobytes() == second.arrays[name].tobytes(), name


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "can't be read"),
        ('{"frames": []}', "no frames"),
        ('{"frames": [{"file_path": "lost.png"}]}', r"lost\.png does not exist"),
    ],
)
def test_broken_folders_are_refused_in_words(tmp_path, content, sentence):
    (tmp_path / "transforms.json").write_text(content)
    with pytest.raises(RequestError, match=sentence):
        read_renders(tmp_path)


def test_images_of_two_sizes_are_refused(tmp_path, asset):
    arrays, _ = images_of_mesh(asset, Contents(views=2, size=32), name="box")
    write_renders(tmp_path, arrays)
    small, _ = images_of_mesh(asset, Contents(views=1, size=16), name="box")
    write_renders(tmp_path / "small", small)
    (tmp_path / "small" / "000.png").replace(tmp_path / "001.png")
    content = json.loads((tmp_path / "transforms.json").read_text())
    content["world_from_volume"] = similarity().tolist()
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match="differ in size"):
        read_renders(tmp_path)
