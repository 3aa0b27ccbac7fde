"""Drawings of the sample, cut and reconstructed: the mesh looks like the drawings."""

import json

import numpy as np
import pytest
import sheets
import torch
from levelform.backend.contract.camera_files import read_posed_images
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import Background
from levelform.backend.drawings import make_drawings
from levelform.backend.drawings.writing import write_drawings, write_preview
from levelform.backend.extraction import extract
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.silhouettes.drawing import silhouette

AUTO = Background("auto")
FOUR = ("front", "right", "back", "top")
UNEQUAL = (150.0, 120.0, 140.0, 110.0)  # pixels a unit: drawings at their own scales
REPROJECTS = 0.97


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    place = tmp_path_factory.mktemp("sheet") / "suzanne.png"
    return sheets.save(place, sheets.drawn(sheets.row("suzanne", FOUR, UNEQUAL)))


@pytest.fixture(scope="module")
def drawings(sheet):
    return make_drawings([sheet], AUTO)


def test_the_sheet_is_named_and_evened_out(drawings):
    truth = np.load(sheets.SAMPLES / "suzanne" / "truth.npz")["vertices"]
    assert drawings.names == FOUR
    np.testing.assert_allclose(drawings.evened.sides, np.ptp(truth, 0), rtol=0.01)
    assert drawings.disagreement < 0.2


def test_silhouettes_of_the_reconstruction_are_the_drawings(drawings):
    views = [
        View(piece.image, Camera.from_data(camera), name)
        for name, piece, camera in zip(
            drawings.names, drawings.pieces, drawings.evened.cameras, strict=True
        )
    ]
    hull = load_reconstructor("visual-hull", weights=None, device="cpu")
    mesh = extract(hull.decode(hull.encode(views)), resolution=96)
    truth = np.load(sheets.SAMPLES / "suzanne" / "truth.npz")["vertices"]
    np.testing.assert_allclose(np.ptp(mesh.vertices, 0), np.ptp(truth, 0), atol=0.05)
    for view in views:
        shown = silhouette(
            torch.as_tensor(mesh.vertices), torch.as_tensor(mesh.faces).long(), view.camera
        )
        own = view.image[..., 3] >= 0.5
        assert (shown & own).sum() / (shown | own).sum() >= REPROJECTS, view.name


def test_the_file_that_is_written_holds_images_cameras_and_volume(drawings, tmp_path):
    told = write_drawings(drawings, tmp_path / "transforms.json")
    posed = read_posed_images(told["out"])
    assert [frame.path.stem for frame in posed.frames] == list(FOUR)
    np.testing.assert_allclose(posed.world_from_volume, np.eye(4), atol=1e-9)
    for frame, camera in zip(posed.frames, drawings.evened.cameras, strict=True):
        np.testing.assert_allclose(frame.camera.transform_matrix, camera.transform_matrix)
        assert (frame.camera.fl_x, frame.camera.fl_y) == pytest.approx((camera.fl_x, camera.fl_y))


def test_names_can_be_given_and_pieces_left_out(sheet):
    chosen = make_drawings([sheet], AUTO, names=("front", "left", "-", "top"))
    assert chosen.names == ("front", "left", "top")


def test_a_sheet_with_a_top_as_its_third_drawing_is_understood(tmp_path):
    coverage = sheets.row("suzanne", ("front", "right", "top"), (120.0,) * 3)
    path = sheets.save(tmp_path / "three.png", sheets.drawn(coverage))
    assert make_drawings([path], AUTO).names == ("front", "right", "top")


def test_separate_images_get_their_sides_from_their_names(tmp_path):
    paths = [
        sheets.save(tmp_path / f"{word}.png", sheets.drawn(sheets.row("suzanne", [side], [scale])))
        for word, side, scale in (
            ("from the top", "top", 90.0),
            ("suzanne_front", "front", 130.0),
            ("Side View", "right", 100.0),
        )
    ]
    made = make_drawings(paths, AUTO)
    assert made.names == ("top", "front", "right")
    assert made.disagreement < 0.2


def test_proportions_that_differ_are_told(tmp_path):
    front = sheets.row("suzanne", ["front"], [120.0])
    wide = np.repeat(front, [1 + (i % 10 == 0) for i in range(front.shape[1])], 1)  # 10 % wider
    paths = [
        sheets.save(tmp_path / "front.png", sheets.drawn(wide)),
        sheets.save(tmp_path / "back.png", sheets.drawn(sheets.row("suzanne", ["back"], [120.0]))),
        sheets.save(tmp_path / "side.png", sheets.drawn(sheets.row("suzanne", ["right"], [120.0]))),
    ]
    made = make_drawings(paths, AUTO)
    assert "Proportions differ" in " ".join(made.remarks)
    front_camera, back_camera = made.evened.cameras[:2]
    front_width = made.pieces[0].width / front_camera.fl_x
    assert front_width == pytest.approx(made.pieces[1].width / back_camera.fl_x)


def test_a_drawing_from_a_corner_shares_the_height(tmp_path):
    sides = ("front", "front-right", "right")
    coverage = sheets.row("suzanne", sides, (120.0, 100.0, 110.0))
    path = sheets.save(tmp_path / "corner.png", sheets.drawn(coverage))
    made = make_drawings([path], AUTO, names=sides)
    heights = [p.height / c.fl_y for p, c in zip(made.pieces, made.evened.cameras, strict=True)]
    assert heights == pytest.approx([heights[0]] * 3, rel=0.01)
    assert made.disagreement < 0.3


@pytest.mark.parametrize(
    ("names", "seen"),
    [
        (("front", "back"), "2 names are given for 4"),
        (("front", "-", "back", "-"), "depth"),
        (("front", "-", "-", "-"), "Fewer than two"),
        (("front", "front", "back", "top"), "'front'"),
        (("front", "behind", "back", "top"), "'behind'"),
    ],
)
def test_names_that_do_not_do_are_refused(sheet, names, seen):
    with pytest.raises(RequestError, match=seen):
        make_drawings([sheet], AUTO, names=names)


def test_a_size_must_be_a_length(sheet):
    with pytest.raises(RequestError, match="size"):
        make_drawings([sheet], AUTO, size=0.0)


def test_the_preview_marks_each_drawing(drawings, sheet, tmp_path):
    from PIL import Image

    write_preview(drawings, sheet, tmp_path / "preview.png")
    shown = np.asarray(Image.open(tmp_path / "preview.png").convert("RGB")).astype(int)
    plain = np.asarray(Image.open(sheet).convert("RGB")).astype(int)
    assert shown.shape == plain.shape
    for piece in drawings.pieces:
        left, top = round(piece.on_sheet[0]), round((piece.on_sheet[1] + piece.on_sheet[3]) / 2)
        assert np.abs(shown[top, left] - plain[top, left]).max() > 30


def test_json_of_the_file_is_readable_by_others(drawings, tmp_path):
    told = write_drawings(drawings, tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text())
    assert all(frame["camera_model"] == "ORTHOGRAPHIC" for frame in content["frames"])
    assert told["views"][0]["name"] == "front"
