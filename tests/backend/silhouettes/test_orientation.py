"""Orientation tags of images with cameras are followed only where the views agree only then."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.images.decoding import as_stored
from levelform.backend.silhouettes.orientation import upright_where_they_agree


def stored(views, tag):
    """Return the views as a camera stores them that notes how they are to be turned."""
    return [
        replace(
            view,
            image=torch.from_numpy(np.ascontiguousarray(as_stored(view.image.numpy(), tag))),
        )
        for view in views
    ]


@pytest.mark.parametrize("tag", range(2, 9))
def test_images_of_cameras_that_were_fitted_upright_are_turned(suzanne, tag):
    turned = upright_where_they_agree(stored(suzanne, tag), dict.fromkeys(range(len(suzanne)), tag))
    assert turned is not None
    for view, original in zip(turned, suzanne, strict=True):
        assert torch.equal(view.image, original.image)


@pytest.mark.parametrize("tag", [3, 6])
def test_images_of_cameras_that_were_fitted_to_what_is_stored_stay(suzanne, tag):
    tags = dict.fromkeys(range(len(suzanne)), tag)
    assert upright_where_they_agree(suzanne, tags) is None


def test_one_tagged_image_among_others_is_turned(suzanne):
    views = list(suzanne)
    views[2] = stored(views[2:3], 6)[0]
    turned = upright_where_they_agree(views, {2: 6})
    assert turned is not None
    assert torch.equal(turned[2].image, suzanne[2].image)
