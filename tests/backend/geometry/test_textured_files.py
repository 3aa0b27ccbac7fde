"""Files with textures: what another reader finds in them."""

import io

import numpy as np
import pytest
import trimesh
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.textured_files import (
    TexturedMesh,
    check_texture_format,
    write_textured,
)
from PIL import Image


@pytest.fixture
def square():
    """Two triangles in the plane z = 0 whose UVs are their x and y; red left, green right."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    normals = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4, 0], pixels[:, 4:, 1] = 255, 255
    pixels[0] = 255  # the uppermost row, v = 1
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    uvs = vertices[faces][..., :2]
    return TexturedMesh(Mesh(vertices, faces, normals), uvs, file.getvalue())


def colors_of(path):
    """Return the vertices, +Z up, and the colours that a reader gives the corners."""
    mesh = trimesh.load(path, force="mesh", process=False)
    image = mesh.visual.material
    image = np.asarray(getattr(image, "baseColorTexture", None) or image.image)[..., :3]
    uv = np.asarray(mesh.visual.uv)
    row = ((1 - uv[:, 1]) * 8).astype(int).clip(0, 7)
    column = (uv[:, 0] * 8).astype(int).clip(0, 7)
    x, y, z = np.asarray(mesh.vertices).T
    return np.stack([x, -z, y], 1), image[row, column]


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_a_reader_finds_each_colour_where_it_belongs(square, tmp_path, suffix):
    path = tmp_path / f"square{suffix}"
    write_textured(square, path)
    vertices, colors = colors_of(path)
    top = vertices[:, 1] > 0.5
    assert (colors[top] == 255).all()
    assert (colors[~top & (vertices[:, 0] < 0.5)] == [255, 0, 0]).all()
    assert (colors[~top & (vertices[:, 0] > 0.5)] == [0, 255, 0]).all()


def test_vertices_are_shared_where_their_uvs_agree(square, tmp_path):
    write_textured(square, tmp_path / "square.glb")
    mesh = trimesh.load(tmp_path / "square.glb", force="mesh", process=False)
    assert len(mesh.vertices) == 4


def test_a_local_origin_is_the_nodes_translation(square, tmp_path):
    write_textured(square, tmp_path / "far.glb", world_offset=(1000.0, 0.0, 0.0))
    scene = trimesh.load_scene(tmp_path / "far.glb", process=False)
    assert scene.bounds[0][0] == pytest.approx(1000.0)


@pytest.mark.parametrize("name", ["a.ply", "a.stl", "a.npz", "a"])
def test_formats_without_textures_are_refused(name):
    with pytest.raises(RequestError, match="does not hold a texture"):
        check_texture_format(name)
