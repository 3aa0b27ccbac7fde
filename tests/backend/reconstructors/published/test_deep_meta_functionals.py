"""Import of Deep Meta Functionals' TensorFlow variables, against the authors' graph."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors.deep_meta_functionals import (
    PAPER,
    DeepMetaFunctionals,
)
from setups.deep_meta_functionals import make


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
    actual = model.decode(model.encode([view]))(points)
    assert wanted.std() > 0
    assert (actual - wanted).abs().max() < 2e-4 * wanted.abs().max()


def test_branch_variants_and_others_are_refused():
    variables = published_variables(make())
    expanded = {**variables, "2d_cnn_model/fully/expand0_0/Matrix": torch.ones(1)}
    with pytest.raises(RequestError, match="hidden layers before its heads"):
        DeepMetaFunctionals.import_checkpoint([expanded])
    with pytest.raises(RequestError, match="not a checkpoint of Deep Meta Functionals"):
        DeepMetaFunctionals.import_checkpoint([{"a": torch.ones(1)}])
