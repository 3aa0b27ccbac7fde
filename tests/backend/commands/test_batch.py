"""`levelform batch`: one mesh file for each object, however many fail."""

import json
import sys
import time

import numpy as np
import pytest
from levelform.backend import cli
from levelform.backend.commands import batch as batch_command
from levelform.backend.commands import progress
from levelform.backend.geometry.images import shrink
from levelform.backend.pipeline import networks
from PIL import Image
from setups.meshes import read_mesh

SMALL = ["--resolution", "32", "--device", "cpu"]
QUICK = ["--method", "visual-hull", *SMALL]
NETWORK = ["--method", "levelform", *SMALL]


def save(view, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((view.image.numpy() * 255).round().astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path, photograph, cameras, monkeypatch):
    """`posed` holds two objects with cameras, `loose` images without; we are above both."""
    monkeypatch.chdir(tmp_path)
    views = [shrink(photograph(camera), 64) for camera in cameras]
    for name in ("one", "two"):
        frames = []
        for index, view in enumerate(views):
            save(view, tmp_path / "posed" / name / f"{index}.png")
            frames.append((f"{index}.png", view.camera))
        listed = [{"file_path": file, **camera.to_transforms()} for file, camera in frames]
        (tmp_path / "posed" / name / "transforms.json").write_text(json.dumps({"frames": listed}))
    save(views[0], tmp_path / "loose" / "chair.png")
    save(views[1], tmp_path / "loose" / "both" / "0.png")
    save(views[2], tmp_path / "loose" / "both" / "1.png")
    return tmp_path


def run(capsys, *words):
    """Run with --json; return the exit status and the lines."""
    status = cli.main([*map(str, words), "--json"])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".json")


def test_every_folder_of_cameras_becomes_a_mesh(folder, capsys):
    status, (one, two, last) = run(capsys, "batch", "posed", "-o", "out", "--suffix", "ply", *QUICK)
    assert status == last["status"] == 0
    assert [line["state"] for line in (one, two)] == ["done", "done"]
    assert (one["object"], one["views"], one["resolution"]) == ("one", 5, 32)
    assert one.keys() >= {"method", "weights", "faces", "evaluations", "watertight", "remarks"}
    assert names(folder / "out") == ["one.ply", "two.ply"]
    assert len(read_mesh(folder / "out" / "two.ply").faces) == two["faces"] > 0
    assert last["done"] == last["count"] == 2


def test_it_is_what_reconstruct_makes(folder, capsys):
    words = [
        "--views",
        "0,2,3",
        "--no-color",
        "--volume=0,0,0,2",
        "--option",
        "max_faces=300",
        *QUICK,
    ]
    status, _ = run(capsys, "batch", "posed/one", "-o", "out", "--suffix", ".npz", *words)
    assert status == 0
    status, _ = run(capsys, "reconstruct", "posed/one", "-o", "alone.npz", *words)
    assert status == 0
    batch, alone = np.load("out/one.npz"), np.load("alone.npz")
    assert set(batch) == set(alone)
    assert all(np.array_equal(batch[key], alone[key]) for key in alone)


def test_images_and_sub_folders_are_objects_of_one_network(folder, capsys, monkeypatch):
    loads = []
    load = networks.load_reconstructor
    monkeypatch.setattr(
        networks, "load_reconstructor", lambda *words: loads.append(words) or load(*words)
    )
    (folder / "loose" / "broken.png").write_text("no image")
    status, (both, broken, chair, last) = run(capsys, "batch", "loose", "-o", "out", *NETWORK)
    assert (status, last["failed"]) == (1, 1)
    assert (both["object"], both["views"], both["state"]) == ("both", 2, "done")
    assert (chair["object"], chair["views"], chair["state"]) == ("chair", 1, "done")
    assert "not a readable image" in broken["error"]
    assert broken["hint"]
    assert names(folder / "out") == ["both.glb", "chair.glb"]
    assert len(loads) == 1


