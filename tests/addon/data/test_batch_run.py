"""A batch in the window: one object each in a grid, past failures, until it is stopped."""

import json
import shutil

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data.batch_grid import UNIT_CELL, bounds  # noqa: E402
from levelform.addon.data.batch_run import batch_run  # noqa: E402
from levelform.addon.jobs.session import live  # noqa: E402
from levelform.addon.ui import panels_batch  # noqa: E402
from levelform.backend.contract.protocol import MethodInfo, Methods  # noqa: E402

from ..ui.conftest import draw  # noqa: E402

pytestmark = pytest.mark.bpy
STATS = {"views": 1, "vertices": 6, "evaluations": 9, "seconds": 0.5, "watertight": True}


def method(name):
    return MethodInfo(name, name, "", "", name == "visual-hull", True, 1, None, False, (), ())


@pytest.fixture
def worker(puppet):
    """Answer every job with one mesh at its volume; jobs with an image in `broken` fail."""
    puppet.methods = Methods((method("visual-hull"), method("levelform")))
    puppet.broken = set()

    def submit(request, on_update=None, on_end=None):
        job = type(puppet).submit(puppet, request, on_update, on_end)
        if request.views[0].name.partition(".")[0] in puppet.broken:
            puppet.waiting = [lambda: puppet.fail("It has no surface.", "Check it.")]
        else:
            puppet.waiting = [
                lambda: puppet.send(1, world_from_mesh=request.world_from_volume),
                lambda: puppet.finish(**STATS),
            ]
        return job

    puppet.submit = submit
    yield puppet
    batch_run.abandon()
    batch_run.dismiss()


@pytest.fixture
def folder(tmp_path, ball_stage):
    """Three images, a folder of two, and one of posed images."""
    ball_stage(1)
    image = bpy.data.images["image 0"]
    image.filepath_raw, image.file_format = str(tmp_path / "chair.png"), "PNG"
    image.save()
    for name in ("lamp.png", "table.png", "both/0.png", "both/1.png", "posed/0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "chair.png", tmp_path / name)
    matrix = np.eye(4)
    matrix[2, 3] = 4.0
    frame = {"file_path": "0.png", "transform_matrix": matrix.tolist()}
    cameras = {"w": 64, "h": 64, "fl_x": 70.0, "fl_y": 70.0, "cx": 32.0, "cy": 32.0}
    (tmp_path / "posed" / "transforms.json").write_text(json.dumps(cameras | {"frames": [frame]}))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.levelform.method = "levelform"
    scene.levelform_batch.folder = str(tmp_path)
    return tmp_path


def step_through(worker):
    """Do what the timers do, one step at a time; yield after each."""
    while batch_run.advance():
        live.step()
        yield


def test_one_object_each_in_a_grid_at_the_cursor(worker, folder):
    scene = bpy.context.scene
    scene.cursor.location = (10.0, 20.0, 3.0)
    assert bpy.ops.levelform.batch() == {"FINISHED"}
    assert batch_run.made == ["both", "chair", "lamp", "posed", "table"]
    assert (batch_run.ended, batch_run.failures) == ("finished", {})
    boxes = {name: bounds(bpy.data.objects[name]) for name in batch_run.made}
    centers = {name: (lower + upper) / 2 for name, (lower, upper) in boxes.items()}
    assert centers["both"] == pytest.approx((10 + UNIT_CELL / 2, 20 + UNIT_CELL / 2, 3))
    assert centers["chair"] - centers["both"] == pytest.approx((UNIT_CELL, 0, 0))
    assert centers["table"][1] > max(upper[1] for n, (_, upper) in boxes.items() if n == "both")
    assert all(center[2] == pytest.approx(3) for center in centers.values())
    for name, (lower, upper) in boxes.items():  # no two overlap
        for other, (low, high) in boxes.items():
            assert name == other or (lower[:2] >= high[:2]).any() or (upper[:2] <= low[:2]).any()
    fused = [len(job.request.views) for job in worker.submitted]
    assert fused == [2, 1, 1, 1, 1]


def test_it_goes_on_after_failures_and_says_why(worker, folder):
    worker.broken = {"chair", "table"}
    (folder / "empty").mkdir()
    bpy.ops.levelform.batch()
    assert batch_run.made == ["both", "lamp", "posed"]
    paper = draw(panels_batch.LEVELFORM_PT_batch)
    assert "3 of 5 models made" in paper
    assert "chair: It has no surface. Check it." in paper
    assert "Left out empty: It holds no images" in paper
    assert live.failure is None  # said once
    objects = {obj.name for obj in bpy.data.objects if obj.type == "MESH"}
    assert objects == {"both", "lamp", "posed"}
    bpy.ops.levelform.dismiss_batch()
    assert "models made" not in draw(panels_batch.LEVELFORM_PT_batch)


def test_it_stops_after_the_current_model(worker, folder):
    batch_run.begin(bpy.context.scene, str(folder))
    steps = step_through(worker)
    while batch_run.title != "Model 2 of 5":
        next(steps)
    assert 0.2 <= batch_run.progress < 0.6
    assert "Model 2 of 5" in draw(panels_batch.LEVELFORM_PT_batch)
    bpy.ops.levelform.stop_batch()
    assert "Stops after this model" in draw(panels_batch.LEVELFORM_PT_batch)
    for _ in steps:
        pass
    assert (batch_run.made, batch_run.ended) == (["both", "chair"], "stopped")
    assert "2 of 5 models made" in draw(panels_batch.LEVELFORM_PT_batch)


def test_escape_cancels_the_model_and_ends_the_batch(worker, folder):
    batch_run.begin(bpy.context.scene, str(folder))
    steps = step_through(worker)
    while batch_run.title != "Model 2 of 5" or live.running is None:
        next(steps)
    worker.waiting.clear()
    assert bpy.ops.levelform.cancel() == {"FINISHED"}
    for _ in steps:
        pass
    assert (batch_run.made, batch_run.ended) == (["both"], "stopped")


def test_another_job_is_waited_for(worker, folder):
    live.running = object()
    batch_run.begin(bpy.context.scene, str(folder))
    assert batch_run.advance()
    assert not worker.submitted
    live.running = None
    assert batch_run.advance()
    assert len(worker.submitted) == 1


def test_loading_a_file_ends_it(worker, folder):
    batch_run.begin(bpy.context.scene, str(folder))
    batch_run.advance()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not batch_run.running
    assert not batch_run.advance()


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("", "Choose a folder."),
        ("/lost", "/lost does not exist"),
        ("hollow", "hold nothing to reconstruct|holds no images"),
    ],
)
def test_what_cannot_be_a_batch_is_refused(worker, folder, chosen, words):
    (folder / "hollow" / "inner").mkdir(parents=True)
    chosen = str(folder / chosen) if chosen == "hollow" else chosen
    bpy.context.scene.levelform_batch.folder = chosen
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.levelform.batch()
    assert not batch_run.running


def test_a_method_that_needs_cameras_is_refused_for_images_alone(worker, folder):
    shutil.rmtree(folder / "posed")
    bpy.context.scene.levelform.method = "visual-hull"
    with pytest.raises(RuntimeError, match="needs a camera for every image"):
        bpy.ops.levelform.batch()
