"""An object that shows one of several meshes: by its slider, by the frame, from files."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import sequences  # noqa: E402
from levelform.addon.scene.meshes import new_mesh  # noqa: E402
from levelform.backend.contract.protocol import MeshUpdate  # noqa: E402

pytestmark = pytest.mark.bpy


def mesh(size, colors=None):
    vertices = size * np.eye(3, dtype=np.float32)
    faces = np.array([[0, 1, 2]], np.int32)
    update = MeshUpdate("", vertices, faces, None, colors, np.eye(4), 1.0, 1, True)
    return new_mesh(f"size {size}", update)


def size_of(target):
    return target.data.vertices[0].co.x


@pytest.fixture
def target(extension):
    made = [mesh(size) for size in (1, 2, 3)]
    shown = bpy.data.objects.new("Sequence", made[0])
    bpy.context.scene.collection.objects.link(shown)
    sequences.make_sequence(shown, made, ["one", "two", "three"], start=10, every=2)
    return shown


def test_the_slider_chooses_a_mesh_and_stops_at_the_last(target):
    target.levelform_step = 1
    assert size_of(target) == 2
    target.levelform_step = 7
    assert size_of(target) == 3
    assert target.levelform_step == 2


@pytest.mark.parametrize(("frame", "size"), [(1, 1), (10, 1), (12, 2), (13, 2), (14, 3), (99, 3)])
def test_the_frame_chooses_a_mesh_when_it_plays(target, frame, size):
    bpy.context.scene.frame_set(frame)
    assert size_of(target) == size


def test_meshes_stay_when_nothing_else_uses_them(target, tmp_path):
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    shown = bpy.data.objects["Sequence"]
    sequences.show_step(shown, 2)
    assert size_of(shown) == 3


def test_a_folder_of_files_plays(extension, tmp_path):
    colors = np.array([[1, 0, 0, 1]] * 3, np.float32)
    for step, size in enumerate((1, 2)):
        sequences.write_step(tmp_path, step, mesh(size, colors))
    shown = bpy.data.objects.new("Folder", mesh(5))
    bpy.context.scene.collection.objects.link(shown)
    sequences.make_folder_sequence(shown, str(tmp_path), 2, start=1)
    for frame, size in ((1, 1), (2, 2), (1, 1)):
        bpy.context.scene.frame_set(frame)
        assert size_of(shown) == size
    assert shown.data.color_attributes["Color"].data[0].color[:] == (1, 0, 0, 1)
    assert not list(tmp_path.glob(".*"))


def test_a_missing_file_leaves_the_mesh(extension, tmp_path):
    shown = bpy.data.objects.new("Gone", mesh(5))
    bpy.context.scene.collection.objects.link(shown)
    sequences.make_folder_sequence(shown, str(tmp_path), 3, start=1)
    bpy.context.scene.frame_set(2)
    assert size_of(shown) == 5
