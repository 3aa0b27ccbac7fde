"""The buttons: when they are disabled and why, what they call, and how they report errors."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.backend_setup import interpreter  # noqa: E402
from levelform.addon.jobs.volume_placing import begin_volume  # noqa: E402
from levelform.addon.operators.cameras import LEVELFORM_FH_images  # noqa: E402
from levelform.backend.contract.protocol import Status  # noqa: E402

pytestmark = pytest.mark.bpy


def operators_of(base):
    """Return Blender's classes below a base, at any depth."""
    below = [cls for child in base.__subclasses__() for cls in (child, *operators_of(child))]
    return [cls for cls in below if issubclass(cls, bpy.types.Operator)]


def test_every_operator_has_what_its_base_only_declares(extension):
    from levelform.addon.operators import ReportingOperator, Starter
    from levelform.addon.operators.weights import _Getter

    for base, name in ((ReportingOperator, "run"), (Starter, "start"), (_Getter, "begin")):
        below = operators_of(base)
        assert below
        assert [cls for cls in below if not hasattr(cls, name)] == []


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        ("reconstruct", "This scene has no cameras."),
        ("cancel", "No job is running."),
        ("remesh", "Select a mesh that Levelform made."),
        ("add_modifier", "Select a mesh."),
        ("volume_from_cameras", "No camera is ticked."),
        ("render_pictures", "No camera is ticked."),
        ("cancel_install", "No installation is running."),
        ("remove_backend", "Levelform has not installed a backend."),
        ("repair_backend", "Levelform has not installed a backend."),
        ("unload_backend", "The backend is not running."),
        ("stop_backend", "The backend is not running."),
    ],
)
def test_a_disabled_button_states_the_reason(extension, monkeypatch, tmp_path, operator, words):
    monkeypatch.setattr(interpreter, "user_folder", lambda: str(tmp_path))
    with pytest.raises(RuntimeError, match=words):
        getattr(bpy.ops.levelform, operator)()


def test_install_asks_for_the_network_or_wheels(extension, monkeypatch, tmp_path):
    monkeypatch.setattr(interpreter, "user_folder", lambda: str(tmp_path))
    if bpy.app.online_access:
        pytest.skip("this Blender may use the network")
    with pytest.raises(RuntimeError, match="not allowed to use the network"):
        bpy.ops.levelform.install_backend()


def test_reconstruct_in_the_background_returns_when_it_is_done(puppet, ball_stage):
    ball_stage()
    puppet.waiting = [lambda: puppet.send(32), puppet.finish]
    bpy.context.scene.levelform.preset = "DRAFT"
    assert bpy.ops.levelform.reconstruct("INVOKE_DEFAULT") == {"FINISHED"}
    assert puppet.job.request.resolution == 64
    assert bpy.context.object.name == "fit 64"
    assert bpy.context.object.users_collection[0].name == "Levelform"


def test_the_panels_settings_reach_the_worker(puppet, ball_stage):
    scene = ball_stage()
    settings = scene.levelform
    settings.preset, settings.custom_resolution = "CUSTOM", 48
    settings.use_level, settings.level = True, 0.25
    settings.background, settings.background_color = "COLOR", (0.0, 1.0, 0.0)
    settings.volume = bpy.data.objects.new("Volume", None)
    settings.min_component, settings.fill_voids = 0.5, True
    settings.use_max_faces, settings.max_faces = True, 1000
    puppet.waiting = [lambda: puppet.send(32), puppet.finish]
    bpy.ops.levelform.reconstruct()
    request = puppet.job.request
    assert (request.resolution, request.level) == (48, 0.25)
    assert (request.background.mode, request.background.color) == ("color", (0.0, 1.0, 0.0))
    assert request.options == {"min_component": 0.5, "fill_voids": True, "max_faces": 1000}
    assert request.world_from_volume[0, 0] == 1.0


def test_a_wrong_request_is_reported_and_kept_for_the_panel(extension, puppet, ball_stage):
    scene = ball_stage(2)
    scene.objects["View 1"].data.type = "PANO"
    with pytest.raises(RuntimeError, match="View 1 is panoramic"):
        bpy.ops.levelform.reconstruct()
    assert "View 1 is panoramic" in str(extension.failure)
    assert not puppet.submitted


def test_a_job_that_fails_is_reported(puppet, ball_stage):
    ball_stage()
    puppet.waiting = [lambda: puppet.fail("The moon is full.", "Wait two weeks.")]
    with pytest.raises(RuntimeError, match=r"The moon is full\. Wait two weeks\."):
        bpy.ops.levelform.reconstruct()


def test_remesh_takes_resolution_and_level(puppet, ball_stage):
    ball_stage()
    puppet.waiting = [lambda: puppet.send(32), puppet.finish]
    bpy.ops.levelform.reconstruct()
    first = puppet.job.request.keep
    with pytest.raises(RuntimeError, match="no longer keeps this result"):
        bpy.ops.levelform.remesh(resolution=64)
    puppet.status = Status(1, (first,), ())
    puppet.waiting = [lambda: puppet.send(64), puppet.finish]
    bpy.ops.levelform.remesh(resolution=64, use_level=True, level=-0.125)
    request = puppet.job.request
    assert (request.keep, request.resolution, request.level) == (first, 64, -0.125)


