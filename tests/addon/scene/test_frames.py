"""The frame of a camera's image outlives the scene's render size."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import (  # noqa: E402
    cameras,
    frames,
    images,
    watch,
)
from levelform.backend.contract.protocol import CameraData  # noqa: E402
from mathutils import Euler, Matrix  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]
POSE = Matrix.LocRotScale((1.0, -4.0, 2.0), Euler((1.1, 0.2, 0.3)), (1.0, 1.0, 1.0))
SIZES = ((512, 512), (1920, 1080), (1080, 1920), (333, 1000))


@pytest.fixture
def extension():
    """Register the extension for one test."""
    from levelform import addon

    addon.register()
    yield
    addon.unregister()


def render(width, height, pixel=(1.0, 1.0)):
    settings = bpy.context.scene.render
    settings.resolution_x, settings.resolution_y = width, height
    settings.pixel_aspect_x, settings.pixel_aspect_y = pixel


def add_background(camera, size=(300, 200), **settings):
    background = camera.data.background_images.new()
    background.image = bpy.data.images.new("Image", *size)
    for key, value in settings.items():
        setattr(background, key, value)
    return background


def numbers(camera, size=(300, 200)):
    """What a camera's image means: focal lengths and principal point."""
    background = camera.data.background_images[0]
    depsgraph = bpy.context.evaluated_depsgraph_get()
    seen = cameras.background_camera(camera, background, size, bpy.context.scene, depsgraph)
    return seen.fl_x, seen.fl_y, seen.cx, seen.cy


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
@pytest.mark.parametrize("method", ["FIT", "CROP", "STRETCH"])
def test_an_attached_image_keeps_its_intrinsics(kind, fit, method, add_scene_camera):
    render(640, 480)
    camera = add_scene_camera(kind, sensor_fit=fit, shift_x=0.1, shift_y=-0.2)
    add_background(camera, frame_method=method, offset=(0.1, -0.2), scale=1.2)
    frames.attach(camera, frames.scene_aspect(bpy.context.scene))
    before = numbers(camera)
    for size in SIZES:
        render(*size)
        assert numbers(camera) == pytest.approx(before, rel=1e-5)


def test_edits_of_an_attached_image_count_in_its_frame(add_scene_camera):
    render(512, 512)
    camera = add_scene_camera()
    add_background(camera)
    frames.attach(camera, 1.0)
    fx, fy, cx, cy = numbers(camera)
    render(1080, 1920)
    camera.data.lens *= 2
    assert numbers(camera) == pytest.approx((2 * fx, 2 * fy, cx, cy))
    camera.data.shift_x = 0.1
    assert numbers(camera)[2] == pytest.approx(cx - 0.1 * 300)


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("fit", ["AUTO", "HORIZONTAL", "VERTICAL"])
@pytest.mark.parametrize("method", ["FIT", "CROP"])
@pytest.mark.parametrize("image", [(300, 200), (200, 300)])
def test_the_viewport_follows_the_render_size(kind, fit, method, image, add_scene_camera):
    """After `refit` Blender's own frame gives the same numbers."""
    render(640, 480)
    camera = add_scene_camera(kind, sensor_fit=fit, shift_x=0.1, shift_y=-0.2)
    add_background(camera, image, frame_method=method, offset=(0.1, -0.2), scale=1.2)
    scene = bpy.context.scene
    frames.attach(camera, frames.scene_aspect(scene))
    before = numbers(camera, image)
    for size in SIZES:
        render(*size)
        assert frames.refit(camera, scene)
        assert camera.levelform_camera.frame == pytest.approx(size[0] / size[1])
        assert numbers(camera, image) == pytest.approx(before, rel=1e-4)
        frames.attach(camera, 0.0)  # what the viewport shows, with nothing remembered
        assert numbers(camera, image) == pytest.approx(before, rel=1e-4)
        frames.attach(camera, frames.scene_aspect(scene))


@pytest.mark.parametrize("why", ["stretched", "animated", "shared"])
def test_backgrounds_that_cannot_follow_are_unchanged_and_keep_their_meaning(why, add_scene_camera):
    render(640, 480)
    camera = add_scene_camera()
    background = add_background(camera, frame_method="STRETCH" if why == "stretched" else "FIT")
    frames.attach(camera, 640 / 480)
    if why == "animated":
        background.keyframe_insert("scale", frame=1)
    if why == "shared":
        bpy.data.objects.new("Other", camera.data)
    before = numbers(camera)
    render(1920, 1080)
    assert not frames.refit(camera, bpy.context.scene)
    assert background.scale == 1.0
    assert numbers(camera) == pytest.approx(before)


