"""Votes for the front, on estimates made up for it."""

import numpy as np
import pytest
from levelform.backend.placing.front import count_votes, decide, wrapped
from levelform.backend.placing.place import about_z, azimuths_of, facing_of

from .conftest import camera_around

KNOWN = np.array([10.0, 95.0, 200.0, 310.0])


def estimates(front, errors):
    """One estimate a view: its azimuth about a front, off by `errors`."""
    azimuths = (KNOWN - front + np.array(errors))[:, None]
    return count_votes(KNOWN, np.ones_like(azimuths), azimuths)


@pytest.mark.parametrize("front", [0.0, 33.0, -120.0, 179.0])
def test_views_that_agree(front):
    direction = decide(estimates(front, [3, -4, 2, -1]))
    assert direction.source == "found"
    assert abs(wrapped(direction.degrees - front)) < 3
    assert direction.certainty > 0.9


@pytest.mark.parametrize("errors", [(0, 2, 180, -2), (1, -90, 2, 1), (178, 0, 0, 92)])
def test_views_that_are_wrong_in_their_own_ways_are_outvoted(errors):
    direction = decide(estimates(40.0, errors))
    assert abs(wrapped(direction.degrees - 40.0)) < 3


def test_two_sides_that_are_alike_are_undecided_and_nearest_to_the_worlds_front():
    direction = decide(estimates(10.0, [0, 180, 0, 180]))
    assert direction.source == "undecided"
    assert abs(direction.degrees - 10.0) < 3


def test_views_that_know_nothing_keep_the_worlds_front():
    azimuths = np.tile(np.arange(0, 360, 15.0), (4, 1))
    direction = decide(count_votes(KNOWN, np.full(azimuths.shape, 1 / 24), azimuths))
    assert (direction.source, direction.degrees, direction.certainty) == ("undecided", 0.0, 0.0)


def test_a_check_decides_between_two_peaks():
    votes = estimates(10.0, [0, 180, 0, 180])
    asked = []

    def check(candidates):
        asked.extend(candidates)
        return [0.9 if abs(wrapped(c - 190)) < 20 else 0.6 for c in candidates]

    direction = decide(votes, check)
    assert sorted(np.round(np.array(asked) % 360 / 180)) == [0, 1]
    assert direction.source == "found"
    assert abs(wrapped(direction.degrees - 190)) < 3
    assert decide(votes, lambda candidates: [0.5] * len(candidates)).source == "undecided"


def test_azimuths_are_measured_from_the_front_counter_clockwise():
    cameras = [camera_around(a, 20, target=(1, 2, 3), ortho=o) for a, o in ((0, 0), (90, 1))]
    assert azimuths_of(cameras, np.array([1, 2, 3])) == pytest.approx([0, 90])


@pytest.mark.parametrize("degrees", [0.0, 90.0, -45.0])
def test_the_volume_faces_where_it_is_turned(degrees):
    matrix = np.eye(4)
    matrix[:3, :3] = 3 * about_z(degrees)
    assert facing_of(matrix) == pytest.approx(degrees)


def oblong(front, along=3.0, deep=1.0):
    """The sum of the level sides of a rectangle's box, by the rotation of the box."""

    def footprint(degrees):
        angle = np.radians(degrees - front)
        return (along + deep) * (abs(np.cos(angle)) + abs(np.sin(angle)))

    return footprint


def test_the_footprint_settles_the_angle_near_the_peak():
    votes = estimates(40.0, [6, 4, 5, 3])  # all off the same way: the peak lies 4.5 degrees off
    assert abs(wrapped(decide(votes).degrees - 40.0)) > 4
    direction = decide(votes, footprint=oblong(40.0))
    assert direction.source == "found"
    assert abs(wrapped(direction.degrees - 40.0)) < 1.5
    far = decide(votes, footprint=oblong(75.0))  # sides that lie elsewhere move it little
    assert abs(wrapped(far.degrees - decide(votes).degrees)) < 9.1


def test_without_votes_an_object_faces_along_its_sides_and_a_round_one_the_worlds_front():
    azimuths = np.tile(np.arange(0, 360, 15.0), (4, 1))
    votes = count_votes(KNOWN, np.full(azimuths.shape, 1 / 24), azimuths)
    direction = decide(votes, footprint=oblong(25.0))
    assert (direction.source, direction.certainty) == ("undecided", 0.0)
    assert abs(float(wrapped(4 * (direction.degrees - 25.0)))) < 6
    assert decide(votes, footprint=lambda degrees: 2.0).degrees == 0.0


def test_undecided_votes_give_the_better_peak_unless_they_are_alike():
    votes = estimates(-170.0, [0, 180, 0, 30])
    direction = decide(votes)
    assert direction.source == "undecided" or abs(wrapped(direction.degrees + 170.0)) < 10
    alike = decide(estimates(-170.0, [0, 180, 0, 180]))
    assert abs(wrapped(alike.degrees - 10.0)) < 3
