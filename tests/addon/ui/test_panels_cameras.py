"""What the camera list says of its pairs, and the button that takes the frame as it is shown."""

from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import frames  # noqa: E402
from levelform.addon.ui import panels_cameras  # noqa: E402

from .conftest import Paper, context  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]


def test_the_list_is_in_natural_order(ball_stage):
    scene = ball_stage(12)
    listing = SimpleNamespace(bitflag_filter_item=1)
    _, places = panels_cameras.LEVELFORM_UL_cameras.filter_items(listing, None, scene, "objects")
    names = [scene.objects[places.index(place)].name for place in range(12)]
    assert names == [f"View {number}" for number in range(12)]


def test_images_named_after_another_camera_are_reported(ball_stage):
    scene = ball_stage(2)
    assert panels_cameras.notes(None, scene) == []
    bpy.data.images["image 0"].name = "View 1"
    (said,) = panels_cameras.notes(None, scene)
    assert said == "View 0 has the image View 1, which is named after View 1."


def test_an_excluded_camera_is_said_to_be_left_out(ball_stage):
    scene = ball_stage(2)
    camera = scene.objects["View 0"]
    group = bpy.data.collections.new("Group")
    scene.collection.children.link(group)
    group.objects.link(camera)
    scene.collection.objects.unlink(camera)
    bpy.context.view_layer.layer_collection.children["Group"].exclude = True
    bpy.context.view_layer.update()
    assert panels_cameras.notes(camera, scene) == [
        "View 0 is excluded from the view layer, and left out."
    ]


def test_a_new_render_size_is_told_and_one_click_takes_the_frame_as_shown(ball_stage):
    scene = ball_stage(2)
    camera = scene.objects["View 0"]
    frames.observe(scene)
    scene.render.resolution_x *= 2
    assert "frame of matching, 1 : 1" in panels_cameras.notes(camera, scene)[0]
    scene.levelform.camera_index = scene.objects.find("View 0")
    bpy.ops.levelform.use_frame()
    assert panels_cameras.notes(camera, scene) == []
    assert frames.frame_aspect(camera, scene) == pytest.approx(2.0)
    other = scene.objects["View 1"]
    assert frames.frame_aspect(other, scene) == pytest.approx(1.0)


def test_frames_are_offered_where_an_image_moves(ball_stage):
    scene = ball_stage(1)
    assert not panels_cameras.has_moving_image(scene)
    bpy.data.images["image 0"].source = "SEQUENCE"
    assert panels_cameras.has_moving_image(scene)


def test_the_list_has_the_depth_map_of_its_camera_where_the_method_takes_one(ball_stage):
    scene = ball_stage(2)
    scene.levelform.camera_index = scene.objects.find("View 1")
    for method, there in (("uclid-net", True), ("visual-hull", False)):
        scene.levelform.method = method
        paper = Paper()
        panels_cameras.sample_camera_data(paper, context(), scene.levelform)
        assert ("levelform_depth" in paper.notes) is there
