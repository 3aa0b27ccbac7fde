"""The encoders' published sizes, shapes and names."""

import pytest
import torch
from levelform.backend.encoders import normalize
from levelform.backend.encoders.preactivation import PreactivationResNet, ResidualModule, pad_same
from levelform.backend.encoders.resnet import ResNet
from levelform.backend.encoders.vgg import VGG16


def parameters(make, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in make(**options).parameters())


@pytest.mark.parametrize(
    ("make", "options", "count"),
    [
        (ResNet, {}, 11_176_512),
        (ResNet, {"outputs": 512}, 11_439_168),  # SDF-SRN's encoder
        (ResNet, {"norm": "instance"}, 11_166_912),  # UCLID-Net's encoder
        (VGG16, {}, 138_455_872),  # DISN's
        (PreactivationResNet, {}, 87_971_328 + 6_464 + 25_728),  # Deep Meta's, before its FCs
    ],
)
def test_published_sizes(make, options, count):
    assert parameters(make, **options) == count


def test_resnet_has_torchvisions_names():
    with torch.device("meta"):
        names = set(ResNet(outputs=1000).state_dict())
    assert len(names) == 122  # torchvision.models.resnet18().state_dict()
    assert {
        "conv1.weight",
        "bn1.num_batches_tracked",
        "layer1.1.bn2.running_var",
        "layer2.0.downsample.0.weight",
        "layer4.0.downsample.1.running_mean",
        "fc.bias",
    } <= names
    assert "layer1.0.downsample.0.weight" not in names


def test_resnet_maps_halve_from_a_quarter_of_the_image():
    maps = ResNet(width=4).maps(torch.zeros(2, 3, 64, 64))
    assert [tuple(m.shape) for m in maps] == [
        (2, 4, 16, 16),
        (2, 8, 8, 8),
        (2, 16, 4, 4),
        (2, 32, 2, 2),
    ]


def test_vgg_with_norms_trains_on_a_single_image():
    network = VGG16(width=2, hidden=4, outputs=3, head=1, batch_norm=True).train()
    vector, _ = network(torch.rand(1, 3, 32, 32))
    vector.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    assert torch.equal(network.norm6.running_mean, torch.zeros(4))


def test_vgg_has_torchvisions_names_and_five_maps():
    with torch.device("meta"):
        network = VGG16()
        features, maps = network(torch.zeros(1, 3, 224, 224))
    assert features.shape == (1, 1024)
    assert [m.shape[1] for m in maps] == [64, 128, 256, 512, 512]
    assert [m.shape[2] for m in maps] == [224, 112, 56, 28, 14]
    convolutions = {name.split(".")[1] for name in network.state_dict() if "features" in name}
    assert convolutions == {str(i) for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)}


def test_deep_meta_sizes():
    with torch.device("meta"):
        maps = PreactivationResNet().maps(torch.zeros(1, 4, 137, 137))
    assert [m.shape[2] for m in maps] == [69, 35, 18, 9, 5]
    assert [m.shape[1] for m in maps] == [128, 256, 512, 1024, 1024]


@pytest.mark.parametrize(
    ("size", "pads"), [(137, (1, 1)), (69, (1, 1)), (18, (0, 1)), (9, (1, 1)), (64, (0, 1))]
)
def test_padding_is_tensorflows(size, pads):
    padded = pad_same(torch.ones(1, 1, size, size), kernel=3, stride=2)[0, 0]
    assert padded.shape[0] == size + sum(pads)
    assert (padded[0].sum() == 0) == (pads[0] == 1)
    assert padded[-1].sum() == 0


def test_shortcut_copies_channels_at_even_pixels():
    x = torch.arange(2 * 4 * 4, dtype=torch.float32).reshape(1, 2, 4, 4)
    module = ResidualModule(2, 5, stride=2, batch_norm=False)
    shortcut = module.shortcut(x)
    assert shortcut.shape == (1, 5, 2, 2)
    for channel in range(5):
        assert torch.equal(shortcut[0, channel], x[0, channel % 2, ::2, ::2])


@pytest.mark.parametrize("make", [ResNet, PreactivationResNet])
def test_gradients_reach_every_parameter(make):
    network = make(width=4, channels=3)
    network(torch.rand(2, 3, 40, 40)).square().sum().backward()
    missing = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


def test_normalize_takes_imagenets_mean_to_zero():
    images = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None].expand(2, 3, 4, 5)
    assert normalize(images).abs().max() < 1e-6
    assert torch.allclose(
        normalize(images + 0.1)[0, :, 0, 0], 0.1 / torch.tensor([0.229, 0.224, 0.225])
    )
