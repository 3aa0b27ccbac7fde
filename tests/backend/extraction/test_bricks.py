"""Sparse storage against plain arithmetic."""

import numpy as np
import pytest
import torch
from levelform.backend.extraction.bricks import VOLUME, Bricks, unique
from levelform.backend.extraction.tables import CORNERS

SHAPE = (21, 9, 34)


@pytest.fixture
def bricks() -> Bricks:
    storage = Bricks(SHAPE, torch.device("cpu"))
    storage.add_column("value", torch.float32, torch.nan)
    return storage


def some_places(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    axes = [torch.randint(0, s - 1, (count,), generator=generator) for s in SHAPE]
    return torch.stack(axes).int()


def test_rows_and_places_are_inverse(bricks):
    places = some_places(200)
    bricks.reserve(places)
    rows = bricks.row(places)
    assert (rows >= VOLUME).all()
    assert torch.equal(bricks.places(rows), places)
    distinct = len(set(map(tuple, places.T.tolist())))
    assert len(rows.unique()) == distinct


def test_corner_rows_are_rows_of_corners(bricks):
    cells = some_places(100)
    rows = bricks.corner_rows(cells, reserve=True)
    for k, corner in enumerate(CORNERS):
        moved = cells + torch.as_tensor(corner, dtype=torch.int32)[:, None]
        assert torch.equal(rows[k], bricks.row(moved))
        assert torch.equal(bricks.places(rows[k]), moved)


def test_absent_nodes_read_as_the_fill(bricks):
    assert bricks["value"][bricks.row(some_places(50)).long()].isnan().all()


def test_growth_keeps_what_was_written(bricks):
    written = {}
    for seed in range(20):
        places = some_places(7, seed)
        bricks.reserve(places)
        values = torch.arange(7.0) + 10 * seed
        bricks["value"].index_copy_(0, bricks.row(places).long(), values)
        written |= dict(zip(map(tuple, places.T.tolist()), values.tolist(), strict=True))
    places = torch.tensor(list(written), dtype=torch.int32).T
    assert bricks["value"][bricks.row(places).long()].tolist() == list(written.values())
    assert int((~bricks["value"].isnan()).sum()) == len(written)


@pytest.mark.parametrize("count", [3, 5000])
def test_unique_sorts_few_and_marks_many_alike(count):
    numbers = torch.randint(0, 9000, (count,), generator=torch.Generator().manual_seed(1))
    assert np.array_equal(unique(numbers, 9000).numpy(), np.unique(numbers.numpy()))
