"""Deep Meta Functionals: published sizes, equation 4, baking, fusion, time, silhouettes, import."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.contract.errors import RequestError
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Code, count_parameters
from levelform.backend.reconstructors.base import Batch
from levelform.backend.reconstructors.deep_meta_functionals import (
    COMPACT,
    PAPER,
    THRESHOLDS,
    DeepMetaFunctionals,
    Functional,
    Layer,
    axis_rays,
    jacobian_colors,
    jacobian_norm,
    render_silhouettes,
    smoothness,
)

TINY = replace(
    COMPACT, framing=replace(COMPACT.framing, size=24), width=4, blocks=2, hidden_width=8
)


def make(**changes):
    torch.manual_seed(0)
    return DeepMetaFunctionals(replace(TINY, **changes)).eval()


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
        assert configuration.functional_parameters == count
        with torch.device("meta"):
            functional = DeepMetaFunctionals(configuration).functional(torch.zeros(1, 1024))
        written = [part for layer in functional.layers for part in layer if part is not None]
        assert sum(part.numel() for part in written) == count


def test_parameters_of_f():
    assert count_parameters("deep-meta-functionals", "paper") == 93_647_170
    assert count_parameters("deep-meta-functionals") <= 4_000_000


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
    probability = model.logits(data.images[:, 0], data.points).sigmoid()
    expected = torch.where(data.inside > 0, probability, 1 - probability).log().mean().neg()
    assert torch.allclose(model.loss(data)["loss"], expected, atol=1e-6)


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize("activation", ["elu", "relu", "tanh"])
@pytest.mark.parametrize("affine", [True, False])
def test_baked_field_is_the_network(activation, affine, points, disturbed, photograph, cameras):
    model = disturbed(make(activation=activation, first_layer_affine=affine))
    view = photograph(cameras[0])
    field = model.decode(model.encode([view]))
    logits = model.logits(model.prepare([view]).images, points[None])[0]
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


def test_threshold_family_is_nested(points, photograph, cameras):
    model = make()
    field = model.decode(model.encode([photograph(cameras[0])]))
    values = field(points)
    for threshold in THRESHOLDS:
        assert torch.equal(values < field.level(threshold), (-values).sigmoid() > threshold)
    sizes = [int((values < field.level(threshold)).sum()) for threshold in THRESHOLDS]
    assert sizes == sorted(sizes, reverse=True)


def test_jacobian_norm_against_finite_differences(photograph, cameras, disturbed):
    model = disturbed(make())
    embedding = model.encode([photograph(cameras[0])]).tensors["embedding"]
    field = model.double().decode(Code(model.spec.name, {"embedding": embedding.double()}))
    points = torch.rand(40, 3, dtype=torch.float64) - 0.5
    step = 1e-5 * torch.eye(3, dtype=torch.float64)
    slopes = torch.stack([(field(points + d) - field(points - d)) / 2e-5 for d in step], 1)
    assert torch.allclose(jacobian_norm(field, points), slopes.norm(dim=1), rtol=1e-5)


def test_jacobian_colors_run_from_yellow_to_blue():
    colors = jacobian_colors(torch.tensor([2.0, 4.0, 3.0]))
    assert colors.tolist() == [[1, 1, 0, 1], [0, 0, 1, 1], [0.5, 0.5, 0.5, 1]]


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
        logits = model.logits(images[None], moments[None])[0]
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
    functional = model._functional_of(data.images)
    points, step = model._place(data.points), torch.tensor([0.0, 0.0, 0.0, 1e-3])
    ahead, behind = functional(points + step).sigmoid(), functional(points - step).sigmoid()
    motion = ((ahead - behind) / 2e-3).abs().mean()
    assert motion > 0
    assert torch.allclose(terms["smoothness"], motion, rtol=1e-2)
    assert torch.allclose(terms["loss"], terms["cross_entropy"] + 0.5 * terms["smoothness"])


def test_smoothness_counts_boundary_points_alone(silent):
    model = make(coordinates=4, frames=2)
    data = batch(frames=2, coordinates=4)
    functional, points = model._functional_of(data.images), model._place(data.points)
    half = torch.zeros_like(data.inside)
    half[:, :30] = 1
    part = smoothness(functional, points, half)
    assert torch.allclose(part, smoothness(functional, points[:, :30], half[:, :30]))
    part.backward()
    assert model.heads[0].weight.weight.grad.abs().sum() > 0  # second derivatives are in the graph


# ---------------------------------------------------------------- silhouettes


class Ball:
    """A functional whose logit is a sphere's signed distance, times 40."""

    def __call__(self, points):
        return 40 * (0.6 - (points - torch.tensor([0.2, 0.0, -0.1])).norm(dim=-1))


