"""Blender's training images against the fast renderer's and against the surface itself."""

import json

import numpy as np
import pytest
import torch

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy

from levelform.addon.data import dataset_render as blender  # noqa: E402
from levelform.addon.scene.studio import check_engine  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.data.meshes import Solid, read_asset  # noqa: E402
from levelform.backend.data.records import Contents, images_of_mesh  # noqa: E402
from levelform.backend.data.render import render_mesh  # noqa: E402
from levelform.backend.data.renders import camera_of, read_renders  # noqa: E402
from levelform.backend.geometry.meshes import Mesh  # noqa: E402

CENTER, SIDE = (3.0, -2.0, 1.5), 2.0
# Every model of camera: perspective, the object off centre, orthographic and tilted; "free" has
# principal points off the middle, of both kinds. Seed 1 draws two orthographic ones in the first 4.
CAMERAS = {"r2n2": 2, "disn-hard": 2, "pascal3d": 2, "free": 4}
LEAST_IOU = 0.99


@pytest.fixture
def head():
    """Suzanne, two metres wide, in a collection, turned, and away from the world's origin."""
    bpy.ops.mesh.primitive_monkey_add(size=SIDE, location=CENTER, rotation=(0.5, 0.2, 0.9))
    item = bpy.context.object
    item.modifiers.new("Smooth", "SUBSURF").levels = 1
    bpy.ops.object.modifier_apply(modifier="Smooth")
    return item


def house_mesh(item, world):
    """Return the object as a mesh of the object frame."""
    item.data.calc_loop_triangles()
    matrix = np.linalg.inv(world) @ np.array(item.matrix_world)
    vertices = np.array([v.co for v in item.data.vertices])
    faces = np.array([t.vertices for t in item.data.loop_triangles], np.int32)
    return Mesh((vertices @ matrix[:3, :3].T + matrix[:3, 3]).astype(np.float32), faces)


def rendered(item, out, settings):
    """Render an object; return its views as they are read, and it as a mesh of their frame."""
    targets = blender.targets_of_collection(bpy.context.scene.collection)
    steps = list(blender.render_dataset(targets, out, settings))
    assert (steps[-1].views, steps[-1].skipped) == (settings.views, "")
    folder = out / steps[0].name
    world = np.array(json.loads((folder / "transforms.json").read_text())["world_from_volume"])
    mesh = house_mesh(item, world)
    assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(1.8, abs=1e-4)
    return read_renders(folder), mesh


def check_against_the_fast_renderer(arrays, mesh, cameras):
    """Silhouettes agree, depth lies on the surface within a pixel's footprint, normals agree."""
    drawn, solid = render_mesh(mesh, cameras, samples=4), Solid(mesh)
    for index, camera in enumerate(cameras):
        ours = drawn.rgba[index, ..., 3].numpy() >= 0.5
        theirs = arrays["views.images"][index][..., 3] >= 128
        assert (ours & theirs).sum() / (ours | theirs).sum() >= LEAST_IOU

        depth = arrays["views.depth"][index].astype(np.float64)
        assert ((depth > 0) >= theirs).mean() > 0.99
        row, column = np.nonzero(depth)
        start, along = camera.rays(torch.tensor(np.stack([column + 0.5, row + 0.5], 1)))
        points = (start + torch.tensor(depth[row, column])[:, None] * along).numpy()
        footprint = (1.0 if camera.orthographic else depth[row, column]) / camera.fx
        assert (solid.distance(points) <= footprint).all()

        both = (depth > 0) & (drawn.depth[index].numpy() > 0)
        normals = arrays["views.normals"][index][both].astype(float) / 127
        cosines = (normals * drawn.normal[index].numpy()[both]).sum(1)
        assert np.median(cosines) > 0.99


@pytest.mark.parametrize("name", CAMERAS)
def test_cycles_and_the_fast_renderer_agree(head, tmp_path, name):
    settings = blender.RenderSettings(
        views=CAMERAS[name], size=96, samples=16, cameras=name, seed=1
    )
    arrays, mesh = rendered(head, tmp_path, settings)
    cameras = [camera_of(arrays, index) for index in range(settings.views)]
    check_against_the_fast_renderer(arrays, mesh, cameras)


