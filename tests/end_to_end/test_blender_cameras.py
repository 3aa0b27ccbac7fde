"""Drawings in Blender with a real worker: cut, shown, renamed, reconstructed; rings; refusals."""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.backend_setup.checkup import check  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.scene import drawings as scene_drawings  # noqa: E402
from levelform.backend.contract.errors import LevelformError, RequestError  # noqa: E402

PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)

pytestmark = [
    pytest.mark.bpy,
    pytest.mark.skipif(not check(PYTHON, quick=True).usable, reason=f"{PYTHON} lacks torch"),
    pytest.mark.usefixtures("registered"),
]


@pytest.fixture
def scene():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """Return a sheet of a box, 40 wide, 20 deep, 30 high, from the front, the right and above."""
    pixels = np.full((80, 220, 3), 255, np.uint8)
    pixels[20:50, 20:60] = pixels[20:50, 90:110] = pixels[20:40, 160:200] = 60
    path = tmp_path_factory.mktemp("sheet") / "box.png"
    Image.fromarray(pixels).save(path)
    return path


def cameras(scene) -> list[str]:
    return sorted(item.name for item in scene.objects if item.type == "CAMERA")


def test_a_sheet_becomes_cameras_with_images_and_a_mesh(scene, sheet):
    made, facts = api.cameras_from_drawings(sheet)
    assert [camera.name for camera in made] == ["front", "right", "top"]
    assert all(camera.data.type == "ORTHO" for camera in made)
    assert scene.levelform.source == "CAMERAS"
    entries = scene.levelform_drawings.entries
    assert [entry.side for entry in entries] == ["front", "right", "top"]
    for entry, camera in zip(entries, made, strict=True):
        assert entry.camera == camera
        assert entry.image == camera.data.background_images[0].image
        assert entry.image.packed_file is not None  # nothing but the .blend is needed
        assert entry.image.preview is not None  # shown in the panel
    mesh = api.reconstruct(method="visual-hull", resolution=64)
    np.testing.assert_allclose(mesh.dimensions, facts["sides"], atol=0.06)


def test_sides_are_changed_in_the_list_and_the_cameras_follow(scene, sheet):
    api.cameras_from_drawings(sheet)
    images = len(bpy.data.images)
    entries = scene.levelform_drawings.entries
    entries[1].side = "left"
    assert bpy.ops.levelform.drawings_again() == {"FINISHED"}
    assert cameras(scene) == ["front", "left", "top"]
    assert bpy.data.objects["left"].location.x < -1
    assert len(bpy.data.images) == images
    entries[2].use = False
    assert bpy.ops.levelform.drawings_again() == {"FINISHED"}
    assert cameras(scene) == ["front", "left"]
    entries[2].use = True
    assert bpy.ops.levelform.drawings_again() == {"FINISHED"}
    assert cameras(scene) == ["front", "left", "top"]


def test_drawings_stand_beside_other_meshes_and_stay_there(scene, sheet):
    bpy.ops.mesh.primitive_cube_add()
    api.cameras_from_drawings(sheet)
    place = scene.levelform.volume.location.x
    assert place > 1.9
    assert bpy.data.objects["front"].location.x == pytest.approx(place, abs=1e-4)
    assert bpy.ops.levelform.drawings_again() == {"FINISHED"}
    assert bpy.data.objects["front"].location.x == pytest.approx(place, abs=1e-4)


def test_pieces_are_shown_before_cameras_are_made(scene, sheet):
    path = str(sheet)
    assert bpy.ops.levelform.drawings(filepath=path, preview=True) == {"FINISHED"}
    entries = scene.levelform_drawings.entries
    assert [entry.side for entry in entries] == ["front", "right", "top"]
    assert all(entry.camera is None for entry in entries)
    assert all(entry.image.packed_file is not None for entry in entries)
    assert not cameras(scene)
    entries[1].side = "left"
    assert bpy.ops.levelform.drawings_again() == {"FINISHED"}
    assert cameras(scene) == ["front", "left", "top"]
    shown = {entry.image.name for entry in scene.levelform_drawings.entries}
    assert {image.name for image in bpy.data.images if image.users} >= shown
    assert len(bpy.data.images) == 3


def test_names_that_leave_the_depth_open_change_nothing(scene, sheet):
    api.cameras_from_drawings(sheet)
    entries = scene.levelform_drawings.entries
    entries[1].side, entries[2].use = "back", False
    with pytest.raises(RuntimeError, match="depth"):
        bpy.ops.levelform.drawings_again()
    assert cameras(scene) == ["front", "right", "top"]


def test_dropped_images_that_name_their_sides_are_drawings(scene, sheet, tmp_path):
    pixels = Image.open(sheet)
    boxes = {"front": (0, 0, 75, 80), "side": (75, 0, 130, 80), "top": (130, 0, 220, 80)}
    for name, box in boxes.items():
        pixels.crop(box).save(tmp_path / f"box_{name}.png")
    files = [{"name": f"box_{name}.png"} for name in boxes]
    bpy.ops.levelform.drop_images(directory=f"{tmp_path}{os.sep}", files=files)
    assert cameras(scene) == ["front", "right", "top"]


def test_what_is_not_a_sheet_changes_nothing(scene, tmp_path):
    path = tmp_path / "one.png"
    Image.new("RGB", (64, 64), (255, 255, 255)).save(path)
    with pytest.raises(RequestError, match=r"no drawing|covered"):
        api.cameras_from_drawings(path)
    assert not len(scene.objects)
    assert not scene_drawings.paths_of(scene)
    with pytest.raises(RequestError, match="does not exist"):
        api.cameras_from_photographs(tmp_path / "nothing")
    with pytest.raises(LevelformError):
        api.cameras_from_photographs(tmp_path)


def test_a_ring_stands_around_the_volume(scene):
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    ring = api.add_camera_ring(6, elevation=0.0, side=3.6)
    bpy.context.view_layer.update()
    places = np.array([camera.matrix_world.translation for camera in ring])
    np.testing.assert_allclose(places[:, 2], 0, atol=1e-6)
    distance = np.linalg.norm(places, axis=1)
    np.testing.assert_allclose(distance, distance[0], rtol=1e-6)
    assert bpy.ops.levelform.camera_ring(count=4) == {"FINISHED"}
    assert len(cameras(scene)) == 10


def test_the_command_says_what_it_added(scene, sheet, capsys, tmp_path):
    save = tmp_path / "box.blend"
    words = ["cameras", "sheet", str(sheet), "--names", "front,left,top", "--save", str(save)]
    assert cli.main(words) == 0
    assert "front, left, top" in capsys.readouterr().out
    assert save.exists()
    assert cli.main(["cameras", "ring", "5"]) == 0
    assert cli.main(["cameras", "sheet", str(sheet), "--names", "front,up,top"]) == 2


def test_files_of_a_job_do_not_stay(scene, sheet, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    api.cameras_from_drawings(sheet)
    assert not list(Path(tmp_path).iterdir())