def test_silhouettes_are_maxima_along_rays():
    rays = axis_rays(32, 64, generator=torch.Generator().manual_seed(0))
    assert rays.shape == (3 * 32 * 32, 64, 3)
    assert rays.abs().max() <= 1
    seen = render_silhouettes(Ball(), rays[None]).reshape(3, 32, 32)
    centers = (torch.arange(32) + 0.5) / 16 - 1
    row, column = torch.meshgrid(centers, centers, indexing="ij")
    # Looking along x the rows are y and the columns z, and so on.
    for image, (a, b) in zip(seen, [(0.0, -0.1), (0.2, -0.1), (0.2, 0.0)], strict=True):
        wanted = ((row - a) ** 2 + (column - b) ** 2).sqrt() < 0.6
        assert ((image > 0.5) == wanted).float().mean() > 0.97


def test_silhouette_loss_has_gradients_and_learns(silent):
    model = make().train()
    images = torch.rand(1, 4, 24, 24)
    centers = (torch.arange(16) + 0.5) / 8 - 1
    disc = (centers[:, None] ** 2 + centers**2 < 0.3).float()
    target = disc.expand(1, 3, 16, 16)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        loss = model.silhouette_loss(images, target, samples=16, generator=generator)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


# ---------------------------------------------------------------- import


def published_variables(model, *, seed=3):
    """Return a TensorFlow checkpoint of the model's size, random, by the authors' names."""
    generator = torch.Generator().manual_seed(seed)
    sizes = model.configuration
    variables = {}

    def draw(name, *shape):
        variables[name] = torch.randn(shape, generator=generator) * 0.3

    width = sizes.width
    draw("2d_cnn_model/Input/weights", 5, 5, 4, width)
    draw("2d_cnn_model/Input/biases", width)
    channels, index = width, 0
    for _ in range(sizes.blocks):
        out = min(2 * channels, 16 * width)
        for inner, outer in ((channels, channels), (channels, channels), (channels, out)):
            index += 1
            for part, (a, b) in enumerate([(inner, outer), (outer, outer)], start=1):
                scope = f"2d_cnn_model/Residuals/r{index}_{part}"
                draw(f"{scope}/weights", 3, 3, a, b)
                draw(f"{scope}/biases", b)
                if sizes.batch_norm:
                    for leaf in ("gamma", "beta", "moving_mean", "moving_variance"):
                        draw(f"{scope}/{leaf}", a)
                    variables[f"{scope}/moving_variance"].abs_().add_(0.5)
        draw(f"2d_cnn_model/Residuals/r{index}_skip/weights", 1, 1, channels, out)
        channels = out
    for number in range(1, sizes.connected + 1):
        draw(f"2d_cnn_model/fully/decode{number}/Matrix", channels, channels)
        draw(f"2d_cnn_model/fully/decode{number}/bias", channels)
    for number, (a, b) in enumerate(sizes.sizes):
        for kind, count in (("w", a * b), ("b", b), ("g", b)):
            draw(f"2d_cnn_model/fully/{kind}{number}/Matrix", channels, count)
            draw(f"2d_cnn_model/fully/{kind}{number}/bias", count)
    draw("2d_cnn_model/Input/weights/Adam", 5, 5, 4, width)
    return {**variables, "mode_node/mode_node": torch.ones(1), "global_step": torch.tensor(5)}


