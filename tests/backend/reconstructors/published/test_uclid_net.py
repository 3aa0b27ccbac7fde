"""Import of UCLID-Net's three files."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors.uclid_net import COMPACT, UCLIDNet


def tiny():
    """Build a network of the paper's shape, small enough for a test."""
    torch.manual_seed(0)
    sizes = {"width": 4, "deep": 6, "skip": 3, "stages": (6, 5, 5), "camera_width": 4}
    framing = replace(COMPACT.framing, size=64)
    return UCLIDNet(replace(COMPACT, framing=framing, depth_width=4, **sizes)).eval()


def test_the_authors_files_load_in_any_order():
    theirs = tiny()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.1)
    files = [
        {k: t.clone() for k, t in module.state_dict().items()}
        for module in (theirs.depth, theirs.network, theirs.camera)
    ]
    model = UCLIDNet.import_checkpoint(files).eval()
    assert model.configuration.legacy
    for part, state in zip(("depth", "network", "camera"), files, strict=True):
        for name, tensor in getattr(model, part).state_dict().items():
            assert torch.equal(tensor, state[name]), name


PUBLISHED = [
    "encoder_2D.conv1.weight",
    "encoder_2D.layer2.0.downsample.0.weight",
    "conv1x1_l4.bias",
    "decoder_3D.layer1.1.conv2.weight",
    "decoder_3D.layer2.0.conv2.bias",
    "decoder_3D.layer3.0.upsample.0.weight",
    "decoder_3D.layer4.0.upsample.1.running_var",
    "decoder_3D.output_layer.weight",
    "decoder_occupancy.bias",
    "patch_sampler.conv21.weight",
    "patch_sampler.bn23.num_batches_tracked",
    "patch_sampler.conv3.weight",
]


def test_names_are_the_published_ones():
    model = tiny()
    names = set(model.network.state_dict())
    assert set(PUBLISHED) <= names
    assert not any("downsample.1" in name for name in names)  # instance norms have no parameters
    assert {
        "conv1.weight",
        "bn1.bias",
        "layer2.0.downsample.1.weight",
        "layer4.3.bn2.weight",
        "fc.bias",
    } <= set(model.camera.state_dict())
    assert {
        "layer0.0.weight",
        "layer1.0.1.conv2.bias",
        "layer2.0.0.downsample.0.weight",
        "toplayer.bias",
        "latlayer3.weight",
        "smooth1.bias",
        "agg4.2.weight",
        "up1.0.bias",
        "predict1.0.weight",
        "predict2.0.bias",
    } <= set(model.depth.state_dict())


def test_another_file_is_refused():
    with pytest.raises(RequestError, match="UCLID"):
        UCLIDNet.import_checkpoint([{"weights": torch.zeros(1)}])