def test_a_matched_image_keeps_its_frame_until_its_camera_is_edited(add_scene_camera):
    render(512, 512)
    camera = add_scene_camera()
    add_background(camera)
    scene = bpy.context.scene
    frames.observe(scene)
    before = numbers(camera)
    render(1080, 1920)
    assert numbers(camera) == pytest.approx(before)
    assert "frame of matching, 1 : 1" in frames.notes([camera], scene)[0]
    camera.location.x += 1.0  # matched anew, by what the viewport shows
    shown = numbers(camera)
    assert shown != pytest.approx(before)
    assert "current frame" in frames.notes([camera], scene)[0]
    frames.observe(scene)
    assert frames.notes([camera], scene) == []
    assert numbers(camera) == pytest.approx(shown)


def test_the_frame_before_a_new_render_size_is_remembered(add_scene_camera):
    """What a message of Blender's does in a window: edits before the change count there."""
    render(512, 512)
    camera = add_scene_camera()
    add_background(camera)
    watch._note_sizes()
    frames.observe(bpy.context.scene)
    camera.data.lens = 30.0
    before = numbers(camera)
    render(1920, 1080)
    watch.render_changed()
    assert numbers(camera) == pytest.approx(before)
    render(1080, 1920)
    watch.render_changed()
    assert numbers(camera) == pytest.approx(before)


def test_an_animated_lens_is_not_an_edit(add_scene_camera):
    render(512, 512)
    camera, scene = add_scene_camera(), bpy.context.scene
    add_background(camera)
    for frame, lens in ((1, 50.0), (11, 100.0)):
        camera.data.lens = lens
        camera.data.keyframe_insert("lens", frame=frame)
    scene.frame_set(1)
    frames.observe(scene)
    before = numbers(camera)
    render(1080, 1920)
    scene.frame_set(11)
    assert numbers(camera)[0] == pytest.approx(2 * before[0])
    assert numbers(camera)[2:] == pytest.approx(before[2:])


def test_saving_and_opening_keep_the_frame(add_scene_camera, tmp_path):
    render(512, 512)
    camera = add_scene_camera()
    add_background(camera)
    before = numbers(camera)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    render(1920, 1080)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "b.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "b.blend"))
    assert numbers(bpy.data.objects["Camera"]) == pytest.approx(before)


def test_a_new_frame_without_effect_is_not_reported(add_scene_camera):
    render(512, 512)
    camera = add_scene_camera(sensor_fit="HORIZONTAL")
    add_background(camera, (300, 100))  # as wide as the frame in both
    frames.observe(bpy.context.scene)
    render(1920, 1080)
    assert frames.notes([camera], bpy.context.scene) == []


def test_an_image_picked_as_a_render_keeps_its_intrinsics(add_scene_camera, add_image):
    render(60, 40, (1.0, 1.5))
    camera = add_scene_camera(shift_x=0.1)
    scene = bpy.context.scene
    rendered = cameras.render_camera(camera, scene, bpy.context.evaluated_depsgraph_get())
    camera.levelform_camera.image = add_image(np.full((40, 60, 4), 200, np.uint8))
    for size in ((60, 40), *SIZES):
        render(*size)
        assert images.camera_image_of(camera, scene).problem == ""
        view = images.view_of(camera, scene, bpy.context.evaluated_depsgraph_get())
        for name in ("fl_x", "fl_y", "cx", "cy", "w", "h"):
            assert getattr(view.camera, name) == pytest.approx(getattr(rendered, name))


def test_a_picked_image_of_another_shape_is_refused_until_the_render_has_it(
    add_scene_camera, add_image
):
    render(60, 60)
    camera, scene = add_scene_camera(), bpy.context.scene
    camera.levelform_camera.image = add_image(np.full((40, 60, 4), 200, np.uint8))
    assert "60 x 40" in images.camera_image_of(camera, scene).problem
    render(120, 80)
    assert images.camera_image_of(camera, scene).problem == ""
    frames.observe(scene)
    render(60, 60)
    assert images.camera_image_of(camera, scene).problem == ""


@pytest.mark.parametrize("focal", [(700.0, 700.0), (90.0, 120.0)])
@pytest.mark.parametrize("size", [(640, 480), (300, 500)])
def test_added_cameras_give_their_numbers_back_at_any_render_size(focal, size):
    render(512, 512)
    given = CameraData(np.array(POSE), *focal, size[0] * 0.47, size[1] * 0.55, *size)
    camera = cameras.add_camera("Added", given, bpy.data.images.new("Image", *size))
    for render_size in SIZES:
        render(*render_size)
        wanted = (given.fl_x, given.fl_y, given.cx, given.cy)
        assert numbers(camera, size) == pytest.approx(wanted, rel=1e-4)
