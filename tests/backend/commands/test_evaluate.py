"""`levelform evaluate`: one pair, two folders, and error messages."""

import json

import pytest
from levelform.backend.cli import main

trimesh = pytest.importorskip("trimesh")


@pytest.fixture
def folder(tmp_path):
    """Boxes of side 1 as truth; predictions of side 0.8, one twice as large, one without faces."""
    for part, side in (("true", 1.0), ("pred", 0.8)):
        for name in ("chair/x", "lamp/y"):
            path = tmp_path / part / f"{name}.ply"
            path.parent.mkdir(parents=True, exist_ok=True)
            trimesh.creation.box((side,) * 3).export(path)
    trimesh.creation.box((2.0,) * 3).export(tmp_path / "large.stl")
    trimesh.PointCloud([[0.0, 0, 0]]).export(tmp_path / "empty.ply")
    return tmp_path


def said(capsys, *words):
    status = main(["evaluate", *map(str, words), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_one_pair(folder, capsys):
    words = (folder / "pred/chair/x.ply", folder / "true/chair/x.ply", "--protocol", "tdgn")
    status, result = said(capsys, *words)
    assert status == 0
    assert result["metrics"]["iou"] == pytest.approx(0.512, abs=0.01)
    assert (result["protocol"], result["frame"], result["empty"]) == ("tdgn", "unit-cube", 0)
    assert said(capsys, *words)[1] == result


def test_fitting_the_box_takes_the_scale_away(folder, capsys):
    words = (folder / "large.stl", folder / "true/chair/x.ply")
    assert said(capsys, *words)[1]["metrics"]["iou"] < 0.9
    assert said(capsys, *words, "--fit")[1]["metrics"]["iou"] == 1.0


def test_an_empty_prediction_is_counted_not_dropped(folder, capsys):
    status, result = said(
        capsys,
        folder / "empty.ply",
        folder / "true/chair/x.ply",
        "--protocol",
        "occupancy-network",
    )
    assert (status, result["empty"], result["metrics"]["iou"]) == (0, 1, 0.0)


def test_two_folders_are_matched_by_name_and_averaged(folder, capsys):
    (folder / "pred/lamp/y.ply").unlink()
    status, result = said(capsys, folder / "pred", folder / "true")
    assert status == 0
    assert (result["objects"], result["missing"]) == (1, ["lamp/y"])
    assert set(result["by_class"]) == {"chair"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("pred/chair/x.ply",), "REF, the mesh to compare with, is missing"),
        (("pred/chair/x.ply", "true/chair/x.ply", "--protocol", "iou"), "'iou' is not a protocol"),
        (("pred", "true/chair/x.ply"), "both be folders"),
        (("lost.ply", "true/chair/x.ply"), "does not exist"),
        (("true/chair/x.ply", "empty.ply"), "no faces"),
    ],
)
def test_wrong_requests_end_with_status_two(folder, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(folder)
    assert main(["evaluate", *words]) == 2
    assert sentence in capsys.readouterr().err
