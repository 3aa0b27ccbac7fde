"""Averaging one part of two weights files."""

import sys
from pathlib import Path

import pytest
import torch
from levelform.backend.reconstructors.storage import read_tensors, write_tensors

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from average_weights import average


def write(path, value, **more):
    tensors = {"main.w": torch.full((2, 3), value), "several.w": torch.full((2, 3), value), **more}
    header = {
        "training": {"parts": {"several": {"steps": 5}}},
        "results": {"level": 0.1, "validation several validation_loss": 0.4},
    }
    write_tensors(path, tensors, header)
    return path


def test_the_part_is_the_mean_and_all_else_the_later(tmp_path):
    later, earlier = write(tmp_path / "b", 3.0), write(tmp_path / "a", 1.0)
    assert average(later, earlier, "several", tmp_path / "c") == 1
    tensors, header, _ = read_tensors(tmp_path / "c")
    assert (tensors["several.w"] == 2).all()
    assert (tensors["main.w"] == 3).all()
    assert header["results"] == {"level": 0.1}  # the loss was not measured of the mean
    part = header["training"]["parts"]["several"]
    assert part == {"steps": 5, "averaged_with": read_tensors(earlier)[2], "fraction": 0.5}


def test_what_the_earlier_network_lacks_is_the_later_ones(tmp_path):
    later = write(tmp_path / "b", 3.0, **{"several.context.w": torch.full((4,), 7.0)})
    assert average(later, write(tmp_path / "a", 1.0), "several", tmp_path / "c") == 1
    assert (read_tensors(tmp_path / "c")[0]["several.context.w"] == 7).all()


def test_parts_that_differ_are_refused(tmp_path):
    earlier = write(tmp_path / "a", 1.0, **{"several.v": torch.zeros(2)})
    with pytest.raises(SystemExit, match="does not hold the tensors of several"):
        average(write(tmp_path / "b", 3.0), earlier, "several", tmp_path / "c")
    assert not (tmp_path / "c").exists()
