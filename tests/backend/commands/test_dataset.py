"""`levelform dataset`, from an empty folder to a checked data set and its sheet."""

import json
import subprocess
import sys

import numpy as np
import pytest
from levelform.backend.cli import main
from levelform.backend.data import records
from levelform.backend.data.format import Dataset
from PIL import Image

trimesh = pytest.importorskip("trimesh")
SMALL = ["--views", "2", "--size", "32", "--points", "uniform=500", "near=500", "--surface", "100"]


@pytest.fixture
def assets(tmp_path):
    """Four good meshes, a sheet, and a file that is not a mesh."""
    for name, side in (("a", 1.0), ("b", 2.0)):
        (tmp_path / "in" / name).mkdir(parents=True)
        trimesh.creation.box((side, 1.0, 1.0)).export(tmp_path / "in" / name / "box.stl")
        trimesh.creation.icosphere(2).export(tmp_path / "in" / name / "ball one.ply")
    orthographic = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    orthographic.export(tmp_path / "in" / "flat.stl")
    (tmp_path / "in" / "broken.ply").write_bytes(b"no mesh")
    return tmp_path / "in"


def said(capsys, *words):
    status = main([str(word) for word in words] + ["--json"])
    return status, json.loads(capsys.readouterr().out)


def test_meshes_become_a_data_set_that_is_checked_and_shown(assets, tmp_path, capsys):
    out = tmp_path / "set"
    status, made = said(capsys, "dataset", "convert", assets, out, *SMALL)
    assert status == 0
    assert made["shapes"] == 4
    assert made["categories"] == {"a": 2, "b": 2}
    assert set(made["skipped"]) == {"flat", "broken"}
    assert all(made["skipped"].values())
    assert Dataset(out).find("a/ball_one").view(0).image.shape == (32, 32, 4)

    status, checked = said(capsys, "dataset", "verify", out)
    assert (status, checked["problems"], checked["shapes"]) == (0, [], 4)
    status, shown = said(capsys, "dataset", "inspect", out, "-o", tmp_path / "s.png")
    assert (status, len(shown["shown"])) == (0, 4)
    assert np.asarray(Image.open(tmp_path / "s.png")).std() > 10

    shard = out / "shards" / "00000.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 255
    shard.write_bytes(content)
    status, failed = said(capsys, "dataset", "verify", out)
    assert status == 1
    assert "checksum" in json.dumps(failed)


def test_images_first_then_a_data_set_of_them(assets, tmp_path, capsys):
    images, out = tmp_path / "pictures", tmp_path / "set"
    status, made = said(capsys, "dataset", "render", assets, images, *SMALL, "--passes")
    assert (status, made["shapes"]) == (0, 5)
    words = ("--from", "renders", "--meshes", assets)
    status, made = said(capsys, "dataset", "convert", images, out, *words, *SMALL)
    assert (status, made["shapes"]) == (0, 4)
    shape = Dataset(out).find("b/box")
    assert {"views.images", "views.depth", "uniform.distance"} <= set(shape.names)


def test_rendered_folders_with_their_mesh_need_no_other(assets, tmp_path, capsys):
    images = tmp_path / "images"
    said(capsys, "dataset", "render", assets / "a", images, *SMALL, "--passes")
    trimesh.creation.box((3.0, 3.0, 3.0)).export(images / "box" / "mesh.ply")
    status, made = said(
        capsys, "dataset", "convert", images, images, "--from", "renders", *SMALL,
        "--progress", tmp_path / "told.json",
    )  # fmt: skip
    assert (status, made["shapes"]) == (0, 2)
    assert 0.0 <= json.loads((tmp_path / "told.json").read_text())["overall"] < 1.0
    box, ball = Dataset(images).find("box"), Dataset(images).find("ball_one")
    assert (box.inside("uniform") == (np.abs(box["uniform.points"]).max(1) < 0.9)).all()
    assert "uniform.points" not in ball


