"""`--save-masks`: the masks and outlines of images, without a reconstruction."""

import json

import numpy as np
from levelform.backend.cli import main
from PIL import Image


def test_masks_and_outlines_are_written(tmp_path, capsys):
    pixels = np.full((40, 60, 3), 240, np.uint8)
    pixels[10:30, 20:45] = (200, 30, 40)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    words = ["reconstruct", str(tmp_path / "photo.png"), "--save-masks", str(tmp_path / "masks")]
    assert main([*words, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["masks"]
    assert entry["source"] == "background"
    mask = np.asarray(Image.open(entry["mask"]))
    assert (mask > 127).sum() == 20 * 25
    assert mask[20, 30] == 255
    outline = np.asarray(Image.open(entry["outline"]))
    assert outline.shape == (40, 60, 3)
    assert outline[20, 32].tolist() == [200, 30, 40]
    assert main(words) == 0
    assert "000-photo-mask.png" in capsys.readouterr().out
