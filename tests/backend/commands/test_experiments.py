"""`levelform experiments`, from data sets and weights to pages."""

import json

import pytest
from levelform.backend.cli import main
from levelform.backend.experiments import gallery, measuring, table
from levelform.backend.reconstructors import find_method
from levelform.backend.training.parts import fresh, with_part

SIZES = {"stem": 4, "widths": (4, 8), "channels": 2, "hidden_width": 8, "framing.size": 32}
COMMON = ["--categories", "table", "sofa", "--views", "2", "--size", "32", "--cameras", "levelform",
          "--surface", "100", "--json"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a test set, a training set and weights."""
    folder = tmp_path_factory.mktemp("table")
    words = ["dataset", "synthesize"]
    test = ["--first", "100000", "--count", "2", "--points", "uniform=1000", "--mesh"]
    train = ["--count", "8", "--points", "uniform=500", "near=500"]
    assert main([*words, str(folder / "test"), *COMMON, *test]) == 0
    assert main([*words, str(folder / "known"), *COMMON, *train]) == 0
    model = with_part(fresh(find_method("levelform"), "compact", SIZES, seed=0), "camera", seed=0)
    model.save(folder / "levelform.safetensors")
    return folder


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(measuring, "SURFACE_POINTS", 1000)
    monkeypatch.setattr(measuring, "MEAN_POINTS", 300)
    monkeypatch.setattr(measuring, "MATCHED_POINTS", 50)
    monkeypatch.setattr(table, "RESOLUTION", 24)
    monkeypatch.setattr(gallery, "RESOLUTION", 24)


def said(capsys, *words):
    capsys.readouterr()
    status = main([str(word) for word in words] + ["--json"])
    return status, json.loads(capsys.readouterr().out)


def table_words(folder, out):
    return ("experiments", "table", "--data", folder / "test", "--train", folder / "known",
            "--methods", "levelform", "visual-hull", "retrieval", "oracle", "mean-shape",
            "--weights", f"levelform={folder / 'levelform.safetensors'}", "--device", "cpu",
            "-o", out)  # fmt: skip


def test_the_table_is_made_once_and_then_looked_up(folder, tmp_path, capsys, monkeypatch):
    words = table_words(folder, tmp_path / "results.md")
    status, first = said(capsys, *words)
    assert status == 0
    oracle, hull = first["iou"]["test oracle"], first["iou"]["test visual-hull"]
    assert 1 > oracle >= first["iou"]["test retrieval"] > 0
    assert hull > 0
    assert "train known levelform" in first["iou"]
    assert "train known oracle" not in first["iou"]
    wanted = [goal["wanted"] for goal in first["goals"]]
    for part in ("above retrieval", "mean IoU at least 0.60", "rises with 1, 2", "training shapes"):
        assert any(part in sentence for sentence in wanted), part
    page = (tmp_path / "results.md").read_text()
    assert "![](images/results/levelform.png)" in page
    assert (tmp_path / "images" / "results" / "levelform.png").stat().st_size < 300_000
    assert str(folder) not in page
    assert "--weights levelform=levelform.safetensors" in page
    monkeypatch.setattr(table, "measure", None)  # nothing is measured again
    status, again = said(capsys, *words)
    assert (status, again) == (0, first)
    assert (tmp_path / "results.md").read_text() == page


def test_a_limit_and_no_gallery(folder, tmp_path, capsys):
    words = (*table_words(folder, tmp_path / "few.md"), "--limit", 1, "--no-gallery")
    status, few = said(capsys, *words)
    assert (status, few["pictures"]) == (0, [])
    # Of 2 shapes: levelform 1 and 2 views, estimated, unposed; hull 1 and 2; three baselines.
    # Of 2 training shapes: levelform alone.
    assert few["measurements"] == 2 * (4 + 2 + 3) + 2


def test_cards(folder, tmp_path, capsys):
    words = ("experiments", "cards", "--weights", folder / "levelform.safetensors")
    status, made = said(capsys, *words, "-o", tmp_path / "models")
    assert status == 0
    assert made["pages"] == [str(tmp_path / "models" / "levelform.md")]


def test_claims_are_listed_and_wrong_words_are_told(folder, tmp_path, capsys):
    status, listed = said(capsys, "experiments", "claims", "--list", "--only", "disn-camera")
    assert status == 0
    (claim,) = listed["claims"]
    assert claim["trainings"] == ["disn (disn)", "disn-camera (disn)"]
    status, wrong = said(capsys, "experiments", "claims")
    assert (status, "--out" in wrong["hint"]) == (2, True)
    status, wrong = said(capsys, "experiments", "table", "--data", folder / "known",
                         "--train", folder / "known", "--methods", "oracle",
                         "-o", tmp_path / "x.md")  # fmt: skip
    assert (status, "training shapes too" in wrong["error"]) == (2, True)
    lookup = ("experiments", "claims", "--lookup", "--only", "dmf-sampling", "--category", "table",
              "--data", folder / "known", "--out", tmp_path / "runs",
              "-o", tmp_path / "c.md")  # fmt: skip
    notes = tmp_path / "notes.json"
    notes.write_text('["no"]')
    status, wrong = said(capsys, *lookup, "--notes", notes)
    assert (status, "as notes" in wrong["error"]) == (2, True)
    status, wrong = said(capsys, *lookup, "--test", folder / "known")
    assert (status, "training shapes too" in wrong["error"]) == (2, True)
    status, other = said(capsys, *lookup, "--test", folder / "test")
    if status == 0:
        assert "100000" in (tmp_path / "c.md").read_text()
        assert [claim["verdict"] for claim in other["claims"]] == ["not run"]
    status, wrong = said(capsys, *lookup, "--steps", "600", "dsin=3")
    assert (status, "'dsin=3'" in wrong["error"]) == (2, True)
    status, result = said(capsys, *lookup, "--steps", "600", "disn=300", "--batch", "4")
    if status == 2:  # a split of so few shapes may be empty
        assert "has no shapes" in result["error"]
    else:
        assert [claim["verdict"] for claim in result["claims"]] == ["not run"]
