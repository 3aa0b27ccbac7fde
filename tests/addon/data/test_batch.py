"""Batches in Blender: one worker for all, files of cameras and .blend alike, the scene stays."""

import json
import shutil

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import MethodInfo, Methods  # noqa: E402

pytestmark = pytest.mark.bpy

STATS = {"views": 1, "vertices": 6, "evaluations": 9, "seconds": 0.5, "watertight": True}


def method(name):
    return MethodInfo(name, name, "", "", name == "visual-hull", True, 1, None, False, (), ())


@pytest.fixture
def worker(puppet):
    """Have the worker answer every job with one mesh; jobs named in `broken` fail."""
    puppet.methods = Methods((method("visual-hull"), method("levelform")))
    puppet.broken, puppet.forgotten = set(), []
    puppet.forget = puppet.forgotten.append

    def submit(request, on_update=None, on_end=None):
        job = type(puppet).submit(puppet, request, on_update, on_end)
        if request.views[0].name.removesuffix(".png") in puppet.broken:
            puppet.waiting = [lambda: puppet.fail("It has no surface.", "Check it.")]
        else:
            puppet.waiting = [
                lambda: puppet.send(32, colors=True),
                lambda: puppet.finish(**STATS),
            ]
        return job

    puppet.submit = submit
    return puppet


@pytest.fixture
def folder(tmp_path, ball_stage):
    """Two images, a folder of two, and a .blend with images on its cameras."""
    scene = ball_stage(2)
    image = bpy.data.images["image 0"]
    (tmp_path / "in" / "both").mkdir(parents=True)
    image.filepath_raw, image.file_format = str(tmp_path / "in" / "chair.png"), "PNG"
    image.save()
    for name in ("lamp.png", "both/0.png", "both/1.png"):
        shutil.copy(tmp_path / "in" / "chair.png", tmp_path / "in" / name)
    scene.levelform.method = "levelform"
    scene.levelform.preset = "DRAFT"  # 64 cells
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "in" / "stage.blend"), copy=True)
    bpy.ops.wm.read_homefile(app_template="")
    return tmp_path


def run(capfd, *words):
    """Run with --json; return the exit status and the lines."""
    capfd.readouterr()
    status = cli.main([*map(str, words), "--json"])
    return status, [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def everything():
    """Return the names of what the open file holds."""
    return {
        (kind, block.name)
        for kind in ("objects", "meshes", "cameras", "images", "materials")
        for block in getattr(bpy.data, kind)
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".json")


def test_every_source_becomes_a_file(worker, folder, capfd):
    words = ["batch", folder / "in", "-o", folder / "out", "--suffix", ".npz"]
    status, lines = run(capfd, *words, "--resolution", 48, "--method", "visual-hull")
    assert status == 0
    assert [(line["object"], line["state"]) for line in lines[:-1]] == [
        ("both", "done"),
        ("chair", "done"),
        ("lamp", "done"),
        ("stage", "done"),
    ]
    assert names(folder / "out") == ["both.npz", "chair.npz", "lamp.npz", "stage.npz"]
    with np.load(folder / "out" / "stage.npz") as arrays:
        assert arrays["faces"].shape == (8, 3)
    requests = [job.request for job in worker.submitted]
    assert [request.resolution for request in requests] == [48] * 4
    assert [request.fuse for request in requests] == [True, False, False, False]
    posed = [[view.camera is not None for view in request.views] for request in requests]
    assert posed == [[False, False], [False], [False], [True, True]]
    assert lines[-1]["done"] == lines[-1]["count"] == 4
    assert worker.forgotten == [request.keep for request in requests]


def test_a_blend_brings_its_own_settings(worker, folder, capfd):
    words = ["batch", folder / "in" / "stage.blend", "-o", folder / "out", "--seed", "7"]
    assert run(capfd, *words)[0] == 0
    request = worker.job.request
    assert (request.method, request.resolution, request.seed) == ("levelform", 64, 7)
    assert names(folder / "out") == ["stage.glb"]


def test_images_leave_the_open_file_as_it_was(worker, folder, ball_stage):
    ball_stage(1)
    before = everything()
    sources = [folder / "in" / "chair.png", folder / "in" / "both"]
    lines = api.batch(sources, folder / "out", method="levelform", fuse=True)
    assert [line["object"] for line in lines[:-1]] == ["chair", "both"]
    assert everything() == before


def test_a_failure_does_not_stop_the_others_and_a_second_run_completes_the_batch(
    worker, folder, capfd
):
    worker.broken = {"chair"}
    words = ["batch", folder / "in", "-o", folder / "out"]
    status, lines = run(capfd, *words)
    assert status == 1
    assert [line["state"] for line in lines[:-1]] == ["done", "failed", "done", "done"]
    assert (lines[1]["error"], lines[1]["hint"]) == ("It has no surface.", "Check it.")
    worker.broken = set()
    status, lines = run(capfd, *words)
    assert status == 0
    assert [line["state"] for line in lines[:-1]] == ["kept", "done", "kept", "kept"]
    assert len(worker.submitted) == 5


def test_parts_of_machines_make_the_whole(worker, folder, capfd):
    words = ["batch", folder / "in", "-o", folder / "out", "--part"]
    made = [line["object"] for i in (1, 2, 3) for line in run(capfd, *words, f"{i}/3")[1][:-1]]
    assert sorted(made) == ["both", "chair", "lamp", "stage"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.png"], "does not exist"),
        (["in", "--suffix", ".fbx"], "not a mesh format"),
        (["in", "--part", "5/4"], "not a part"),
        (["in", "--method", "magic"], "'magic' is not a method"),
        (["in/both", "--method", "visual-hull"], "visual-hull needs a camera for every image"),
        (["in", "--background", "pink"], "background"),
        (["in"], "the following arguments are required: -o"),
    ],
)
def test_a_wrong_request_makes_nothing(worker, folder, capfd, words, message, monkeypatch):
    monkeypatch.chdir(folder)
    out = [] if "required" in message else ["-o", "out"]
    status, (line,) = run(capfd, "batch", *words, *out)
    assert status == 2
    assert message.lower() in line["error"].lower()
    assert not worker.submitted
    assert not (folder / "out").exists()


