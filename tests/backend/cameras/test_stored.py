"""The camera of an upright image shows the same in the stored pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.cameras.stored import as_stored
from levelform.backend.contract.errors import RequestError
from levelform.backend.images.decoding import as_stored as pixels_as_stored


@pytest.mark.parametrize("tag", [1, 3, 6, 8])
def test_points_fall_on_the_pixels_that_the_tag_moves(studio, tag):
    upright = replace(studio.camera_at(30, 20, 3.9), cx=90.0, cy=80.0, fy=300.0)
    stored = as_stored(upright, tag, "photo.jpg")
    point = torch.tensor([[0.2, 0.1, 0.3]], dtype=torch.float64)
    pixels = np.zeros((upright.height, upright.width))
    column, row = (int(x) for x in upright.project(point)[0][0])
    pixels[row, column] = 1.0
    moved = pixels_as_stored(pixels, tag)
    assert moved.shape == (stored.height, stored.width)
    column, row = (int(x) for x in stored.project(point)[0][0])
    assert moved[row, column] == 1.0
    assert np.linalg.det(stored.world_from_camera) == pytest.approx(1.0)


def test_a_mirrored_image_is_refused(studio):
    with pytest.raises(RequestError, match=r"photo\.jpg: the file's orientation tag 5 mirrors"):
        as_stored(studio.camera_at(0, 0, 3.9), 5, "photo.jpg")
