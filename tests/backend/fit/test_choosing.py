"""The first field that looks more like the images is taken."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.fit import FitOptimiser
from levelform.backend.fit.choosing import better_start
from levelform.backend.ticket import Ticket

from .conftest import bowl, camera_at, hull_of, image
from .test_optimiser import SMALL


@pytest.fixture(scope="module")
def views():
    return [image(bowl, camera_at(60.0 * i, 38.0, size=128), samples=1) for i in range(6)]


def fits(views, guess):
    hull = hull_of(views)
    settings = replace(SMALL, stages=((32, 1.0),), first_colors=20)
    return [FitOptimiser(views, hull, first=f, settings=settings, budget=60) for f in (None, guess)]


def test_a_guess_with_the_hollow_of_the_images_is_taken(views):
    hull, guess = fits(views, bowl)
    assert better_start(hull, guess, Ticket()) is guess
    assert hull.iteration == guess.iteration == 20


def test_the_hull_is_taken_where_the_guess_is_of_another_object(views):
    outside = hull_of(views)

    def halved(points):
        return torch.maximum(outside(points), points[:, 0] - 0.1)

    hull, guess = fits(views, halved)
    assert better_start(hull, guess, Ticket()) is hull
