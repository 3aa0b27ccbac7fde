"""The whole path in Blender with a real worker: the sample's cameras in, a mesh out."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform import addon  # noqa: E402
from levelform.addon import api  # noqa: E402
from levelform.addon.backend_setup.checkup import check  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs import requests  # noqa: E402
from levelform.addon.jobs.results import PROVENANCE  # noqa: E402
from levelform.addon.jobs.session import live  # noqa: E402
from levelform.backend.contract.errors import LevelformError, WorkError  # noqa: E402
from levelform.backend.contract.protocol import MeshUpdate  # noqa: E402

PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "suzanne"
HULL = "visual-hull"

pytestmark = [
    pytest.mark.bpy,
    pytest.mark.skipif(not check(PYTHON, quick=True).usable, reason=f"{PYTHON} lacks torch"),
    pytest.mark.usefixtures("registered"),
]


@pytest.fixture(scope="module")
def registered():
    """Register the extension once, so that the worker starts once; see that it ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVELFORM_PYTHON", PYTHON)
        addon.register()
        yield
        pid = live.jobs.ready.pid
        addon.unregister()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.fixture
def sample():
    """Open the sample's scene."""
    bpy.ops.wm.open_mainfile(filepath=str(SAMPLE / "suzanne.blend"))
    bpy.context.scene.levelform.method = HULL
    return bpy.context.scene


def inventory() -> dict[str, list[str]]:
    kinds = ("objects", "meshes", "materials", "collections", "images", "cameras")
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in kinds}


def corners(made: bpy.types.Object) -> np.ndarray:
    """Return the two corners of an object's box, (2, 3), in the world."""
    points = np.array([made.matrix_world @ vertex.co for vertex in made.data.vertices])
    return np.array([points.min(0), points.max(0)])


def enclosed(made: bpy.types.Object) -> float:
    """Return the volume that a closed mesh of triangles encloses, by the divergence theorem."""
    points = np.array([vertex.co for vertex in made.data.vertices])
    a, b, c = points[np.array([face.vertices[:] for face in made.data.polygons])].swapaxes(0, 1)
    return float((a * np.cross(b, c)).sum() / 6)


def true_corners() -> np.ndarray:
    content = json.loads((SAMPLE / "transforms.json").read_text())
    matrix = np.array(content["world_from_volume"])
    with np.load(SAMPLE / "truth.npz") as ground_truth:
        points = ground_truth["vertices"] @ matrix[:3, :3].T + matrix[:3, 3]
    return np.array([points.min(0), points.max(0)])


def test_the_scenes_cameras_become_a_mesh_where_the_object_stood(sample):
    events = api.stream(method=HULL, resolution=128, options={"min_component": 0.5})
    updates = [event.resolution for event in events if isinstance(event, MeshUpdate)]
    made = bpy.context.object
    assert updates[0] < updates[-1] == 128
    assert sorted(updates) == updates
    facts = made[PROVENANCE].to_dict()
    assert facts["views"] == 8
    assert facts["watertight"]
    assert facts["faces"] == len(made.data.polygons)
    assert made.data.validate() is False
    size = (true_corners()[1] - true_corners()[0]).max()
    # A visual hull holds the object, and is little larger with eight cameras all around.
    assert np.abs(corners(made) - true_corners()).max() < 0.15 * size
    assert len(made.data.color_attributes) == 1


def test_a_folder_gives_what_the_scene_gives(sample):
    of_scene = api.reconstruct(method=HULL, resolution=64, options={"min_component": 0.5})
    of_folder = api.reconstruct(
        method=HULL, cameras=SAMPLE, resolution=64, options={"min_component": 0.5}
    )
    cells = 2 * np.array(of_folder[PROVENANCE]["world_from_volume"])[0, 0] / 64
    assert np.abs(corners(of_scene) - corners(of_folder)).max() < 3 * cells


def test_remesh_does_not_run_the_method_again(sample):
    made = api.reconstruct(method=HULL, resolution=32)
    coarse = len(made.data.polygons)
    api.remesh(made, resolution=64)
    assert len(made.data.polygons) > 2 * coarse
    thin = enclosed(made)
    api.remesh(made, resolution=64, level=0.05)
    assert enclosed(made) > 1.1 * thin
    assert made[PROVENANCE]["resolution"] == 64


def test_the_operator_and_the_command_line_do_the_same(sample, tmp_path, capfd):
    sample.levelform.preset = "DRAFT"
    assert bpy.ops.levelform.reconstruct() == {"FINISHED"}
    faces = len(bpy.context.object.data.polygons)
    capfd.readouterr()
    out, blend = tmp_path / "mesh.glb", tmp_path / "scene.blend"
    assert cli.main(["reconstruct", "-o", str(out), "--save", str(blend), "--json"]) == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert json.loads(lines[-1])["faces"] == faces
    assert out.stat().st_size > 10_000
    assert blend.stat().st_size > 10_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mesh.glb", "scene.blend"]


def test_a_cancelled_job_leaves_the_scene_and_the_worker_goes_on(sample):
    before = inventory()
    events = api.stream(method=HULL, resolution=256)
    for event in events:
        if isinstance(event, MeshUpdate):
            events.close()
    assert inventory() == before
    pid = live.jobs.ready.pid
    assert api.reconstruct(method=HULL, resolution=32)
    assert live.jobs.ready.pid == pid


