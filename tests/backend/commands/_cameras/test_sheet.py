"""`levelform cameras sheet` and `ring`: the words of the terminal."""

import json

import numpy as np
import pytest
from levelform.backend import cli
from PIL import Image


@pytest.fixture
def sheet(tmp_path):
    """Return a sheet with a box of 40 x 20 x 30 from the front, the right and above."""
    pixels = np.full((80, 200, 3), 255, np.uint8)
    pixels[20:50, 20:60] = pixels[20:50, 90:110] = pixels[20:40, 140:180] = 60
    path = tmp_path / "box.png"
    Image.fromarray(pixels).save(path)
    return path


def test_a_sheet_becomes_cameras(sheet, tmp_path, capsys):
    out = tmp_path / "transforms.json"
    assert cli.main(["cameras", "sheet", str(sheet), "-o", str(out), "--size", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [view["name"] for view in told["views"]] == ["front", "right", "top"]
    np.testing.assert_allclose(told["sides"], (4, 2, 3), rtol=0.05)
    assert len(json.loads(out.read_text())["frames"]) == 3


def test_without_an_output_the_pieces_are_shown(sheet, tmp_path, capsys):
    words = ["cameras", "sheet", str(sheet), "--preview", str(tmp_path / "shown.png")]
    assert cli.main(words) == 0
    assert "front" in capsys.readouterr().out
    assert (tmp_path / "shown.png").exists()
    assert not list(tmp_path.glob("*-drawings"))


@pytest.mark.parametrize(
    "words",
    [
        ["--names", "front,sideways,top"],
        ["--size", "0"],
        ["-o", "/nowhere/t.json"],
        ["--background", "plaid"],
    ],
)
def test_wrong_words_are_refused(sheet, words):
    assert cli.main(["cameras", "sheet", str(sheet), *words]) == 2


def test_a_ring_is_written(tmp_path, capsys):
    out = tmp_path / "ring.json"
    assert cli.main(["cameras", "ring", "6", "-o", str(out), "--pixels", "640x480", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["views"] == 6
    frames = json.loads(out.read_text())["frames"]
    assert {(frame["w"], frame["h"]) for frame in frames} == {(640, 480)}
    assert cli.main(["cameras", "ring", "6", "-o", str(out), "--pixels", "big"]) == 2
