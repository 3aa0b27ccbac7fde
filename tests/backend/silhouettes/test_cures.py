"""Cures applied to views: images move, cameras stay, numbers hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes import apply_cures


def four():
    """Return four views whose images tell their number; the second's is of another size."""
    views = []
    for index, side in enumerate((8, 16, 8, 8)):
        pose = np.eye(4)
        pose[:3, 3] = index
        camera = Camera(pose, side, side, side / 2, side / 2, side, side)
        image = torch.full((side, side, 4), index / 4)
        image[0, 0] = 1.0
        views.append(View(image, camera, f"cam {index}"))
    return views


def shown(cured):
    """Return the images' numbers and the cameras', of the views that are kept."""
    return [(int(v.image[1, 1, 0] * 4), int(v.camera.center[0])) for v in cured.kept]


@pytest.mark.parametrize(
    ("cures", "images"),
    [
        (["swap=0,1"], [(1, 0), (0, 1), (2, 2), (3, 3)]),
        (["shift=1"], [(1, 0), (2, 1), (3, 2), (0, 3)]),
        (["shift=-1"], [(3, 0), (0, 1), (1, 2), (2, 3)]),
        (["reverse"], [(3, 0), (2, 1), (1, 2), (0, 3)]),
        (["reverse=1"], [(1, 0), (0, 1), (3, 2), (2, 3)]),
        (["leave-out=1,2"], [(0, 0), (3, 3)]),
        (["leave-out=1", "swap=0,1"], [(1, 0), (2, 2), (3, 3)]),
        (["swap=0,1", "swap=1,2"], [(1, 0), (2, 1), (0, 2), (3, 3)]),
    ],
)
def test_images_move_and_cameras_stay(cures, images):
    cured = apply_cures(four(), cures)
    assert shown(cured) == images
    for view in cured.kept:
        assert (view.camera.width, view.camera.height) == view.image.shape[1::-1]
        assert view.camera.fx == view.camera.width  # the field of view is the same


def test_one_image_is_rotated_or_mirrored():
    views = four()
    assert bool((apply_cures(views, ["upside-down=2"]).views[2].image[-1, -1] == 1.0).all())
    assert bool((apply_cures(views, ["mirror=2"]).views[2].image[0, -1] == 1.0).all())
    assert bool((apply_cures(views, ["mirror=2"]).views[1].image == views[1].image).all())


def test_images_of_other_proportions_stay_where_they_are():
    views = four()
    wide = replace(views[3], image=torch.zeros(8, 12, 4), camera=None)
    wide = replace(wide, camera=replace(views[3].camera, width=12, height=8))
    with pytest.raises(RequestError, match=r"cam 0 can't take the image of cam 3: it is 12 x 8"):
        apply_cures([*views[:3], wide], ["swap=0,3"])


def test_views_without_cameras_are_left_in_place():
    views = four()
    views[1] = replace(views[1], camera=None)
    cured = apply_cures(views, ["shift=1", "convention=opencv"])
    assert [int(v.image[1, 1, 0] * 4) for v in cured.kept] == [2, 1, 3, 0]
    assert cured.kept[1].camera is None


def test_a_left_handed_world_becomes_right_handed():
    mirror = np.diag([1.0, -1.0, 1.0, 1.0])
    views = four()
    views[0] = replace(
        views[0], camera=replace(views[0].camera, world_from_camera=mirror @ np.eye(4))
    )
    pose = apply_cures(views, ["convention=mirror-y"]).views[0].camera.world_from_camera
    np.testing.assert_allclose(pose, np.eye(4))


@pytest.mark.parametrize(
    ("cure", "words"),
    [
        ("leave-out=4", "View 4 does not exist: the 4 views are numbered 0 to 3"),
        ("leave-out=0,1,2,3", "All views are left out"),
        ("swap=0,-1", "View -1 does not exist"),
        ("heal", "'heal' is not a cure"),
    ],
)
def test_what_can_not_be_applied_is_refused(cure, words):
    with pytest.raises(RequestError, match=words):
        apply_cures(four(), [cure])
