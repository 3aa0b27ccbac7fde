"""Insides, morphs and image sequences in Blender with a real worker and bundled networks."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.backend_setup.checkup import check  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.scene.sequences import length_of  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
IMAGES = sorted(
    (Path(__file__).parents[2] / "assets" / "sample" / "chair" / "images").glob("*.png")
)

pytestmark = [
    pytest.mark.bpy,
    pytest.mark.skipif(not check(PYTHON, quick=True).usable, reason=f"{PYTHON} lacks torch"),
]


@pytest.fixture
def results(registered):
    """Return two results of one image each, by a real worker."""
    common = {"method": "tdgn", "resolution": 32, "color": False}
    return [api.reconstruct([str(IMAGES[i])], name=f"View {i}", **common) for i in (0, 4)]


def test_the_insides_of_a_result(results):
    assert "cells" in [spec.name for spec in api.shows(results[0])]
    points, surface = api.show(results[0], "training-set", resolution=32)
    names = {attribute.name for attribute in points.data.attributes}
    assert {"label", "weight"} <= names
    assert len(surface.data.polygons) > 100
    (steps,) = api.show(results[0], "deletion", resolution=32, steps=2)
    assert length_of(steps) == 3
    with pytest.raises(RequestError, match="can't show 'patches'"):
        api.show(results[0], "patches")


def test_a_morph_a_mean_and_a_saved_code(results, tmp_path):
    added = api.morph(*results, [0.0, 1.0], resolution=32, way="meshes", start=1, end=10)
    assert length_of(added) == 2
    keyed = api.morph(*results, [0.0, 0.1], resolution=32, way="vertices", start=1, end=10)
    assert len(keyed.data.shape_keys.key_blocks) == 2
    mean = api.blend(results, resolution=32)
    assert len(mean.data.polygons) > 100
    path = api.save_code(results[0], str(tmp_path / "a.safetensors"))
    again = api.blend([path], [1.0], resolution=32, name="Loaded")
    own = np.array([results[0].dimensions[:], again.dimensions[:]])
    assert np.abs(own[0] - own[1]).max() < 0.1
    with pytest.raises(RequestError, match="no option 'time'"):
        api.animate(results[0], [0.5])


def test_an_image_sequence_plays_and_so_does_the_command(results, tmp_path, capfd):
    played = api.animate_images(
        [str(IMAGES[0]), str(IMAGES[4])],
        folder=tmp_path / "cache",
        method="tdgn",
        resolution=32,
        color=False,
    )
    assert length_of(played) == 2
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2
    capfd.readouterr()
    words = ["show", "levels", str(IMAGES[0]), "--method", "tdgn", "--resolution", "32"]
    words += ["--no-color", "--show-option", "levels=0.4,0.6", "--json"]
    assert cli.main(words) == 0
    told = json.loads(capfd.readouterr().out)
    assert len(told["shown"]) == 2
