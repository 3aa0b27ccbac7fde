"""Deep Meta Functionals: published sizes, equation 4, baking, fusion, time, silhouettes, import."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Code, parameters_by_part
from levelform.backend.reconstructors.base import Batch
from levelform.backend.reconstructors.deep_meta_functionals import (
    PAPER,
    DeepMetaFunctionals,
    Functional,
    Layer,
    smoothness,
)
from levelform.backend.training.parts import changed
from setups.deep_meta_functionals import TINY, make


def batch(count=2, *, frames=1, coordinates=3):
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(count, frames, 4, 24, 24, generator=generator)
    points = torch.rand(count, 60, coordinates, generator=generator) * 2 - 1
    return Batch(images, points, (points[..., :3].norm(dim=-1) < 0.8).float())


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("changes", "full", "bare"),
    [
        ({}, 3458, 3394),
        ({"hidden_layers": 3}, 2370, 2306),
        ({"hidden_layers": 5}, 4546, 4482),
        ({"hidden_layers": 6}, 5634, 5570),
        ({"hidden_width": 16}, 962, 930),
        ({"hidden_width": 64}, 13058, 12930),
        ({"coordinates": 4}, 3490, 3426),
    ],
)
def test_parameters_of_g(changes, full, bare):
    for affine, count in ((True, full), (False, bare)):
        configuration = replace(PAPER, **changes, first_layer_affine=affine)
        with torch.device("meta"):
            functional = DeepMetaFunctionals(configuration).functional(torch.zeros(1, 1024))
        written = [part for layer in functional.layers for part in layer if part is not None]
        assert sum(part.numel() for part in written) == count


def test_parameters_of_f():
    assert sum(parameters_by_part("deep-meta-functionals", "paper").values()) == 93_647_170
    assert sum(parameters_by_part("deep-meta-functionals").values()) <= 4_000_000


def test_embedding_has_16_n_numbers():
    with torch.device("meta"):
        model = DeepMetaFunctionals(PAPER)
        assert model.embed(torch.zeros(1, 4, 137, 137)).shape == (1, 1024)


# ---------------------------------------------------------------- network


def test_zeroed_scale_heads_leave_a_plain_linear_layer():
    model = make()
    with torch.no_grad():
        for heads in model.heads:
            heads.scale.weight.zero_()
            heads.scale.bias.zero_()
    functional = model.functional(torch.randn(2, model.encoder.features))
    assert all(
        torch.equal(layer.scale, torch.ones_like(layer.scale)) for layer in functional.layers
    )
    points = torch.rand(2, 9, 3)
    x = points
    for index, layer in enumerate(functional.layers):
        x = torch.baddbmm(layer.bias, x, layer.weight)
        x = F.elu(x) if index < 4 else x
    assert torch.allclose(functional(points), x[..., 0], atol=1e-6)


def test_equation_4_by_hand():
    layer = Layer(
        torch.tensor([[[1.0, -2.0], [0.0, 1.0], [2.0, 0.5]]]),
        torch.tensor([[[3.0, 0.5]]]),
        torch.tensor([[[0.1, 0.2]]]),
    )
    last = Layer(torch.tensor([[[1.0], [1.0]]]), torch.ones(1, 1, 1), torch.zeros(1, 1, 1))
    value = Functional([layer, last], "relu")(torch.tensor([[[1.0, 2.0, -1.0]]]))
    # x W = (-1, -0.5); (x W) s + b = (-2.9, -0.05): the ReLU leaves nothing of it.
    assert value.item() == 0
    value = Functional([layer, last], "tanh")(torch.tensor([[[1.0, 2.0, -1.0]]]))
    assert value.item() == pytest.approx(np.tanh(-2.9) + np.tanh(-0.05), abs=1e-6)


def test_connected_layers_in_the_order_of_the_paper_and_of_the_code():
    model = make()
    images = torch.rand(2, 4, 24, 24)
    pooled = model.encoder(images)
    first, second = model.connected
    assert torch.allclose(model.embed(images), second(first(pooled.relu()).relu()))
    model.configuration = replace(TINY, connected_style="code")
    assert torch.allclose(model.embed(images), second(F.leaky_relu(first(pooled), 0.2)))


@pytest.mark.parametrize("connected", [0, 2])
@pytest.mark.parametrize("affine", [True, False])
def test_gradients_reach_every_parameter(connected, affine, silent):
    model = make(connected=connected, first_layer_affine=affine, start="paper").train()
    assert silent(model, model.loss(batch())["loss"]) == []


def test_loss_is_the_cross_entropy_of_equation_3():
    model = make()
    data = batch()
    probability = model(data.images[:, 0])(model.place(data.points)).sigmoid()
    expected = torch.where(data.inside > 0, probability, 1 - probability).log().mean().neg()
    assert torch.allclose(model.loss(data)["loss"], expected, atol=1e-6)


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize("activation", ["elu", "relu", "tanh"])
@pytest.mark.parametrize("affine", [True, False])
def test_baked_field_is_the_network(activation, affine, points, disturbed, photograph, cameras):
    model = disturbed(make(activation=activation, first_layer_affine=affine))
    view = photograph(cameras[0])
    field = model.decode(model.encode([view]))
    logits = model(model.prepare([view]).images)(model.place(points[None]))[0]
    assert logits.std() > 0.01
    assert (field(points) + logits).abs().max() < 1e-5 * max(1, logits.abs().max())


def test_the_mean_embedding_of_24_equal_views_is_one_view(points, photograph, cameras):
    model = make()
    view = photograph(cameras[0])
    one, many = model.encode([view]), model.encode([view] * 24)
    assert torch.allclose(one.tensors["embedding"], many.tensors["embedding"], atol=1e-6)
    assert (model.decode(one)(points) - model.decode(many)(points)).abs().max() < 1e-5


def test_views_are_fused_by_the_mean_embedding(photograph, cameras):
    model = make()
    views = [photograph(camera) for camera in cameras[:3]]
    codes = [model.encode([view]) for view in views]
    fused = model.encode(views).tensors["embedding"]
    assert torch.allclose(fused, Code.average(codes).tensors["embedding"], atol=1e-6)


def test_interpolation_ends_at_the_objects_and_passes_between(points, photograph, cameras):
    model = make()
    one, two = (model.encode([photograph(camera)]) for camera in cameras[:2])
    for weight in (0.0, 0.25, 0.5, 0.75, 1.0):
        between = one.lerp(two, weight)
        e = (1 - weight) * one.tensors["embedding"] + weight * two.tensors["embedding"]
        assert torch.allclose(between.tensors["embedding"], e, atol=1e-7)
        assert model.decode(between)(points).isfinite().all()
    assert torch.equal(model.decode(one.lerp(two, 0.0))(points), model.decode(one)(points))


def test_another_methods_code_is_refused():
    with pytest.raises(RequestError, match="A disn code"):
        make().decode(Code("disn", {"embedding": torch.zeros(64)}))


# ---------------------------------------------------------------- time


def test_the_moment_is_folded_into_the_field(points, disturbed):
    model = disturbed(make(coordinates=4, frames=2))
    views = [View(torch.rand(24, 24, 4)), View(torch.rand(24, 24, 4))]
    images = model.prepare(views).images
    code = model.encode(views)
    for time in (-1.0, 0.3):
        moments = torch.cat([points, torch.full((len(points), 1), time)], 1)
        logits = model(images[None])(model.place(moments[None]))[0]
        assert (model.decode(code, time=time)(points) + logits).abs().max() < 1e-5
    assert not torch.allclose(
        model.decode(code, time=0.0)(points), model.decode(code, time=1.0)(points)
    )


def test_a_sequence_of_another_length_is_refused():
    model = make(coordinates=4, frames=2)
    with pytest.raises(RequestError, match="2 images of a sequence at once, not 1"):
        model.encode([View(torch.rand(24, 24, 4))])


def test_smoothness_is_the_mean_motion_and_is_added():
    model = make(coordinates=4, frames=2, smoothness=0.5)
    data = batch(frames=2, coordinates=4)
    terms = model.loss(data)
    functional = model(data.images)
    points, step = model.place(data.points), torch.tensor([0.0, 0.0, 0.0, 1e-3])
    ahead, behind = functional(points + step).sigmoid(), functional(points - step).sigmoid()
    motion = ((ahead - behind) / 2e-3).abs().mean()
    assert motion > 0
    assert torch.allclose(terms["smoothness"], motion, rtol=1e-2)
    assert torch.allclose(terms["loss"], terms["cross_entropy"] + 0.5 * terms["smoothness"])


def test_smoothness_counts_boundary_points_alone(silent):
    model = make(coordinates=4, frames=2)
    data = batch(frames=2, coordinates=4)
    functional, points = model(data.images), model.place(data.points)
    half = torch.zeros_like(data.inside)
    half[:, :30] = 1
    part = smoothness(functional, points, half)
    assert torch.allclose(part, smoothness(functional, points[:, :30], half[:, :30]))
    part.backward()
    assert model.heads[0].weight.weight.grad.abs().sum() > 0  # second derivatives are in the graph


# ---------------------------------------------------------------- overfits


def test_normals_of_a_fitted_sphere_point_outwards(minimise):
    model = make(hidden_width=16).train()
    images, generator = torch.rand(1, 1, 4, 24, 24), torch.Generator().manual_seed(1)
    model.encoder.eval()

    def loss():
        points = torch.rand(1, 512, 3, generator=generator) * 2 - 1
        return model.loss(Batch(images, points, (points.norm(dim=-1) < 0.6).float()))["loss"]

    minimise(model.parameters(), loss, steps=100, learning_rate=1e-2)
    embedding = model.eval().embed(images[0])[0].detach()
    field = model.decode(Code(model.spec.name, {"embedding": embedding}))
    away = F.normalize(torch.randn(500, 3, generator=generator), dim=1)
    normals = F.normalize(field.gradient(0.6 * away), dim=1)
    assert ((normals * away).sum(1) > 0.8).all()


def test_weights_of_still_shapes_start_those_of_moving_ones():
    still = make()
    moving = changed(still, {"coordinates": 4}).eval()
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    code = Code("deep-meta-functionals", {"embedding": torch.randn(still.encoder.features)})
    for time in (-1.0, 0.3):
        at = moving.decode(code, time=time)(points)
        torch.testing.assert_close(at, still.decode(code)(points))
    hidden = still.configuration.hidden_width
    with torch.no_grad():
        moving.heads[0].weight.bias[3 * hidden :] = 1.0  # the weights of t
    early, late = (moving.decode(code, time=time)(points) for time in (-1.0, 1.0))
    assert not torch.allclose(early, late)
