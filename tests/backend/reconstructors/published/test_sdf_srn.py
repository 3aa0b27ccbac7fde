"""Import of SDF-SRN's checkpoints, against the published formulas."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import Code
from levelform.backend.reconstructors.sdf_srn import SDFSRN


def authors_checkpoint():
    """Write a state dict with the published keys, for the sizes of PASCAL3D+."""
    generator = torch.Generator().manual_seed(5)
    sizes = {f"hyper_impl.{i}": n for i, n in enumerate([2176, 6272, 6272, 6272])}
    sizes |= {"hyper_level.0": 65, "hyper_rgb.0": 195}
    graph = {}
    for name, outputs in sizes.items():
        for layer, (a, b) in {0: (256, 256), 2: (256, outputs)}.items():
            graph[f"generator.{name}.{layer}.weight"] = (b, a)
            graph[f"generator.{name}.{layer}.bias"] = (b,)
    graph |= {
        "renderer.ray_lstm.weight_ih": (128, 64),
        "renderer.ray_lstm.weight_hh": (128, 32),
        "renderer.ray_lstm.bias_ih": (128,),
        "renderer.ray_lstm.bias_hh": (128,),
        "renderer.lstm_pred.weight": (1, 32),
        "renderer.lstm_pred.bias": (1,),
        "encoder.fc.weight": (256, 512),
        "encoder.fc.bias": (256,),
    }
    state = {k: 0.05 * torch.randn(shape, generator=generator) for k, shape in graph.items()}
    own = SDFSRN(SDFSRN.configurations["paper-pascal3d"]).encoder.state_dict()
    state |= {f"encoder.{k}": v for k, v in own.items() if not k.startswith("fc.")}
    return {"epoch": 3, "iter": 7, "graph": state, "optim": {"state": {}}}


def test_an_authors_checkpoint_reproduces_the_formula():
    checkpoint = authors_checkpoint()
    model = SDFSRN.import_checkpoint([checkpoint]).eval()
    graph = checkpoint["graph"]
    latent = torch.randn(256, generator=torch.Generator().manual_seed(2))

    def hyper(name):
        hidden = (
            graph[f"generator.{name}.0.weight"] @ latent + graph[f"generator.{name}.0.bias"]
        ).relu()
        return graph[f"generator.{name}.2.weight"] @ hidden + graph[f"generator.{name}.2.bias"]

    point = torch.tensor([0.3, -0.2, 0.5])
    encoded = []
    for coordinate in point:
        encoded += [math.sin(2**k * math.pi * coordinate) for k in range(5)]
        encoded += [math.cos(2**k * math.pi * coordinate) for k in range(5)]
    encoded = torch.tensor([*encoded, *point])
    x = encoded
    for i in range(4):
        table = hyper(f"hyper_impl.{i}").view(-1, 64)
        x = (torch.cat([x, encoded]) if i else x) @ table[1:] + table[0]
        x = ((x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-5)).relu()
    table = hyper("hyper_level.0").view(-1, 1)
    expected = (x @ table[1:] + table[0])[0]

    volume = torch.tensor(model.method_from_volume).inverse().float()
    field = model.decode(Code("sdf-srn", {"latent": latent[None]}))
    shown = point * torch.tensor([1, 1, -1])  # the authors' objects are mirror images
    actual = field((volume[:3, :3] @ shown + volume[:3, 3])[None])[0] * model.scale
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    # The sheet's own check: the generated first-layer bias is the first 64 outputs.
    network = model.generator(latent[None])
    torch.testing.assert_close(network.layers[0][0, 0], hyper("hyper_impl.0")[:64])


def authors_camera(azimuth, elevation):
    """Return R of the authors' code for PASCAL3D+, camera_from_object with determinant -1."""
    a, tilt = math.radians(azimuth), math.radians(elevation) - math.pi / 2
    about_z = [[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]]
    about_x = [
        [1, 0, 0],
        [0, math.cos(tilt), -math.sin(tilt)],
        [0, math.sin(tilt), math.cos(tilt)],
    ]
    basis = [[0, 0, 1], [-1, 0, 0], [0, 1, 0]]
    return np.array(about_x) @ np.array(about_z) @ np.array(basis, np.float64)


@pytest.mark.parametrize(("azimuth", "elevation"), [(30, 10), (-100, 35), (180, 0)])
def test_a_proper_camera_sees_of_an_import_what_the_authors_camera_sees(azimuth, elevation):
    graph = authors_checkpoint()["graph"]
    model = SDFSRN.import_checkpoint([{"graph": graph}]).eval()
    plain = SDFSRN(SDFSRN.configurations["paper-pascal3d"]).eval()
    plain.load_state_dict(graph, strict=False)
    latent = torch.randn(1, 256, generator=torch.Generator().manual_seed(2))
    theirs = authors_camera(azimuth, elevation)
    assert np.linalg.det(theirs) == pytest.approx(-1)
    ours = theirs @ np.diag([1.0, 1.0, -1.0])  # a rotation, of the same image
    seen = torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    at_theirs, at_ours = ((seen @ torch.tensor(r)).float() for r in (theirs, ours))
    with torch.no_grad():
        expected, actual = plain.generator(latent)(at_theirs), model.generator(latent)(at_ours)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("checkpoints", [[], [{"epoch": 1}], [{"graph": {}}]])
def test_other_files_are_refused(checkpoints):
    with pytest.raises(RequestError, match="checkpoint"):
        SDFSRN.import_checkpoint(checkpoints)
