"""TDGN: published size, the SVM as a shape, baking, bounds, fusion, analyses, small fits."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import Code, parameters_by_part
from levelform.backend.reconstructors.base import Batch
from levelform.backend.reconstructors.tdgn import TDGN, Embedding
from setups.tdgn import TINY, bend, make


def batch(count=2):
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(count, 1, 4, 32, 32, generator=generator)
    points = torch.rand(count, 60, 3, generator=generator) * 2 - 1
    return Batch(images, points, (points.norm(dim=-1) < 0.7).float())


def iou(actual, ground_truth):
    return ((actual & ground_truth).sum() / (actual | ground_truth).sum()).item()


def test_published_size():
    assert sum(parameters_by_part("tdgn", "paper").values()) == 11_951_783
    assert sum(parameters_by_part("tdgn").values()) <= 4_000_000


def test_state_dict_has_the_specified_names():
    names = set(make().state_dict())
    assert {"feature.conv1.weight", "feature.fc.bias", "log_beta", "points.0.weight"} <= names
    assert {"points.2.bias", "points.4.weight", "embed.point.weight", "embed.out.bias"} <= names


@pytest.mark.parametrize("count", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("anisotropic", [True, False])
@pytest.mark.parametrize("embedding", [True, False])
def test_every_switch_gives_a_shape(count, anisotropic, embedding, points, disturbed):
    model = make(points=count, anisotropic=anisotropic, embedding=embedding)
    code = Code("tdgn", {"features": torch.randn(1, 8)})
    values = model.decode(code)(points)
    assert values.isfinite().all()
    assert (values < 0).any()  # it starts as a ball: positives at the centre, negatives around
    assert (values > 0).any()
    inner, sigma = model.generate(code.tensors["features"])
    assert inner.shape == (1, count, 3)
    assert sigma.shape == (1, 3 if anisotropic else 1)


def test_odd_numbers_of_points_are_refused():
    with pytest.raises(RequestError, match="must be even, not 7"):
        make(points=7)


def test_starts_as_positives_within_negatives():
    model = make(points=32)
    inner, sigma = model.generate(torch.zeros(1, 8))
    radii = inner[0].norm(dim=1)
    assert radii[:16].max() < 0.4
    assert radii[16:].min() > 0.3
    assert sigma.min() > 0.2
    assert sigma.max() < 0.45
    assert model.log_beta.exp().item() == pytest.approx(5)


def test_identity_embedding_is_no_embedding(points):
    warped = make()
    plain = make(embedding=False)
    plain.load_state_dict({n: t for n, t in warped.state_dict().items() if "embed" not in n})
    code = Code("tdgn", {"features": torch.randn(1, 8)})
    assert (warped.decode(code)(points) - plain.decode(code)(points)).abs().max() < 1e-5


@pytest.mark.parametrize("embedding", [True, False])
@pytest.mark.parametrize("anisotropic", [True, False])
def test_baked_field_is_the_network(embedding, anisotropic, points, photograph, cameras):
    model = bend(make(embedding=embedding, anisotropic=anisotropic))
    view = photograph(cameras[0])
    field = model.decode(model.encode([view]))
    logits = model(model.prepare([view]).images, points[None]).logits[0]
    assert logits.std() > 0.1
    assert (field(points) + logits).abs().max() < 1e-5 * max(1, logits.abs().max())


@pytest.mark.parametrize("embedding", [True, False])
def test_bounds_are_sound_and_tighten(embedding):
    model = bend(make(embedding=embedding))
    field = model.decode(Code("tdgn", {"features": torch.randn(1, 8)}))
    generator = torch.Generator().manual_seed(0)
    widths = []
    for size in (0.3, 0.03):
        lower = torch.rand(200, 3, generator=generator) * (2 - size) - 1
        low, high = field.bounds(lower, lower + size)
        inside = lower[:, None] + size * torch.rand(200, 64, 3, generator=generator)
        values = field(inside.flatten(0, 1)).unflatten(0, (200, 64))
        assert (values.amin(1) >= low).all()
        assert (values.amax(1) <= high).all()
        widths.append((high - low).mean())
    assert widths[1] < 0.2 * widths[0]


def test_permuting_points_of_one_label_changes_nothing(points):
    model = bend(make())
    features = torch.randn(1, 8)
    before = model.decode(Code("tdgn", {"features": features}))(points)
    order = torch.tensor([2, 0, 3, 1, 4, 5, 7, 6])
    last = model.points[-1]
    with torch.no_grad():
        rows = (3 * order[:, None] + torch.arange(3)).flatten()
        last.weight[:24] = last.weight[rows].clone()
        last.bias[:24] = last.bias[rows].clone()
    after = model.decode(Code("tdgn", {"features": features}))(points)
    assert (after - before).abs().max() < 1e-5


def test_gradients_reach_every_parameter(silent):
    model = bend(make()).train()
    assert silent(model, model.loss(batch())["loss"]) == []


def test_loss_is_the_cross_entropy_of_equation_6():
    model = bend(make())
    data = batch()
    terms = model.loss(data)
    probability = model(data.images[:, 0], data.points).logits.sigmoid()
    expected = torch.where(data.inside > 0, probability, 1 - probability).log().mean().neg()
    assert torch.allclose(terms["loss"], expected, atol=1e-5)
    assert terms["beta"].item() == pytest.approx(5)
    assert 0 <= terms["at_bound"] <= 1
    assert terms["least_sigma"] <= terms["greatest_sigma"]


# ---------------------------------------------------------------- views


@pytest.mark.parametrize("rule", ["mean", "union"])
def test_equal_views_are_one_view(rule, points, photograph, cameras):
    model = bend(make())
    view = photograph(cameras[0])
    one = model.decode(model.encode([view]))(points)
    several = model.decode(model.encode([view] * 5, fusion=rule))(points)
    assert (several - one).abs().max() < 1e-5 * max(1, one.abs().max())


def test_one_label_alone_is_refused():
    model = make()
    code = Code("tdgn", {"features": torch.randn(1, 8)})
    with pytest.raises(RequestError, match="both labels"):
        model.decode(code, keep=torch.tensor([True] * 4 + [False] * 4))


def test_no_checkpoint_was_published():
    with pytest.raises(RequestError, match="No checkpoint of Training Data Generating Networks"):
        TDGN.import_checkpoint([{}])


# ---------------------------------------------------------------- fits


def fit(shape, *, warp, steps, count=32):
    """Fit free points, a width and, with `warp`, an embedding to one shape; return the IoU.

    `shape` maps points (..., 3) of [-0.55, 0.55]^3 to bool.
    """
    torch.manual_seed(0)
    model = TDGN(replace(TINY, points=count, embedding=warp, embedding_width=64))
    model.describe = lambda features: features  # no image: lambda is given
    features = torch.zeros(1, 8)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(steps):
        points = (torch.rand(1, 2048, 3, generator=generator) - 0.5) * 1.1
        logits = model(features, points * 1.8).logits
        loss = F.binary_cross_entropy_with_logits(logits, shape(points).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    points = (torch.rand(50_000, 3, generator=generator) - 0.5) * 1.1
    field = model.eval().decode(Code("tdgn", {"features": features}))
    return iou(field(points * 1.8) < 0, shape(points))


def ball(points):
    return points.norm(dim=-1) < 0.4


def torus(points):
    ring = (points[..., :2].norm(dim=-1) - 0.3).square() + points[..., 2].square()
    return ring < 0.12**2


def test_thirty_two_points_fit_a_sphere():
    assert fit(ball, warp=False, steps=100) > 0.95


@pytest.mark.slow
def test_the_warp_fits_a_torus():
    assert fit(torus, warp=True, steps=800) > 0.9


def test_embedding_starts_as_the_identity():
    points = torch.rand(2, 5, 3)
    assert torch.equal(Embedding(8, 16)(points, torch.randn(2, 8)), points)
