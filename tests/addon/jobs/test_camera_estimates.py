"""Refined cameras keep their old values; found ones show their images; one undo step each."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("bpy")

import bpy
from levelform.addon.jobs.camera_estimates import AddedCameras, RefinedCameras, begin_find
from levelform.addon.scene import camera_estimates
from levelform.addon.scene.cameras import add_camera, render_camera
from levelform.backend.contract.cameras import CameraData
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import CameraEstimates

pytestmark = pytest.mark.bpy


def data(x=0.0, focal=300.0, model="PINHOLE"):
    """Return a camera at (x, -4, 1) that looks along +Y."""
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    pose[:3, 3] = (x, -4, 1)
    return CameraData(pose, focal, focal, 160.0, 120.0, 320, 240, model)


def moved(camera, *, zoom=1.0):
    """Return a camera turned by 10 degrees about the world's vertical, and moved."""
    turn = np.eye(4)
    c, s = np.cos(np.radians(10)), np.sin(np.radians(10))
    turn[:3] = [[c, -s, 0, 0.3], [s, c, 0, 0.1], [0, 0, 1, -0.2]]
    return replace(
        camera,
        transform_matrix=turn @ camera.transform_matrix,
        fl_x=camera.fl_x * zoom,
        fl_y=camera.fl_y * zoom,
    )


def seen(camera):
    """Return the projection of a camera object, as Blender has it now."""
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 320, 240
    return render_camera(camera, scene, bpy.context.evaluated_depsgraph_get())


FACTS = {"before": 2.0, "after": 0.01, "better": True, "focal_factor": 1.1, "remarks": ["So."]}


def finished(result, cameras, facts, volume=None):
    """End the job of a result as the worker would."""
    estimates = CameraEstimates("job", tuple(cameras), facts, volume)
    result.running = SimpleNamespace(job=SimpleNamespace(cameras=estimates))
    return result.finish({})


@pytest.fixture
def registered(extension):
    """The scene, with the extension's properties."""
    return bpy.context.scene


def test_refined_cameras_move_and_are_restored(registered):
    given = [data(0.0), data(1.0)]
    cameras = [add_camera(f"View {k}", camera) for k, camera in enumerate(given)]
    new = [moved(camera, zoom=1.1) for camera in given]
    finished(RefinedCameras("job", registered, cameras, given), new, FACTS)
    for camera, wanted in zip(cameras, new, strict=True):
        now = seen(camera)
        np.testing.assert_allclose(now.transform_matrix, wanted.transform_matrix, atol=1e-5)
        assert now.fl_x == pytest.approx(330.0, rel=1e-5)
        assert (now.cx, now.cy) == pytest.approx((160.0, 120.0), abs=1e-3)
    sentence, remarks = camera_estimates.told(registered)
    assert "0.010 px of 224 instead of 2.000" in sentence
    assert remarks == ["So."]
    camera_estimates.restore_cameras(camera_estimates.refined_cameras(registered))
    for camera, wanted in zip(cameras, given, strict=True):
        np.testing.assert_allclose(
            seen(camera).transform_matrix, wanted.transform_matrix, atol=1e-6
        )
        assert seen(camera).fl_x == pytest.approx(300.0, rel=1e-5)
    assert not camera_estimates.refined_cameras(registered)


def test_a_second_refinement_keeps_the_first_values(registered):
    given = data()
    camera = add_camera("View", given)
    once, twice = moved(given), moved(moved(given))
    finished(RefinedCameras("job", registered, [camera], [given]), [once], FACTS)
    finished(RefinedCameras("job", registered, [camera], [once]), [twice], FACTS)
    np.testing.assert_allclose(seen(camera).transform_matrix, twice.transform_matrix, atol=1e-5)
    camera_estimates.restore_cameras([camera])
    np.testing.assert_allclose(seen(camera).transform_matrix, given.transform_matrix, atol=1e-6)


def test_shared_camera_data_is_zoomed_once(registered):
    given = [data(0.0), data(1.0)]
    cameras = [add_camera(f"View {k}", camera) for k, camera in enumerate(given)]
    cameras[1].data = cameras[0].data
    new = [moved(camera, zoom=1.1) for camera in given]
    camera_estimates.move_cameras(cameras, given, new)
    assert seen(cameras[0]).fl_x == pytest.approx(330.0, rel=1e-5)


def test_nothing_moves_if_nothing_is_better(registered):
    given = data()
    camera = add_camera("View", given)
    facts = {**FACTS, "better": False}
    finished(RefinedCameras("job", registered, [camera], [given]), [moved(given)], facts)
    np.testing.assert_allclose(seen(camera).transform_matrix, given.transform_matrix, atol=1e-6)
    assert not camera_estimates.refined_cameras(registered)


def test_cameras_that_would_move_back_are_refused(registered):
    camera = add_camera("View", data())
    camera_estimates.check_movable([camera])
    camera.constraints.new("TRACK_TO")
    with pytest.raises(RequestError, match="View is animated or has constraints"):
        camera_estimates.check_movable([camera])


def test_found_cameras_show_their_images_around_a_volume(registered, tmp_path):
    paths = []
    for number in range(2):
        image = bpy.data.images.new(f"image {number}", 32, 24)
        image.filepath_raw, image.file_format = str(tmp_path / f"shot_{number}.png"), "PNG"
        image.save()
        bpy.data.images.remove(image)
        paths.append(str(tmp_path / f"shot_{number}.png"))
    facts = {
        "views": [{"name": "shot_0.png"}, {"name": "shot_1.png"}],
        "confidence": "right",
        "loss": 0.01,
        "focal": 1.4,
        "elevation": 20.0,
        "suspects": [],
        "remarks": [],
    }
    result = AddedCameras("job", registered, paths)
    volume = np.diag([1.5, 1.5, 1.5, 1.0])
    finished(result, [data(0.0), data(1.0)], facts, volume)
    assert result.added == ["shot_0", "shot_1"]
    cameras = [bpy.data.objects[name] for name in result.added]
    assert [c.data.background_images[0].image.name for c in cameras] == ["shot_0.png", "shot_1.png"]
    assert cameras[0].users_collection[0].name == camera_estimates.COLLECTION
    np.testing.assert_allclose(registered.levelform.volume.matrix_world, volume, atol=1e-6)
    assert registered.levelform.source == "CAMERAS"
    assert "confidence: right" in json.loads(registered[camera_estimates.ESTIMATE])[0]


@pytest.mark.parametrize(
    ("images", "way", "message"),
    [
        (["/x/front.png", "/x/back.png"], "turntable", "do not say their order"),
        (["/x/a_1.png", "/x/a_2.png"], "stairs", "'stairs' is not a way to find cameras"),
        (["/x/a_1.png", "/x/a_2.png"], "walk", "The image /x/a_1.png does not exist"),
    ],
)
def test_bad_requests_begin_nothing(registered, images, way, message):
    with pytest.raises(RequestError, match=message):
        begin_find(images, registered, way)