def test_a_conversion_stops_when_its_input_ends_and_goes_on(assets, tmp_path):
    words = ["dataset", "convert", str(assets), str(tmp_path / "set"), *SMALL, "--json"]
    run = [sys.executable, "-m", "levelform.backend", *words]
    stopped = subprocess.run(
        [*run, "--until-input-ends"], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert json.loads(stopped.stdout)["stopped"]
    done = subprocess.run(run, capture_output=True, check=True)
    assert json.loads(done.stdout)["shapes"] == 4


def test_a_folder_of_images_says_what_makes_it_a_data_set(assets, tmp_path, capsys):
    said(capsys, "dataset", "render", assets / "a", tmp_path / "images", *SMALL, "--passes")
    status, failed = said(capsys, "dataset", "verify", tmp_path / "images")
    assert status == 2
    assert "levelform dataset convert --from renders" in failed["hint"]


def test_procedural_shapes_are_the_same_bytes_for_the_same_seed(tmp_path, capsys):
    words = ("--categories", "table", "--count", "2", *SMALL)
    for name in ("x", "y"):
        status, made = said(capsys, "dataset", "synthesize", tmp_path / name, *words)
        assert (status, made["shapes"]) == (0, 2)
    paths = [tmp_path / name / "shards" / "00000.safetensors" for name in ("x", "y")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("convert", "lost", "out"), "does not exist"),
        (("convert", ".", "out", "--from", "shapenet"), "not a layout"),
        (("synthesize", "out", "--categories", "spoon"), "'spoon' is not a category"),
        (("synthesize", "out", "--points", "uniform"), "how many points"),
        (("inspect", "lost"), "not a data set"),
        (("verify", "lost"), "not a data set"),
    ],
)
def test_wrong_requests_end_with_status_two_and_a_sentence(
    tmp_path, monkeypatch, capsys, words, sentence
):
    monkeypatch.chdir(tmp_path)
    assert main(["dataset", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_what_blenders_renderer_refuses_is_said_in_its_own_words(tmp_path, capsys, monkeypatch):
    asked = []

    def answer(words, **_):
        asked.append(words)
        refusal = json.dumps({"error": "EEVEE can't draw here.", "hint": "Render with Cycles."})
        return subprocess.CompletedProcess(words, 2, f"Blender 5.0\n{refusal}\n")

    monkeypatch.setattr(subprocess, "run", answer)
    words = ("--engine", "eevee", "--cameras", "free", "--passes", "depth")
    status, said_ = said(capsys, "dataset", "render", tmp_path, tmp_path / "out", *words)
    assert (status, said_["error"], said_["hint"]) == (
        2,
        "EEVEE can't draw here.",
        "Render with Cycles.",
    )
    assert asked[0][asked[0].index("--passes") + 1] == "depth"
    assert "free" in asked[0]


def test_a_cut_short_buffer_is_named_and_left_out_and_the_rest_is_made(tmp_path, capsys):
    folder = tmp_path / "in" / "a"
    folder.mkdir(parents=True)
    for index in range(4):
        files = trimesh.creation.icosphere(2).export(file_type="gltf")
        for name, content in files.items():
            name = name.replace("model", f"m{index}").replace("gltf_buffer", f"b{index}")
            text = content.replace(b"gltf_buffer", f"b{index}".encode())
            (folder / name).write_bytes(text if name.endswith(".gltf") else content)
    buffer = sorted(folder.glob("b1*.bin"))[0]
    buffer.write_bytes(buffer.read_bytes()[: buffer.stat().st_size // 2])
    status, made = said(capsys, "dataset", "convert", tmp_path / "in", tmp_path / "out", *SMALL)
    assert (status, made["shapes"]) == (0, 3)
    (reason,) = made["skipped"].values()
    assert buffer.name in reason


def test_an_unforeseen_exception_of_a_library_costs_its_shape_alone(assets, tmp_path, capsys):
    def fails(asset, contents, *, name, category):
        if name == "a/box":
            raise ZeroDivisionError("deep in a library")
        return record_of_mesh(asset, contents, name=name, category=category)

    record_of_mesh = records.record_of_mesh
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "record_of_mesh", fails)
        status, made = said(capsys, "dataset", "convert", assets, tmp_path / "set", *SMALL)
    assert (status, made["shapes"]) == (0, 3)
    assert "ZeroDivisionError: deep in a library" in made["skipped"]["a/box"]


def test_inspect_reads_every_byte(assets, tmp_path, capsys):
    out = tmp_path / "set"
    said(capsys, "dataset", "convert", assets, out, *SMALL)
    (shard,) = (out / "shards").iterdir()
    content = bytearray(shard.read_bytes())
    content[-1000] ^= 255
    shard.write_bytes(content)
    status, failed = said(capsys, "dataset", "inspect", out)
    assert status == 1
    assert "checksum" in failed["error"]
    assert said(capsys, "dataset", "convert", assets, out, *SMALL)[0] == 0
    assert said(capsys, "dataset", "inspect", out)[0] == 0


def test_shapes_are_chosen_by_patterns_of_their_names():
    from levelform.backend.commands.dataset import _wanted

    names = ["kenney/car", "kenney/boat", "quaternius/car"]
    assert [n for n in names if _wanted(n, ["kenney/*"], ["*/boat"])] == ["kenney/car"]
    assert [n for n in names if _wanted(n, ["*"], [])] == names
