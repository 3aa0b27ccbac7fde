"""Mesh files: every format, scene graphs, +Y up, colours, and error messages."""

import json
from contextlib import suppress

import numpy as np
import pytest
import trimesh
from levelform.backend.contract.errors import LevelformError, RequestError
from levelform.backend.data.meshes import NoSurface, find_assets, read_asset
from levelform.backend.geometry.mesh_files import write_mesh
from levelform.backend.geometry.meshes import Mesh
from PIL import Image
from setups.meshes import read_mesh


@pytest.fixture
def wedge():
    """A box of 1 x 2 x 3, so that axes can be told apart."""
    return trimesh.creation.box((1.0, 2.0, 3.0))


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".off", ".ply", ".stl"])
def test_every_format_is_read_with_z_up(tmp_path, wedge, suffix):
    path = tmp_path / f"wedge{suffix}"
    wedge.export(path)
    asset = read_asset(path)
    size = np.ptp(asset.mesh.vertices, axis=0)
    turned = suffix in (".glb", ".obj")  # theirs is +Y up: z of ours is y of theirs
    np.testing.assert_allclose(size, [1, 3, 2] if turned else [1, 2, 3], atol=1e-6)
    assert len(asset.mesh.faces) == 12
    assert asset.mesh.vertices.dtype == np.float32
    assert asset.mesh.faces.dtype == np.int32


def test_up_can_be_said(tmp_path, wedge):
    wedge.export(tmp_path / "a.ply")
    size = np.ptp(read_asset(tmp_path / "a.ply", up="Y").mesh.vertices, axis=0)
    np.testing.assert_allclose(size, [1, 3, 2], atol=1e-6)


def test_a_scene_is_flattened_with_its_transforms(tmp_path, wedge):
    scene = trimesh.Scene()
    scene.add_geometry(wedge, transform=trimesh.transformations.translation_matrix([10, 0, 0]))
    mirror = np.diag([-1.0, 1, 1, 1])
    scene.add_geometry(wedge, transform=mirror)
    scene.export(tmp_path / "two.glb")
    mesh = read_asset(tmp_path / "two.glb").mesh
    np.testing.assert_allclose(mesh.vertices.max(0), [10.5, 1.5, 1.0], atol=1e-5)
    corners = mesh.vertices[mesh.faces].astype(float)
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(12.0, abs=1e-3)  # the mirrored part is not inside out


def test_textures_become_linear_vertex_colours(tmp_path, wedge):
    image = Image.new("RGB", (2, 1))
    image.putpixel((0, 0), (255, 0, 0))
    image.putpixel((1, 0), (0, 128, 0))
    uv = np.where(wedge.vertices[:, :1] < 0, [[0.25, 0.5]], [[0.75, 0.5]])
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=image)
    wedge.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    wedge.export(tmp_path / "a.glb")
    mesh = read_asset(tmp_path / "a.glb").mesh
    left = mesh.vertices[:, 0] < 0
    np.testing.assert_allclose(mesh.colors[left], [[1, 0, 0, 1]] * left.sum(), atol=1e-6)
    green = ((128 / 255 + 0.055) / 1.055) ** 2.4
    np.testing.assert_allclose(mesh.colors[~left][:, 1], green, atol=1e-4)


def test_our_own_glb_keeps_its_linear_colours(tmp_path, wedge):
    colors = np.random.default_rng(0).random((len(wedge.vertices), 4)).astype(np.float32)
    mesh = Mesh(wedge.vertices.astype(np.float32), wedge.faces.astype(np.int32), None, colors)
    write_mesh(mesh, tmp_path / "a.glb")
    read = read_asset(tmp_path / "a.glb").mesh
    np.testing.assert_allclose(read.vertices, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(read.colors, colors)


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
def test_vertex_colours_are_linear_in_gltf_and_srgb_elsewhere(tmp_path, wedge, suffix):
    wedge.visual.vertex_colors = np.tile([128, 64, 255, 255], (len(wedge.vertices), 1))
    wedge.export(tmp_path / f"a{suffix}")
    color = read_asset(tmp_path / f"a{suffix}").mesh.colors[0]
    stored = np.array([128, 64, 255]) / 255
    expected = stored if suffix == ".glb" else ((stored + 0.055) / 1.055) ** 2.4
    np.testing.assert_allclose(color, [*expected, 1.0], atol=1e-6)


def test_vertex_colours_multiply_the_material_in_gltf(tmp_path, wedge):
    factor = [0.5, 1.0, 0.25, 1.0]
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=factor)
    wedge.visual = trimesh.visual.TextureVisuals(
        uv=np.zeros((len(wedge.vertices), 2)), material=material
    )
    paint = np.tile(np.array([128, 64, 255, 255], np.uint8), (len(wedge.vertices), 1))
    wedge.visual.vertex_attributes["color"] = paint
    wedge.export(tmp_path / "a.glb")
    color = read_asset(tmp_path / "a.glb").mesh.colors[0]
    np.testing.assert_allclose(color, [0.25, 0.25, 0.25, 1.0], atol=0.005)  # factors are bytes


