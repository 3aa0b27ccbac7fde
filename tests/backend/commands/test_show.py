"""`levelform show`, `morph` and `codes`: arguments, files and refusals."""

import json

import numpy as np
import pytest
from levelform.backend import cli
from levelform.backend.data.format import DatasetWriter
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.reconstructors import WEIGHTS_FOLDER, Code

IMAGES = sorted((WEIGHTS_FOLDER.parent / "sample" / "chair" / "images").glob("*.png"))
FIRST, SECOND = str(IMAGES[0]), str(IMAGES[4])
QUICK = ["--resolution", "32", "--device", "cpu"]


def told(capsys, *words):
    """Run a command with --json and return its answer."""
    assert cli.main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_shows_are_listed_and_written(capsys, tmp_path):
    listed = told(capsys, "show", "tdgn")["shows"]["tdgn"]
    assert "training-set" in [spec["name"] for spec in listed]
    assert "uclid-net" in told(capsys, "show")["shows"]
    words = ["show", "tdgn", "training-set", FIRST, "-o", str(tmp_path / "new"), *QUICK]
    files = told(capsys, *words)["files"]
    assert [name.rpartition("/")[2] for name in files] == ["training-points.ply", "surface.glb"]


def test_a_code_is_saved_averaged_and_shown(capsys, tmp_path):
    paths = [str(tmp_path / f"{name}.safetensors") for name in ("a", "b", "mean")]
    told(capsys, "codes", "tdgn", FIRST, "-o", paths[0], *QUICK)
    told(capsys, "codes", "tdgn", SECOND, "-o", paths[1], *QUICK)
    assert (
        told(capsys, "codes", "tdgn", *paths[:2], "--mean", "-o", paths[2], *QUICK)["objects"] == 2
    )
    a, b, mean = (Code.load(path).tensors["features"].numpy() for path in paths)
    np.testing.assert_allclose(mean, (a + b) / 2, atol=1e-6)
    words = ["show", "tdgn", "levels", paths[2], "-o", str(tmp_path), "--option", "levels=0.5"]
    assert told(capsys, *words, *QUICK)["files"] == [str(tmp_path / "p-=-0.5.glb")]


def test_a_morph_has_a_mesh_for_each_factor(capsys, tmp_path):
    words = ["morph", "tdgn", FIRST, SECOND, "-o", str(tmp_path), "--way", "meshes"]
    made = told(capsys, *words, "--factors", "0", "1.2", *QUICK)
    assert made["factors"] == [0.0, 1.2]
    assert not made["one_topology"]
    assert len(made["files"]) == 2


def test_codes_of_a_data_set_are_rows_of_one_table(capsys, tmp_path):
    contents = Contents(points={"uniform": 64}, surface=0, views=1, size=32)
    with DatasetWriter(tmp_path / "data", provenance={}) as writer:
        for index in range(2):
            writer.add(record_of_shape("table", index, contents))
    out = str(tmp_path / "codes.npz")
    words = ["codes", "tdgn", "--data", str(tmp_path / "data"), "-o", out]
    assert told(capsys, *words, *QUICK)["objects"] == 2
    with np.load(out) as table:
        assert table["codes"].shape == (2, 128)
        assert table["categories"].tolist() == ["table", "table"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "tdgn", "patches", FIRST, "-o", "x"], "can't show 'patches'"),
        (["show", "tdgn", "levels", FIRST], "output folder is missing"),
        (["show", "tdgn", "levels", "-o", "x"], "No image is given"),
        (["morph", "tdgn", FIRST, SECOND, "-o", "x", "--factors", "2"], "outside -0.2 to 1.2"),
        (["codes", "tdgn", FIRST, "-o", "x.npz"], "does not end with .safetensors"),
    ],
)
def test_what_cannot_be_done_is_said_before_work(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
