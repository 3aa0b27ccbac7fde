"""The occupancy network: published sizes and names, baking, loss, import."""

import json
from argparse import ArgumentParser
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.commands import import_
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.meshes.solid import Solid
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.views import View
from levelform.backend.metrics import evaluate
from levelform.backend.reconstructors import count_parameters, load_reconstructor
from levelform.backend.reconstructors.base import Batch
from levelform.backend.reconstructors.occupancy_network import (
    COMPACT,
    PAPER,
    OccupancyNetwork,
)

TINY = replace(
    COMPACT,
    framing=replace(COMPACT.framing, size=32),
    width=4,
    features=8,
    hidden=16,
    threshold=0.2,
)


def make(disturbed, **changes):
    torch.manual_seed(0)
    return disturbed(OccupancyNetwork(replace(TINY, **changes)))


def batch(count=3):
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(count, 1, 4, 32, 32, generator=generator)
    points = torch.rand(count, 50, 3, generator=generator) * 2 - 1
    return Batch(images, points, (points.norm(dim=-1) < 0.8).float())


def test_published_sizes():
    with torch.device("meta"):
        model = OccupancyNetwork(PAPER)
    assert sum(p.numel() for p in model.encoder.parameters()) == 11_307_840
    assert sum(p.numel() for p in model.decoder.parameters()) == 2_106_625
    assert count_parameters("occupancy-network", "paper") == 13_414_465
    assert count_parameters("occupancy-network") <= 4_000_000


def published_keys():
    """Return the names of the published checkpoint's state dict, as its authors list them."""
    norm = ["conv_gamma.weight", "conv_gamma.bias", "conv_beta.weight", "conv_beta.bias"]
    norm += [f"bn.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")]
    keys = {f"decoder.{n}.{k}" for n in ("fc_p", "fc_out") for k in ("weight", "bias")}
    keys |= {f"decoder.bn.{k}" for k in norm}
    for block in range(5):
        for layer in (0, 1):
            keys |= {f"decoder.block{block}.bn_{layer}.{k}" for k in norm}
            keys |= {f"decoder.block{block}.fc_{layer}.{k}" for k in ("weight", "bias")}
    return keys | {"encoder.fc.weight", "encoder.fc.bias"}


def test_names_are_the_published_ones():
    with torch.device("meta"):
        state = OccupancyNetwork(PAPER).state_dict()
    trunk = {name for name in state if name.startswith("encoder.features.")}
    assert set(state) - trunk == published_keys()
    assert len(trunk) == 120  # torchvision's resnet18 without fc
    assert state["decoder.fc_p.weight"].shape == (256, 3, 1)
    assert state["decoder.block0.bn_0.conv_gamma.weight"].shape == (256, 256, 1)


def test_at_the_start_logits_do_not_depend_on_the_image():
    torch.manual_seed(0)
    model = OccupancyNetwork(TINY).eval()
    data = batch()
    values = model.logits(data.images[:, 0], data.points[:1].expand(3, -1, -1))
    assert torch.equal(values[0], values[1])
    assert values.std(1).min() > 0


def test_baked_field_is_the_network(disturbed, points, photograph, cameras):
    model = make(disturbed)
    view = photograph(cameras[0])
    field = model.decode(model.encode([view]))
    image = model.prepare([view]).images
    logits = model.logits(image, points[None])[0]
    assert logits.std() > 0.01
    assert (field(points) + logits).abs().max() < 1e-5 * max(1, logits.abs().max())


def test_default_level_is_the_configurations(disturbed, photograph, cameras):
    model = make(disturbed)
    field = model.decode(model.encode([photograph(cameras[0])]))
    assert field.level() == pytest.approx(-np.log(0.2 / 0.8))
    assert field.level(0.5) == 0


def test_equal_views_are_one_view(disturbed, points, photograph, cameras):
    model = make(disturbed)
    view = photograph(cameras[0])
    one = model.decode(model.encode([view]))(points)
    for rule in ("mean", "max"):
        several = model.decode(model.encode([view] * 4, fusion=rule))(points)
        assert (several - one).abs().max() < 1e-5


def test_loss_is_the_papers(disturbed):
    model = make(disturbed)
    data = batch()
    probability = model.logits(data.images[:, 0], data.points).sigmoid()
    chosen = torch.where(data.inside > 0, probability, 1 - probability)
    assert torch.allclose(model.loss(data)["loss"], -chosen.log().sum(1).mean(), rtol=1e-4)


def test_gradients_reach_every_parameter(disturbed, silent):
    model = make(disturbed).train()
    assert silent(model, model.loss(batch())["loss"]) == []


# ---------------------------------------------------------------- import


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
    found = -model.decode(code)(points)
    assert (found - wanted).abs().max() < 1e-4 * max(1, wanted.abs().max())


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


def test_an_unposed_image_is_enough(disturbed, points, photograph, cameras):
    model = make(disturbed)
    view = photograph(cameras[0])
    field = model.decode(model.encode([View(view.image)]))
    assert field(points).isfinite().all()


# ---------------------------------------------------------------- how it is measured


def ring(rotation=None):
    """Return a torus, turned."""
    import trimesh

    mesh = trimesh.creation.torus(0.6, 0.25, major_sections=24, minor_sections=12)
    turn = np.eye(3) if rotation is None else rotation
    return Mesh((mesh.vertices @ turn.T).astype(np.float32), mesh.faces.astype(np.int32))


def crossings(mesh, points):
    """Return how many triangles the rays from `points` along z cross, one by one."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    count = np.zeros(len(points), int)
    for a, b, c in corners:
        edges, offset = np.stack([b - a, c - a], 1), points - a
        u, v = np.linalg.solve(edges[:2], offset[:, :2].T)
        ahead = edges[2, 0] * u + edges[2, 1] * v > offset[:, 2]
        count += (u >= 0) & (v >= 0) & (u + v <= 1) & ahead
    return count


@pytest.mark.parametrize("seed", range(3))
def test_the_inside_test_is_the_parity_of_crossings_however_turned(seed):
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    mesh = ring(rotation * np.sign(np.linalg.det(rotation)))
    points = np.random.default_rng(9).uniform(-0.9, 0.9, (2000, 3))
    inside = Solid(mesh).inside(points)
    assert 0.02 < inside.mean() < 0.5
    assert np.array_equal(inside, crossings(mesh, points) % 2 == 1)


def test_two_samplings_of_one_mesh_are_the_noise_apart():
    solid = Solid(ring())
    values = evaluate(solid, solid, "occupancy-network").values
    longest = np.ptp(solid.vertices, axis=0).max()
    # The mean distance to the nearest of n points, drawn evenly on an area A, is sqrt(A / n) / 2.
    noise = np.sqrt(solid.areas.sum() / longest**2 / 100_000) / 2
    assert values["accuracy"] == pytest.approx(noise, rel=0.02)
    assert values["chamfer_l1"] == pytest.approx(10 * noise, rel=0.02)
    assert values["f_score_1%"] > 99.99
    assert values["iou"] == 1
