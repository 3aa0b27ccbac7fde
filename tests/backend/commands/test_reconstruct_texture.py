"""A texture from the terminal, and what the terminal can't make."""

from pathlib import Path

import pytest
import trimesh
from levelform.backend import cli

CHAIR = str(Path(__file__).parents[3] / "assets" / "sample" / "chair")


def test_a_glb_has_the_texture_that_was_asked_for(tmp_path):
    out = tmp_path / "chair.glb"
    hull = ["--method", "visual-hull", "--resolution", "32"]
    words = ["reconstruct", CHAIR, *hull, "--texture", "256", "-o", str(out)]
    assert cli.main(words) == 0
    mesh = trimesh.load(out, force="mesh", process=False)
    assert mesh.visual.material.baseColorTexture.size == (256, 256)
    assert len(mesh.visual.uv) == len(mesh.vertices)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--texture", "256", "-o", "a.ply"], "does not hold a texture"),
        (["--quads", "500", "-o", "a.glb"], "Quads are made by Blender's QuadriFlow"),
        (["--texture", "10", "-o", "a.glb"], "whole number from 256 to 8192"),
    ],
)
def test_what_can_not_be_made_is_refused_before_any_work(
    tmp_path, monkeypatch, capsys, words, sentence
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["reconstruct", CHAIR, *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