def test_without_json_it_is_printed_as_text(worker, folder, capfd):
    words = ["batch", folder / "in" / "chair.png", "-o", folder / "out", "--method", "levelform"]
    assert cli.main([str(word) for word in words]) == 0
    out = capfd.readouterr().out
    assert f"1/1 chair: {folder / 'out' / 'chair.glb'}, 8 triangles, 0.5 s" in out
    assert "1 model: 1 made, 0 there already, 0 failed" in out


# ---------------------------------------------------------------- scripts


def test_a_script_is_told_of_each_object_at_once(worker, folder):
    told = []
    lines = api.batch([folder / "in"], folder / "out", suffix="ply", report=told.append)
    assert told == lines
    assert names(folder / "out") == ["both.ply", "chair.ply", "lamp.ply", "stage.ply"]
    assert {"method", "faces", "out"} <= lines[0].keys()


def test_a_script_finds_the_file_that_was_open(worker, folder, ball_stage):
    ball_stage(1)
    own = folder / "own.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(own))
    api.batch([folder / "in" / "stage.blend"], folder / "out", resolution=48)
    assert bpy.data.filepath == str(own)
    assert worker.job.request.resolution == 48
    assert worker.job.request.method == "levelform"


def test_an_invalid_blend_fails_alone(worker, folder):
    (folder / "in" / "broken.blend").write_text("no blend")
    lines = api.batch([folder / "in" / "broken.blend", folder / "in" / "lamp.png"], folder / "out")
    assert [line["state"] for line in lines[:-1]] == ["failed", "done"]
    assert "broken.blend can't be opened" in lines[0]["error"]


def test_wrong_requests_of_scripts_are_refused(worker, folder):
    with pytest.raises(RequestError, match="'magic' is not a method"):
        api.batch([folder / "in"], folder / "out", method="magic")


def test_several_images_without_cameras_are_fused_when_asked(worker, folder):
    images = [folder / "in" / "chair.png", folder / "in" / "lamp.png"]
    api.reconstruct(images, method="levelform")
    assert not worker.job.request.fuse  # which the worker refuses
    api.reconstruct(images, method="levelform", fuse=True)
    assert worker.job.request.fuse
