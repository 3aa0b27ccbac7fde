"""The option `refine` of a reconstruction: cameras are corrected before anything else."""

import json
from pathlib import Path

import levelform
import numpy as np
import pytest
from levelform.backend import cli
from levelform.backend.contract.settings import Settings
from levelform.backend.contract.words import add_settings, read_settings

SAMPLE = Path(levelform.__file__).parent / "assets" / "sample" / "chair"


@pytest.fixture
def off(tmp_path):
    """The sample's file of cameras, each camera moved by a fiftieth of its distance."""
    content = json.loads((SAMPLE / "transforms.json").read_text())
    rng = np.random.default_rng(2)
    for frame in content["frames"]:
        pose = np.array(frame["transform_matrix"])
        pose[:3, 3] += rng.normal(size=3) * 0.02 * np.linalg.norm(pose[:3, 3])
        frame["transform_matrix"] = pose.tolist()
        frame["file_path"] = str(SAMPLE / frame["file_path"])
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    return tmp_path


def told(capsys, *words):
    assert cli.main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_reconstruction_refines_its_views_when_asked(off, capsys):
    words = ("reconstruct", str(off), "-o", str(off / "chair.ply"), "--method", "visual-hull")
    plain = told(capsys, *words, "--resolution", "24")
    assert "refined" not in plain
    refined = told(capsys, *words, "--resolution", "24", "--refine")
    assert refined["refined"]["before"] > 1.0
    assert refined["refined"]["after"] < 0.05
    residuals = [view["residual"] for view in refined["views_checked"]]
    assert max(residuals) < 0.1 < max(view["residual"] for view in plain["views_checked"])


def test_the_word_and_the_option_are_one():
    import argparse

    parser = argparse.ArgumentParser()
    add_settings(parser)
    for words in (["--refine"], ["--option", "refine=yes"]):
        chosen = read_settings(parser.parse_args(words), Settings()).check(())
        assert chosen.options["refine"] in (True, "yes")
    assert "refine" not in read_settings(parser.parse_args([]), Settings()).options