def straight_line(variables, sizes, image, points):
    """Evaluate the authors' graph from its variables: pseudo distances, negative inside."""
    get = {n.removeprefix("2d_cnn_model/"): t for n, t in variables.items()}

    def conv(x, scope, stride):
        kernel = get[f"{scope}/weights"].permute(3, 2, 0, 1)
        size, k = x.shape[2], kernel.shape[2]
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        return F.conv2d(x, kernel, get[f"{scope}/biases"], stride)

    def norm(x, scope):
        if not sizes.batch_norm:
            return x
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, var = (get[f"{scope}/{n}"][:, None, None] for n in names)
        return gamma * (x - mean) / (var + 1e-3).sqrt() + beta

    x = conv(image[None], "Input", 1)
    for index in range(1, 3 * sizes.blocks + 1):
        scope, stride = f"Residuals/r{index}", 2 if index % 3 == 1 else 1
        y = conv(norm(x, f"{scope}_1").relu(), f"{scope}_1", stride)
        y = conv(norm(y, f"{scope}_2").relu(), f"{scope}_2", 1)
        short = x[:, :, ::stride, ::stride]
        channels = [i % short.shape[1] for i in range(y.shape[1])]
        x = y + short[:, channels]
    e = x.mean((2, 3))
    e = F.leaky_relu(e @ get["fully/decode1/Matrix"] + get["fully/decode1/bias"], 0.2)
    e = e @ get["fully/decode2/Matrix"] + get["fully/decode2/bias"]

    def head(name):
        return (e @ get[f"fully/{name}/Matrix"] + get[f"fully/{name}/bias"])[0]

    for number, shape in enumerate(sizes.sizes):
        weight, bias, scale = (
            head(f"w{number}").reshape(shape),
            head(f"b{number}"),
            head(f"g{number}"),
        )
        points = (points @ weight) * (1 + scale) + bias
        points = F.elu(points) if number < len(sizes.sizes) - 1 else points
    return points[:, 0]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_import_round_trip(batch_norm, tmp_path, photograph, cameras):
    sizes = replace(PAPER, width=4, blocks=2, hidden_width=8, batch_norm=batch_norm)
    variables = published_variables(DeepMetaFunctionals(sizes))
    model = DeepMetaFunctionals.import_checkpoint([variables]).eval()
    expected = replace(sizes, connected_style="code")
    assert model.configuration == expected
    model.save(tmp_path / "dmf.safetensors")
    model = DeepMetaFunctionals.load(tmp_path / "dmf.safetensors").eval()
    view = photograph(cameras[0])
    image = model.prepare([view]).images[0]
    points = torch.rand(40, 3) * 1.8 - 0.9
    theirs = torch.stack([-points[:, 1], points[:, 2], -points[:, 0]], 1) * (64 / 35 / 1.8)
    wanted = 2 * straight_line(variables, sizes, image, theirs)  # field = -logit = 2 g
    found = model.decode(model.encode([view]))(points)
    assert wanted.std() > 0
    assert (found - wanted).abs().max() < 2e-4 * wanted.abs().max()


def test_branch_variants_and_others_are_refused():
    variables = published_variables(make())
    expanded = {**variables, "2d_cnn_model/fully/expand0_0/Matrix": torch.ones(1)}
    with pytest.raises(RequestError, match="hidden layers before its heads"):
        DeepMetaFunctionals.import_checkpoint([expanded])
    with pytest.raises(RequestError, match="not a checkpoint of Deep Meta Functionals"):
        DeepMetaFunctionals.import_checkpoint([{"a": torch.ones(1)}])


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
