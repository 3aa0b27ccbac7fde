"""Images and cameras given by scripts, and refusals with their messages."""

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import pixels  # noqa: E402
from levelform.addon.scene.views import given_source, scene_source  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import CameraData  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def image(size: int = 32, value: int = 200) -> np.ndarray:
    return np.full((size, size, 4), value, np.uint8)


def test_ticked_cameras_in_order_of_their_names(ball_stage):
    scene = ball_stage(4)
    bpy.data.objects["View 2"].levelform_camera.use = False
    bpy.data.objects["View 0"].name = "Z"
    assert [view.name for view in scene_source(scene).views] == ["View 1", "View 3", "Z"]


def test_paths_images_and_arrays_give_the_same_pixels(ball_stage, tmp_path, prepared):
    scene = ball_stage(1)
    image = bpy.data.images["image 0"]
    image.filepath_raw, image.file_format = str(tmp_path / "a.png"), "PNG"
    image.save()
    array = pixels.read_file(str(tmp_path / "a.png"))
    given = (image, tmp_path / "a.png", array)
    of_image, of_path, of_array = (
        prepared(given_source(each, None, scene).views[0]).image for each in given
    )
    assert of_image.shape == (64, 64, 4)
    assert (of_image == of_path).all()
    assert (of_image == of_array).all()


def test_an_array_without_alpha_is_opaque(ball_stage):
    scene = ball_stage(1)
    (view,) = given_source(image()[..., :3], None, scene).views
    assert (view.image[..., 3] == 255).all()
    assert view.camera is None


def test_an_image_of_a_camera_object_is_its_render_at_any_size(ball_stage):
    scene = ball_stage(2)
    camera = bpy.data.objects["View 1"]
    (view,) = given_source([image(32)], [camera], scene).views
    assert (view.name, view.camera.w, view.camera.h) == ("View 1", 32, 32)
    assert view.camera.fl_x == pytest.approx(50 / 36 * 32)
    assert view.camera.transform_matrix == pytest.approx(np.array(camera.matrix_world), abs=1e-6)


def test_camera_data_follows_the_size_of_the_image(ball_stage, prepared):
    scene = ball_stage(1)
    data = CameraData(np.eye(4), 100.0, 100.0, 32.0, 32.0, 64, 64)
    (view,) = given_source([image(32)], [data], scene).views
    camera = prepared(view).camera
    assert (camera.fx, camera.cx, camera.width) == (50.0, 16.0, 32)


@pytest.mark.parametrize(
    ("images", "cameras", "words"),
    [
        ([image(), image()], ["View 0"], "2 images but 1 cameras"),
        ([], None, "No images are given"),
        ([image()[..., :2]], None, r"shape \(32, 32, 2\)"),
        ([np.full((4, 4, 4), np.nan)], None, "non-finite"),
        ([image()[:8]], ["View 0"], "32 x 8, but the scene renders 64 x 64"),
        ([Path("/nowhere/a.png")], None, "The image /nowhere/a.png does not exist"),
    ],
)
def test_what_cannot_be_used_says_why(ball_stage, images, cameras, words):
    scene = ball_stage(1)
    objects = [bpy.data.objects[name] for name in cameras] if cameras else None
    with pytest.raises(RequestError, match=words):
        given_source(images, objects, scene)


def test_no_cameras_and_none_ticked_are_told_apart(ball_stage):
    scene = bpy.context.scene
    with pytest.raises(RequestError, match="This scene has no cameras"):
        scene_source(scene)
    ball_stage(1)
    bpy.data.objects["View 0"].levelform_camera.use = False
    with pytest.raises(RequestError, match="No camera is ticked"):
        scene_source(scene)
