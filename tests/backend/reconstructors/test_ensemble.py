"""The ensemble: the mean of its members' probabilities, and its code."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fields.mirrored import ReflectedField
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Code, load_reconstructor
from levelform.backend.reconstructors.ensemble import SPEC, SURFACE
from levelform.backend.reconstructors.finishing import finished
from levelform.backend.reconstructors.unposed import reflected

POINTS = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8


@pytest.fixture(scope="module")
def model():
    return load_reconstructor("ensemble", None, "cpu")


@pytest.fixture
def image(photograph, cameras) -> View:
    return replace(photograph(cameras[0]), camera=None)


def chances(name: str, view: View) -> torch.Tensor:
    """Return a member's probabilities at the points, by its own way through the pipeline."""
    member = load_reconstructor(name, None, "cpu")
    chance = torch.sigmoid(
        -finished(member, member.decode(member.encode([view])), [view], None)(POINTS)
    )
    if not member.spec.estimates_camera or view.camera is not None:
        return chance
    (flipped,) = reflected([view])
    field = finished(member, member.decode(member.encode([flipped])), [flipped], None)
    return (chance + torch.sigmoid(-ReflectedField(field)(POINTS))) / 2


@pytest.mark.parametrize("posed", [False, True])
def test_its_probability_is_the_mean_of_those_of_the_members(
    model, image, photograph, cameras, posed
):
    view = photograph(cameras[0]) if posed else image
    mean = torch.stack([chances(name, view) for name in SPEC.members]).mean(0)
    field = finished(model, model.decode(model.encode([view])), [view], None)
    torch.testing.assert_close(torch.sigmoid(-field.field(POINTS)), mean, atol=1e-5, rtol=1e-4)
    assert torch.equal(field(POINTS) < 0, mean > SURFACE)
    assert 0 < int((mean > SURFACE).sum()) < len(POINTS)


def test_a_threshold_is_a_mean_probability(model, image):
    field = finished(model, model.decode(model.encode([image])), [image], None)
    chance = torch.sigmoid(-field.field(POINTS))
    assert field.threshold_of(0.0) == pytest.approx(SURFACE)
    assert torch.equal(field(POINTS) < field.level(0.6), chance > 0.6)


def test_its_code_can_be_saved(model, image, tmp_path):
    code = model.encode([image])
    code.save(tmp_path / "code.safetensors")
    again = Code.load(tmp_path / "code.safetensors")
    torch.testing.assert_close(model.decode(again)(POINTS), model.decode(code)(POINTS))


def test_it_takes_one_image_and_no_weights(image):
    with pytest.raises(RequestError, match="no weights to load"):
        load_reconstructor("ensemble", "random", "cpu")
    model = load_reconstructor("ensemble", None, "cpu")
    with pytest.raises(RequestError, match="takes at most 1 view, not 2"):
        model.encode([image, image])
    assert len(model.weights.hash) == 64