@pytest.mark.parametrize("kind", ["REMESH", "SMOOTH", "DECIMATE"])
def test_modifiers_come_with_settings_that_do_something(extension, kind):
    bpy.ops.mesh.primitive_uv_sphere_add()
    bpy.ops.levelform.add_modifier(kind=kind)
    (modifier,) = bpy.context.object.modifiers
    assert modifier.type == kind
    evaluated = bpy.context.object.evaluated_get(bpy.context.evaluated_depsgraph_get())
    before = [tuple(vertex.co) for vertex in bpy.context.object.data.vertices]
    after = [tuple(vertex.co) for vertex in evaluated.data.vertices]
    assert before != after


def test_volume_from_cameras_is_one_step(extension, ball_stage):
    scene = ball_stage()
    assert bpy.ops.levelform.volume_from_cameras() == {"FINISHED"}
    assert scene.levelform.volume.type == "EMPTY"


def test_the_volume_is_placed_by_a_job_that_can_be_cancelled(puppet, extension, ball_stage):
    scene = ball_stage()
    before = set(bpy.data.objects)
    running = begin_volume(scene)
    assert extension.running is running
    extension.cancel()
    extension.step()
    assert extension.running is None
    assert set(bpy.data.objects) == before
    assert scene.levelform.volume is None


def test_dropped_images_are_taken(extension, ball_stage, tmp_path):
    scene = ball_stage(1)
    image = bpy.data.images["image 0"]
    image.filepath_raw, image.file_format = str(tmp_path / "photo.png"), "PNG"
    image.save()
    bpy.ops.levelform.drop_images(directory=f"{tmp_path}/", files=[{"name": "photo.png"}])
    assert scene.levelform.source == "IMAGE"
    assert LEVELFORM_FH_images.bl_import_operator == "levelform.drop_images"
    assert not LEVELFORM_FH_images.poll_drop(bpy.context)  # no viewport shows the tab


def test_a_render_becomes_the_image_of_a_camera_without_one(extension, monkeypatch, ball_stage):
    from levelform.addon.scene import images

    scene = ball_stage(2)
    scene.objects["View 1"].data.background_images.clear()
    rendered = bpy.data.images["image 0"]
    monkeypatch.setattr(images, "render_image", lambda camera, scene: rendered)
    bpy.ops.levelform.render_pictures()
    assert scene.objects["View 1"].levelform_camera.image == rendered
    assert scene.objects["View 0"].levelform_camera.image is None
    with pytest.raises(RuntimeError, match="Every ticked camera has an image"):
        bpy.ops.levelform.render_pictures()


# ---------------------------------------------------------------- the camera of a single image


FOUND = {
    "view": 0,
    "transform_matrix": [[0.0, -0.6, 0.8, 2.4], [1, 0, 0, 0], [0, 0.8, 0.6, 1.8], [0, 0, 0, 1]],
    "fl_x": 150.0,
    "fl_y": 150.0,
    "cx": 70.0,
    "cy": 52.0,
    "w": 128,
    "h": 96,
    "camera_model": "PINHOLE",
}


def reconstruct_one(puppet, image):
    """Have a scripted worker reconstruct an image and estimate its camera; return the object."""
    settings = bpy.context.scene.levelform
    settings.source, settings.image = "IMAGE", image
    puppet.waiting = [lambda: puppet.send(), lambda: puppet.finish(cameras=[FOUND])]
    assert bpy.ops.levelform.reconstruct() == {"FINISHED"}
    return bpy.context.view_layer.objects.active


def test_an_estimated_camera_is_added_with_its_image_behind_the_mesh(puppet):
    from levelform.addon.scene.cameras import background_camera

    image = bpy.data.images.new("Photo", 128, 96)
    made = reconstruct_one(puppet, image)
    (name,) = made["levelform_cameras"]
    camera = bpy.data.objects[name]
    assert "cameras" not in made["levelform"]
    assert bpy.context.scene.camera is camera
    (background,) = camera.data.background_images
    assert background.image is image
    seen = background_camera(
        camera,
        background,
        (128, 96),
        bpy.context.scene,
        bpy.context.evaluated_depsgraph_get(),
    )
    assert (seen.fl_x, seen.cx, seen.cy) == pytest.approx((150, 70, 52), abs=1e-3)
    found = np.array(FOUND["transform_matrix"], float)
    found[:3, 3] += made.location  # the mesh was moved onto the ground, and the camera with it
    assert np.allclose(seen.transform_matrix, found, atol=1e-4)


def test_looking_through_the_estimated_camera(puppet):
    with pytest.raises(RuntimeError, match="No camera was estimated"):
        bpy.ops.levelform.look_through()
    made = reconstruct_one(puppet, bpy.data.images.new("Photo", 128, 96))
    bpy.context.scene.camera = None
    assert bpy.ops.levelform.look_through() == {"FINISHED"}
    assert bpy.context.scene.camera.name == made["levelform_cameras"][0]
    render = bpy.context.scene.render
    assert (render.resolution_x, render.resolution_y) == (128, 96)  # the image's
    assert bpy.ops.levelform.look_through() == {"FINISHED"}  # leaves it
    assert (render.resolution_x, render.resolution_y) == (1920, 1080)
    assert bpy.context.scene.camera.name == made["levelform_cameras"][0]  # there was none before
    bpy.data.objects.remove(bpy.context.scene.camera)
    with pytest.raises(RuntimeError, match="No camera was estimated"):
        bpy.ops.levelform.look_through()
