"""Codes in files that do not fit their weights are refused in a sentence."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import Code
from levelform.backend.reconstructors.code_files import field_of_file
from setups.analytic import Sphere


class Model:
    """Decodes a radius."""

    def check_code(self, code):
        if code.method != "toy":
            raise RequestError("Another method's code.")

    def decode(self, code):
        return Sphere(float(code.tensors["radius"]) + code.meta["more"])


def test_the_field_of_an_honest_code_comes_back():
    field = field_of_file(Model(), Code("toy", {"radius": torch.tensor(0.5)}, {"more": 0.1}), "x")
    assert float(field(torch.zeros(1, 3))) == pytest.approx(-0.6)


@pytest.mark.parametrize(
    ("tensors", "meta"),
    [
        ({}, {"more": 0.1}),
        ({"radius": torch.zeros(3)}, {"more": 0.1}),
        ({"radius": torch.tensor(0.5)}, {}),
        ({"radius": torch.tensor(0.5)}, {"more": "x"}),
        ({"radius": torch.tensor(0.5)}, {"more": float("nan")}),
    ],
)
def test_what_does_not_fit_is_refused(tensors, meta):
    with pytest.raises(RequestError, match=r"The code a\.safetensors does not fit these weights"):
        field_of_file(Model(), Code("toy", tensors, meta), "a.safetensors")


def test_another_methods_code_keeps_its_own_sentence():
    with pytest.raises(RequestError, match="Another method"):
        field_of_file(Model(), Code("other", {}, {}), "x")


@pytest.mark.parametrize("changed", [{"method": 3}, {"meta": []}, {"fixed": "x"}, {"fixed": [1]}])
def test_a_header_that_is_not_a_codes_is_refused(tmp_path, changed):
    from levelform.backend.reconstructors.storage import write_tensors

    header = {"kind": "code", "method": "toy", "meta": {}, "fixed": []} | changed
    write_tensors(tmp_path / "a.safetensors", {"x": torch.zeros(2)}, header)
    with pytest.raises(RequestError, match="header is not a code's"):
        Code.load(tmp_path / "a.safetensors")


def test_numbers_that_are_none_are_refused(tmp_path):
    Code("toy", {"x": torch.tensor([0.0, float("nan")])}).save(tmp_path / "a.safetensors")
    with pytest.raises(RequestError, match="values that are not numbers"):
        Code.load(tmp_path / "a.safetensors")
