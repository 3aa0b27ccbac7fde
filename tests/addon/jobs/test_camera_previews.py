"""Masks are shown before cameras are found, and the search then takes what was shown."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.jobs.camera_previews import begin_find_shown  # noqa: E402
from levelform.addon.jobs.job import JobState  # noqa: E402
from levelform.addon.scene import around  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import (  # noqa: E402
    CameraData,
    CameraEstimates,
    FindCameras,
    FindMasks,
    ViewMask,
    ViewMasks,
)

pytestmark = pytest.mark.bpy


@pytest.fixture
def images(tmp_path):
    """Paths of five numbered images, out of order."""
    paths = []
    for number in (10, 9, 8, 12, 11):
        image = bpy.data.images.new("image", 32, 24)
        image.filepath_raw = str(tmp_path / f"shot_{number}.png")
        image.file_format = "PNG"
        image.save()
        bpy.data.images.remove(image)
        paths.append(str(tmp_path / f"shot_{number}.png"))
    return paths


@pytest.fixture
def worker(puppet):
    """Have the worker answer with masks, and with cameras a metre apart."""

    def answer():
        job = puppet.job
        views = job.request.views
        if isinstance(job.request, FindMasks):
            masks = [
                ViewMask(
                    v.name, np.zeros((24, 32), np.uint8), np.zeros((6, 8, 3), np.uint8), "file"
                )
                for v in views
            ]
            job.masks = ViewMasks(job.id, tuple(masks), ())
        else:
            cameras = []
            for index in range(len(views)):
                pose = np.eye(4)
                pose[0, 3] = index
                cameras.append(CameraData(pose, 40.0, 40.0, 16.0, 12.0, 32, 24))
            facts = {"confidence": "right", "loss": 0.0, "focal": 1.2, "elevation": 0.0}
            told = [{"name": view.name, "residual": 0.0} for view in views]
            facts |= {"views": told, "suspects": [], "remarks": []}
            job.cameras = CameraEstimates(job.id, tuple(cameras), facts)
        job.state = JobState.FINISHED

    puppet.waiting = [answer, answer]
    return puppet


def test_masks_come_first_and_cameras_when_asked(images, worker):
    scene = bpy.context.scene
    assert bpy.ops.levelform.find_cameras(
        files=[{"name": path.rsplit("/", 1)[-1]} for path in images],
        directory=images[0].rsplit("/", 1)[0] + "/",
        way="walk",
        focal=1.1,
        preview=True,
    ) == {"FINISHED"}
    names = [entry.name for entry in scene.levelform_around.entries]
    assert names == [f"shot_{number}.png" for number in (8, 9, 10, 11, 12)]
    assert all(entry.shown is not None for entry in scene.levelform_around.entries)
    assert not [thing for thing in scene.objects if thing.type == "CAMERA"]
    assert bpy.ops.levelform.find_shown_cameras() == {"FINISHED"}
    request = worker.submitted[-1].request
    assert isinstance(request, FindCameras)
    assert (request.way, request.focal, request.step) == ("walk", pytest.approx(1.1), None)
    cameras = [thing.name for thing in scene.objects if thing.type == "CAMERA"]
    assert sorted(cameras) == sorted(name.removesuffix(".png") for name in names)
    assert not len(scene.levelform_around.entries)
    assert not [image for image in bpy.data.images if image.name.startswith(around.SHOWN)]


def test_a_script_gets_the_masks(images, worker):
    masks = api.find_masks(images)
    assert [mask.name for mask in masks] == [f"shot_{n}.png" for n in (8, 9, 10, 11, 12)]
    assert masks[0].mask.shape == (24, 32)


@pytest.mark.usefixtures("worker")
def test_too_few_images_and_none_shown_are_refused(images):
    with pytest.raises(RequestError, match="3 images can't say"):
        api.find_masks(images[:3])
    around.forget(bpy.context.scene)
    with pytest.raises(RequestError, match="No images are shown"):
        begin_find_shown(bpy.context.scene)
