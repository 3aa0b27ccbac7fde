import pytest
import torch
from levelform.backend.fit.band import DUMMIES, Band, nearest_active, redistance
from levelform.backend.fit.grid import NodeGrid
from levelform.backend.fit.losses import Reference, distance_losses, variation

CPU = torch.device("cpu")
SIDE = torch.tensor([0.8, 0.8, 0.8])
GRID = NodeGrid.over(-SIDE, SIDE, 20)


def ball():
    return GRID.nodes(CPU).norm(dim=1) - 0.6


def band():
    return Band.around(GRID, ball(), 0.1)


def test_the_band_holds_the_nodes_near_the_surface():
    chosen = band()
    inside = torch.zeros(GRID.count, dtype=torch.bool)
    inside[chosen.active] = True
    assert inside[ball().abs() < 0.1].all()
    assert (ball()[chosen.active].abs() < chosen.reach).all()
    far = ~inside
    assert (chosen.places[far & (ball() < 0)] == len(chosen) + 1).all()
    assert (chosen.places[far & (ball() > 0)] == len(chosen)).all()


def test_gradient_and_its_adjoint_agree_with_autograd():
    chosen = band()
    values = chosen.compact_distances(ball()).double().requires_grad_(True)
    near = values[chosen.neighbours]
    slopes = chosen.gradient(near)
    bend = near.sum(0) - 6.0 * values[:-DUMMIES]
    a, b = torch.randn_like(slopes), torch.randn_like(bend)
    (expected,) = torch.autograd.grad((a * slopes).sum() + (b * bend).sum(), values)
    result = chosen.adjoint(a, b)
    assert torch.allclose(result[:-DUMMIES], expected[:-DUMMIES], atol=1e-9)
    assert (result[-DUMMIES:] == 0).all()


CREASE = 0.15


@pytest.mark.parametrize("weight", [None, 0.0, 0.7])
def test_distance_losses_have_the_derivatives_of_autograd(weight):
    chosen = band()
    values = chosen.compact_distances(ball() * 1.3).double()
    values = (values + 0.02 * torch.randn_like(values)).requires_grad_(True)
    near = values[chosen.neighbours]
    first, aim, lengths = None, 0.0, 1.0
    if weight is not None:
        box = chosen.compact_distances(GRID.nodes(CPU).abs().amax(1) - 0.6).double()
        first = Reference.of(box, chosen).weighted(weight)
        around = box[chosen.neighbours]
        aim = weight * (around.sum(0) - 6.0 * box[:-DUMMIES])
        lengths = chosen.gradient(around).norm(dim=0)
        assert (lengths - 1.0).abs().max() > 0.1
    loss, by_slope, by_bend = distance_losses(
        near.detach(),
        values.detach()[:-DUMMIES],
        chosen,
        eikonal=0.3,
        laplacian=0.7,
        crease=CREASE,
        reference=first,
    )
    total, complete = chosen.complete.sum(), chosen.complete.double()
    off = (chosen.gradient(near).norm(dim=0) - lengths) * complete
    bend = (near.sum(0) - 6.0 * values[:-DUMMIES] - aim) * complete / GRID.spacing
    size = bend.abs()
    huber = torch.where(size <= CREASE, size.square(), CREASE * (2.0 * size - CREASE))
    assert (size > CREASE).any()
    assert ((size > 0) & (size < CREASE)).any()
    slow = (0.3 * off.square().sum() + 0.7 * huber.sum()) / total
    (expected,) = torch.autograd.grad(slow, values)
    assert torch.allclose(loss, slow.detach())
    result = chosen.adjoint(by_slope, by_bend)
    assert torch.allclose(result[:-DUMMIES], expected[:-DUMMIES], atol=1e-9)


def test_a_field_is_as_smooth_as_its_reference():
    chosen = band()
    values = chosen.compact_distances(GRID.nodes(CPU).abs().amax(1) - 0.6)
    near = values[chosen.neighbours]
    shares = {"eikonal": 0.3, "laplacian": 0.7, "crease": CREASE}
    alone, _, _ = distance_losses(near, values[:-DUMMIES], chosen, **shares)
    same, by_slope, by_bend = distance_losses(
        near, values[:-DUMMIES], chosen, **shares, reference=Reference.of(values, chosen)
    )
    assert float(alone) > 0.01
    assert float(same) == float(by_slope.abs().max()) == float(by_bend.abs().max()) == 0.0


def test_variation_has_the_derivative_of_autograd():
    chosen = band()
    values = torch.randn(len(chosen) + DUMMIES, 3, dtype=torch.float64, requires_grad=True)
    loss, gradient = variation(values.detach(), chosen, 1)
    after = values[chosen.neighbours[2]]
    difference = (after - values[:-DUMMIES]).abs() * chosen.complete[:, None]
    slow = difference.sum() / (chosen.complete.sum() * 3)
    (expected,) = torch.autograd.grad(slow, values)
    assert torch.allclose(loss, slow.detach())
    assert torch.allclose(gradient[:-DUMMIES], expected[:-DUMMIES], atol=1e-9)


def test_far_nodes_are_measured_anew_and_near_ones_kept():
    true = ball()
    stale = torch.where(true.abs() > 0.15, true.sign() * 9.0, true)
    result = redistance(GRID, stale, 0.15)
    assert torch.equal(result[true.abs() <= 0.15], true[true.abs() <= 0.15])
    assert torch.equal(result.sign(), true.sign())
    assert (result - true).abs().max() < GRID.spacing


def test_the_nearest_node_of_the_band():
    chosen = band()
    nearest = nearest_active(chosen)
    assert torch.equal(nearest[chosen.active], chosen.active)
    nodes = GRID.nodes(CPU)
    corner = 0
    apart = (nodes[chosen.active] - nodes[corner]).norm(dim=1).min()
    assert torch.allclose((nodes[nearest[corner]] - nodes[corner]).norm(), apart)
