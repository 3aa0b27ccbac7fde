"""The bundled sample: small, complete, and the same in its .blend as in its transforms.json."""

import json
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import images  # noqa: E402
from levelform.backend.contract.image_files import image_file  # noqa: E402

pytestmark = pytest.mark.bpy

SAMPLE = Path(__file__).parents[3] / "assets" / "sample"
NAMES = ("suzanne", "chair")


@pytest.fixture(params=NAMES)
def sample(request):
    """Open a sample's scene; return its folder, its transforms.json and its cameras' views."""
    folder = SAMPLE / request.param
    bpy.ops.wm.open_mainfile(filepath=str(folder / f"{request.param}.blend"))
    scene = bpy.context.scene
    depsgraph = bpy.context.evaluated_depsgraph_get()
    names = sorted(o.name for o in scene.objects if o.type == "CAMERA")
    views = [images.view_of(scene.objects[name], scene, depsgraph) for name in names]
    return folder, json.loads((folder / "transforms.json").read_text()), views


def test_all_of_it_is_at_most_6_megabytes():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) <= 6_000_000


def test_the_scene_and_the_file_have_the_same_cameras(sample, project):
    folder, content, views = sample
    assert len(views) == len(content["frames"]) == 8
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 0.0), (0.5, 0.5, 1.0), (50, 3))
    for view, frame in zip(views, content["frames"], strict=True):
        pose = np.array(frame["transform_matrix"])
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        x = frame["cx"] - frame["fl_x"] * local[:, 0] / local[:, 2]
        y = frame["cy"] + frame["fl_y"] * local[:, 1] / local[:, 2]
        assert np.abs(project(view.camera, points) - np.stack([x, y], -1)).max() < 0.01
        assert view.file == image_file(folder / frame["file_path"])
        assert (view.camera.w, view.camera.h) == (content["w"], content["h"]) == (512, 512)


def test_images_are_by_relative_path_and_not_in_the_file(sample):
    for image in bpy.data.images:
        assert image.filepath.startswith("//images")
        assert image.packed_file is None


def test_the_silhouettes_are_the_objects(sample, project, prepared):
    """No vertex of the object falls on background, and none of the images cuts it off."""
    folder, content, views = sample
    world_from_volume = np.array(content["world_from_volume"])
    ground_truth = np.load(folder / "truth.npz")["vertices"]
    points = ground_truth @ world_from_volume[:3, :3].T + world_from_volume[:3, 3]
    for view in views:
        alpha = prepared(view).image[..., 3].numpy()
        assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) == 0
        covered = np.pad(alpha, 1) > 0
        near = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]  # a point's own pixel may be empty
        covered = np.any([np.roll(covered, shift, (0, 1)) for shift in near], 0)
        columns, rows = project(view.camera, points).astype(int).T + 1
        assert covered[rows, columns].all()


def test_the_truth_is_centred_and_closed(sample):
    folder, _, _ = sample
    ground_truth = np.load(folder / "truth.npz")
    vertices, faces = ground_truth["vertices"], ground_truth["faces"]
    assert np.ptp(vertices, axis=0).max() == pytest.approx(1.8, rel=1e-5)
    assert vertices.max(0) == pytest.approx(-vertices.min(0), abs=1e-5)
    # Each directed edge is used once, and once the other way round: closed and one-sided.
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    ahead = np.sort(edges[:, 0] * len(vertices) + edges[:, 1])
    back = np.sort(edges[:, 1] * len(vertices) + edges[:, 0])
    assert np.array_equal(ahead, back)
    assert len(np.unique(ahead)) == len(ahead)