def test_a_worker_that_is_killed_fails_its_job_and_the_next_one_works(sample):
    before = inventory()
    events = api.stream(method=HULL, resolution=256)
    next(event for event in events if isinstance(event, MeshUpdate))
    os.kill(live.jobs.ready.pid, signal.SIGKILL)
    with pytest.raises(WorkError):
        list(events)
    assert inventory() == before
    assert api.reconstruct(method=HULL, resolution=32)


def test_methods_come_from_the_worker(sample):
    assert "visual-hull" in {method.name for method in api.methods()}
    assert sample.levelform.method_choice == HULL
    assert api.doctor()["usable"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--option", "speed=1"], "Visual hull has no option 'speed'"),
        (["--method", "disn", "--option", "part=bogus"], "part is both, global or local"),
        (["--method", "levelform", "--level", "3"], "between 0 and 1, not 3"),
    ],
)
def test_the_worker_refuses_what_blender_does_not_know_yet(sample, capfd, monkeypatch, words, said):
    monkeypatch.setattr(type(live), "methods", ())  # as before the worker has said what it runs
    before = inventory()
    assert cli.main(["reconstruct", *words, "--json"]) == 2  # as in the terminal
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    assert said in json.loads(lines[-1])["error"]
    assert inventory() == before


def blank(image: bpy.types.Image, alpha: float) -> bpy.types.Image:
    """Return an image of the same size and one colour."""
    made = bpy.data.images.new("Blank", *image.size, alpha=True)
    made.pixels.foreach_set(np.tile([0.5, 0.5, 0.5, alpha], len(made.pixels) // 4).astype("f"))
    made.pack()
    return made


def camera_image_of(camera: bpy.types.Object) -> bpy.types.CameraBackgroundImage:
    return camera.data.background_images[0]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_an_image_without_a_silhouette_is_named(sample, alpha):
    camera = sample.objects["Camera 3"]
    camera_image_of(camera).image = blank(camera_image_of(camera).image, alpha)
    volume = np.diag([2.0, 2.0, 2.0, 1.0])
    before = inventory()
    for arguments in ({}, {"volume": volume}):
        with pytest.raises(LevelformError, match="Camera 3"):
            api.reconstruct(method="visual-hull", **arguments)
        assert inventory() == before


def test_a_view_that_disagrees_is_named(sample):
    background = camera_image_of(sample.objects["Camera 3"])
    image = blank(background.image, 0.0)
    pixels = np.zeros((*image.size, 4), np.float32)
    pixels[8:40, 8:40] = 1.0  # in a corner, where no other camera sees anything
    image.pixels.foreach_set(pixels.ravel())
    image.pack()
    background.image = image
    volume = np.diag([0.8, 0.8, 0.8, 1.0])  # within the frame of every camera
    volume[2, 3] = 0.955
    before = inventory()
    with pytest.raises(LevelformError, match="Camera 3"):
        api.reconstruct(method=HULL, resolution=32, volume=volume)
    assert inventory() == before


def test_a_camera_inside_the_volume_is_named(sample):
    matrix = np.eye(4)
    matrix[:3, 3] = sample.objects["Camera 3"].matrix_world.translation
    before = inventory()
    with pytest.raises(LevelformError, match="Camera"):
        api.reconstruct(volume=matrix)
    assert inventory() == before


def test_waiting_for_the_worker_costs_no_processor(sample):
    """A script that drives a job sleeps while the worker works."""
    running = requests.begin_scene(bpy.context)
    spent, started = time.process_time(), time.monotonic()
    for _ in live.drive(running):
        pass
    assert time.process_time() - spent < 0.5 * (time.monotonic() - started) + 0.5


def test_a_mesh_is_compared_with_a_reference(sample):
    bpy.ops.mesh.primitive_cube_add(size=2.0)
    reference = bpy.context.object
    bpy.ops.mesh.primitive_cube_add(size=2.0, location=(0.5, 0, 0))
    shifted = bpy.context.object
    metrics = api.compare(shifted, reference)["metrics"]
    assert metrics["iou"] == pytest.approx(1.5 / 2.5, abs=0.01)
    distances = np.zeros(8, np.float32)
    shifted.data.attributes["levelform_distance"].data.foreach_get("value", distances)
    # Four corners stand out by half a metre, the others lie on the reference's faces.
    np.testing.assert_allclose(np.sort(np.abs(distances)), [0.0] * 4 + [0.5] * 4, atol=1e-5)


def test_a_batch_is_made_by_one_worker_and_is_what_the_terminal_makes(tmp_path, capfd):
    from levelform.backend import cli as terminal

    live.jobs.warm_up()
    api.methods()
    worker = live.jobs.ready.pid
    words = [str(SAMPLE), str(SAMPLE / "suzanne.blend"), "--resolution", "32"]
    words += ["--suffix", ".npz", "--method", HULL]
    capfd.readouterr()
    assert cli.main(["batch", *words, "-o", str(tmp_path / "blender"), "--json"]) == 0
    folder, blend, last = map(json.loads, capfd.readouterr().out.splitlines())
    assert (folder["state"], blend["state"], last["done"]) == ("done", "done", 2)
    assert (folder["views"], blend["views"]) == (8, 8)
    assert live.jobs.ready.pid == worker
    assert terminal.main(["batch", words[0], *words[2:], "-o", str(tmp_path / "terminal")]) == 0
    files = (folder["out"], tmp_path / "terminal" / "suzanne.npz")
    ours, theirs = (dict(np.load(file)) for file in files)
    assert len(ours["faces"]) == len(theirs["faces"]) == folder["faces"]
    first, second = (np.sort(arrays["vertices"], axis=0) for arrays in (ours, theirs))
    np.testing.assert_allclose(first, second, atol=1e-5)