def test_a_second_run_makes_what_is_missing_and_what_was_wished_otherwise(folder, capsys):
    words = ["batch", "posed", "-o", "out", *QUICK]
    run(capsys, *words)
    (folder / "out" / "two.glb").unlink()
    states = lambda *more: [line.get("state") for line in run(capsys, *words, *more)[1][:-1]]  # noqa: E731
    assert states() == ["kept", "done"]
    assert states() == ["kept", "kept"]
    assert states("--no-color") == ["done", "done"]
    assert states("--no-color", "--again") == ["done", "done"]
    assert states("--no-color", "--part", "2/2") == ["kept"]
    save_again = folder / "posed" / "one" / "3.png"
    Image.open(save_again).rotate(5).save(save_again)
    assert states("--no-color") == ["done", "kept"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone"], "does not exist"),
        (["posed", "--suffix", "fbx"], "not a supported mesh format"),
        (["posed", "--part", "3/2"], "not a part of a batch"),
        (["posed", "--method", "magic"], "'magic' is not a method"),
        (["posed", "--option", "speed=1"], "no option 'speed'"),
        (["posed", "--background", "pink"], "'pink' is not a background"),
        (["posed", "--volume", "1,2"], "volume must be 4 or 16 numbers"),
        (["posed", "--views", "a,b"], "views must be numbers"),
        (["loose", "--method", "visual-hull"], "visual-hull needs a camera for every image"),
        (["posed", "scene.blend"], "which only Blender can open"),
        (["posed", "--weights", "gone.safetensors", *NETWORK], "gone.safetensors"),
    ],
)
def test_a_wrong_request_makes_nothing(folder, capsys, words, message):
    (folder / "scene.blend").write_text("")
    status, (line,) = run(capsys, "batch", "-o", "out", *words)
    assert (status, line["status"]) == (2, 2)
    assert message in line["error"]
    assert not (folder / "out").exists()


def test_an_interruption_ends_with_what_is_done(folder, capsys, monkeypatch):
    write = batch_command.write_result
    calls = []

    def interrupted(*words):
        calls.append(write(*words))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return calls[0]

    monkeypatch.setattr(batch_command, "write_result", interrupted)
    status, (one, stopped) = run(capsys, "batch", "posed", "-o", "out", *QUICK)
    assert (status, stopped) == (130, {"error": "Stopped.", "hint": "", "status": 130})
    assert one["state"] == "done"
    assert names(folder / "out") == ["one.glb"]


def test_without_json_it_is_told_in_words(folder, capsys):
    (folder / "posed" / "two" / "3.png").unlink()
    assert cli.main(["batch", "posed", "-o", "out", *QUICK]) == 1
    out, err = capsys.readouterr()
    first, last = out.splitlines()
    assert first.startswith(f"1/2 one: {folder / 'out' / 'one.glb'}, ")
    assert last.startswith("2 models: 1 made, 0 there already, 1 failed")
    assert err.startswith("2/2 two: ")
    assert "3.png of frame 3" in err


def test_progress_names_the_object(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("Model 2 of 5") as ticket:
        ticket.plan({"Mesh": 1.0})
        with ticket.stage("Mesh"):
            time.sleep(0.15)  # bars are drawn ten times a second
    assert "Model 2 of 5: Mesh" in capsys.readouterr().err


# ---------------------------------------------------------------- reconstruct


def test_several_images_without_cameras_are_not_fused_unasked(folder, capsys):
    for source in (["loose/both"], ["loose/both/0.png", "loose/chair.png"]):
        words = ["reconstruct", *source, "-o", "mesh.glb", *NETWORK]
        status, (result,) = run(capsys, *words)
        assert status == 2
        assert result["error"].startswith("There are 2 images without cameras")
        assert "--fuse" in result["hint"]
        assert "batch" in result["hint"]
        assert not (folder / "mesh.glb").exists()
        status, (result,) = run(capsys, *words, "--fuse")
        assert (status, result["views"]) == (0, 2)
        (folder / "mesh.glb").unlink()
