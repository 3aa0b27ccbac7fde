"""The box of objects of known size, from every kind of view."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.placing.box import NO_SILHOUETTE, ONE_LINE, ONE_VIEW, find_object
from levelform.backend.placing.place import about_z, volume_of

from .conftest import box_of, camera_around, capsule_view

AROUND = ((0, 10), (70, -20), (140, 35), (210, 5), (290, 50))
SAMPLES = Path(__file__).parents[3] / "assets" / "sample"


def around(capsules, places=AROUND, **settings):
    return [
        capsule_view(camera_around(a, e, **settings), capsules, f"view {i}")
        for i, (a, e) in enumerate(places)
    ]


def box_from(views):
    return find_object(views).box(np.eye(3))


def assert_near(actual, true, tolerance):
    assert np.abs(actual - true).max() < tolerance * (true[1] - true[0]).max(), (actual, true)


@pytest.mark.parametrize("ortho", [False, True])
@pytest.mark.parametrize("name", ["hammer", "glass"])
def test_thin_objects_are_whole(name, ortho, request):
    capsules = request.getfixturevalue(name)
    assert_near(box_from(around(capsules, ortho=ortho)), box_of(capsules), 0.05)


def test_perspective_and_orthographic_views_mix(hammer):
    views = [
        capsule_view(camera_around(a, e, ortho=bool(i % 2)), hammer, f"view {i}")
        for i, (a, e) in enumerate(AROUND)
    ]
    assert_near(box_from(views), box_of(hammer), 0.05)


def test_parts_thinner_than_a_reduced_pixel_stay():
    needle = [((0, 0, -1), (0, 0, 1), 0.004), ((0, 0, 0), (0, 0, 0), 0.3)]
    views = []
    for i, (a, e) in enumerate(AROUND):
        camera = camera_around(a, e)
        zoom = 4  # 768 pixels, three times as many as the silhouettes are reduced to
        large = replace(
            camera, fx=zoom * camera.fx, fy=zoom * camera.fy, cx=zoom * camera.cx,
            cy=zoom * camera.cy, width=zoom * camera.width, height=zoom * camera.height,
        )  # fmt: skip
        views.append(capsule_view(large, needle, f"view {i}"))
    assert_near(box_from(views), box_of(needle), 0.05)


def test_a_phantom_body_does_not_count():
    # Two balls seen level from two sides at right angles: the hull has two bodies more, which
    # explain nothing, and a third view takes one of them away.
    balls = [((-0.8, -0.8, 0), (-0.8, -0.8, 0), 0.2), ((0.8, 0.8, 0), (0.8, 0.8, 0), 0.2)]
    views = around(balls, ((0, 0), (90, 0), (45, 0)))
    assert_near(box_from(views), box_of(balls), 0.05)
    small = [((-0.8, 0.9, 0), (-0.8, 0.9, 0), 0.1), ((0.1, 0.1, 0), (0.1, 0.1, 0), 0.5)]
    assert_near(box_from(around(small)), box_of(small), 0.06)


def test_two_opposite_views_say_the_width_and_guess_the_depth():
    ball = [((0, 0, 0), (0, 0, 0), 0.5)]
    where = find_object(around(ball, ((0, 0), (180, 0))))
    assert ONE_LINE in where.remarks
    box = where.box(np.eye(3))
    assert_near(box[:, [0, 2]], box_of(ball)[:, [0, 2]], 0.1)
    assert np.abs(box.mean(0)).max() < 0.1
    assert 0.3 < box[1, 1] - box[0, 1] < 1.5


def test_views_near_one_line_do_not_stretch_the_box():
    ball = [((0.3, 0.2, 0.1), (0.3, 0.2, 0.1), 0.5)]
    where = find_object(around(ball, ((0, 0), (15, 0), (8, 10))))
    assert ONE_LINE in where.remarks
    box = where.box(np.eye(3))
    assert (box[1] - box[0]).max() < 1.2
    assert np.linalg.norm(box.mean(0) - (0.3, 0.2, 0.1)) < 0.15


def test_one_view_stands_by_the_worlds_origin():
    ball = [((0, 0, 0), (0, 0, 0), 0.5)]
    where = find_object(around(ball, ((30, 20),)))
    assert ONE_VIEW in where.remarks
    matrix, _ = volume_of(where, 0.0)
    assert np.linalg.norm(matrix[:3, 3]) < 0.1
    assert matrix[0, 0] == pytest.approx(0.5 / 0.9, rel=0.15)


def test_a_cropped_silhouette_is_remarked_and_bounds_nothing():
    bar = [((-1, 0, 0), (1, 0, 0), 0.2)]
    views = around(bar, ((20, 10), (80, 10), (150, 30)))
    camera = camera_around(0, 0)  # sees the left half alone
    half = replace(camera, width=camera.width // 2)
    views.append(capsule_view(half, bar, "the cropped one"))
    where = find_object(views)
    assert [text for text in where.cropped if "the cropped one" in text]
    assert_near(where.box(np.eye(3)), box_of(bar), 0.06)


def test_images_that_are_all_cropped_still_give_a_box():
    bar = [((-1, 0, 0), (1, 0, 0), 0.3)]
    where = find_object(around(bar, ((0, 10), (120, 10), (240, 30)), reach=0.8))
    box = where.box(np.eye(3))
    assert len(where.cropped) == 3
    assert np.linalg.norm(box.mean(0)) < 0.45
    assert 0.8 < (box[1] - box[0]).max() / 2 < 1.5


def test_the_box_turns_with_the_scene(hammer):
    views = around(hammer)
    turn = np.eye(4)
    turn[:3, :3], turn[:3, 3] = about_z(35.0) * 2.5, (3, -2, 1)
    back = np.linalg.inv(turn)
    turned = [View(view.image, view.camera.in_frame(back), view.name) for view in views]
    first, box = volume_of(find_object(views), 0.0)
    second, other = volume_of(find_object(turned), 35.0)
    np.testing.assert_allclose(second, turn @ first, atol=0.04)
    np.testing.assert_allclose(other, box, atol=0.03)


def test_the_view_that_sees_no_common_point_is_named(hammer):
    views = around(hammer)
    away = camera_around(140, 35, target=(0, 0, 9))
    views[2] = View(views[2].image, away, views[2].name)
    with pytest.raises(RequestError, match="view 2 disagrees"):
        find_object(views)


def test_no_camera_is_refused():
    with pytest.raises(RequestError, match="No view has a camera"):
        find_object([View(torch.zeros(4, 4, 4))])


def test_images_without_a_silhouette_give_their_frames_guess():
    views = [
        View(torch.ones(view.image.shape), view.camera, view.name)
        for view in around([((0, 0, 0), (0, 0, 0), 0.5)])
    ]
    where = find_object(views)
    assert where.remarks == (NO_SILHOUETTE,)
    assert np.linalg.norm(where.box(np.eye(3)).mean(0)) < 0.5


@pytest.mark.parametrize("name", ["chair", "suzanne"])
def test_the_samples(name):
    from PIL import Image

    content = json.loads((SAMPLES / name / "transforms.json").read_text())
    world = np.array(content["world_from_volume"])
    views = []
    for frame in content["frames"]:
        image = np.array(Image.open(SAMPLES / name / frame["file_path"]).convert("RGBA"))
        camera = Camera.from_transforms(frame, content)
        views.append(View(torch.from_numpy(image).float() / 255, camera, frame["file_path"]))
    matrix, _ = volume_of(find_object(views), 0.0)
    assert np.linalg.norm(matrix[:3, 3] - world[:3, 3]) < 0.03 * world[0, 0]
    assert matrix[0, 0] == pytest.approx(world[0, 0], rel=0.03)
