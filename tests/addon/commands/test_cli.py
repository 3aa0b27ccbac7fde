"""`blender --command levelform`: the terminal's words, exit statuses and files."""

import json
import shutil

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.backend_setup import interpreter  # noqa: E402
from levelform.addon.backend_setup.candidates import Candidate, InterpreterSource  # noqa: E402
from levelform.addon.backend_setup.checkup import InterpreterReport  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.backend.contract.options import Option  # noqa: E402
from levelform.backend.contract.protocol import MethodInfo, Methods  # noqa: E402

pytestmark = pytest.mark.bpy

STATS = {"views": 6, "vertices": 6, "evaluations": 9, "seconds": 0.5, "watertight": True}


@pytest.fixture
def answers(puppet):
    """Have the worker send one mesh and finish."""
    puppet.waiting = [lambda: puppet.send(32, colors=True), lambda: puppet.finish(**STATS)]
    return puppet


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_the_cameras_of_the_scene_are_the_default(answers, ball_stage, capfd, tmp_path):
    scene = ball_stage()
    scene.levelform.preset = "DRAFT"
    mesh, blend = tmp_path / "ball.npz", tmp_path / "ball.blend"
    capfd.readouterr()
    assert run("reconstruct", "-o", mesh, "--save", blend, "--json") == 0
    result = json.loads(capfd.readouterr().out)  # and nothing else
    assert (result["out"], result["save"], result["views"]) == (str(mesh), str(blend), 6)
    assert {"method", "resolution", "faces", "watertight", "keep"} <= result.keys()
    assert answers.job.request.resolution == 64
    with np.load(mesh) as arrays:
        assert arrays["faces"].shape == (8, 3)
        assert arrays["colors"].shape == (6, 4)
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    assert "Reconstruction" in bpy.data.objects


def test_words_override_the_scene(answers, ball_stage):
    scene = ball_stage()
    scene.levelform.fill_voids, scene.levelform.min_component = True, 0.0
    words = ["--resolution", "96", "--level", "0.1", "--no-color", "--seed", "5", "--device", "cpu"]
    words += ["--background", "#00ff00", "--tolerance", "0.2", "--hull", "--option", "first=16"]
    words += ["--volume", "1,2,3,4", "--views", "0,2,4", "--name", "Ball"]
    assert run("reconstruct", *words) == 0
    request = answers.job.request
    assert (request.resolution, request.level, request.color) == (96, 0.1, False)
    assert (request.seed, request.device) == (5, "cpu")
    assert request.background.color == (0.0, 1.0, 0.0)
    assert request.background.tolerance == 0.2
    assert request.options == {
        "fill_voids": True,
        "hull": True,
        "first": 16,
        "min_component": 0.0,
    }
    assert request.world_from_volume.tolist() == [
        [2, 0, 0, 1],
        [0, 2, 0, 2],
        [0, 0, 2, 3],
        [0, 0, 0, 1],
    ]
    assert [view.name for view in request.views] == ["View 0", "View 2", "View 4"]
    assert "Ball" in bpy.data.objects


def test_files_are_taken_as_they_are(answers, ball_stage, tmp_path):
    ball_stage(1)
    image = bpy.data.images["image 0"]
    image.filepath_raw, image.file_format = str(tmp_path / "a.png"), "PNG"
    image.save()
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    assert run("reconstruct", tmp_path / "a.png", tmp_path / "b.png") == 0
    request = answers.job.request
    assert [(view.name, view.camera) for view in request.views] == [
        ("a.png", None),
        ("b.png", None),
    ]
    assert request.world_from_volume is None
    assert request.options == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reconstruct"], "no cameras"),
        (["reconstruct", "/nowhere.png"], "/nowhere.png"),
        (["reconstruct", "--resolution", "many"], "invalid int value"),
        (["reconstruct", "--background", "beige"], "not a background"),
        (["reconstruct", "--option", "first"], "not an option"),
        (["reconstruct", "-o", "mesh.fbx"], "no format"),
        (["reconstruct", "-o", "/gone/mesh.glb"], "does not exist"),
        (["dance"], "invalid choice"),
        ([], "required"),
    ],
)
def test_a_wrong_request_is_status_2_and_one_line(puppet, capfd, words, said):
    assert run(*words, "--json") == 2
    printed = capfd.readouterr()
    complaint = [line for line in printed.err.splitlines() if line.startswith("levelform:")]
    assert len(complaint) == 1
    assert said in complaint[0]
    assert json.loads(printed.out.splitlines()[-1])["status"] == 2
    assert not puppet.submitted


@pytest.mark.parametrize("words", [["--views", "9"], ["--views", "0,7"], ["--views", "a"]])
def test_missing_views_are_refused(puppet, ball_stage, words):
    ball_stage()
    assert run("reconstruct", *words) == 2
    assert not puppet.submitted


@pytest.mark.parametrize("words", ["1,2", "Nothing", "1,2,3,wide"])
def test_an_invalid_volume_is_refused(puppet, ball_stage, words):
    ball_stage()
    assert run("reconstruct", "--volume", words) == 2


def test_an_empty_of_the_scene_is_a_volume_by_its_name(answers, ball_stage):
    scene = ball_stage()
    empty = bpy.data.objects.new("Box", None)
    scene.collection.objects.link(empty)
    assert run("reconstruct", "--volume", "Box") == 0
    assert answers.job.request.world_from_volume.tolist() == np.eye(4).tolist()


def test_work_that_fails_is_status_1(puppet, ball_stage, capfd):
    ball_stage()
    puppet.waiting = [lambda: puppet.fail("The moon is full.", "Wait two weeks.")]
    assert run("reconstruct") == 1
    assert "levelform: The moon is full. Wait two weeks." in capfd.readouterr().err


def test_methods_are_listed(puppet, capfd):
    facts = ("mesh", "Mesh", "", "A stand-in.", True, False, 1, None, False, (), ())
    info = MethodInfo(*facts, (Option("side", "int", 8, "how long", 2, 64),), "probability")
    puppet.methods = Methods((info,))
    assert run("methods", "--json") == 0
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert told["methods"][0]["options"][0]["maximum"] == 64
    assert "hull" in [option["name"] for option in told["options"]]
    assert run("methods") == 0
    printed = capfd.readouterr().out
    for words in (
        "A stand-in.",
        "level: the probability",
        "side  a whole number from 2 to 64 (default: 8): how long",
        "min_component",
    ):
        assert words in printed


def test_doctor_reports_all_candidates(extension, monkeypatch, capfd):
    bad = Candidate(
        InterpreterSource.BLENDER,
        "/other",
        InterpreterReport("/other", python="3.12", problem="It lacks torch."),
    )
    good = Candidate(
        InterpreterSource.MANAGED,
        "/python",
        InterpreterReport("/python", python="3.13", devices=("cpu",)),
    )
    monkeypatch.setattr(interpreter.candidates, "candidates", lambda *_, **__: iter([bad, good]))
    monkeypatch.setattr(interpreter.here, "candidates", None)
    assert run("doctor") == 0
    printed = capfd.readouterr().out
    assert "It lacks torch." in printed
    assert "* The installed backend: /python" in printed
    assert run("doctor", "--json") == 0
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (result["usable"], result["python"]) == (True, "/python")
