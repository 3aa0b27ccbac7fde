"""Images with outlines."""

import numpy as np
from levelform.backend.contract.outlines import DIMMED, INSIDE, OUTSIDE, outlined


def test_the_line_follows_the_mask_and_the_rest_is_dimmed():
    colors = np.full((40, 60, 4), 100, np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:50] = 255
    drawn = outlined(colors, mask)
    assert drawn.shape == (40, 60, 3)
    assert (drawn[0, 0] == round(100 * DIMMED)).all()
    assert (drawn[20, 35] == 100).all()
    assert (drawn[10, 35] == INSIDE).all()
    assert (drawn[9, 35] == OUTSIDE).all()
    edge = (drawn == INSIDE).all(2)
    assert edge.sum() == 2 * (20 + 30) - 4


def test_a_mask_to_the_border_and_an_empty_one_are_drawn():
    colors = np.full((8, 8, 3), 200, np.uint8)
    assert (outlined(colors, np.full((8, 8), 255, np.uint8)) == 200).all()
    assert (outlined(colors, np.zeros((8, 8), np.uint8)) == round(200 * DIMMED)).all()
