"""The placement of a job, with a network that is made up for it."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fields.field import Field
from levelform.backend.placing.box import telling_views
from levelform.backend.placing.front import wrapped
from levelform.backend.placing.place import about_z, facing_of, place, upright, volume_of
from levelform.backend.placing.trial import VolumeTrial

from .conftest import box_of, camera_around, capsule_view

FRONT = 30.0  # degrees, of the object below
PLACES = ((0, 10), (70, -20), (140, 35), (210, 5))


class Ball(Field):
    """A ball of radius 0.9 in the volume's middle, whatever the images show."""

    kind = "occupancy"

    def __call__(self, points):
        return 20 * (points.norm(dim=1) - 0.9)


class Finder:
    """Sees each image's azimuth about `FRONT`, off by `errors`, and makes a ball of anything."""

    def __init__(self, errors=(0.0, 0.0, 0.0, 0.0)):
        self.errors = errors
        self.seen = []

    def azimuths(self, views):
        self.seen = list(views)
        known = np.array([place[0] for place in PLACES[: len(views)]])
        angles = known - FRONT + np.array(self.errors[: len(views)])
        return np.ones((len(views), 1)), np.radians(angles)[:, None]

    def encode(self, views, **options):
        return list(views)

    def decode(self, code, **options):
        return Ball()


@pytest.fixture
def bar():
    turn = about_z(FRONT)
    return [(tuple(turn @ (-1, 0, 0)), tuple(turn @ (1, 0, 0)), 0.2)]


def views_of(capsules, places=PLACES, **settings):
    return [
        capsule_view(camera_around(a, e, **settings), capsules, f"view {i}")
        for i, (a, e) in enumerate(places)
    ]


def test_the_box_is_that_of_the_front(bar):
    placement = place(views_of(bar), network=Finder())
    assert (placement.volume_from, placement.front_from) == ("estimate", "found")
    assert abs(wrapped(facing_of(placement.world_from_volume) - FRONT)) < 2
    # Seen from its front the bar is 2.4 wide and 0.4 deep.
    assert placement.world_from_volume[:3, 0] @ about_z(FRONT)[:, 0] == pytest.approx(
        1.2 / 0.9, rel=0.04
    )
    assert placement.box[1] == pytest.approx([0.9, 0.15, 0.15], abs=0.06)
    assert placement.box[0] == pytest.approx(-placement.box[1])


def test_a_front_that_is_given_asks_nobody(bar):
    finder = Finder()
    placement = place(views_of(bar), network=finder, front=FRONT)
    assert (placement.front_from, placement.front_certainty) == ("user", 1.0)
    assert facing_of(placement.world_from_volume) == pytest.approx(FRONT)
    assert not finder.seen


def test_without_a_network_there_is_no_front(bar):
    placement = place(views_of(bar))
    assert (placement.front_from, facing_of(placement.world_from_volume)) == ("", pytest.approx(0))
    assert placement.remarks == ()


def test_an_undecided_front_is_said(bar):
    placement = place(views_of(bar), network=Finder((0, 90, 180, 270)))
    assert placement.front_from == "undecided"
    assert any("front" in text for text in placement.remarks)


def test_a_trial_finds_the_volume_where_the_result_covers_the_silhouettes():
    ball = [((0.3, -0.2, 0.1), (0.3, -0.2, 0.1), 0.5)]
    views = views_of(ball)
    trial = VolumeTrial(Finder(), views, [item for _, item in telling_views(views)])
    right = np.diag([0.5 / 0.9] * 3 + [1.0])
    right[:3, 3] = (0.3, -0.2, 0.1)
    wrong = np.diag([0.7, 0.7, 0.7, 1.0])
    wrong[:3, 3] = (0.4, -0.1, 0.1)
    assert trial.score(right) > 0.85
    better = trial.improve(wrong, np.eye(3))
    assert trial.score(better) > trial.score(wrong) + 0.1
    assert np.linalg.norm(better[:3, 3] - right[:3, 3]) < 0.1
    np.testing.assert_array_equal(trial.improve(right, np.eye(3)), right)


def test_a_rolled_image_is_taken_upright():
    ball = [((0, 0, 0), (0, 0, 0), 0.5)]
    (view,) = views_of(ball, ((20, 10),))
    assert upright(view, np.eye(4)) is view
    rolled = view.camera.world_from_camera.copy()
    rolled[:3, :3] = rolled[:3, :3] @ about_z(90.0)
    camera = type(view.camera)(
        rolled, view.camera.fx, view.camera.fy, view.camera.cx, view.camera.cy,
        view.camera.width, view.camera.height,
    )  # fmt: skip
    again = upright(capsule_view(camera, ball), np.eye(4))
    assert again.camera.world_from_camera[2, :2] == pytest.approx(
        [0, view.camera.world_from_camera[2, 1]], abs=1e-6
    )


def test_volumes_hold_the_object(bar):
    from levelform.backend.placing.box import find_object

    matrix, _ = volume_of(find_object(views_of(bar)), 0.0)
    corners = box_of(bar) - matrix[:3, 3]
    assert (np.abs(corners) < matrix[0, 0]).all()


def test_no_cameras_are_refused():
    view = capsule_view(camera_around(0, 0), [((0, 0, 0), (0, 0, 0), 0.5)])
    with pytest.raises(RequestError, match="No view has a camera"):
        place([type(view)(view.image)])
    assert torch.is_tensor(view.image)
