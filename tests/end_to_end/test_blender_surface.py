"""A texture and quads in Blender with a real worker, from the sample's cameras."""

import os
import sys
from math import radians
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.backend_setup.checkup import check  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs.results import PROVENANCE  # noqa: E402
from levelform.addon.scene.textures import texture_of  # noqa: E402
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402

PYTHON = os.environ.get("LEVELFORM_PYTHON", sys.executable)
SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "suzanne"

pytestmark = [
    pytest.mark.bpy,
    pytest.mark.skipif(not check(PYTHON, quick=True).usable, reason=f"{PYTHON} lacks torch"),
    pytest.mark.usefixtures("registered"),
]


@pytest.fixture
def target(registered):
    """A reconstruction of the sample."""
    bpy.ops.wm.open_mainfile(filepath=str(SAMPLE / "suzanne.blend"))
    return api.reconstruct(method="visual-hull", resolution=32)


@pytest.fixture
def textured(target):
    """The same with a texture."""
    return api.texture(target, 512)


def face_sizes(mesh):
    sizes = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", sizes)
    return sizes


def uvs_of(mesh):
    uvs = np.zeros((len(mesh.loops), 2), np.float32)
    mesh.uv_layers.active.uv.foreach_get("vector", uvs.ravel())
    return uvs


def pixels_of(image):
    pixels = np.zeros(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(image.size[1], image.size[0], 4)


def colors_at_corners(mesh):
    """Return (L, 3) sRGB of the vertex colours at the corners, and of the texture there."""
    image = texture_of(bpy.data.objects[mesh["of"]])
    uvs = uvs_of(mesh)
    pixels = pixels_of(image)
    row = (uvs[:, 1] * image.size[1]).astype(int).clip(0, image.size[1] - 1)
    column = (uvs[:, 0] * image.size[0]).astype(int).clip(0, image.size[0] - 1)
    vertices = np.zeros(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    colors = np.zeros((len(mesh.vertices), 4), np.float32)
    mesh.color_attributes["Color"].data.foreach_get("color_srgb", colors.ravel())
    return colors[vertices, :3], pixels[row, column, :3]


def test_a_texture_shows_what_the_vertices_show(target):
    """UVs in the unit square, one packed image, a material with it, and the same colours."""
    count = len(target.data.polygons)
    api.texture(target, 512)
    mesh, image = target.data, texture_of(target)
    assert len(mesh.polygons) == count
    assert tuple(image.size) == (512, 512)
    assert image.packed_file is not None
    assert [material.name for material in mesh.materials] == [f"{target.name} Texture"]
    uvs = uvs_of(mesh)
    assert uvs.min() >= 0
    assert uvs.max() <= 1
    mesh["of"] = target.name
    by_vertex, by_texture = colors_at_corners(mesh)
    assert float(np.abs(by_vertex - by_texture).mean()) < 0.06
    assert target[PROVENANCE]["texture"] == 512
    assert "levelform" not in {known.name.lower() for known in bpy.data.objects}


def test_a_texture_is_baked_again_after_a_remesh(textured):
    target = textured
    before = texture_of(target).name
    api.remesh(target, resolution=64)
    mesh, image = target.data, texture_of(target)
    assert image is not None
    assert tuple(image.size) == (512, 512)
    assert len(uvs_of(mesh)) == len(mesh.loops)
    assert target[PROVENANCE]["texture"] == 512
    assert len([known for known in bpy.data.images if known.name.startswith(before[:14])]) == 1


def test_quads_carry_the_texture_over(textured):
    target = textured
    api.quads(target, 800, sharp_angle=radians(50))
    mesh = target.data
    assert float((face_sizes(mesh) == 4).mean()) > 0.9
    assert 300 < len(mesh.polygons) < 2400
    assert texture_of(target) is not None
    mesh["of"] = target.name
    by_vertex, by_texture = colors_at_corners(mesh)
    assert float(np.abs(by_vertex - by_texture).mean()) < 0.08
    sharp = np.zeros(len(mesh.edges), bool)
    mesh.edges.foreach_get("use_edge_sharp", sharp)
    assert 0 < sharp.sum() < len(sharp) / 2


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_files_take_the_texture(textured, tmp_path, suffix):
    """Read back by Blender, the mesh has UVs and a material with an image of the same size."""
    path = tmp_path / f"out{suffix}"
    api.export_mesh(textured, path)
    before = set(bpy.data.objects)
    read = bpy.ops.import_scene.gltf if suffix == ".glb" else bpy.ops.wm.obj_import
    read(filepath=str(path))
    (copy,) = [known for known in set(bpy.data.objects) - before if known.type == "MESH"]
    images = [
        node.image
        for node in copy.data.materials[0].node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image
    ]
    assert [tuple(image.size) for image in images] == [(512, 512)]
    assert float(np.ptp(uvs_of(copy.data))) > 0.5
    if suffix == ".obj":
        assert {actual.name for actual in tmp_path.iterdir()} == {"out.obj", "out.mtl", "out.png"}
    bpy.data.objects.remove(copy)


def test_a_mesh_of_many_triangles_is_simplified_first(target):
    api.remesh(target, resolution=64)
    api.texture(target, 256, faces=1000)
    assert len(target.data.polygons) <= 1000


def test_quadriflow_that_makes_nothing_is_told(target, monkeypatch):
    from levelform.addon.scene import surfaces

    class Idle:
        def quadriflow_remesh(self, **_):
            return {"FINISHED"}

        voxel_remesh = bpy.ops.object.voxel_remesh

    class Ops:
        object, mesh, uv = Idle(), bpy.ops.mesh, bpy.ops.uv

    class Blender:
        ops, data, context, types = Ops(), bpy.data, bpy.context, bpy.types

    monkeypatch.setattr(surfaces, "bpy", Blender)
    name = target.data.name
    with pytest.raises(WorkError, match="QuadriFlow made no quads"):
        api.quads(target, 500)
    assert target.data.name == name


def test_only_results_take_a_texture(target):
    plain = bpy.data.objects.new("Plain", bpy.data.meshes.new("Plain"))
    with pytest.raises(RequestError, match="Select a mesh that Levelform made"):
        api.texture(plain)
    with pytest.raises(RequestError, match="whole number from 256"):
        api.texture(target, 8)


def test_the_command_makes_quads_and_a_texture(tmp_path, capsys):
    out = tmp_path / "chair.glb"
    words = [str(SAMPLE), "--method", "visual-hull", "--resolution", "32"]
    words += ["--texture", "256", "--quads", "600"]
    assert cli.main(["reconstruct", *words, "-o", str(out)]) == 0, capsys.readouterr()
    assert out.stat().st_size > 20_000
    refused = ["reconstruct", *words, "-o", str(tmp_path / "chair.ply")]
    assert cli.main(refused) == 2
    assert "does not hold a texture" in capsys.readouterr().err
