"""The occupancy network: published sizes and names, baking, loss, import."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.data.meshes.solid import Solid
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.views import View
from levelform.backend.metrics import evaluate
from levelform.backend.reconstructors import parameters_by_part
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
    assert sum(parameters_by_part("occupancy-network", "paper").values()) == 13_414_465
    assert sum(parameters_by_part("occupancy-network").values()) <= 4_000_000


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
    values = model(data.images[:, 0], data.points[:1].expand(3, -1, -1))
    assert torch.equal(values[0], values[1])
    assert values.std(1).min() > 0


def test_baked_field_is_the_network(disturbed, points, photograph, cameras):
    model = make(disturbed)
    view = photograph(cameras[0])
    field = model.decode(model.encode([view]))
    image = model.prepare([view]).images
    logits = model(image, points[None])[0]
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
    probability = model(data.images[:, 0], data.points).sigmoid()
    chosen = torch.where(data.inside > 0, probability, 1 - probability)
    assert torch.allclose(model.loss(data)["loss"], -chosen.log().sum(1).mean(), rtol=1e-4)


def test_gradients_reach_every_parameter(disturbed, silent):
    model = make(disturbed).train()
    assert silent(model, model.loss(batch())["loss"]) == []


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
