"""Exported files: where the object stands, right side out, with its colours."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene.export import export_mesh  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

trimesh = pytest.importorskip("trimesh")
pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension")]
SUFFIXES = (".glb", ".ply", ".obj", ".stl", ".npz")
Y_UP = {".glb", ".obj"}


@pytest.fixture
def box():
    """A box of 2 x 4 x 6 at (5, 0, 0), with an orange colour on each vertex."""
    bpy.ops.mesh.primitive_cube_add(location=(5, 0, 0), scale=(1, 2, 3))
    made = bpy.context.object
    attribute = made.data.color_attributes.new("Color", "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", np.tile([0.5, 0.2, 0.0, 1.0], len(attribute.data)))
    return made


def read(path):
    """Return vertices, +Z up, and triangles of a file."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return arrays["vertices"].astype(float), arrays["faces"]
    mesh = trimesh.load(path, force="mesh", process=False)
    vertices = np.asarray(mesh.vertices, float)
    return vertices @ [[1, 0, 0], [0, 0, 1], [0, -1, 0]] if path.suffix in Y_UP else vertices, (
        mesh.faces
    )


def volume(vertices, faces):
    a, b, c = vertices[faces].swapaxes(0, 1)
    return (a * np.cross(b, c)).sum() / 6


@pytest.mark.parametrize("scale", [(1, 1, 1), (-1, 1, 1), (1, -2, 1), (-1, -1, -1)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_mirrored_objects_come_out_right_side_out(box, tmp_path, suffix, scale):
    box.scale = np.multiply(box.scale, scale)
    bpy.context.view_layer.update()
    path = tmp_path / f"box{suffix}"
    export_mesh(box, path)
    vertices, faces = read(path)
    assert volume(vertices, faces) == pytest.approx(48 * abs(np.prod(scale)), rel=1e-4)
    assert (vertices.min(0) + vertices.max(0)) / 2 == pytest.approx([5, 0, 0], abs=1e-4)
    assert np.ptp(vertices, 0) == pytest.approx(np.abs([2, 4, 6]) * np.abs(scale), rel=1e-4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_modifiers_are_applied_and_the_scene_is_as_before(box, tmp_path, suffix):
    box.modifiers.new("Array", "ARRAY").count = 3
    names = box.name, box.data.name, len(bpy.data.objects), len(bpy.data.meshes)
    export_mesh(box, tmp_path / f"box{suffix}")
    vertices, faces = read(tmp_path / f"box{suffix}")
    assert volume(vertices, faces) == pytest.approx(3 * 48, rel=1e-4)
    assert (box.name, box.data.name, len(bpy.data.objects), len(bpy.data.meshes)) == names
    assert bpy.context.view_layer.objects.active == box
    assert bpy.context.selected_objects == [box]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("away", ["hidden", "unselectable", "excluded"])
def test_an_object_that_cannot_be_selected_is_written(box, tmp_path, suffix, away):
    if away == "excluded":
        group = bpy.data.collections.new("Group")
        bpy.context.scene.collection.children.link(group)
        group.objects.link(box)
        bpy.context.scene.collection.objects.unlink(box)
        bpy.context.view_layer.layer_collection.children["Group"].exclude = True
    box.hide_viewport, box.hide_select = away == "hidden", away == "unselectable"
    export_mesh(box, tmp_path / f"box{suffix}")
    assert volume(*read(tmp_path / f"box{suffix}")) == pytest.approx(48, rel=1e-4)


def test_an_obj_has_the_colours_of_the_terminals_writer(box, tmp_path):
    from levelform.backend.geometry.mesh_files import write_mesh
    from levelform.backend.geometry.meshes import Mesh

    export_mesh(box, tmp_path / "blender.obj")
    export_mesh(box, tmp_path / "box.npz")
    with np.load(tmp_path / "box.npz") as arrays:
        mesh = Mesh(arrays["vertices"], arrays["faces"], None, arrays["colors"])
    write_mesh(mesh, tmp_path / "terminal.obj")
    rows = [
        np.array([line.split()[1:] for line in path.read_text().splitlines() if line[:2] == "v "])
        for path in (tmp_path / "blender.obj", tmp_path / "terminal.obj")
    ]
    assert rows[0].shape == rows[1].shape == (8, 6)
    assert rows[0].astype(float) == pytest.approx(rows[1].astype(float), abs=2e-3)


def test_names_go_into_the_file(box, tmp_path):
    box.name = "Chair"
    export_mesh(box, tmp_path / "chair.obj")
    assert "o Chair" in (tmp_path / "chair.obj").read_text().splitlines()


def test_what_is_not_a_mesh_is_refused(tmp_path):
    with pytest.raises(RequestError, match="is not a mesh"):
        export_mesh(bpy.data.objects.new("Empty", None), tmp_path / "x.glb")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_may_be_as_long_as_the_disk_allows(box, tmp_path, suffix):
    path = tmp_path / ("n" * (255 - len(suffix)) + suffix)
    export_mesh(box, path)
    assert path.stat().st_size > 100
