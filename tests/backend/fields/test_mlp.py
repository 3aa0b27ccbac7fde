"""Perceptrons as fields: values against torch's own modules, bounds against many points."""

import pytest
import torch
from levelform.backend.fields.mlp import MlpField, affine_bounds
from torch import nn

ACTIVATIONS = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}


def network(activation: str, *, gain: float = 1.0) -> nn.Sequential:
    torch.manual_seed(4)
    layers = []
    for width_in, width_out in ((3, 32), (32, 32), (32, 1)):
        layers += [nn.Linear(width_in, width_out), ACTIVATIONS[activation]()]
    with torch.no_grad():
        for layer in layers[::2]:
            layer.weight *= gain
    return nn.Sequential(*layers[:-1])


def layers_of(net: nn.Sequential) -> list:
    return [(layer.weight.detach(), layer.bias.detach()) for layer in net[::2]]


def boxes(count: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    lower = torch.rand((count, 3), generator=torch.Generator().manual_seed(1)) * 2 - 1
    return lower, lower + size * torch.rand((count, 3), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_are_the_modules_values(activation):
    net = network(activation)
    field = MlpField(layers_of(net), activation=activation)
    points = torch.rand(100, 3)
    assert torch.allclose(field(points), net(points)[:, 0], atol=1e-6)
    assert field.kind == "occupancy"


@pytest.mark.parametrize("gain", [1.0, 4.0, 20.0])
@pytest.mark.parametrize("size", [1e-4, 0.05, 1.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bounds_are_sound(activation, size, gain):
    field = MlpField(layers_of(network(activation, gain=gain)), activation=activation)
    lower, upper = boxes(300, size)
    low, high = field.bounds(lower, upper)
    for seed in range(40):
        fraction = torch.rand((300, 3), generator=torch.Generator().manual_seed(seed))
        fraction = fraction.round() if seed % 2 else fraction  # every other time corners
        values = field(lower + fraction * (upper - lower))
        assert (low <= values).all()
        assert (values <= high).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bounds_close_in_on_small_boxes(activation):
    """The width of the remainder falls with the square of the size: bounds find the true slope."""
    field = MlpField(layers_of(network(activation, gain=2.0)), activation=activation)
    lower, _ = boxes(200, 1.0)
    for size in (1e-2, 1e-3):
        low, high = field.bounds(lower, lower + size)
        ends = torch.tensor([0.0, 1.0])
        corners = torch.stack([field(lower + size * c) for c in torch.cartesian_prod(*[ends] * 3)])
        true = corners.amax(0) - corners.amin(0)
        slack = 2e-4 * (1 + torch.maximum(low.abs(), high.abs()))
        assert ((high - low) <= 1.6 * true + slack).float().mean() > 0.9


def test_linear_networks_are_bounded_exactly():
    weight, bias = torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([0.25])
    low, high = affine_bounds(
        [(weight, bias)], torch.zeros(1, 3), torch.ones(1, 3), activation="relu"
    )
    assert low.item() == pytest.approx(-1.75, abs=1e-4)
    assert high.item() == pytest.approx(1.75, abs=1e-4)


def test_layers_that_are_no_field():
    with pytest.raises(ValueError, match="takes 3 numbers"):
        MlpField([(torch.zeros(1, 2), torch.zeros(1))])
