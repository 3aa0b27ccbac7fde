"""Exhibits become files that others read."""

import numpy as np
import trimesh
from levelform.backend.contract.shows import Exhibit
from levelform.backend.shows.files import write_exhibits
from levelform.backend.shows.subject import png

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
FACES = np.array([[0, 1, 2]], np.int32)


def test_a_mesh_has_its_numbers_beside_it(tmp_path):
    values = np.array([[1.0], [2.0], [3.0]], np.float32)
    made = Exhibit("", "Jacobian norm", TRIANGLE, FACES, None, ("norm",), values)
    mesh, table = write_exhibits([made], tmp_path / "new")
    assert mesh.name == "jacobian-norm.glb"
    with np.load(table) as arrays:
        assert arrays["norm"].tolist() == [1, 2, 3]
        np.testing.assert_array_equal(arrays["vertices"], TRIANGLE)


def test_points_are_a_ply_with_colours_and_numbers_in_the_world(tmp_path):
    colors = np.array([[1, 0, 0, 1]] * 3, np.float32)
    pose = np.eye(4)
    pose[0, 3] = 5.0
    made = Exhibit("", "P", TRIANGLE, None, colors, ("label",), np.ones((3, 1), np.float32),
                   world_from_mesh=pose, scale=2.0)  # fmt: skip
    (path,) = write_exhibits([made], tmp_path)
    read = trimesh.load(path, process=False)
    np.testing.assert_allclose(read.vertices, TRIANGLE * 2 + [5, 0, 0])
    assert read.colors[0].tolist() == [255, 0, 0, 255]
    assert b"property float label" in path.read_bytes()


def test_images_are_png_and_steps_are_numbered(tmp_path):
    image = Exhibit("", "Depth 0", image=png(np.full((4, 4, 3), 200, np.uint8)))
    step = Exhibit("", "3 deleted, IoU 0.9", TRIANGLE, FACES, step=3)
    names = [path.name for path in write_exhibits([image, step], tmp_path)]
    assert names == ["depth-0.png", "03-3-deleted-iou-0.9.glb"]
    assert (tmp_path / "depth-0.png").read_bytes().startswith(b"\x89PNG")
