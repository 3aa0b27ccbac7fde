"""Import of the occupancy network's checkpoint, by the command too."""

import json
from argparse import ArgumentParser
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.commands import import_
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.occupancy_network import COMPACT, PAPER, OccupancyNetwork

TINY = replace(
    COMPACT,
    framing=replace(COMPACT.framing, size=32),
    width=4,
    features=8,
    hidden=16,
    threshold=0.2,
)


def random_checkpoint(model, *, legacy=False):
    """Return the published layout with random values, written out from the names alone."""
    generator = torch.Generator().manual_seed(7)
    state = {}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(11)
            continue
        value = torch.randn(tensor.shape, generator=generator) * 0.2
        value = value.abs() + 0.5 if name.endswith("running_var") else value
        if legacy and ".conv_" in name:
            name = name.replace(".conv_", ".fc_")
            value = value[..., 0] if name.endswith("weight") else value
        state[name] = value
    return {
        "model": state,
        "optimizer": {},
        "epoch_it": 3,
        "it": 9,
        "loss_val_best": np.float64(0.5),
    }


def straight_line(state, images, points):
    """Evaluate the decoder from the state dict with einsum alone, for c of the same encoder."""

    def norm(x, c, name):
        mean, var = state[f"{name}.bn.running_mean"], state[f"{name}.bn.running_var"]
        x = (x - mean[:, None]) / (var[:, None] + 1e-5).sqrt()
        gamma = c @ state[f"{name}.conv_gamma.weight"][..., 0].T + state[f"{name}.conv_gamma.bias"]
        beta = c @ state[f"{name}.conv_beta.weight"][..., 0].T + state[f"{name}.conv_beta.bias"]
        return gamma[..., None] * x + beta[..., None]

    def conv(x, name):
        weight, bias = state[f"{name}.weight"][..., 0], state[f"{name}.bias"]
        return torch.einsum("oi,bit->bot", weight, x) + bias[:, None]

    x = conv(points.transpose(1, 2), "decoder.fc_p")
    for block in range(5):
        name = f"decoder.block{block}"
        y = conv(norm(x, images, f"{name}.bn_0").relu(), f"{name}.fc_0")
        x = x + conv(norm(y, images, f"{name}.bn_1").relu(), f"{name}.fc_1")
    return conv(norm(x, images, "decoder.bn").relu(), "decoder.fc_out")[:, 0]


@pytest.mark.parametrize("legacy", [False, True])
def test_import_round_trip(tmp_path, legacy, capsys, photograph, cameras):
    checkpoint = random_checkpoint(OccupancyNetwork(TINY), legacy=legacy)
    torch.save(checkpoint, tmp_path / "onet.pt")
    parser = ArgumentParser()
    import_.add_arguments(parser)
    out = tmp_path / "onet.safetensors"
    args = ["occupancy-network", str(tmp_path / "onet.pt"), "-o", str(out)]
    result = import_.run(parser.parse_args(args))
    json.dumps(result)
    import_.show(result)
    assert "occupancy-network" in capsys.readouterr().out
    model = load_reconstructor("occupancy-network", str(out), "cpu")
    assert model.weights.hash == result["hash"]
    assert model.configuration.hidden == 16
    assert model.configuration.framing == PAPER.framing
    state = random_checkpoint(OccupancyNetwork(TINY))["model"]
    code = model.encode([photograph(cameras[0])])
    points = torch.rand(40, 3) * 1.8 - 0.9
    # ShapeNet's frame: x is our -y, y our z, z our -x, and the longest side is 1.
    theirs = torch.stack([-points[:, 1], points[:, 2], -points[:, 0]], 1) / 1.8
    wanted = straight_line(state, code.tensors["c"][None], theirs[None])[0]
    actual = -model.decode(code)(points)
    assert (actual - wanted).abs().max() < 1e-4 * max(1, wanted.abs().max())


def test_other_checkpoints_are_refused():
    with pytest.raises(RequestError, match="not a checkpoint of Occupancy network: it lacks"):
        OccupancyNetwork.import_checkpoint([{"model": {"a": torch.ones(1)}}])
    state = random_checkpoint(OccupancyNetwork(TINY))["model"]
    state["decoder.block1.fc_0.weight"] = state["decoder.block1.fc_0.weight"][:, :3]
    with pytest.raises(
        RequestError, match=r"block1.fc_0.weight is \(16, 3, 1\), not \(16, 16, 1\)"
    ):
        OccupancyNetwork.import_checkpoint([{"model": state}])


def test_output_must_be_safetensors(tmp_path):
    parser = ArgumentParser()
    import_.add_arguments(parser)
    with pytest.raises(RequestError, match="does not end in"):
        import_.run(parser.parse_args(["occupancy-network", "x.pt", "-o", "y.pt"]))