@pytest.mark.slow
@pytest.mark.parametrize("name", CAMERAS)
def test_eevee_and_the_fast_renderer_agree(head, tmp_path, name):
    try:
        check_engine("eevee")
    except RequestError as error:
        pytest.skip(str(error))
    views = CAMERAS[name] if name == "free" else 1  # each takes many seconds without a card
    settings = blender.RenderSettings(
        engine="eevee", views=views, size=160, samples=8, cameras=name, seed=1
    )
    arrays, mesh = rendered(head, tmp_path, settings)
    cameras = [camera_of(arrays, index) for index in range(settings.views)]
    check_against_the_fast_renderer(arrays, mesh, cameras)


def test_free_holds_both_models_of_camera_off_centre(head, tmp_path):
    settings = blender.RenderSettings(
        views=CAMERAS["free"], size=16, samples=1, cameras="free", seed=1
    )
    arrays, _ = rendered(head, tmp_path, settings)
    assert set(arrays["views.orthographic"]) == {0, 1}
    assert (np.abs(arrays["views.intrinsics"][:, 2:] - 8) > 0.01).all()


def test_a_file_has_the_same_cameras_as_in_the_fast_renderer(tmp_path):
    source = tmp_path / "wedge.obj"
    source.write_text("v 0 0 0\nv 1 0 0\nv 0 2 0\nv 0 0 3\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n")
    settings = blender.RenderSettings(views=4, size=32, samples=1, cameras="free", seed=5)
    list(blender.render_dataset(blender.targets_of_folder(source), tmp_path / "out", settings))
    theirs = read_renders(tmp_path / "out" / "wedge")
    contents = Contents(views=4, size=32, cameras="free", seed=5)
    ours, _ = images_of_mesh(read_asset(source), contents, name="wedge")
    for key in ("views.poses", "views.intrinsics", "views.orthographic"):
        np.testing.assert_allclose(theirs[key], ours[key], rtol=1e-4, atol=1e-4)


def test_nothing_of_the_users_changes_and_finished_shapes_are_skipped(head, tmp_path):
    before = (
        len(bpy.data.scenes),
        len(bpy.data.objects),
        len(bpy.data.worlds),
        bpy.context.scene.render.engine,
    )
    targets = blender.targets_of_collection(bpy.context.scene.collection)
    small = blender.RenderSettings(views=2, size=16, samples=1)
    running = blender.render_dataset(targets, tmp_path, small, hold=0.0)
    assert next(running).views == 1
    running.close()  # stopped in the middle of a shape
    assert not list(tmp_path.rglob("transforms.json"))
    assert [s.views for s in blender.render_dataset(targets, tmp_path, small, hold=0.0)] == [1, 2]
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
    small = blender.RenderSettings(views=1, size=16, samples=1)
    steps = list(blender.render_dataset(blender.targets_of_folder(source), tmp_path / "out", small))
    reasons = {step.name: step.skipped for step in steps}
    assert reasons["one"] == ""
    assert reasons["bare"]
    assert len(bpy.data.objects) == 0


def test_nothing_to_render_is_refused(tmp_path):
    with pytest.raises(RequestError, match="Nothing is chosen to render"):
        next(blender.render_dataset([], tmp_path))


def test_the_module_prints_what_came_of_it_or_what_is_wrong(tmp_path, capfd):
    source = tmp_path / "wedge.obj"
    source.write_text("v 0 0 0\nv 1 0 0\nv 0 2 0\nv 0 0 3\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n")
    words = [str(source), str(tmp_path / "out"), "--views", "1", "--size", "8", "--samples", "1"]
    assert blender.main([*words, "--passes", "normals"]) == 0
    answer = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (answer["shapes"], answer["views"], answer["skipped"]) == (1, 1, {})
    written = {path.name for path in (tmp_path / "out" / "wedge").iterdir()}
    assert written == {"000.png", "000_normal.png", "mesh.ply", "transforms.json"}
    assert blender.main([*words, "--cameras", "fisheye"]) == RequestError.exit_status
    answer = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert "'fisheye' is not a range of cameras" in answer["error"]
