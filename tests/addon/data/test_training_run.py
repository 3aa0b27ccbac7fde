"""Training from Blender: a real process that learns, is stopped, goes on, and shows its mesh."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data import terminal_process  # noqa: E402
from levelform.addon.data.training_curve import SIDE, draw, read_table  # noqa: E402
from levelform.addon.data.training_run import PREVIEW, TrainingPlan, TrainingRun, show_preview  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import MeshUpdate  # noqa: E402

pytestmark = pytest.mark.bpy
PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
SMALL = ("--set", "width=4", "blocks=2", "framing.size=32", "--batch", "2", "--points",
         "uniform=50", "near=50", "--log-every", "1", "--validation-shapes", "1", "--threads", "1",
         "--device", "cpu", "--save-every", "0.5", "--validate-every", "1000")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training") / "set"
    words = ["dataset", "synthesize", str(folder), "--categories", "cabinet", "--count", "24",
             "--views", "1", "--size", "32", "--points", "uniform=300", "near=300", "--surface",
             "50", "--cameras", "levelform", "--seed", "1"]  # fmt: skip
    subprocess.run([PYTHON, "-I", str(terminal_process.SCRIPT), *words], check=True, timeout=200)
    return folder


@pytest.fixture(autouse=True)
def interpreter(monkeypatch):
    """Have the tests' interpreter, which has torch, do the training."""

    class Found:
        python = PYTHON

    monkeypatch.setattr(terminal_process.here, "find", lambda: Found)


def plan(data, out, steps):
    return TrainingPlan("deep-meta-functionals", (str(data),), str(out), steps=steps, more=SMALL)


def test_a_run_from_its_start_to_weights(data, tmp_path):
    run = TrainingRun()
    run.begin(plan(data, tmp_path / "run", 3))
    assert run.running
    with pytest.raises(RequestError, match="already"):
        run.begin(plan(data, tmp_path / "run", 3))
    run.wait()
    assert not run.running
    assert (run.facts["step"], run.facts["done"], run.progress) == (3, True, 1.0)
    assert [step for step, _ in run.columns["loss"]] == [1.0, 2.0, 3.0]
    assert Path(run.weights).is_file()


def test_stopping_keeps_the_weights_and_the_next_run_continues(data, tmp_path):
    run = TrainingRun()
    run.begin(plan(data, tmp_path / "run", 100_000))
    deadline = time.monotonic() + 200
    while run.facts.get("step", 0) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        assert run.poll(), run.failure
    run.stop()
    run.wait()
    reached = run.facts["step"]
    assert 2 <= reached < 100_000
    assert run.facts["stopped"]
    again = TrainingRun()
    again.begin(plan(data, tmp_path / "run", 100_000))
    while again.facts.get("step", 0) <= reached and time.monotonic() < deadline:
        time.sleep(0.05)
        assert again.poll(), again.failure
    process = again._process.process
    again.shutdown()
    assert not again.running
    assert process.wait(60) == 0
    assert [step for step, _ in again.columns["loss"]][: reached + 1] == list(
        map(float, range(1, reached + 2))
    )


def test_errors_are_the_commands_own_sentences(tmp_path):
    run = TrainingRun()
    run.begin(plan(tmp_path, tmp_path / "run", 3))
    with pytest.raises(RequestError, match="is not a data set"):
        run.wait()


def test_the_preview_replaces_the_one_before(tmp_path):
    run = TrainingRun()
    run.out = tmp_path
    assert run.new_mesh() is None
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    for count in (3, 6):
        faces = np.arange(count).reshape(-1, 3)
        np.savez(tmp_path / "preview.npz", vertices=np.tile(corners, (count // 3, 1)), faces=faces)
        os.utime(tmp_path / "preview.npz", ns=(count, count))
        update = run.new_mesh()
        assert isinstance(update, MeshUpdate)
        assert run.new_mesh() is None
        shown = show_preview(update)
        assert len(shown.data.vertices) == count
    assert [obj.name for obj in bpy.data.objects].count(PREVIEW) == 1
    bpy.data.objects.remove(bpy.data.objects[PREVIEW])


def test_the_curve_falls_and_rises_where_it_should(tmp_path):
    lines = ["step,loss,validation_iou", *(f"{s},{10.0 * 0.9**s},{s / 100}" for s in range(1, 51))]
    (tmp_path / "curve.csv").write_text("\n".join(lines) + "\n")
    image = draw(read_table(tmp_path / "curve.csv"), 50)
    assert image.shape == (SIDE, SIDE, 4)
    orange = (image[..., 0] > 0.9) & (image[..., 3] == 1)
    rows = [np.flatnonzero(orange[:, column]).mean() for column in (SIDE // 4, SIDE // 2, 200)]
    assert rows[0] > rows[1] > rows[2]  # row 0 is at the bottom
    blue = (image[..., 2] > 0.9) & (image[..., 3] == 1)
    assert np.flatnonzero(blue[:, 200]).mean() > np.flatnonzero(blue[:, SIDE // 4]).mean()
    assert not draw({}, 0)[..., 0].max() > 0.9
    assert read_table(tmp_path / "nothing.csv") == {}
    for rows in ("1,2,3,4", ",5", "1,many"):
        (tmp_path / "garbled.csv").write_text(f"step,loss\n{rows}\n")
        assert read_table(tmp_path / "garbled.csv") == {}


def test_operators_use_the_panels_settings(extension, data, tmp_path):
    from levelform.addon.operators.training import plan_of

    chosen = bpy.context.scene.levelform_training
    assert not bpy.ops.levelform.train.poll()
    chosen.data, chosen.out = f"{data}; {tmp_path}", str(tmp_path / "run")
    chosen.method, chosen.steps, chosen.seed, chosen.part = "disn", 7, 3, "CAMERA"
    chosen.start = str(tmp_path / "w.safetensors")
    assert bpy.ops.levelform.train.poll()
    words = plan_of(bpy.context.scene).words()
    assert words[:5] == ["train", "disn", "--data", str(data), str(tmp_path)]
    for pair in (("--part", "camera"), ("--steps", "7"), ("--seed", "3")):
        assert words[words.index(pair[0]) + 1] == pair[1]
    assert words[words.index("--validate-every") + 1] == "20"
    assert words[words.index("--from") + 1] == chosen.start
    for fresh, method, start in ((False, "levelform", "bundled"), (False, "sdf-srn", ""),
                                 (True, "levelform", "")):  # fmt: skip
        chosen.start, chosen.fresh, chosen.method = "", fresh, method
        assert plan_of(bpy.context.scene).start == start
    assert not bpy.ops.levelform.stop_training.poll()
    assert not bpy.ops.levelform.use_trained.poll()
    for name in ("data", "out", "start", "fresh", "method", "steps", "seed", "part"):
        chosen.property_unset(name)
