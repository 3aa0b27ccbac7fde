"""Half precision: for what looks at images, never for coordinates."""

from dataclasses import replace
from operator import attrgetter

import pytest
import torch
from levelform.backend.reconstructors import methods
from levelform.backend.training.precision import compute_in_bfloat16

NETWORKS = sorted(name for name, cls in methods().items() if cls.recipes)


def network(name):
    """Return a small network of a method."""
    torch.manual_seed(0)
    cls = methods()[name]
    return cls(cls.configurations["compact"])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_calls_that_a_method_names_are_there(name):
    models = [network(name)]
    if name == "disn":  # its encoder of volumes is a configuration of its own
        models.append(type(models[0])(replace(models[0].configuration, streams="volume")))
    assert models[0].half_precision
    for path in models[0].half_precision:
        there = [model for model in models if _part(model, path) is not None]
        assert there, path
        assert all(callable(attrgetter(path)(model)) for model in there)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_method_names_answers_in_float32_and_learns(name):
    """The call is another's result to half precision, and its gradients reach the weights.

    In evaluation: norms of a few images would enlarge what is rounded as much as what differs.
    """
    model = network(name).eval()
    path = model.half_precision[0]
    images = torch.rand(4, _channels(model, path), 64, 64)
    exact = _tensors(attrgetter(path)(model)(images))
    compute_in_bfloat16(model)
    half = _tensors(attrgetter(path)(model)(images))
    for one, other in zip(exact, half, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert (one - other).norm() < 0.1 * one.norm()
    sum(tensor.square().mean() for tensor in half).backward()
    part = attrgetter(path.rpartition(".")[0])(model)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def _part(model, path):
    try:
        return attrgetter(path.rpartition(".")[0])(model)
    except AttributeError:
        return None


def _channels(model, path):
    """Return how many channels the first convolution of a part reads."""
    part = attrgetter(path.rpartition(".")[0])(model)
    kernels = (m for m in part.modules() if isinstance(m, torch.nn.Conv2d))
    return next(kernels).weight.shape[1]


def _tensors(value):
    """Return the tensors in a result."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for each in value for tensor in _tensors(each)]
