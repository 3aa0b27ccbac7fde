"""Renders with a Z pass: the image and its depth, from one OpenEXR file on a camera."""

import numpy as np
import pytest
import torch

bpy = pytest.importorskip("bpy")
pytestmark = pytest.mark.bpy

from levelform.addon.jobs.stage import render_pictures  # noqa: E402
from levelform.addon.scene import images, layered, pixels  # noqa: E402
from levelform.addon.scene.views import scene_source  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.exr import channel_names  # noqa: E402
from levelform.backend.contract.protocol import Background  # noqa: E402
from levelform.backend.images import to_view  # noqa: E402
from levelform.backend.images.depths import framed_depth, read_depth  # noqa: E402
from levelform.backend.images.framing import OURS, training_camera  # noqa: E402

HALF = 0.4  # of the cube's side, metres


@pytest.fixture
def stage(extension, ball_stage):
    """Return a scene of two cameras without images around a cube."""
    scene = ball_stage(2)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.render.resolution_x, scene.render.resolution_y = 48, 40
    for camera in scene.objects:
        camera.data.background_images.clear()
    bpy.ops.mesh.primitive_cube_add(size=2 * HALF)
    return scene


def nearest_of_cube(origins, directions):
    """Return the least depth at which rays meet the cube, infinite beside it."""
    low = (-HALF - origins) / directions
    high = (HALF - origins) / directions
    enters = torch.minimum(low, high).amax(-1)
    leaves = torch.maximum(low, high).amin(-1)
    return torch.where(enters < leaves, enters, torch.inf)


def test_a_render_with_depth_is_the_image_and_the_depth_of_its_camera(stage, tmp_path):
    render_pictures(stage, depth=True, folder=tmp_path)
    image = stage.objects["View 0"].levelform_camera.image
    path = str(tmp_path / "View 0.exr")
    assert layered.is_layered(path)
    assert layered.has_depth(path)
    plain = images.render_image(stage.objects["View 0"], stage)
    seen, expected = pixels.read_pixels(image), pixels.read_pixels(plain)
    assert seen.shape == (40, 48, 4)
    assert np.abs(seen[..., 3] - expected[..., 3] / 255).mean() < 0.01
    assert stage.render.image_settings.file_format == "PNG"
    assert not stage.view_layers[0].use_pass_z
    first = next(view for view in scene_source(stage).views if view.name == "View 0")
    assert first.depth == path
    view = to_view(first, Background())
    camera = view.camera
    ticks = [torch.arange(n, dtype=torch.float64) + 0.5 for n in (camera.height, camera.width)]
    y, x = torch.meshgrid(*ticks, indexing="ij")
    true = nearest_of_cube(*camera.rays(torch.stack([x, y], -1)))
    both = view.depth.isfinite() & true.isfinite()
    assert both.sum() > 100
    assert (view.depth.isfinite() != true.isfinite()).float().mean() < 0.03
    error = (view.depth - true)[both].abs()
    assert error.median() < 0.01  # of rays through pixels' centres
    framed = framed_depth(view, OURS)
    target = training_camera(camera, OURS)
    assert framed.isfinite().any()
    assert float(framed[framed.isfinite()].min()) > np.linalg.norm(target.center) - 2 * HALF


def test_a_depth_map_that_is_named_comes_before_the_z_pass(stage, tmp_path):
    render_pictures(stage, depth=True, folder=tmp_path)
    camera = stage.objects["View 0"]
    camera.data.levelform_depth = str(tmp_path / "other.exr")
    views = {view.name: view for view in scene_source(stage).views}
    assert views["View 0"].depth == str(tmp_path / "other.exr")
    assert views["View 1"].depth == str(tmp_path / "View 1.exr")
    assert read_depth(views["View 1"].depth).shape == (40, 48)


def test_files_are_named_as_their_cameras(tmp_path):
    names = ["View 1", "a/b", "a_b", "a:b"]
    files = [path.removeprefix(f"{tmp_path}/") for path in layered.files_of(names, tmp_path)]
    assert files == ["View 1.exr", "a_b.exr", "a_b-2.exr", "a_b-3.exr"]


def test_an_image_of_one_layer_has_no_depth(stage, tmp_path):
    image = bpy.data.images.new("plain", 8, 8, float_buffer=True)
    image.filepath_raw, image.file_format = str(tmp_path / "plain.exr"), "OPEN_EXR"
    image.save()
    assert channel_names(tmp_path / "plain.exr")
    assert not layered.is_layered(str(tmp_path / "plain.exr"))
    assert not layered.has_depth(str(tmp_path / "nothing.exr"))


def test_a_blend_without_a_place_is_refused_before_anything_is_rendered(stage):
    with pytest.raises(RequestError, match="never saved"):
        render_pictures(stage, depth=True)
    assert stage.objects["View 0"].levelform_camera.image is None
