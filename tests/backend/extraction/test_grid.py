"""The grid: nested nodes, whole cells, boxes and resolutions that can't be."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.extraction.grid import NestedGrid, round_up


@pytest.mark.parametrize(
    ("asked", "given"), [(1, 32), (32, 32), (33, 64), (100, 128), (128, 128), (1000, 1024)]
)
def test_resolutions_are_rounded_up_and_it_is_said(asked, given):
    resolution, remark = round_up(asked)
    assert resolution == given
    assert bool(remark) == (asked != given)
    assert not remark or (str(asked) in remark and str(given) in remark)


@pytest.mark.parametrize("asked", [0, -5, 1025, float("nan"), True])
def test_impossible_resolutions(asked):
    with pytest.raises(RequestError):
        round_up(asked)


@pytest.mark.parametrize(
    "box",
    [
        ((0, 0, 0), (1, 1, 0)),
        ((0, 0, 0), (1, 1, -1)),
        ((0, 0), (1, 1)),
        ((0, 0, 0), (1, 1, float("inf"))),
        "box",
    ],
)
def test_impossible_boxes(box):
    with pytest.raises(RequestError):
        NestedGrid.over(box)


@pytest.mark.parametrize("n", [32, 64, 256])
def test_cells_are_cubes_that_cover_the_box(n):
    grid = NestedGrid.over(((-1, -0.3, 0.1), (1, 0.45, 0.2)))
    assert grid.shape(n)[0] == n
    sides = np.subtract(grid.upper, grid.lower)
    covered = np.multiply(grid.shape(n), grid.step(n))
    assert (covered > sides - 1e-6).all()
    assert (covered < sides + grid.step(n)).all()


def test_nodes_are_nested_to_the_last_bit():
    grid = NestedGrid.over(((-0.7, -1 / 3, 0.1), (0.77, 0.4, 0.9)))
    for n in (32, 64, 512):
        nodes = np.arange(n + 1, dtype=np.float32)
        coarse = np.float32(grid.lower[0]) + nodes * np.float32(grid.step(n))
        fine = np.float32(grid.lower[0]) + 2 * nodes * np.float32(grid.step(2 * n))
        assert np.array_equal(coarse, fine)


def test_cells_too_small_for_single_precision():
    far = NestedGrid.over(((100, 100, 100), (100.01, 100.01, 100.01)))
    with pytest.raises(RequestError, match="single precision"):
        far.margin(256)
    assert NestedGrid.over(None).margin(1024) == pytest.approx(1e-3, rel=0.1)
