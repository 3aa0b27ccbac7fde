"""The list of results: shown, run again with their settings, compared, deleted."""

import numpy as np
import pytest
from levelform.backend.data.render.cameras import look_at
from levelform.backend.geometry.cameras import Camera

bpy = pytest.importorskip("bpy")
from levelform.addon.jobs import again, memory  # noqa: E402
from levelform.addon.jobs.requests import order_of  # noqa: E402
from levelform.addon.scene import gallery  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import ViewMask, ViewMasks  # noqa: E402

pytestmark = pytest.mark.bpy


def make(puppet, **stats):
    """Reconstruct the scene; return the result."""
    puppet.waiting = [lambda: puppet.send(32), lambda: puppet.finish(**stats)]
    bpy.ops.levelform.reconstruct()
    return bpy.context.object


def test_results_are_hidden_by_later_ones_and_shown_by_the_eye(puppet, ball_stage):
    scene = ball_stage(3)
    first, second = make(puppet), make(puppet)
    assert set(gallery.results_of(scene)) == {first, second}
    assert (gallery.is_shown(first), gallery.is_shown(second)) == (False, True)
    bpy.ops.levelform.show_result(name=first.name)
    assert gallery.is_shown(first)


def test_deleting_a_result_shows_the_one_before(puppet, ball_stage):
    scene = ball_stage(3)
    first, second = make(puppet), make(puppet)
    bpy.ops.levelform.delete_result(name=second.name)
    assert gallery.results_of(scene) == [first]
    assert gallery.is_shown(first)
    bpy.ops.levelform.delete_result(name=first.name)
    assert gallery.collection_of(scene) is None


def test_a_cancelled_job_shows_the_earlier_result_again(extension, puppet, ball_stage):
    scene = ball_stage(3)
    first = make(puppet)
    order_of(scene).begin()
    puppet.send(32)
    extension.step()
    assert not gallery.is_shown(first)
    extension.cancel()
    extension.step()
    assert gallery.is_shown(first)
    assert gallery.results_of(scene) == [first]


def test_run_again_repeats_settings_and_source_whatever_the_panel_says(puppet, ball_stage):
    scene = ball_stage(4)
    settings = scene.levelform
    settings.method, settings.preset, settings.seed = "visual-hull", "FINE", 7
    scene.objects["View 3"].levelform_camera.use = False
    made = make(puppet, method="visual-hull")
    settings.method, settings.preset, settings.seed = "auto", "DRAFT", 1
    scene.objects["View 3"].levelform_camera.use = True
    puppet.waiting = [lambda: puppet.send(32), puppet.finish]
    bpy.ops.levelform.run_again(name=made.name)
    request = puppet.job.request
    assert (request.method, request.resolution, request.seed) == ("visual-hull", 256, 7)
    names = list(made["levelform"]["view_names"])
    assert names == ["View 0", "View 1", "View 2"]
    assert list(bpy.context.object["levelform"]["view_names"]) == names
    assert bpy.context.object.name.startswith("visual-hull 256")


def test_another_method_is_one_click_away_and_takes_the_place_of_the_first(puppet):
    scene = bpy.context.scene
    scene.levelform.source = "IMAGE"
    scene.levelform.image = bpy.data.images.new("vase", 8, 8)
    scene.cursor.location = (3.0, 0.0, 1.0)
    first = make(puppet, method="tdgn")
    puppet.waiting = [lambda: puppet.send(32), lambda: puppet.finish(method="levelform")]
    bpy.ops.levelform.run_again(name=first.name, method="levelform")
    assert puppet.job.request.method == "levelform"
    assert first.name == "vase tdgn 128"  # as the image chose
    second = scene.objects["vase levelform 128"]
    assert second.location == first.location  # on the ground at the cursor
    assert not gallery.is_shown(first)


def test_the_first_mesh_of_one_image_stands_beside_the_cube_already(extension, puppet):
    bpy.ops.mesh.primitive_cube_add(size=80.0)
    scene, default = bpy.context.scene, bpy.context.object
    bpy.context.view_layer.update()
    scene.levelform.source = "IMAGE"
    scene.levelform.image = bpy.data.images.new("vase", 8, 8)
    camera = {"view": 0, **Camera(look_at(20, 10, 4.0), 90, 90, 4, 4, 8, 8).to_transforms()}
    order_of(scene).begin()
    puppet.send(32)
    extension.step()
    (draft,) = gallery.results_of(scene) or [o for o in scene.objects if "levelform_draft" in o]
    bpy.context.view_layer.update()
    assert gallery.box_iou(gallery.world_box(draft), gallery.world_box(default)) == 0
    puppet.send(48)
    extension.step()
    puppet.finish(method="tdgn", cameras=[camera], world_from_volume=np.eye(4).tolist())
    extension.step()
    bpy.context.view_layer.update()
    assert gallery.box_iou(gallery.world_box(draft), gallery.world_box(default)) == 0
    placed = scene.objects[f"{draft.name} Camera"]
    apart = np.array(placed.location) - np.array(draft.location)
    true = np.array(camera["transform_matrix"])[:3, 3]
    np.testing.assert_allclose(apart, true, atol=1e-4)  # as in the volume's frame


def test_the_mask_of_one_image_is_shown_while_its_job_runs(extension, puppet):
    scene = bpy.context.scene
    scene.levelform.source = "IMAGE"
    scene.levelform.image = bpy.data.images.new("vase", 8, 8)
    order_of(scene).begin()
    mask = ViewMask("vase", np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8), "network")
    puppet.job.masks = ViewMasks(puppet.job.id, (mask,))
    puppet.send(32)
    extension.step()
    assert scene.levelform_matte.shown is not None
    assert scene.levelform_matte.source == "network"
    first = scene.levelform_matte.shown
    puppet.finish(method="tdgn")
    extension.step()
    assert scene.levelform_matte.shown == first  # not made twice


def test_what_a_result_was_made_from_may_be_gone(puppet, ball_stage):
    scene = ball_stage(3)
    made = make(puppet)
    bpy.data.objects.remove(scene.objects["View 1"])
    with pytest.raises(RequestError, match="Its camera View 1 is gone"):
        again.order_again(made, scene)
    bpy.ops.mesh.primitive_cube_add()
    with pytest.raises(RequestError, match="was not made by Levelform"):
        memory.settings_again(bpy.context.object)


def test_comparing_needs_two_results(puppet, ball_stage):
    ball_stage(3)
    make(puppet)
    with pytest.raises(RuntimeError, match="only one result"):
        bpy.ops.levelform.compare_result()


def test_a_result_becomes_an_asset(puppet, ball_stage):
    ball_stage(3)
    made = make(puppet)
    bpy.ops.levelform.mark_asset(name=made.name)
    assert made.asset_data.tags[0].name == "Levelform"
