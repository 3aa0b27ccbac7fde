"""Configurations from files: every entry is of its type, choice and range, or named."""

import tracemalloc
from dataclasses import fields

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import bundled_weights, methods
from levelform.backend.reconstructors.building import build, check_facts
from levelform.backend.reconstructors.storage import (
    content_hash,
    pack,
    read_tensors,
    unpack,
    write_tensors,
)
from safetensors.torch import save_file

NETWORKS = {name: cls for name, cls in methods().items() if cls.spec.needs_weights}
NAMED = [
    (name, configuration)
    for name, cls in NETWORKS.items()
    for configuration in cls.configurations.values()
]
BUNDLED = [name for name in NETWORKS if bundled_weights(name)]


@pytest.mark.parametrize(("name", "configuration"), NAMED)
def test_every_configuration_passes_its_own_check(name, configuration):
    assert type(configuration).from_json(configuration.to_json()) == configuration


@pytest.mark.parametrize(("name", "configuration"), NAMED)
def test_every_entry_is_named_when_it_makes_no_sense(name, configuration):
    for entry in fields(configuration):
        for value in (float("nan"), -1e7, 1e300, 10**400, "x", None, [], {"a": 1}):
            data = {**configuration.to_json(), entry.name: value}
            with pytest.raises(RequestError, match=entry.name):
                type(configuration).from_json(data)


@pytest.mark.parametrize(
    ("entry", "value", "seen"),
    [
        ("size", 1, "size = 1, which is not a whole number from 8 to 1024"),
        ("backdrop", "x", "backdrop = 'x', which is not one of white, black, grey, rgba"),
        ("margin", 0.6, "margin = 0.6, which is not a number from 0 to 0.45"),
        ("near", 9.0, "framing.near 9 beyond framing.far"),
        ("stray", 1, "the entry 'stray' is unknown"),
    ],
)
def test_the_framing_is_checked_too(entry, value, seen):
    configuration = NETWORKS["levelform"].configurations["compact"]
    data = configuration.to_json()
    data["framing"][entry] = value
    with pytest.raises(RequestError, match=seen):
        type(configuration).from_json(data)


def test_lists_have_the_length_that_their_network_needs():
    configuration = NETWORKS["uclid-net"].configurations["compact"]
    with pytest.raises(RequestError, match=r"stages = \[64, 16\], which is not a list of 3"):
        type(configuration).from_json({**configuration.to_json(), "stages": [64, 16]})
    with pytest.raises(RequestError, match="nearest 4 beyond farthest 3"):
        type(configuration).from_json({**configuration.to_json(), "nearest": 4.0, "farthest": 3.0})


@pytest.mark.parametrize("name", BUNDLED)
def test_a_network_larger_than_its_file_is_refused_before_memory_is_taken(name):
    """The largest sizes that a configuration may have, in a file of some megabytes."""
    tensors, header, _ = read_tensors(bundled_weights(name))
    cls = NETWORKS[name]
    data = header["configuration"]
    for entry in ("width", "hidden", "features", "generator_width", "stem", "hidden_width", "deep"):
        if entry in data:
            data[entry] = 16384
    configuration = cls.configuration_class.from_json(data)
    tracemalloc.start()
    with pytest.raises(RequestError, match="asks for a network of more than"):
        build(cls, configuration, unpack(tensors), source="x.safetensors")
    assert tracemalloc.get_traced_memory()[1] < 50 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ({"training": None, "results": {}}, "training is not a table"),
        ({"training": {}, "results": {"a": [1]}}, "result 'a' is not a number"),
        ({"training": {"parts": {"engine": {}}}, "results": {}}, "has no part 'engine'"),
        ({"training": {"parts": {"main": 3}}, "results": {}}, "not a table of tables"),
    ],
)
def test_what_a_header_tells_is_checked(header, seen):
    with pytest.raises(RequestError, match=seen):
        check_facts(header, {"main", "camera"})


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("[1]", "not a table"),
        ("[" * 100_000, "can't be read"),
        ('"' + "x" * (5 << 20) + '"', "longer than 4 MiB"),
    ],
)
def test_headers_that_are_no_header(tmp_path, text, seen):
    path, tensors = tmp_path / "a.safetensors", {"a": torch.ones(2)}
    save_file(tensors, path, {"levelform": text, "sha256": content_hash(tensors, text)})
    with pytest.raises(RequestError, match=seen):
        read_tensors(path)


def test_scales_fit_what_they_scale():
    packed = pack({"w": torch.randn(4, 3)}, "int8")
    with pytest.raises(RequestError, match="scales a tensor that the file does not hold"):
        unpack({"v::scale": packed["w::scale"]})
    with pytest.raises(RequestError, match="one number for each first index"):
        unpack({**packed, "w::scale": torch.ones(3)})
    with pytest.raises(RequestError, match="complex64, which no weights are stored as"):
        unpack({"w": torch.ones(2, dtype=torch.complex64)})


def test_frames_that_are_none(tmp_path):
    model_class = NETWORKS["tdgn"]
    tensors, header, _ = read_tensors(bundled_weights("tdgn"))
    for frame in (None, [[1, 2], [3]], "x", [[1e300] * 4] * 4, [[1e-200] * 4] * 4):
        write_tensors(tmp_path / "w.safetensors", tensors, {**header, "frame": frame})
        with pytest.raises(RequestError, match="frame is a"):
            model_class.load(tmp_path / "w.safetensors")
