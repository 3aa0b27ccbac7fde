"""Deep Meta's g(x, y, z, t) trains and validates on moving shapes, from one command."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend import cli
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.moving import record_of_motion
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.reconstructors import find_method
from levelform.backend.training.calibration import calibrate

CONTENTS = Contents(points={"uniform": 400, "near": 300}, surface=20, views=2, size=32)
WORDS = ["--steps", "3", "--batch", "2", "--set", "coordinates=4", "width=4", "blocks=2",
         "hidden_width=8", "framing.size=32"]  # fmt: skip
QUIET = [
    "--device",
    "cpu",
    "--log-every",
    "1",
    "--validation-shapes",
    "1",
    "--validate-every",
    "2",
    "--json",
]


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("time") / "moving"
    with DatasetWriter(folder, provenance={"source": {}}) as writer:
        for seed, split in enumerate(("train", "train", "val")):
            writer.add(replace(record_of_motion("lid", seed, CONTENTS), split=split))
    return folder


@pytest.mark.parametrize("frames", [1, 2])
def test_it_trains_validates_and_knows_time(moving, tmp_path, capsys, frames):
    words = ["train", "deep-meta-functionals", "--data", str(moving), "--out", str(tmp_path / "r")]
    assert cli.main([*words, *WORDS, f"frames={frames}", *QUIET]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["done"]
    assert [v for n, v in told["latest"].items() if n.endswith("iou")], told["latest"]
    assert "smoothness" in (tmp_path / "r" / "curve.csv").read_text().splitlines()[0]
    path = tmp_path / "r" / "best.safetensors"
    model = find_method("deep-meta-functionals").load(path).eval()
    from levelform.backend.training.samples import load_shapes
    from levelform.backend.training.validation import first_images, validate

    (shape,) = load_shapes([str(moving)], "val")
    code = model.encode(first_images(model, shape))
    points = torch.rand(50, 3) * 2 - 1
    early, late = (model.decode(code, time=t)(points) for t in (-1.0, 1.0))
    assert not torch.equal(early, late)
    score = validate(model, [shape]).iou
    assert 0 <= score <= 1
    if frames == 1:  # each point at its own moment, as in validation
        assert calibrate(model, [shape]).before == pytest.approx(score)


def test_still_shapes_are_refused_in_a_sentence(tmp_path, capsys):
    with DatasetWriter(tmp_path / "still", provenance={"source": {}}) as writer:
        for seed, split in enumerate(("train", "val")):
            writer.add(replace(record_of_shape("table", seed, CONTENTS), split=split))
    words = ["train", "deep-meta-functionals", "--data", str(tmp_path / "still")]
    assert cli.main([*words, "--out", str(tmp_path / "r"), *WORDS, *QUIET]) == 2
    assert "stands still" in json.loads(capsys.readouterr().out)["error"]


def test_an_animation_has_a_mesh_for_each_moment(moving, tmp_path, capsys, monkeypatch):
    from levelform.backend.commands import animate
    from setups.analytic import Sphere

    model = find_method("deep-meta-functionals")
    network = model(replace(model.configurations["compact"], coordinates=4, width=4, blocks=2))
    network.save(tmp_path / "w.safetensors")
    asked = []

    def decode(self, code, *, time=0.0):
        asked.append(time)
        return Sphere(0.5 + 0.2 * time)

    monkeypatch.setattr(model, "decode", decode)
    from levelform.backend.reconstructors import WEIGHTS_FOLDER

    image = WEIGHTS_FOLDER.parent / "sample" / "chair" / "images" / "0.png"
    words = ["animate", "deep-meta-functionals", str(image), "-o", str(tmp_path / "out")]
    words += ["--weights", str(tmp_path / "w.safetensors"), "--moments", "3"]
    assert cli.main([*words, "--resolution", "32", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 3
    assert asked == [-1, 0, 1]
    assert animate.MOMENTS == 17


def test_codes_are_smoothed_over_time():
    from levelform.backend.commands.animate import smoothed
    from levelform.backend.reconstructors import Code

    model = find_method("tdgn")()
    codes = [Code("tdgn", {"features": torch.tensor([[float(i == 2)]])}) for i in range(5)]
    made = [float(code.tensors["features"]) for code in smoothed(model, codes, 1.0)]
    assert np.argmax(made) == 2
    assert 0 < made[1] < made[2] < 1
    assert smoothed(model, codes, 0.0) is codes
