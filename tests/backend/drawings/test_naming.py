"""Names by position on a sheet and by the words in files' names."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.drawings.cutting import Piece
from levelform.backend.drawings.naming import candidates, names_of_files


def piece(left, top, width, height):
    return Piece(torch.zeros(1, 1, 4), (left, top), (0.0, 0.0, float(width), float(height)))


@pytest.mark.parametrize(
    ("boxes", "names"),
    [
        ([(0, 0, 10, 20), (20, 0, 8, 20)], ("front", "right")),
        ([(0, 0, 10, 20), (20, 0, 8, 20), (40, 0, 10, 20)], ("front", "right", "back")),
        (
            [(0, 0, 10, 20), (20, 0, 8, 20), (40, 0, 10, 20), (60, 0, 8, 20)],
            ("front", "right", "back", "left"),
        ),
        (
            [(0, 0, 10, 20), (20, 0, 8, 20), (40, 0, 10, 20), (60, 6, 10, 8)],
            ("front", "right", "back", "top"),
        ),
        ([(0, 0, 10, 8), (0, 20, 10, 20), (20, 20, 8, 20)], ("top", "front", "right")),
        (
            [(20, 0, 10, 8), (0, 20, 8, 20), (20, 20, 10, 20), (40, 20, 8, 20), (20, 50, 10, 8)],
            ("top", "left", "front", "right", "bottom"),
        ),
        (
            [(0, 0, 10, 20), (20, 0, 8, 20), (0, 30, 10, 20), (20, 36, 10, 8)],
            ("front", "right", "back", "top"),
        ),
    ],
)
def test_positions_name_drawings_as_sheets_are_laid_out(boxes, names):
    assert candidates([piece(*box) for box in boxes])[0] == names


def test_too_many_drawings_need_names():
    with pytest.raises(RequestError, match="7 drawings"):
        candidates([piece(20 * i, 0, 10, 20) for i in range(7)])


def test_words_in_names_of_files_are_sides():
    files = ["chair_front.png", "Side View.png", "back-left.jpg", "chair top (2).png", "rear.webp"]
    assert names_of_files(files) == ("front", "right", "back-left", "top", "back")


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        (["chair1.png", "front.png"], "chair1.png"),
        (["front.png", "front2 front.png"], "front"),
        (["confrontation.png", "back.png"], "confrontation"),
    ],
)
def test_names_without_a_side_and_doubles_are_refused(files, seen):
    with pytest.raises(RequestError, match=seen):
        names_of_files(files)
