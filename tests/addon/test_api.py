"""What scripts call: from arguments to a request, checks before any work, and setting the stage."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.jobs import panel_source  # noqa: E402
from levelform.addon.jobs.results import PROVENANCE  # noqa: E402
from levelform.addon.scene import volume as scene_volume  # noqa: E402
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402
from levelform.backend.contract.protocol import (  # noqa: E402
    Background,
    EstimateVolume,
    MeshUpdate,
    Placement,
)

pytestmark = pytest.mark.bpy


def answer(puppet, *resolutions: int):
    """Have the worker send meshes and finish."""
    puppet.waiting = [*[lambda r=r: puppet.send(r) for r in resolutions], puppet.finish]


def test_reconstruct_returns_the_object_and_asks_for_what_was_said(puppet, ball_stage):
    ball_stage()
    answer(puppet, 32, 64)
    made = api.reconstruct(
        volume=np.eye(4),
        resolution=64,
        level=0.1,
        color=False,
        background="corner",
        name="Ball",
        seed=3,
    )
    request = puppet.job.request
    assert (made.name, made.data.users) == ("Ball", 1)
    assert (request.resolution, request.level, request.color, request.seed) == (64, 0.1, False, 3)
    assert request.background == Background("corner")
    assert (request.method, request.device, request.weights) == ("auto", "auto", None)
    assert len(request.views) == 6
    assert made[PROVENANCE]["keep"] == request.keep


def test_stream_yields_each_mesh_after_it_was_added_to_the_scene(puppet, ball_stage):
    ball_stage()
    answer(puppet, 32, 64)
    events = api.stream(resolution=64)
    seen = [event for event in events if isinstance(event, MeshUpdate)]
    assert [event.resolution for event in seen] == [32, 64]


def test_the_volume_is_an_empty_a_matrix_or_what_the_cameras_see(puppet, ball_stage):
    scene = ball_stage()
    empty = bpy.data.objects.new("Volume", None)
    scene.collection.objects.link(empty)
    empty.location, empty.scale = (1, 2, 3), (2, 2, 2)
    asked = []
    for volume in (empty, np.diag([3.0, 3, 3, 1]), None):
        answer(puppet, 32)
        api.reconstruct(volume=volume)
        asked.append(puppet.job.request.world_from_volume)
    assert asked[0].tolist() == [[2, 0, 0, 1], [0, 2, 0, 2], [0, 0, 2, 3], [0, 0, 0, 1]]
    assert asked[1] == pytest.approx(np.diag([3, 3, 3, 1]))
    assert asked[2] is None  # the worker looks where the views see the object


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"resolution": 4}, "resolution is a whole number from 8 to 1024, not 4"),
        ({"resolutoin": 64}, "'resolutoin' is not a setting"),
        ({"background": "beige"}, "'beige' is not a background"),
        ({"options": {"first": "few"}}, "first is a whole number"),
        ({"volume": np.zeros((4, 4))}, "singular"),
        ({"volume": np.full((4, 4), np.nan)}, "finite"),
        ({"volume": np.eye(3)}, "4x4"),
        ({"images": "/nowhere.png"}, "/nowhere.png"),
        ({"cameras": "/nowhere"}, "/nowhere"),
        ({"images": "a.png", "cameras": "/nowhere"}, "not both"),
    ],
)
def test_a_wrong_request_starts_nothing(puppet, ball_stage, arguments, words):
    ball_stage()
    before = [sorted(block.name for block in kind) for kind in (bpy.data.objects, bpy.data.images)]
    with pytest.raises(RequestError, match=words):
        api.reconstruct(**arguments)
    assert not puppet.submitted
    after = [sorted(block.name for block in kind) for kind in (bpy.data.objects, bpy.data.images)]
    assert after == before


def test_a_job_that_fails_raises_its_sentence(puppet, ball_stage):
    ball_stage()
    puppet.waiting = [lambda: puppet.fail("The moon is full.", "Wait two weeks.")]
    with pytest.raises(WorkError, match=r"The moon is full\. Wait two weeks\."):
        api.reconstruct()
    assert not bpy.data.meshes


def test_remesh_keeps_the_object(puppet, ball_stage):
    ball_stage()
    answer(puppet, 32)
    made = api.reconstruct()
    answer(puppet, 64)
    assert api.remesh(made, resolution=64) == made
    assert max(vertex.co.length for vertex in made.data.vertices) == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"resolution": 4}, "The resolution is a whole number from 8 to 1024"),
        ({"level": 3}, "probability .* between 0 and 1, not 3"),
        ({"options": {"max_facs": 9}}, "no option 'max_facs'"),
        ({"options": {"hull": True}}, "no option 'hull'"),  # it is the field's, not the mesh's
        ({"options": {"max_faces": 3}}, "max_faces is a whole number of 4 or more"),
    ],
)
def test_a_wrong_remesh_starts_nothing(puppet, ball_stage, arguments, words):
    ball_stage()
    puppet.waiting = [lambda: puppet.send(32), lambda: puppet.finish(level_unit="probability")]
    made = api.reconstruct(options={"first": "16"})
    with pytest.raises(RequestError, match=words):
        api.remesh(made, **arguments)
    assert len(puppet.submitted) == 1
    answer(puppet, 64)
    api.remesh(made, resolution=64, options={"dense": "yes"})
    assert puppet.job.request.options == {"first": 16, "dense": True}


def test_a_mesh_shows_the_volume_that_it_was_made_in(puppet, ball_stage):
    scene = ball_stage()
    matrix = np.diag([2.0, 2, 2, 1])
    matrix[:3, 3] = (1, 2, 3)
    told = {"world_from_volume": matrix.tolist(), "volume_from": "estimate"}
    told["box"] = [[-0.9, -0.5, -0.5], [0.9, 0.5, 0.5]]
    puppet.waiting = [lambda: puppet.send(32), lambda: puppet.finish(**told)]
    made = api.reconstruct(front=30.0)
    assert puppet.job.request.front == 30.0
    empty = api.show_volume(made)
    assert scene.levelform.volume == empty
    assert scene_volume.matrix_of(empty) == pytest.approx(matrix, abs=1e-6)
    other = bpy.data.objects.new("Other", None)
    with pytest.raises(RequestError, match="does not store the volume"):
        api.show_volume(other)


def test_volume_from_cameras_asks_the_worker_and_then_moves_the_empty(puppet, ball_stage):
    scene = ball_stage()
    placements = [np.diag([2.0, 2, 2, 1]), np.diag([3.0, 3, 3, 1])]
    box = np.array([[-0.9, -0.5, -0.5], [0.9, 0.5, 0.5]])

    def estimate(matrix):
        placement = Placement(matrix, "estimate", box, "undecided", 0.1, ("It may be wrong.",))
        puppet.place(placement)

    puppet.waiting = [lambda: estimate(placements[0])]
    empty = api.volume_from_cameras(scene)
    assert isinstance(puppet.job.request, EstimateVolume)
    assert (empty.type, scene.levelform.volume) == ("EMPTY", empty)
    assert scene_volume.matrix_of(empty) == pytest.approx(placements[0], abs=1e-6)
    assert list(empty["levelform_placement"]["remarks"]) == ["It may be wrong."]
    assert scene_volume.remarks_of(empty) == ["It may be wrong."]
    empty.location.x += 0.5
    assert scene_volume.remarks_of(empty) == []  # the artist has decided
    empty.empty_display_size = 2.0
    puppet.waiting = [lambda: estimate(placements[1])]
    assert api.volume_from_cameras(scene) == empty
    assert scene_volume.matrix_of(empty) == pytest.approx(placements[1], abs=1e-6)


@pytest.fixture
def folder(tmp_path, ball_stage):
    """Give a folder with two images and their transforms.json."""
    ball_stage(1)
    frames = []
    for number in range(2):
        image = bpy.data.images["image 0"]
        image.filepath_raw, image.file_format = str(tmp_path / f"{number}.png"), "PNG"
        image.save()
        pose = np.eye(4)
        pose[2, 3] = 4 + number
        frames.append({"file_path": f"{number}.png", "transform_matrix": pose.tolist()})
    content = {"fl_x": 80.0, "w": 64, "h": 64, "world_from_volume": np.eye(4).tolist()}
    content["frames"] = frames
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return tmp_path


def test_a_folder_brings_its_cameras_and_its_volume(puppet, folder):
    answer(puppet, 32)
    api.reconstruct(cameras=folder)
    request = puppet.job.request
    assert [view.name for view in request.views] == ["0.png", "1.png"]
    assert request.volume_from == "file"
    assert request.world_from_volume.tolist() == np.eye(4).tolist()
    assert not bpy.data.images


def test_cameras_are_added_from_a_folder(extension, folder):
    added = api.add_cameras(folder)
    scene = bpy.context.scene
    (first, _second) = panel_source.scene_source(scene).views
    assert [camera.name for camera in added] == ["0", "1"]
    assert (first.camera.fl_x, first.camera.w) == (pytest.approx(80.0), 64)
    assert scene.levelform.volume is not None


def test_images_go_to_as_many_cameras_in_natural_order(extension, ball_stage, tmp_path):
    scene = ball_stage(3)
    image = bpy.data.images["image 0"]
    image.filepath_raw, image.file_format = str(tmp_path / "picture.png"), "PNG"
    image.save()
    for number in (2, 10, 1):
        shutil.copy(tmp_path / "picture.png", tmp_path / f"view{number}.png")
    paths = [str(tmp_path / f"view{number}.png") for number in (10, 2, 1)]
    api.use_images(paths)
    shown = [scene.objects[f"View {i}"].data.background_images[0].image.name for i in range(3)]
    assert shown == ["view1.png", "view2.png", "view10.png"]
    assert scene.levelform.source == "CAMERAS"
    with pytest.raises(RequestError, match="2 images but 3 cameras"):
        api.use_images(paths[:2])
    ring = api.add_camera_ring(2)
    api.use_images(paths[:2])  # to those without an image
    assert [c.data.background_images[0].image.name for c in ring] == ["view2.png", "view10.png"]
    api.use_images(paths[:2])  # to those of the ring
    bpy.data.batch_remove(ring)
    api.use_images(paths[:1])
    assert (scene.levelform.source, scene.levelform.image.name) == ("IMAGE", "view10.png")
    bpy.context.view_layer.objects.active = scene.objects["View 1"]
    api.use_images(paths[:1])
    assert scene.objects["View 1"].data.background_images[0].image.name == "view10.png"


def test_an_unreadable_image_changes_nothing(extension, ball_stage, tmp_path):
    scene = ball_stage(1)
    (tmp_path / "empty.png").touch()
    images = sorted(image.name for image in bpy.data.images)
    with pytest.raises(RequestError, match=r"empty \(0 bytes\)"):
        api.use_images([str(tmp_path / "empty.png")])
    assert sorted(image.name for image in bpy.data.images) == images
    assert scene.levelform.source == "CAMERAS"


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj", ".stl", ".npz"])
def test_a_mesh_is_written_in_world_coordinates(extension, tmp_path, suffix):
    bpy.ops.mesh.primitive_ico_sphere_add(location=(5, 0, 0))
    made, other = bpy.context.object, bpy.data.objects.new("Other", None)
    bpy.context.scene.collection.objects.link(other)
    path = tmp_path / f"mesh{suffix}"
    assert api.export_mesh(made, path) == str(path)
    assert path.stat().st_size > 500
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert made.select_get()
    if suffix == ".npz":
        with np.load(path) as arrays:
            assert arrays["vertices"].mean(0) == pytest.approx([5, 0, 0], abs=1e-4)
            assert arrays["faces"].max() == len(arrays["vertices"]) - 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("mesh.fbx", "no format"),
        ("gone/mesh.glb", "does not exist"),
        ("/proc/mesh.glb", "denied|written"),
    ],
)
def test_an_output_that_cannot_be_written_says_why(extension, tmp_path, path, words):
    bpy.ops.mesh.primitive_cube_add()
    with pytest.raises((RequestError, WorkError), match=words):
        api.export_mesh(bpy.context.object, tmp_path / path)
    assert not list(Path(tmp_path).iterdir())


def test_api_is_an_attribute_of_the_extension():
    import levelform

    assert levelform.api is api
    with pytest.raises(AttributeError, match="no attribute 'apu'"):
        levelform.apu  # noqa: B018 - looking it up is the test


def test_a_job_is_refused_where_the_extension_is_not_enabled():
    with pytest.raises(RequestError, match="not enabled"):
        api.reconstruct()
