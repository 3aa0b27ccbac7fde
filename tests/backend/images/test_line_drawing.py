"""Line drawings are filled; thin objects, photographs and solid drawings are not."""

import numpy as np
import torch
from levelform.backend.contract.protocol import Background, ViewData
from levelform.backend.images.line_drawing import DOUBT, filled_drawing
from levelform.backend.images.plain import distance_alpha
from levelform.backend.images.views import Notes, to_view

SIZE = 200
ROWS, COLUMNS = np.mgrid[0:SIZE, 0:SIZE] + 0.5
DISK = np.hypot(ROWS - 100, COLUMNS - 100) - 60  # signed distances, pixels
BAR = np.maximum(np.abs(ROWS - 100) - 8, np.abs(COLUMNS - 100) - 90)


def drawn(distance, width=1.2, ink=(0.1, 0.1, 0.1), paper=(1.0, 1.0, 1.0)):
    """Return an opaque drawing (H, W, 4) of the outline of a shape."""
    amount = np.clip(width - np.abs(distance), 0, 1)[..., None]
    color = amount * np.array(ink) + (1 - amount) * np.array(paper)
    return torch.from_numpy(np.concatenate([color, np.ones((SIZE, SIZE, 1))], 2)).float()


def masked(image):
    """Return the image with the mask by the color of its corner."""
    alpha = distance_alpha(image[..., :3], image[0, 0, :3], 0.1)
    return torch.cat([image[..., :3], alpha[..., None]], 2)


def test_what_lines_enclose_belongs_to_the_object():
    for shape in (DISK, np.minimum(DISK, BAR)):
        alpha = filled_drawing(masked(drawn(shape)))
        wrong = (alpha.numpy() > 0.5) != (shape < 0)
        assert wrong[np.abs(shape) > 3].sum() == 0
    blue = drawn(DISK, ink=(0.1, 0.2, 0.7), paper=(0.95, 0.93, 0.85))
    assert filled_drawing(masked(blue)) is not None


def test_a_gap_in_the_outline_is_closed():
    image = drawn(DISK)
    image[38:43, 99:100, :3] = 1.0
    alpha = filled_drawing(masked(image))
    assert alpha[100, 100] == 1


def test_thick_rings_solid_things_and_colored_wire_stay():
    assert filled_drawing(masked(drawn(DISK, width=9))) is None
    solid = drawn(DISK)
    solid[..., :3] = torch.where(torch.from_numpy(DISK < 0)[..., None], 0.2, solid[..., :3])
    assert filled_drawing(masked(solid)) is None
    wire = drawn(DISK)
    around = torch.from_numpy(np.arctan2(ROWS - 100, COLUMNS - 100)).float()
    hues = torch.stack([around.sin(), around.cos(), -around.sin()], 2) * 0.4 + 0.4
    wire[..., :3] = torch.where((wire[..., :1] < 0.9), hues, wire[..., :3])
    assert filled_drawing(masked(wire)) is None
    assert filled_drawing(torch.zeros(20, 20, 4)) is None


def test_a_large_drawing_is_decided_small_and_filled_whole():
    large = drawn(DISK).repeat_interleave(4, 0).repeat_interleave(4, 1)
    alpha = filled_drawing(masked(large))
    assert alpha.shape == (4 * SIZE, 4 * SIZE)
    assert alpha[4 * 100, 4 * 100] == 1


def test_a_view_is_filled_and_the_person_told():
    notes = Notes()
    pixels = (drawn(DISK) * 255).byte().numpy()
    view = to_view(ViewData(pixels, None, "sketch"), Background("corner"), notes)
    assert view.image[100, 100, 3] == 1
    assert notes.remarks() == (f"sketch: check the mask: {DOUBT}.",)
