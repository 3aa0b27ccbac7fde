"""Recall against every node, the rules, and the guarantee."""

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.extraction import extract, stream
from levelform.backend.extraction.run import count_active
from levelform.backend.fields import Field
from levelform.backend.fields.svm_field import SVMField
from setups.analytic import Boxes, Gyroid, Rods, Sphere, Torus

SHAPES = {
    "sphere": Sphere(0.7),
    "off centre": Sphere(0.31, (0.2, -0.35, 0.4)),
    "torus": Torus(0.6, 0.2),
    "gyroid": Gyroid(1.3),
    "cut by the box": Sphere(1.2),
    "boxes on nodes": Boxes(
        [[-0.5, -0.5, -0.5], [0.5, -0.125, 0.0]], [[0.5] * 3, [0.75, 0.25, 0.5]]
    ),
    "rod": Rods([[-0.6, -0.5, -0.7]], [[0.6, 0.2, 0.5]], 0.02),
}


class Hidden(Field):
    """A field without a bound."""

    def __init__(self, field: Field, kind: str = "distance") -> None:
        self.field, self.kind = field, kind

    def __call__(self, points):
        return self.field(points)


class Binary(Hidden):
    """Only a sign."""

    def __call__(self, points):
        return torch.where(self.field(points) <= 0, -1.0, 1.0)


def last(field, n, **keywords):
    *_, update = stream(field, n, first=n, normals=False, **keywords)
    return update


@pytest.mark.parametrize("n", [32, 64, 128])
@pytest.mark.parametrize("name", SHAPES)
def test_finds_every_cell_that_a_dense_grid_has(dense, name, n):
    stats = last(SHAPES[name], n).stats
    assert stats.cells == count_active(dense(SHAPES[name], n), 0.0)
    assert stats.evaluations < (n + 1) ** 3


@pytest.mark.parametrize("hidden", [Hidden, Binary])
def test_finds_every_cell_of_fields_without_bounds(dense, hidden):
    for kind in ("distance", "occupancy"):
        field = hidden(SHAPES["torus"], kind)
        assert last(field, 128).stats.cells == count_active(dense(field, 128), 0.0)


def test_flooding_repairs_forecasts_without_any_sense(dense):
    """Values that jump about within each sign leave the forecast no clue but the signs."""

    class Jumpy(Hidden):
        def __call__(self, points):
            size = 0.01 + (points * 913.7).sum(dim=1).sin().square() * 100
            return torch.where(self.field(points) <= 0, -size, size)

    field = Jumpy(Gyroid(1.7), "occupancy")
    assert last(field, 128).stats.cells == count_active(dense(field, 128), 0.0)


def test_any_box(dense):
    box = ((-0.9, -0.15, -0.5), (0.8, 0.3, 0.55))
    for cap in (True, False):
        stats = last(SHAPES["gyroid"], 128, box=box, cap=cap).stats
        assert stats.cells == count_active(dense(SHAPES["gyroid"], 128, box=box, cap=cap), 0.0)


class BallAndSpeck(Field):
    """A ball, and a speck of less than two cells at 256 that no node of a 128 grid lies in."""

    lipschitz = 1.0

    def __call__(self, points):
        speck = Sphere(0.0075, (0.7 + 1 / 256, 1 / 128 + 1 / 256, 1 / 128))
        return torch.minimum(Sphere(0.4)(points), speck(points))


def test_guaranteed_finds_what_coarse_levels_cannot_show(dense):
    default, proven = last(BallAndSpeck(), 256), last(BallAndSpeck(), 256, guaranteed=True)
    assert not default.stats.search_complete
    assert proven.stats.search_complete
    assert "proven" in proven.stats.rule
    assert proven.stats.cells == count_active(dense(BallAndSpeck(), 256), 0.0)
    assert default.stats.cells < proven.stats.cells


def test_a_sampled_bound_says_so():
    stats = last(Hidden(Sphere(0.7)), 64).stats
    assert "sampled: 99.9% of 2048 gradients" in stats.rule
    assert not stats.search_complete


def test_an_occupancy_without_bounds_is_searched_where_its_corners_cast_doubt(dense):
    """Fewer nodes than the coarsest levels have, none of the surface missed, nothing promised."""
    field = Hidden(SHAPES["torus"], "occupancy")
    stats = last(field, 128).stats
    assert "doubt by the change" in stats.rule
    assert not stats.search_complete
    assert stats.cells == count_active(dense(field, 128), 0.0)
    assert stats.evaluations < 65**3 / 2


def test_a_part_between_the_coarse_nodes_is_found_by_its_slope(dense):
    """A rod half as thick as a cell of 32, apart from the ball that shows."""
    rod = Rods([[-0.6, 0.72, -0.7]], [[0.6, 0.75, 0.5]], 0.015)

    class Both(Hidden):
        def __call__(self, points):
            return 30 * torch.minimum(self.field(points), rod(points))

    field = Both(Sphere(0.4), "occupancy")
    coarse = count_active(dense(field, 32), 0.0)
    assert coarse == count_active(dense(Hidden(Sphere(0.4)), 32), 0.0)  # nothing of it shows there
    assert last(field, 128).stats.cells == count_active(dense(field, 128), 0.0)


def test_a_guarantee_that_cannot_be_given_is_refused_or_reported():
    field = Hidden(Sphere(0.7), "occupancy")
    stats = last(field, 128, guaranteed=True).stats
    assert not stats.search_complete
    assert "can't be proven" in stats.remarks[-1]
    with pytest.raises(RequestError, match="can't be proven"):
        extract(field, 128, guaranteed=True)


def test_up_to_64_every_field_is_guaranteed_when_asked():
    for kind in ("distance", "occupancy"):
        assert last(Hidden(Sphere(0.7), kind), 64, guaranteed=True).stats.search_complete


def test_bounds_over_boxes_are_used(dense):
    generator = torch.Generator().manual_seed(2)
    centers = torch.rand((12, 3), generator=generator) * 1.4 - 0.7
    weights = torch.where(torch.arange(12) % 3 == 0, 4.0, -6.0)
    inverse = 0.05**-0.5  # of the bumps' width
    straight = torch.eye(3) * inverse, torch.zeros(3)
    bumps = {"support": centers * inverse, "weights": weights, "bias": torch.tensor(1.0)}
    field = SVMField(straight=straight, warp=[], **bumps)
    stats = last(field, 128).stats
    assert stats.boxes > 0
    assert "bounds over boxes" in stats.rule
    assert stats.cells == count_active(dense(field, 128), 0.0)
    assert last(field, 128, guaranteed=True).stats.search_complete
