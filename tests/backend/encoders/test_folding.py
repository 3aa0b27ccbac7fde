"""Folding: the same numbers as the norms give, for every kind of convolution, and never stale."""

import pytest
import torch
from levelform.backend.encoders import folding
from levelform.backend.encoders.decoder3d import Block3D
from levelform.backend.encoders.folding import Folded, convolution_dtype, folded
from levelform.backend.encoders.resnet import ResNet
from levelform.backend.fields.patch_sampler import PatchSampler
from torch import nn


def with_statistics(network):
    """Give norms statistics and weights away from their start."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            mean, variance = dict(module.named_buffers())["running_mean"], module.running_var
            mean.copy_(torch.randn(mean.shape, generator=generator) * 0.3)
            assert variance is not None
            variance.copy_(torch.rand(mean.shape, generator=generator) + 0.5)
            nn.init.normal_(module.weight, 1.0, 0.3, generator=generator)
            nn.init.normal_(module.bias, 0.0, 0.3, generator=generator)
    return network.eval()


def norms(network):
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm2d | nn.BatchNorm3d)]


CASES = {
    "residual": (lambda: Block3D(5, 5), [(2, 5, 6, 6, 6)]),
    "other channels": (lambda: Block3D(5, 3), [(2, 5, 6, 6, 6)]),
    "transposed": (lambda: Block3D(5, 3, double=True), [(2, 5, 6, 6, 6)]),
    "patches": (lambda: PatchSampler(32), [(7, 32), (7, 9, 2)]),
    "image encoder": (lambda: ResNet(width=4), [(2, 3, 40, 40)]),
}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_a_folded_network_gives_the_same_numbers(case):
    make, shapes = CASES[case]
    torch.manual_seed(1)
    network = with_statistics(make())
    inputs = [torch.randn(shape) for shape in shapes]
    twin = folded(network)
    assert norms(network)
    assert not norms(twin)
    expected = network(*inputs)
    torch.testing.assert_close(twin(*inputs), expected, rtol=1e-5, atol=1e-5)
    assert (expected - make().eval()(*inputs)).abs().max() > 1e-3  # the norms did something


def test_other_norms_stay():
    network = ResNet(width=4, norm="instance_affine")
    kinds = [type(m) for m in network.modules()]
    assert [type(m) for m in folded(network).modules()] == kinds


def change_in_place(network):
    network.conv1.weight.mul_(2)


def load(network):
    network.load_state_dict(with_statistics(Block3D(5, 3)).state_dict())


def gather_statistics(network):
    network.train()(torch.randn(2, 5, 4, 4, 4))
    network.eval()


@pytest.mark.parametrize("change", [change_in_place, load, gather_statistics])
@torch.no_grad()
def test_a_copy_is_made_once_and_again_when_the_weights_change(change):
    network = with_statistics(Block3D(5, 3))
    keeper, x = Folded(network), torch.randn(1, 5, 4, 4, 4)
    before = keeper()
    assert keeper() is before
    change(network)
    assert keeper() is not before
    torch.testing.assert_close(keeper()(x), network(x), rtol=1e-5, atol=1e-5)


def test_the_trained_network_is_left_as_it_is():
    network = with_statistics(Block3D(5, 3)).train()
    names = list(network.state_dict())
    twin = Folded(network)()
    assert list(network.state_dict()) == names
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert not any(p.requires_grad for p in twin.parameters())


@pytest.mark.parametrize("there", [False, True])
def test_bfloat16_is_for_processors_that_have_it(there, monkeypatch):
    monkeypatch.setattr(folding, "has_bfloat16", lambda: there)
    assert convolution_dtype(torch.zeros(1)) == (torch.bfloat16 if there else torch.float32)
    assert convolution_dtype(torch.zeros(1, device="meta")) == torch.float32


@pytest.mark.parametrize(
    ("capabilities", "there"),
    [({}, False), ({"avx512_bf16": False, "amx_bf16": True}, True), ({"avx512_bf16": True}, True)],
)
def test_the_processor_is_asked(capabilities, there, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert folding.has_bfloat16() is there
