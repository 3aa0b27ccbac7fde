import torch
from levelform.backend.fit.grid import Interpolate, NodeGrid

GRID = NodeGrid((-0.5, -0.4, -0.3), 0.1, (11, 9, 7))


def points_inside(count=200):
    lower, upper = GRID.box(torch.device("cpu"))
    return lower + torch.rand(count, 3, generator=torch.Generator().manual_seed(0)) * (
        upper - lower
    )


def test_interpolation_is_exact_for_linear_functions():
    nodes, points = GRID.nodes(torch.device("cpu")), points_inside()
    slope = torch.tensor([0.3, -1.2, 0.7])
    index, weights = GRID.corners(points)
    assert torch.allclose(weights.sum(1), torch.ones(len(points)), atol=1e-6)
    table = (nodes @ slope + 0.1)[:, None]
    result = Interpolate.apply(table, index, weights)[:, 0]
    assert torch.allclose(result, points @ slope + 0.1, atol=1e-5)
    assert torch.allclose(GRID.sample(table[:, 0], points), result, atol=1e-5)


def test_the_hand_written_gradient_is_autograds():
    small = NodeGrid((-0.5, -0.4, -0.3), 0.4, (4, 3, 3))
    table = torch.randn(small.count, 3, dtype=torch.float64, requires_grad=True)
    index, weights = small.corners(points_inside(20))
    weights = weights.double()
    assert torch.autograd.gradcheck(lambda t: Interpolate.apply(t, index, weights), (table,))


def test_a_grid_covers_its_box_with_a_margin():
    lower, upper = torch.tensor([-0.9, -0.3, 0.0]), torch.tensor([0.9, 0.4, 0.5])
    grid = NodeGrid.over(lower, upper, 32)
    first, last = grid.box(torch.device("cpu"))
    assert (lower - first >= 2 * grid.spacing - 1e-5).all()
    assert (last - upper >= 2 * grid.spacing - 1e-5).all()
    assert grid.spacing == torch.tensor(1.8 / 32)


def test_points_outside_know_how_far():
    lower, upper = GRID.box(torch.device("cpu"))
    beyond = torch.stack([upper + torch.tensor([0.3, 0.0, 0.4]), (lower + upper) / 2])
    assert torch.allclose(GRID.box_distance(beyond), torch.tensor([0.5, 0.0]), atol=1e-6)
