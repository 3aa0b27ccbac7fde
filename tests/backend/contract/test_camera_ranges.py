"""The published ranges: the cameras that bundled data sets were drawn with, on both sides alike."""

import numpy as np
import pytest
from levelform.backend.contract.camera_ranges import (
    RANGES,
    WORDS,
    in_world,
    look_at,
    sample_camera_data,
    seed_of,
)
from levelform.backend.contract.errors import RequestError

EXTENTS = (1.8, 0.7, 1.3)
# The third of three cameras of seed 11, 96 pixels: the direction to it from where it looks, where
# it stands, focal length and principal point. Trained weights and data sets depend on them.
DRAWN = {
    row.split()[0]: np.array(row.split()[1:], float)
    for row in """
r2n2      0.8712213 -0.0653461 0.4865217 3.5139659 -0.2635658 1.9623265 105 48 48
haene     -0.3639036 0.9094232 -0.2013048 -1.2409215 3.101159 -0.686455 105 48 48
disn      0.9348068 0.0066498 0.3550945 3.6957224 0.0262896 1.4038523 105 48 48
uclid-net -0.7013278 -0.5749224 0.4214303 -1.9591575 -1.6060443 1.1772646 105 48 48
disn-hard -0.841597 0.3879251 0.3758039 -1.8664997 1.2354585 1.2960574 105 48 48
sdf-srn   0.6123724 0.6123724 0.5 3.0114027 3.0114027 2.4588 179.1384388 48 48
pascal3d  0.006717 -0.9510772 0.3088803 0.0390944 -5.5354817 1.7977524 42.6683312 48 48
free      -0.4700783 0.7075704 0.5276083 -1.990071 2.995491 2.233623 164.509996 49.583096 50.684113
levelform 0.7041693 -0.0796397 0.7055516 3.4154832 -0.386282 3.4221878 169.7630194 48 48
levelform-round -0.9562225 -0.2923297 0.0134894 -6.4425292 -1.9695653 0.0908847 235.8117824 48 48
""".strip().splitlines()
}


def numbers(camera):
    pose = camera.transform_matrix
    return (*pose[:3, 2], *pose[:3, 3], camera.fl_x, camera.cx, camera.cy)


def test_every_range_has_its_numbers():
    assert set(DRAWN) == set(WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_a_seed_draws_the_cameras_that_it_always_drew(name):
    drawn = sample_camera_data(name, 3, 11, size=96, extents=EXTENTS)
    np.testing.assert_allclose(numbers(drawn[2]), DRAWN[name], rtol=1e-7, atol=1e-6)
    assert all(camera.fl_x == camera.fl_y for camera in drawn)
    assert all((camera.w, camera.h) == (96, 96) for camera in drawn)
    assert all((camera.camera_model == "ORTHOGRAPHIC") == (name == "pascal3d") for camera in drawn)


@pytest.mark.parametrize("name", WORDS)
def test_the_fast_renderer_and_blender_draw_the_same_cameras(name):
    pytest.importorskip("torch")
    from levelform.backend.data.render import sample_cameras
    from levelform.backend.geometry.cameras import Camera

    for count, seed in ((40, 0), (40, 7), (3, 1)):
        drawn = sample_camera_data(name, count, seed, size=96, extents=EXTENTS)
        sampled = sample_cameras(name, count, seed, size=96, extents=EXTENTS)
        for ours, theirs in zip(drawn, sampled, strict=True):
            same = Camera.from_transforms(vars(ours))
            np.testing.assert_allclose(same.world_from_camera, theirs.world_from_camera, atol=1e-12)
            for entry in ("fx", "fy", "cx", "cy", "width", "height", "orthographic"):
                assert getattr(same, entry) == getattr(theirs, entry)


@pytest.mark.parametrize("name", RANGES)
def test_a_range_has_the_size_of_its_paper(name):
    (camera,) = sample_camera_data(name, 1, 0)
    assert camera.w == camera.h == RANGES[name].size


@pytest.mark.parametrize("roll", [0.0, 25.0])
def test_look_at_is_rigid_and_looks_at_its_target(roll):
    pose = look_at(90, 30, 2.0, roll, target=(1, 2, 3))
    np.testing.assert_allclose(pose[:3, :3].T @ pose[:3, :3], np.eye(3), atol=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
    np.testing.assert_allclose(pose[:3, 3], (1 + 2 * np.cos(np.pi / 6), 2, 4), atol=1e-12)
    np.testing.assert_allclose(pose[:3, 3] - 2.0 * pose[:3, 2], (1, 2, 3), atol=1e-12)
    assert pose[2, 1] == pytest.approx(np.cos(np.pi / 6) * np.cos(np.radians(roll)))


def test_free_draws_every_model_of_camera():
    drawn = sample_camera_data("free", 40, 0, size=96, extents=EXTENTS)
    assert {camera.camera_model for camera in drawn} == {"PINHOLE", "ORTHOGRAPHIC"}
    assert all(abs(camera.cx - 48) > 0.01 for camera in drawn)


def test_each_camera_may_have_a_box_of_its_own():
    boxes = np.array([EXTENTS, (0.4, 0.4, 1.8)])
    first, second = sample_camera_data("r2n2", 2, 5, size=96, extents=boxes)
    same, _ = sample_camera_data("r2n2", 2, 5, size=96, extents=EXTENTS)
    np.testing.assert_array_equal(first.transform_matrix, same.transform_matrix)
    diagonals = np.linalg.norm(boxes, axis=1)
    distances = [np.linalg.norm(camera.transform_matrix[:3, 3]) for camera in (first, second)]
    assert all(0.65 * 1.75 <= distance <= 1.75 for distance in distances / diagonals)


@pytest.mark.parametrize("name", ["free", "r2n2"])
def test_a_camera_moves_with_the_object(name):
    pytest.importorskip("torch")
    from levelform.backend.geometry.cameras import Camera

    world = np.diag([2.5, 2.5, 2.5, 1.0])
    world[:3, 3] = (3, -1, 0.5)
    for drawn in sample_camera_data(name, 20, 1, size=64, extents=EXTENTS):
        moved = Camera.from_transforms(vars(in_world(drawn, world)))
        wanted = Camera.from_transforms(vars(drawn)).in_frame(np.linalg.inv(world))
        np.testing.assert_allclose(moved.world_from_camera, wanted.world_from_camera, atol=1e-12)
        assert moved.fx == pytest.approx(wanted.fx, rel=1e-12)


def test_a_shape_has_the_same_seed_wherever_it_stands_in_a_run():
    assert seed_of("chairs/one", 3) == 3736736592
    assert seed_of("chairs/two", 3) != seed_of("chairs/one", 3)


def test_an_unknown_range_is_refused():
    with pytest.raises(RequestError, match="not a range"):
        sample_camera_data("fisheye", 1, 0, size=8, extents=EXTENTS)
