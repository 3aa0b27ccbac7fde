"""An image sequence: a file a frame on disk, one object that plays them, smoothed if asked for."""

from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.data import frames  # noqa: E402
from levelform.addon.jobs.results import CAMERAS  # noqa: E402
from levelform.addon.scene.meshes import new_mesh  # noqa: E402
from levelform.addon.scene.provenance import PROVENANCE  # noqa: E402
from levelform.addon.scene.sequences import sequence_remark  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import MeshUpdate  # noqa: E402

pytestmark = pytest.mark.bpy
FACES = np.array([[0, 1, 2]], np.int32)


def thing(name, size):
    update = MeshUpdate("", size * np.eye(3, dtype=np.float32), FACES, None, None, np.eye(4),
                        1.0, 1, True)  # fmt: skip
    made = bpy.data.objects.new(name, new_mesh(name, update))
    made[PROVENANCE] = {"method": "tdgn", "weights": "w", "keep": name}
    bpy.context.scene.collection.objects.link(made)
    return made


@pytest.fixture
def reconstruct(extension):
    """Return a stand-in with a mesh as large as its image's number; it counts its calls."""

    def make(image, *, name, resolution, **settings):
        make.calls.append((image, resolution, settings))
        return thing(name, float(image))

    make.calls = []
    return make


def test_cameras_estimated_for_the_images_do_not_stay(reconstruct, tmp_path):
    def with_camera(image, **words):
        made = reconstruct(image, **words)
        camera = bpy.data.objects.new("Estimated", bpy.data.cameras.new("Estimated"))
        bpy.context.scene.collection.objects.link(camera)
        made[CAMERAS] = [camera.name]
        return made

    frames.animate_images(with_camera, ["1", "2"], folder=tmp_path)
    assert not bpy.data.cameras
    assert [o.type for o in bpy.data.objects] == ["MESH"]


def size_of(target):
    return target.data.vertices[0].co.x


def test_each_frame_shows_its_mesh_from_disk(reconstruct, tmp_path):
    before = len(bpy.data.objects)
    played = frames.animate_images(
        reconstruct, ["1", "2", "5"], folder=tmp_path, start=3, every=2, method="tdgn"
    )
    assert [call[0] for call in reconstruct.calls] == ["1", "2", "5"]
    assert reconstruct.calls[0][1:] == (64, {"method": "tdgn"})
    assert len(bpy.data.objects) == before + 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{i:05d}.npz" for i in range(3)]
    for frame, size in ((1, 1), (3, 1), (5, 2), (6, 2), (7, 5), (90, 5)):
        bpy.context.scene.frame_set(frame)
        assert size_of(played) == size
    assert played["levelform_frames"]["frames"] == 3


def test_codes_are_smoothed_by_a_gaussian_of_the_neighbours(reconstruct, tmp_path, monkeypatch):
    asked = []

    def blend(sources, weights, *, resolution):
        asked.append(weights)
        return thing("blend", sum(size_of(s) * w for s, w in zip(sources, weights, strict=True)))

    monkeypatch.setattr(frames, "blend", blend)
    played = frames.animate_images(reconstruct, ["0", "0", "9", "0"], folder=tmp_path, smooth=0.5)
    assert len(asked) == 4
    assert all(sum(weights) == pytest.approx(1) for weights in asked)
    sizes = []
    for frame in (1, 2, 3, 4):
        bpy.context.scene.frame_set(frame)
        sizes.append(size_of(played))
    assert sizes[2] == max(sizes) < 9
    assert 0 < sizes[1] < sizes[2]


def test_a_failure_leaves_the_scene(reconstruct, tmp_path):
    before = len(bpy.data.objects)
    with pytest.raises(ValueError, match="could not"):
        frames.animate_images(reconstruct, ["1", "two"], folder=tmp_path)
    assert len(bpy.data.objects) == before


def test_an_empty_folder_and_nonsense_are_refused(reconstruct, tmp_path):
    with pytest.raises(RequestError, match="holds no images"):
        frames.animate_images(reconstruct, str(tmp_path), folder=tmp_path)
    with pytest.raises(RequestError, match="-1 frames"):
        frames.animate_images(reconstruct, ["1"], folder=tmp_path, smooth=-1)
    with pytest.raises(RequestError, match="No images are given"):
        frames.animate_images(reconstruct, [], folder=tmp_path)


def test_each_animation_keeps_its_own_files_beside_the_blend(reconstruct, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    first = frames.animate_images(reconstruct, ["1", "2"])
    second = frames.animate_images(reconstruct, ["7", "8"])
    for frame in (2, 1):
        bpy.context.scene.frame_set(frame)
        assert (size_of(first), size_of(second)) == (frame, 6 + frame)
    assert first["levelform_sequence"]["folder"].startswith("//")
    assert not sequence_remark(first)
    moved = tmp_path / "moved"
    moved.mkdir()
    bpy.ops.wm.save_mainfile()
    for name in ("scene.blend", "scene"):
        (tmp_path / name).rename(moved / name)
    bpy.ops.wm.open_mainfile(filepath=str(moved / "scene.blend"))
    bpy.context.scene.frame_set(2)
    assert size_of(bpy.data.objects[0]) in (2, 8)  # they went along


def test_files_that_will_not_stay_or_are_gone_are_told(reconstruct, tmp_path):
    played = frames.animate_images(reconstruct, ["1", "2"])
    assert sequence_remark(played).startswith("Its meshes are in a temporary folder.")
    folder = Path(played["levelform_sequence"]["folder"])
    folder.rename(tmp_path / "elsewhere")
    assert sequence_remark(played).startswith("The folder of its meshes is gone")
