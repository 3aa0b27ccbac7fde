"""`levelform train`, from a data set to weights that reconstruct."""

import json

import numpy as np
import pytest
import torch
from levelform.backend.cli import main
from levelform.backend.commands.train import _preview
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.storage import read_tensors
from setups.analytic import Sphere
from setups.meshes import read_mesh

SMALL = ["--batch", "4", "--validation-shapes", "2", "--threads", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "set"
    words = ["--categories", "table", "--count", "12", "--views", "2", "--size", "32", "--points",
             "uniform=400", "near=400", "--surface", "200", "--cameras", "levelform",
             "--passes", "depth"]  # fmt: skip
    assert main(["dataset", "synthesize", str(folder), *words, "--seed", "1", "--json"]) == 0
    return folder


def said(capsys, *words):
    capsys.readouterr()
    status = main([str(word) for word in words] + ["--json"])
    return status, json.loads(capsys.readouterr().out)


def test_main_then_camera_then_a_mesh(data, tmp_path, capsys):
    sizes = ["--set", "width=4", "hidden=16", "features=16", "point_widths=[8,8,8]",
             "decoder_widths=[8,8]", "framing.size=32", "picture=32"]  # fmt: skip
    words = ("train", "disn", "--data", data, *SMALL)
    main_run = (*words, "--out", tmp_path / "main", "--steps", 3, *sizes)
    status, done = said(capsys, *main_run, "--points", "uniform=50", "near=50")
    assert (status, done["step"], done["done"]) == (0, 3, True)
    weights = tmp_path / "main" / "best.safetensors"
    camera = (*words, "--out", tmp_path / "camera", "--part", "camera", "--steps", 2)
    status, done = said(capsys, *camera, "--from", weights)
    assert (status, done["done"]) == (0, True)
    assert done["latest"]["validation_loss"] > 0


def test_another_methods_encoder_is_taken_and_told_of(data, tmp_path, capsys):
    words = ("--data", data, *SMALL, "--steps", 2, "--points", "uniform=50", "near=50")
    small = ("--set", "width=4", "framing.size=32")
    first = ("train", "occupancy-network", *words, "--out", tmp_path / "first", *small)
    assert said(capsys, *first)[0] == 0
    weights = tmp_path / "first" / "best.safetensors"
    second = ("train", "tdgn", *words, "--out", tmp_path / "second", *small)
    assert said(capsys, *second, "--encoder-from", "occupancy-network", weights)[0] == 0
    header = read_tensors(tmp_path / "second" / "best.safetensors")[1]
    encoder = header["training"]["parts"]["main"]["data"]["encoder"]
    assert encoder == {"method": "occupancy-network", "hash": read_tensors(weights)[2]}


def test_a_part_may_come_first_and_is_not_taken_for_the_whole(data, tmp_path, capsys):
    sizes = ["--set", "width=4", "hidden=16", "features=16", "point_widths=[8,8,8]",
             "decoder_widths=[8,8]", "framing.size=32", "picture=32"]  # fmt: skip
    words = ("train", "disn", "--data", data, *SMALL, "--steps", 2)
    assert said(capsys, *words, "--part", "camera", "--out", tmp_path / "camera", *sizes)[0] == 0
    weights = tmp_path / "camera" / "best.safetensors"
    status, _ = said(capsys, *words, "--out", tmp_path / "main", "--from", weights,
                     "--points", "uniform=50", "near=50")  # fmt: skip
    assert status == 0
    header = read_tensors(tmp_path / "main" / "best.safetensors")[1]
    assert set(header["training"]["parts"]) == {"main", "camera"}
    assert "after" not in header["training"]["parts"]["main"]
    again = tmp_path / "main" / "best.safetensors"
    status, _ = said(capsys, *words, "--out", tmp_path / "again", "--from", again,
                     "--points", "uniform=50", "near=50", "--seed", 1)  # fmt: skip
    assert status == 0
    part = read_tensors(tmp_path / "again" / "best.safetensors")[1]["training"]["parts"]["main"]
    assert (part["seed"], part["after"]["seed"]) == (1, 0)
    with pytest.raises(RequestError, match="only camera"):
        load_reconstructor("disn", str(weights), "cpu")


def test_the_preview_is_the_mesh_of_an_unseen_shape(tmp_path):
    class Ball:
        configuration = None  # of sizes, without frames

        def encode(self, views):
            return views

        def decode(self, code):
            return Sphere(radius=0.5)

    class Shape:
        view_count = 1

        def view(self, index):
            return index

    _preview(tmp_path / "preview.glb", Shape())(Ball(), {})
    corners = read_mesh(tmp_path / "preview.glb").vertices
    assert np.abs(np.linalg.norm(corners, axis=1) - 0.5).max() < 1e-3


def test_other_sizes_of_images_start_from_the_same_weights(data, tmp_path, capsys):
    words = ("train", "deep-meta-functionals", "--data", data, *SMALL, "--steps", 2, "--points")
    words = (*words, "uniform=50", "near=50", "--set")
    small = (*words, "framing.size=32", "width=4", "blocks=2", "--out", tmp_path / "small")
    assert said(capsys, *small)[0] == 0
    weights = tmp_path / "small" / "best.safetensors"
    large = (*words, "framing.size=48", "--from", weights, "--out", tmp_path / "large")
    assert said(capsys, *large)[0] == 0
    header = read_tensors(tmp_path / "large" / "best.safetensors")[1]
    assert header["configuration"]["framing"]["size"] == 48
    status, wrong = said(capsys, *words, "width=8", "--from", weights, "--out", tmp_path / "x")
    assert (status, "does not fit" in wrong["error"]) == (2, True)


def test_wrong_words_are_said_before_any_work(data, tmp_path, capsys):
    words = ("train", "occupancy-network", "--data", data, "--out", tmp_path / "run")
    for more, expected in (
        (("--points", "uniform"), "how many points"),
        (("--set", "wide=3"), "no entry 'wide'"),
        (("--categories", "spoon"), "no shapes of spoon"),
        (("--part", "depth"), "no part 'depth'"),
        (("--configuration", "huge"), "no configuration 'huge'"),
    ):
        status, failed = said(capsys, *words, *more)
        assert status == 2
        assert expected in failed["error"]
    assert not (tmp_path / "run" / "state.safetensors").exists()


def test_training_starts_from_the_weights_that_a_method_comes_with(data, tmp_path, capsys):
    words = (
        "train",
        "occupancy-network",
        "--data",
        data,
        *SMALL,
        "--steps",
        1,
        "--from",
        "bundled",
    )
    more = ("--out", tmp_path / "run", "--points", "uniform=50", "near=50")
    assert said(capsys, *words, *more)[0] == 0
    own = load_reconstructor("occupancy-network").state_dict()
    new = load_reconstructor("occupancy-network", str(tmp_path / "run" / "last.safetensors"))
    name = next(name for name, value in own.items() if value.ndim == 2 and "." in name)
    assert (
        torch.nn.functional.cosine_similarity(
            own[name].flatten(), new.state_dict()[name].flatten(), dim=0
        )
        > 0.9
    )
    status, failed = said(
        capsys, "train", "sdf-srn", "--data", data, "--out", tmp_path / "s", "--from", "bundled"
    )
    assert status == 2
    assert "comes without weights" in failed["error"]