def test_a_missing_texture_leaves_the_mesh_and_a_note(tmp_path, wedge):
    wedge.export(tmp_path / "a.obj")
    text = (tmp_path / "a.obj").read_text()
    (tmp_path / "b.obj").write_text("mtllib lost.mtl\nusemtl paint\n" + text)
    asset = read_asset(tmp_path / "b.obj")
    assert len(asset.mesh.faces) == 12
    assert "lost.mtl is missing" in asset.notes[0]


def test_a_gltf_without_its_image_is_still_read(tmp_path, wedge):
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (2, 2)))
    wedge.visual = trimesh.visual.TextureVisuals(
        uv=np.full((len(wedge.vertices), 2), 0.5), material=material
    )
    for name, data in trimesh.exchange.gltf.export_gltf(trimesh.Scene(wedge)).items():
        (tmp_path / name).write_bytes(data)
    tree = json.loads((tmp_path / "model.gltf").read_text())
    tree["images"][0] = {"uri": "lost.png"}
    (tmp_path / "model.gltf").write_text(json.dumps(tree))
    asset = read_asset(tmp_path / "model.gltf")
    assert len(asset.mesh.faces) == 12
    assert any("lost.png" in note for note in asset.notes)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.ply", b"", "can't be read|no faces"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\n", "no faces|can't be read"),
        ("a.glb", b"glTF garbage", "can't be read"),
        ("a.txt", b"", "not a supported mesh format"),
        ("a.off", b"OFF\n3 1 0\nnan 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "1 of 3 vertices"),
    ],
)
def test_bad_files_are_refused_in_words(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match=sentence):
        read_asset(tmp_path / name)


def test_points_without_faces_are_no_surface(tmp_path):
    trimesh.PointCloud(np.eye(3)).export(tmp_path / "cloud.ply")
    with pytest.raises(NoSurface, match="no faces"):
        read_asset(tmp_path / "cloud.ply")


def test_files_are_found_below_a_folder(tmp_path, wedge):
    (tmp_path / "a").mkdir()
    wedge.export(tmp_path / "a" / "x.stl")
    wedge.export(tmp_path / "y.ply")
    (tmp_path / "z.txt").write_text("no")
    assert [p.name for p in find_assets(tmp_path)] == ["x.stl", "y.ply"]
    with pytest.raises(RequestError, match="does not exist"):
        find_assets(tmp_path / "lost")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tga", ".eps"])
def test_a_texture_of_postscript_starts_no_process(ghostscript, tmp_path, suffix):
    name = f"a{suffix}"
    (tmp_path / name).write_bytes(ghostscript.content)
    (tmp_path / "a.mtl").write_text(f"newmtl paint\nmap_Kd {name}\n")
    corners = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\n"
    (tmp_path / "a.obj").write_text(f"mtllib a.mtl\n{corners}usemtl paint\nf 1/1 2/2 3/3\n")
    content = {"asset": {"version": "2.0"}, "images": [{"uri": name}], "textures": [{"source": 0}]}
    whole = json.loads(trimesh.creation.box().export(file_type="gltf")["model.gltf"].decode())
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    whole["meshes"][0]["primitives"][0]["material"] = 0
    (tmp_path / "a.gltf").write_text(json.dumps({**whole, **content, "materials": [material]}))
    for entry, data in trimesh.creation.box().export(file_type="gltf").items():
        if entry.endswith(".bin"):
            (tmp_path / entry).write_bytes(data)
    for file in ("a.obj", "a.gltf"):
        with suppress(RequestError):
            read_asset(tmp_path / file)
        with suppress(LevelformError):
            read_mesh(tmp_path / file)
    assert not ghostscript.started
