"""Images from which no cameras can be found are refused by name, with what to do."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.cameras.checks import outline_difference, outlines_of
from levelform.backend.contract.errors import RequestError
from levelform.backend.silhouettes import trace


@pytest.fixture
def views(studio):
    return studio.views_of(studio.around(4))


def refusal(views):
    with pytest.raises(RequestError) as caught:
        outlines_of(views)
    assert caught.value.hint
    return caught.value.message


def test_good_images_give_their_outlines(views):
    outlines = outlines_of(views)
    assert len(outlines) == 4
    assert outline_difference(outlines[0], outlines[0]) < 0.1
    assert outline_difference(outlines[0], outlines[1]) > 2.0


def test_one_image(views):
    assert refusal(views[:1]).startswith("1 image can't say")


def test_images_that_are_all_alike(views):
    assert refusal([views[0]] * 5) == "All images are the same."


def test_a_lathe_says_that_the_steps_cannot_be_told(studio):
    views = studio.views_of(studio.around(5), studio.lathe())
    coloured = [
        replace(v, image=v.image * torch.tensor([i / 5, 1, 1, 1])) for i, v in enumerate(views)
    ]
    message = refusal(coloured)
    assert "lathe" in message
    assert "steps" in message


def test_an_empty_mask(views):
    views[2] = replace(views[2], image=torch.zeros_like(views[2].image))
    assert refusal(views) == "shot_2.png: the image shows no object."


def test_a_mask_that_hides_nothing(views):
    views[1] = replace(views[1], image=torch.ones_like(views[1].image))
    assert refusal(views) == "shot_1.png: the image has no background."


def test_an_object_that_the_frame_cuts_off(views):
    cut = views[3].image.roll(70, 1)
    views[3] = replace(views[3], image=cut)
    assert refusal(views).startswith("shot_3.png: the image cuts the object off")


def test_mixed_sizes(views):
    views[1] = replace(views[1], image=views[1].image[:100])
    assert "shot_0.png is 200 x 150, shot_1.png is 200 x 100" in refusal(views)


def test_the_difference_of_outlines_is_in_pixels_of_224():
    alpha = torch.zeros(112, 112)
    alpha[30:60, 30:60] = 1.0
    moved = alpha.roll(2, 1)
    difference = outline_difference(trace(alpha), trace(moved))
    assert difference == pytest.approx(2.0, abs=0.4)  # half of the outline moves by 4 of 224
