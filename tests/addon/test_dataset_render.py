"""Blender's training pictures against the fast renderer's and against the surface itself."""

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy

from levelform.addon import dataset_render as blender  # noqa: E402
from levelform.backend.data.meshes import Solid  # noqa: E402
from levelform.backend.data.render import render_mesh  # noqa: E402
from levelform.backend.data.renders import camera_of, read_renders  # noqa: E402
from levelform.backend.errors import RequestError  # noqa: E402
from levelform.backend.geometry.meshes import Mesh  # noqa: E402

SETTINGS = blender.Settings(views=2, size=96, samples=16, cameras="r2n2", seed=1)
CENTER, SCALE = np.array([3.0, -2.0, 1.5]), 2.0


@pytest.fixture
def torus():
    """A torus of two metres in a collection, turned, and away from the world's origin."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_torus_add(
        major_radius=1.0, minor_radius=0.4, major_segments=96, minor_segments=48, location=CENTER
    )
    item = bpy.context.object
    item.rotation_euler = (0.5, 0.2, 0.0)
    bpy.context.view_layer.update()
    return item


def house_mesh(item, world):
    """Return the object as a mesh of the object frame."""
    item.data.calc_loop_triangles()
    matrix = np.linalg.inv(world) @ np.array(item.matrix_world)
    vertices = np.array([v.co for v in item.data.vertices])
    faces = np.array([t.vertices for t in item.data.loop_triangles], np.int32)
    return Mesh((vertices @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32), faces)


def test_both_renderers_agree_and_depth_lies_on_the_surface(torus, tmp_path):
    targets = blender.targets_of_collection(bpy.context.scene.collection)
    steps = list(blender.render_dataset(targets, tmp_path, SETTINGS))
    assert [(step.view, step.skipped) for step in steps] == [(0, ""), (1, "")]
    folder = tmp_path / steps[0].name
    arrays = read_renders(folder)
    world = np.array(json.loads((folder / "transforms.json").read_text())["world_from_volume"])
    mesh = house_mesh(torus, world)
    assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(1.8, abs=1e-4)
    cameras = [camera_of(arrays, index) for index in range(2)]
    fast = render_mesh(mesh, cameras, samples=4)
    solid = Solid(mesh)
    for index, camera in enumerate(cameras):
        ours = fast.rgba[index, ..., 3].numpy() >= 0.5
        theirs = arrays["views.images"][index][..., 3] >= 128
        assert (ours & theirs).sum() / (ours | theirs).sum() >= 0.99

        depth = arrays["views.depth"][index].astype(np.float64)
        row, column = np.nonzero((depth > 0) & theirs)
        z = depth[row, column]
        places = [
            (column + 0.5 - camera.cx) / camera.fx * z,
            (row + 0.5 - camera.cy) / camera.fy * z,
        ]
        local = np.stack([*places, z], 1)
        points = local @ camera.world_from_camera[:3, :3].T + camera.center
        footprint = z / camera.fx
        assert (solid.distance(points) <= footprint).mean() > 0.999

        both = (depth > 0) & (fast.depth[index].numpy() > 0)
        normals = arrays["views.normals"][index][both].astype(float) / 127
        cosines = (normals * fast.normal[index].numpy()[both]).sum(1)
        assert np.median(cosines) > 0.99


def test_nothing_of_the_users_changes_and_finished_shapes_are_skipped(torus, tmp_path):
    before = (
        len(bpy.data.scenes),
        len(bpy.data.objects),
        len(bpy.data.worlds),
        bpy.context.scene.render.engine,
    )
    targets = blender.targets_of_collection(bpy.context.scene.collection)
    small = blender.Settings(views=2, size=16, samples=1)
    running = blender.render_dataset(targets, tmp_path, small)
    next(running)
    running.close()  # stopped in the middle of a shape
    assert not list(tmp_path.rglob("transforms.json"))
    assert len(list(blender.render_dataset(targets, tmp_path, small))) == 2
    (step,) = blender.render_dataset(targets, tmp_path, small)
    assert step.skipped == "finished before"
    after = (
        len(bpy.data.scenes),
        len(bpy.data.objects),
        len(bpy.data.worlds),
        bpy.context.scene.render.engine,
    )
    assert after == before


def test_files_are_imported_rendered_and_removed(tmp_path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    source = tmp_path / "in"
    source.mkdir()
    (source / "one.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    )
    (source / "bare.obj").write_text("v 0 0 0\n")
    small = blender.Settings(views=1, size=16, samples=1)
    steps = list(blender.render_dataset(blender.targets_of_folder(source), tmp_path / "out", small))
    reasons = {step.name: step.skipped for step in steps}
    assert reasons["one"] == ""
    assert reasons["bare"]
    assert len(bpy.data.objects) == 0


def test_nothing_to_render_is_refused(tmp_path):
    with pytest.raises(RequestError, match="nothing to render"):
        next(blender.render_dataset([], tmp_path))
