"""Sheets are cut where their background shows, and nowhere else."""

import numpy as np
import pytest
import sheets
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import Background
from levelform.backend.drawings.cutting import cut_one, cut_sheet, rows_of

AUTO = Background("auto")
SIDES, SCALES = ("front", "right", "back"), (120.0, 100.0, 110.0)


@pytest.fixture(scope="module")
def coverage():
    return sheets.row("chair", SIDES, SCALES)


def test_each_drawing_is_one_piece_with_its_exact_extent(coverage):
    pieces = cut_sheet(sheets.drawn(coverage), AUTO).pieces
    start = 0
    for piece, side, scale in zip(pieces, SIDES, SCALES, strict=True):
        own = sheets.render("chair", side, scale)
        rows, columns = np.flatnonzero(own.max(1) > 0.5), np.flatnonzero(own.max(0) > 0.5)
        left, top, right, bottom = piece.on_sheet
        assert abs(left - start - columns[0]) <= 1
        assert abs(right - start - columns[-1] - 1) <= 1
        assert abs(top - rows[0]) <= 1
        assert abs(bottom - rows[-1] - 1) <= 1
        start += own.shape[1]


def test_a_piece_shows_its_own_drawing_alone(coverage):
    for piece in cut_sheet(sheets.drawn(coverage), AUTO).pieces:
        alpha = piece.image[..., 3]
        assert float(alpha[0].max()) == float(alpha[:, 0].max()) == 0.0
        assert float(alpha.max()) == 1.0


def test_fractions_of_a_pixel_count():
    alpha = torch.zeros(60, 90)
    alpha[20:40, 10:30] = alpha[20:40, 60:80] = 1.0
    alpha[20:40, 30] = 0.6
    alpha[19, 10:31] = 0.3
    image = torch.cat([torch.zeros(60, 90, 3), alpha[..., None]], 2)
    first = cut_sheet(image, AUTO).pieces[0]
    np.testing.assert_allclose(first.on_sheet, (10.0, 19.7, 30.6, 40.0), atol=1e-5)


def test_text_is_left_out(coverage):
    written = np.pad(coverage, ((0, 30), (0, 0)))
    written[-14:-6, 40:110:4] = 1.0  # strokes below the first drawing
    cut = cut_sheet(sheets.drawn(written), AUTO)
    assert len(cut.pieces) == 3
    assert "mark" in " ".join(cut.remarks)


def test_guide_lines_and_a_frame_are_removed(coverage):
    ruled = np.pad(coverage, 12)
    ruled[60:62] = ruled[3:5] = ruled[-5:-3] = 1.0
    ruled[:, 3:5] = ruled[:, -5:-3] = 1.0
    pieces = cut_sheet(sheets.drawn(ruled), AUTO).pieces
    plain = cut_sheet(sheets.drawn(coverage), AUTO).pieces
    assert len(pieces) == 3
    for piece, other in zip(pieces, plain, strict=True):
        assert abs(piece.width - other.width) <= 1
        assert abs(piece.height - other.height) <= 1


def test_thin_parts_of_aligned_drawings_are_not_a_guide_line():
    wide = sheets.row("chair", ("front", "right", "back", "left"), (100.0,) * 4)
    cut = cut_sheet(sheets.drawn(wide), AUTO)
    assert not cut.remarks


def test_outlines_are_filled():
    from scipy.ndimage import binary_erosion

    solid = sheets.row("suzanne", ("front", "right"), (120.0, 120.0)) > 0.5
    lines = (solid & ~binary_erosion(solid, iterations=2)).astype(np.float32)
    cut = cut_sheet(sheets.drawn(lines), AUTO)
    inside = sum(int((piece.image[..., 3] > 0.5).sum()) for piece in cut.pieces)
    assert inside == pytest.approx(int(solid.sum()), rel=0.02)
    assert "filled" in " ".join(cut.remarks)


def test_openings_of_painted_drawings_stay_open(coverage):
    pieces = cut_sheet(sheets.drawn(coverage), AUTO).pieces
    inside = sum(int((piece.image[..., 3] > 0.5).sum()) for piece in pieces)
    assert inside == pytest.approx(int((coverage > 0.5).sum()), rel=0.02)


def test_a_drawing_at_the_border_is_told(coverage):
    cut = cut_sheet(sheets.drawn(coverage[60:]), AUTO)
    assert any(piece.cropped for piece in cut.pieces)


@pytest.mark.parametrize(
    ("image", "seen"),
    [
        (sheets.drawn(np.pad(np.ones((20, 20)), 20)), "one drawing"),
        (sheets.drawn(np.zeros((40, 40))), "no drawing"),
        (torch.rand(40, 40, 4, generator=torch.manual_seed(0)).round(), "no plain background"),
    ],
)
def test_what_is_not_a_sheet_is_refused(image, seen):
    image[..., 3] = 1.0
    with pytest.raises(RequestError, match=seen):
        cut_sheet(image, AUTO, name="sheet.png")


def test_a_separate_drawing_keeps_all_its_parts():
    alpha = np.zeros((80, 80), np.float32)
    alpha[20:60, 20:40] = alpha[20:60, 50:60] = 1.0
    piece = cut_one(sheets.drawn(alpha), AUTO, name="front.png").pieces[0]
    assert (piece.width, piece.height) == (40, 40)


def test_rows_are_read_like_text():
    boxes = [(50, 0, 60, 10), (0, 2, 10, 14), (0, 30, 10, 40), (30, 28, 40, 44)]
    assert rows_of(boxes) == [[1, 0], [2, 3]]
