"""A method in one file of the user's: trained, calibrated, offered in the panel, and run.

The file is the one that `docs/own-methods.md` shows, word for word.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform import addon  # noqa: E402
from levelform.addon import api  # noqa: E402
from levelform.addon.backend_setup.checkup import check  # noqa: E402
from levelform.addon.jobs.session import live  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assets" / "sample" / "suzanne"

pytestmark = [
    pytest.mark.bpy,
    pytest.mark.skipif(not check(PYTHON, quick=True).usable, reason=f"{PYTHON} lacks torch"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder whose one method is the documentation's, with a second file that is bad."""
    folder = tmp_path_factory.mktemp("own") / "methods"
    folder.mkdir()
    page = (ROOT / "docs" / "own-methods.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    (folder / "ellipsoid.py").write_text(block)
    (folder / "unfinished.py").write_text("class Unfinished(")
    return folder


@pytest.fixture(scope="module")
def command(folder):
    """Return what runs a command of the terminal's with that folder."""

    def run(*words):
        line = [PYTHON, "-I", str(ROOT / "backend" / "terminal.py"), *map(str, words), "--json"]
        environment = {**os.environ, "LEVELFORM_METHODS": str(folder), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            line, env=environment, cwd=folder.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def weights(folder, command):
    """Return the file of weights that training and calibration leave beside the method's."""
    data, run = folder.parent / "data", folder.parent / "run"
    command("dataset", "synthesize", data, "--categories", "table", "cabinet", "--count", "8",
            "--views", "1", "--size", "64", "--cameras", "levelform", "--points", "uniform=2000",
            "--surface", "10")  # fmt: skip
    trained = command("train", "ellipsoid", "--data", data, "--out", run, "--steps", "12",
                      "--batch", "8", "--validate-every", "6", "--device", "cpu")  # fmt: skip
    assert (trained["method"], trained["step"], trained["done"]) == ("ellipsoid", 12, True)
    file = folder / "ellipsoid.safetensors"
    calibrated = command("calibrate", run / "last.safetensors", "--data", data, "-o", file)
    assert calibrated["iou"] >= calibrated["before"]
    assert calibrated["iou"] == pytest.approx(trained["latest"]["validation_iou"], abs=0.5)
    return file


@pytest.fixture(scope="module")
def registered(folder, weights):
    """Register the extension for a worker that knows the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFORM_PYTHON", PYTHON)
        patch.setenv("LEVELFORM_METHODS", str(folder))
        addon.register()
        yield
        addon.unregister()


def test_the_terminal_lists_it_with_its_weights_and_options(command, weights, folder):
    listed = command("methods")
    (sheet,) = (method for method in listed["methods"] if method["name"] == "ellipsoid")
    assert sheet["weights"] == ["bundled"]
    assert [option["name"] for option in sheet["options"]] == ["roundness"]
    assert sheet["configurations"]["compact"]["parameters"] > 0
    (problem,) = listed["problems"]
    assert problem.startswith(f"{folder / 'unfinished.py'} can't be loaded (SyntaxError: ")


def test_the_panel_offers_it_and_blender_runs_it(registered):
    bpy.ops.wm.open_mainfile(filepath=str(SAMPLE / "suzanne.blend"))
    settings = bpy.context.scene.levelform
    with pytest.raises(TypeError):
        settings.method_choice = "ellipsoid"  # the worker has not said yet what it runs
    assert "ellipsoid" in {method.name for method in api.methods()}
    assert len(live.method_problems) == 1
    settings.method_choice = "ellipsoid"
    assert settings.info.title == "Ellipsoid"
    (option,) = (bpy.context.scene.levelform_of_ellipsoid.bl_rna.properties["roundness"],)
    assert (option.hard_min, option.hard_max) == (0.0, 1.0)
    image = SAMPLE / "images" / "0.png"
    made = api.reconstruct(images=[image], method="ellipsoid", resolution=32)
    extent = np.ptp(np.array([vertex.co for vertex in made.data.vertices]), axis=0)
    assert (extent > 0.05).all()
    ball = api.reconstruct(
        images=[image], method="ellipsoid", resolution=32, options={"roundness": 1.0}
    )
    extent = np.ptp(np.array([vertex.co for vertex in ball.data.vertices]), axis=0)
    assert extent.max() / extent.min() == pytest.approx(1.0, abs=0.05)
    with pytest.raises(RequestError, match="no option 'squareness'"):
        api.reconstruct(images=[image], method="ellipsoid", options={"squareness": 1.0})
