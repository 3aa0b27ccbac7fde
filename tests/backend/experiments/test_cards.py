"""Cards say what the header says."""

import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.experiments.cards import write_cards
from levelform.backend.reconstructors import Code
from levelform.backend.reconstructors.storage import read_tensors
from levelform.backend.training.parts import changed

PART = {
    "data": {
        "shapes": 12345,
        "sources": [{"source": {"kind": "procedural", "license": "CC0-1.0"}, "seed": 7}],
        "categories": ["chair"],
        "encoder": {"method": "tdgn", "hash": "c0ffee"},
    },
    "precision": "bfloat16",
    "seed": 3,
    "steps": 20000,
    "planned_steps": 24000,
    "batch": 32,
    "seconds": 5025,
    "device": "cpu",
    "threads": 2,
    "processes": 1,
    "recipe": "our own",
}


def test_a_card_holds_what_its_file_says(network, tmp_path):
    model = network("sdf-srn")
    path = tmp_path / "sdf-srn-chair.safetensors"
    model.save(
        path,
        training={"parts": {"main": PART}, "note": "by hand"},
        results={"validation main iou": 0.51234, "stored as": "int8"},
        precision="int8",
    )
    (page,) = write_cards([path], tmp_path / "models")
    text = page.read_text()
    digest = read_tensors(path)[2]
    count = sum(parameter.numel() for parameter in model.parameters())
    for words in (
        f"`{digest}`", f"{count:,}", "kernels in int8", "20,000 of 24,000 planned", "1 h 24 min",
        "cpu, 2 threads", "12,345", "CC0-1.0", "0.5123", "our own", "by hand",
        "from `tdgn` weights `c0ffee`", "bfloat16",
        "without any 3D truth", f"{path.stat().st_size / 2**20:.2f} MiB",
    ):  # fmt: skip
        assert words in text, words


def test_the_card_of_a_moving_network_says_how_it_moves(network, tmp_path):
    path = tmp_path / "moving.safetensors"
    model = network("deep-meta-functionals")
    changed(model, {"coordinates": 4}).save(path, training={"parts": {"main": PART}})
    (page,) = write_cards([path], tmp_path / "models")
    command = "levelform animate deep-meta-functionals IMAGE -o FRAMES --weights moving.safetensors"
    assert command in page.read_text()


def test_runs_that_went_on_from_others_are_told_in_order(network, tmp_path):
    path = tmp_path / "tdgn.safetensors"
    later = PART | {"steps": 777, "planned_steps": 777, "after": PART}
    network("tdgn").save(path, training={"parts": {"main": later}})
    (page,) = write_cards([path], tmp_path / "models")
    text = page.read_text()
    first, then, second = (text.index(w) for w in ("20,000 of", "going on from there", "777 of"))
    assert first < then < second


def test_a_card_needs_weights(tmp_path, network):
    code = tmp_path / "code.safetensors"
    Code("tdgn", {"features": next(network("tdgn").parameters())}).save(code)
    with pytest.raises(RequestError, match="not weights"):
        write_cards([code], tmp_path / "models")
