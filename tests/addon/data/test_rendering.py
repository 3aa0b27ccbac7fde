"""Images rendered in a window: one camera after the other, stopped, failed; settings restored."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data import rendering  # noqa: E402
from levelform.addon.data.rendering import CameraRendering  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

pytestmark = pytest.mark.bpy


@pytest.fixture
def stage(extension):
    """Return a scene with two cameras, which renders quickly."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.render.resolution_x = scene.render.resolution_y = 16
    for name in ("A", "B"):
        camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
        scene.collection.objects.link(camera)
    bpy.context.view_layer.update()
    return scene


@pytest.fixture
def made(extension, monkeypatch):
    """Return renders whose handlers note their end, as those of Blender's window do."""
    result = CameraRendering()
    monkeypatch.setattr(rendering, "rendering", result)
    return result


def cameras():
    return [bpy.data.objects[name] for name in ("A", "B")]


def settings(scene):
    render = scene.render
    view = bpy.context.preferences.view
    return (scene.camera, render.filepath, render.film_transparent, view.render_display_type,
            render.image_settings.file_format)  # fmt: skip


def test_one_camera_after_the_other_gets_its_image(stage, made):
    before = settings(stage)
    made.begin(stage, cameras())
    assert made.title == "Image 1 of 2"
    assert made.advance()
    assert (made.title, made.progress) == ("Image 2 of 2", 0.5)
    assert cameras()[0].levelform_camera.image.packed_file is not None
    assert cameras()[1].levelform_camera.image is None
    assert not made.advance()
    assert cameras()[1].levelform_camera.image.size[:] == (16, 16)
    assert settings(stage) == before
    assert not made.running


def test_a_render_with_depth_stays_in_its_file(stage, made, tmp_path):
    paths = [str(tmp_path / f"{name}.exr") for name in "AB"]
    made.begin(stage, cameras(), paths)
    while made.advance():
        pass
    assert [camera.levelform_camera.image.filepath for camera in cameras()] == paths


def test_a_cancelled_render_keeps_the_images_before(stage, made):
    before = settings(stage)
    made.begin(stage, cameras())
    assert made.advance()
    made.finished = False  # what Blender's handler notes after Esc
    assert not made.advance()
    assert [c.levelform_camera.image is not None for c in cameras()] == [True, False]
    assert settings(stage) == before


def test_a_running_render_is_waited_for(stage, made):
    made.begin(stage, cameras())
    made.finished = None
    assert made.advance()
    assert cameras()[0].levelform_camera.image is None
    with pytest.raises(RequestError, match="Blender is rendering"):
        made.begin(stage, cameras())
    made.abandon()


def test_a_camera_that_was_removed_ends_it_with_a_sentence(extension, stage, made):
    made.begin(stage, cameras())
    bpy.data.objects.remove(bpy.data.objects["B"])
    assert not made.advance()
    assert "it was removed" in extension.failure.message
    assert bpy.data.objects["A"].levelform_camera.image is not None
