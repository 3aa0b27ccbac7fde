"""`cameras turntable|walk|refine --save-masks`: look at the masks before anything else."""

import json

import numpy as np
import pytest
from levelform.backend import cli
from PIL import Image


@pytest.fixture
def shots(tmp_path):
    """Return a folder of five images of a red box, the last one hardly visible."""
    folder = tmp_path / "shots"
    folder.mkdir()
    for number in range(1, 6):
        pixels = np.full((40, 60, 3), 240, np.uint8)
        pixels[10:30, 20 : 40 + number] = (200, 30, 40)
        Image.fromarray(pixels).save(folder / f"shot_{number}.png")
    return folder


@pytest.mark.parametrize("way", ["turntable", "walk"])
def test_masks_alone_are_written_without_an_output(shots, tmp_path, way, capsys):
    words = ["cameras", way, str(shots), "--save-masks", str(tmp_path / "masks")]
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [entry["view"] for entry in told["masks"]] == [f"shot_{n}.png" for n in range(1, 6)]
    mask = np.asarray(Image.open(told["masks"][0]["mask"]))
    assert (mask > 127).sum() == 20 * 21
    assert "out" not in told
    assert cli.main(words) == 0
    assert "000-shot_1-outline.png" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["turntable", "walk", "refine"])
def test_a_run_that_would_write_nothing_is_refused(shots, verb, capsys):
    assert cli.main(["cameras", verb, str(shots)]) == 2
    assert "--save-masks" in capsys.readouterr().err
