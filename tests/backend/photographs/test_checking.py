"""Silent failures of the solver are caught, each by its own number."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.drawings import ring
from levelform.backend.contract.errors import WorkError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.photographs.checking import check_silhouettes, check_solution
from levelform.backend.photographs.solving import PlacedCamera, SfmSolution

NAMES = [f"{index}.jpg" for index in range(6)]
GOOD = PlacedCamera(np.eye(4)[:3], 900.0, (400.0, 300.0), 0.01, (800, 600), 200)


def solution(cameras=6, **changes):
    given = {
        "cameras": dict.fromkeys(range(cameras), GOOD),
        "models": (cameras,),
        "error": 0.3,
        "consistent": 0.99,
    }
    return SfmSolution(**{**given, **changes})


def test_a_good_solution_passes():
    assert check_solution(solution(), NAMES) == []


def test_images_that_could_not_be_placed_are_named():
    (remark,) = check_solution(solution(5), NAMES)
    assert "5.jpg" in remark


@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        (SfmSolution(), "None of the 6"),
        (solution(3, models=(3, 3)), "groups of 3 \\+ 3"),
        (solution(error=0.7), "0.70 pixels"),
        (solution(consistent=0.6), "60 %"),
    ],
)
def test_wrong_numbers_are_refused(wrong, seen):
    with pytest.raises(WorkError, match=seen):
        check_solution(wrong, NAMES)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"focal": 100.0}, "focal length is 0.1"),
        ({"focal": 9000.0}, "focal length"),
        ({"radial": -2.5}, "distortion is -2.5"),
        ({"points": 3}, "3 points"),
    ],
)
def test_wrong_cameras_are_refused(change, seen):
    cameras = {**solution().cameras, 2: replace(GOOD, **change)}
    with pytest.raises(WorkError, match=seen):
        check_solution(replace(solution(), cameras=cameras), NAMES)


def test_the_error_is_judged_at_one_size():
    large = replace(GOOD, size=(1600, 1200), focal=1800.0)
    cameras = dict.fromkeys(range(6), large)
    assert check_solution(replace(solution(error=0.8), cameras=cameras), NAMES) == []


def views_of_a_ball(count, order=None):
    cameras = [Camera.from_data(camera) for camera in ring(count, size=(96, 96))]
    center = torch.tensor([0.3, 0.1, 0.2])
    views = []
    for index in order or range(count):
        y, x = torch.meshgrid(torch.arange(96) + 0.5, torch.arange(96) + 0.5, indexing="ij")
        origins, directions = cameras[index].rays(torch.stack([x, y], -1).reshape(-1, 2))
        along = directions / directions.norm(dim=1, keepdim=True)
        across = torch.linalg.cross(center - origins, along).norm(dim=1)
        alpha = (across < 0.5).float().reshape(96, 96, 1)
        views.append(View(torch.cat([torch.ones(96, 96, 3), alpha], 2)))
    return [replace(view, camera=cameras[i]) for i, view in enumerate(views)]


def test_silhouettes_that_agree_pass_and_others_do_not():
    assert check_silhouettes(views_of_a_ball(8)) < 0.3
    with pytest.raises(WorkError, match="silhouettes contradict"):
        check_silhouettes(views_of_a_ball(8, order=[0, 4, 2, 6, 1, 5, 3, 7]))


def test_too_few_silhouettes_say_nothing():
    assert check_silhouettes(views_of_a_ball(8)[:2]) is None
