"""`blender --command levelform cameras`: the scene's cameras are refined, or new ones are added."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs.job import JobState  # noqa: E402
from levelform.addon.scene import camera_estimates  # noqa: E402
from levelform.backend.contract.protocol import (  # noqa: E402
    CameraData,
    CameraEstimates,
    FindCameras,
    FindMasks,
    RefineCameras,
    ViewMask,
    ViewMasks,
)

pytestmark = pytest.mark.bpy


@pytest.fixture
def worker(puppet):
    """Have the worker move every camera of a refinement by a metre, or find one at -4."""

    def answer():
        job = puppet.job
        request = job.request
        if isinstance(request, FindMasks):
            disc = np.zeros((24, 32), np.uint8)
            disc[5:15, 8:20] = 255
            shown = np.full((12, 16, 3), 90, np.uint8)
            masks = [ViewMask(v.name, disc, shown, "file", "it is dark") for v in request.views]
            job.masks = ViewMasks(job.id, tuple(masks), ())
            job.state = JobState.FINISHED
            return
        if isinstance(request, RefineCameras):
            cameras = tuple(raised(view.camera) for view in request.views)
            facts = {"before": 2.0, "after": 0.01, "better": True, "focal_factor": 1.0}
        else:
            pose = np.eye(4)
            pose[1, 3] = -4.0
            cameras = (CameraData(pose, 40.0, 40.0, 16.0, 12.0, 32, 24),) * len(request.views)
            facts = {"confidence": "usable", "loss": 0.2, "focal": 1.2, "elevation": 0.0}
            facts["suspects"] = []
        views = [{"name": view.name, "residual": 0.01} for view in request.views]
        facts |= {"views": views, "remarks": []}
        job.cameras = CameraEstimates(job.id, cameras, facts)
        job.state = JobState.FINISHED

    puppet.waiting = [answer, answer]
    return puppet


def raised(camera):
    pose = camera.transform_matrix.copy()
    pose[2, 3] += 1.0
    return replace(camera, transform_matrix=pose)


@pytest.fixture
def images(tmp_path):
    """Paths of three numbered images, out of order."""
    paths = []
    for number in (10, 9, 8):
        image = bpy.data.images.new("image", 32, 24)
        image.filepath_raw, image.file_format = str(tmp_path / f"a_{number}.png"), "PNG"
        image.save()
        bpy.data.images.remove(image)
        paths.append(str(tmp_path / f"a_{number}.png"))
    return paths


def test_refine_moves_the_scenes_cameras(worker, ball_stage, capfd):
    scene = ball_stage(3)
    before = scene.objects["View 0"].location.z
    capfd.readouterr()
    assert cli.main(["cameras", "refine", "--keep-focal", "--cure", "leave-out=2", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["after"] == 0.01
    assert scene.objects["View 0"].location.z == pytest.approx(before + 1.0)
    assert len(camera_estimates.refined_cameras(scene)) == 3
    request = worker.job.request
    assert (request.focal, request.cures) == (False, ("leave-out=2",))


def test_found_cameras_are_added_in_the_order_of_their_numbers(worker, images, capfd):
    words = ["cameras", "turntable", *images, "--focal", "1.2", "--side", "3", "--step", "20"]
    assert cli.main(words) == 0
    assert "confidence: usable" in capfd.readouterr().out
    names = [camera.name for camera in bpy.context.scene.objects if camera.type == "CAMERA"]
    assert sorted(names) == ["a_10", "a_8", "a_9"]
    request = worker.job.request
    assert isinstance(request, FindCameras)
    assert (request.way, request.focal, request.side, request.step) == ("turntable", 1.2, 3.0, 20.0)


def test_the_order_may_be_given(worker, images):
    cameras, facts = api.find_cameras(images, "walk", as_given=True)
    assert [camera.name for camera in cameras] == ["a_10", "a_9", "a_8"]
    assert facts["confidence"] == "usable"


def test_bad_images_are_a_wrong_request(worker, capfd):
    assert cli.main(["cameras", "walk", "/nowhere/a_1.png"]) == 2
    assert "The image /nowhere/a_1.png does not exist." in capfd.readouterr().err
    assert not worker.submitted


@pytest.mark.parametrize("verb", ["turntable", "walk", "refine"])
def test_masks_alone_are_written(worker, ball_stage, images, tmp_path, capfd, verb):
    scene = ball_stage(3)
    sources = [] if verb == "refine" else [*images, images[0].replace("10", "11")]
    for path in sources[3:]:
        Path(path).write_bytes(Path(images[0]).read_bytes())
    folder = tmp_path / "masks"
    assert cli.main(["cameras", verb, *sources, "--save-masks", str(folder)]) == 0
    said = capfd.readouterr().out
    first = "000-View 0" if verb == "refine" else "000-a_8"
    assert f"{first}-outline.png: check it, it is dark" in said
    assert len(worker.submitted) == 1
    assert len([thing for thing in scene.objects if thing.type == "CAMERA"]) == 3
    written = bpy.data.images.load(str(folder / f"{first}-mask.png"))
    pixels = np.array(written.pixels[:]).reshape(24, 32, -1)[::-1, :, 0]
    assert (pixels[5:15, 8:20] == 1.0).all()
    assert pixels.sum() == 120


def test_masks_are_written_before_cameras_are_found(worker, images, tmp_path, capfd):
    copy = images[0].replace("10", "11")
    Path(copy).write_bytes(Path(images[0]).read_bytes())
    words = ["cameras", "walk", str(tmp_path), "--save-masks", str(tmp_path / "masks")]
    assert cli.main([*words, "--save", str(tmp_path / "a.blend"), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [entry["view"] for entry in told["masks"]] == [f"a_{n}.png" for n in (8, 9, 10, 11)]
    assert told["confidence"] == "usable"
    assert Path(told["save"]).exists()


def test_some_of_the_scenes_cameras_are_refined(worker, ball_stage):
    ball_stage(3)
    assert cli.main(["cameras", "refine", "--views", "0,2"]) == 0
    assert [view.name for view in worker.job.request.views] == ["View 0", "View 2"]


@pytest.mark.usefixtures("worker")
def test_a_script_gets_the_masks_of_the_scenes_cameras(ball_stage):
    ball_stage(2)
    assert [mask.name for mask in api.find_masks()] == ["View 0", "View 1"]


def test_a_ring_takes_a_folder_of_images(images, tmp_path, extension):
    assert cli.main(["cameras", "ring", "3", "--images", str(tmp_path), "--size", "3"]) == 0
    assert {"a_8", "a_9", "a_10"} <= set(bpy.data.objects.keys())


def test_an_empty_folder_is_a_wrong_request(worker, tmp_path, capfd):
    assert cli.main(["cameras", "turntable", str(tmp_path)]) == 2
    assert "holds no images" in capfd.readouterr().err
    assert not worker.submitted


def test_refining_and_restoring_in_a_script(worker, ball_stage):
    scene = ball_stage(2)
    before = [tuple(camera.location) for camera in scene.objects]
    assert api.refine_cameras()["better"]
    assert [tuple(camera.location) for camera in scene.objects] != before
    assert len(api.restore_cameras()) == 2
    np.testing.assert_allclose([tuple(c.location) for c in scene.objects], before, atol=1e-6)
