"""What every method with a network promises, tested on all of them, small and random."""

from dataclasses import replace

import pytest
import torch
from levelform.backend import reconstructors
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.weights import PUBLISHED
from levelform.backend.fields.joined import CERTAIN
from levelform.backend.reconstructors import (
    Code,
    bundled_variants,
    bundled_weights,
    load_reconstructor,
    methods,
    parameters_by_part,
)
from levelform.backend.training.recipes import PRETRAINING

from .triposr_formulas import TINY

NETWORKS = [name for name, cls in methods().items() if cls.spec.needs_weights]
COMPACT = [name for name in NETWORKS if "compact" in methods()[name].configurations]


def small(name):
    """Return a small network of a method with random weights."""
    if name in COMPACT:
        return load_reconstructor(name, "random", "cpu")
    torch.manual_seed(0)
    return methods()[name](TINY).eval()


def thin_out(model, view, fraction=0.01):
    """Make UCLID-Net sure that this share of its voxels is occupied by `view`, and no other.

    Random weights know nothing of any, and would fold thousands of patches.
    """
    head = model.network.decoder_occupancy
    with torch.no_grad():
        logits = model.network.occupancy_logits(model.encode([view]).tensors["grid"][None])
        sure = 30 / logits.std()
        head.weight *= sure
        head.bias.copy_(sure * (head.bias - logits.flatten().quantile(1 - fraction)))


@pytest.fixture(scope="module")
def models(disturbed, photograph, cameras):
    """The small configurations with random weights that all matter, built when first asked for."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = disturbed(small(name), amount=0.05)
            if name == "uclid-net":
                thin_out(kept[name], photograph(cameras[0]))
        return kept[name]

    return get


@pytest.mark.parametrize("name", NETWORKS)
def test_every_method_describes_itself(name):
    cls = methods()[name]
    assert "paper" in cls.configurations
    assert ("compact" in cls.configurations) == bool(cls.recipes)  # what is trained here
    assert cls.spec.name == name
    assert cls.spec.title
    assert cls.spec.summary
    assert cls.spec.fusions or cls.spec.max_views == 1
    for configuration in cls.configurations.values():
        assert cls.configuration_class.from_json(configuration.to_json()) == configuration


@pytest.mark.parametrize("name", NETWORKS)
def test_a_view_becomes_a_field(name, models, points, photograph, cameras):
    model = models(name)
    field = model.decode(model.encode([photograph(cameras[0])]))
    values = field(points)
    assert values.shape == (500,)
    assert values.dtype == torch.float32
    assert values.isfinite().all()
    assert not values.requires_grad


@pytest.mark.parametrize("name", [n for n in NETWORKS if n not in ("uclid-net", "sdf-srn")])
def test_the_level_moves_every_field_and_is_kept(name, points, photograph, cameras, tmp_path):
    model = small(name)
    views = [photograph(cameras[0])]
    field = model.decode(model.encode(views))
    before = field(points)
    model.shift_level(0.25)
    after = model.decode(model.encode(views))(points)
    moved = before < CERTAIN if field.carved else torch.ones_like(before, dtype=torch.bool)
    assert moved.sum() > 100  # outside the silhouettes of a carved field they alone count
    torch.testing.assert_close(after[moved], before[moved] - 0.25, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "moved.safetensors")
    again = methods()[name].load(tmp_path / "moved.safetensors").eval()
    assert torch.equal(again.decode(again.encode(views))(points), after)


def test_a_surface_without_a_level_says_so():
    with pytest.raises(RequestError, match=r"The level of UCLID-Net can.t be moved"):
        load_reconstructor("uclid-net", "random", "cpu").shift_level(0.1)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_code_survives_its_file(name, models, points, photograph, cameras, tmp_path):
    model = models(name)
    code = model.encode([photograph(cameras[0])])
    code.save(tmp_path / "code.safetensors")
    again = Code.load(tmp_path / "code.safetensors")
    assert again.tensors.keys() == code.tensors.keys()
    for key, tensor in code.tensors.items():
        assert torch.equal(again.tensors[key], tensor)
    # Where a tensor lies in memory decides by which path a processor multiplies it.
    torch.testing.assert_close(
        model.decode(again)(points), model.decode(code)(points), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_survive_their_file(name, models, points, photograph, cameras, tmp_path):
    model = models(name)
    path = tmp_path / "weights.safetensors"
    model.save(path)
    again = load_reconstructor(name, str(path), "cpu")
    view = photograph(cameras[0])
    assert torch.equal(
        again.decode(again.encode([view]))(points), model.decode(model.encode([view]))(points)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_views_are_one_view(name, models, points, photograph, cameras):
    model = models(name)
    view = photograph(cameras[0])
    if model.spec.max_views == 1:
        pytest.skip("takes one view")
    if name == "levelform":
        pytest.skip("a network of its own sees several views, and how many they are")
    one = model.decode(model.encode([view]))(points)
    several = model.decode(model.encode([view] * 3))(points)
    # Three images at once are rounded otherwise than one, by how much is the processor's.
    assert (several - one).abs().max() < 3e-5 * max(1.0, one.abs().max().item())


@pytest.mark.parametrize("name", NETWORKS)
def test_any_camera_gives_the_training_cameras_field(name, models, points, photograph, cameras):
    """Five very different cameras against the training cameras that stand where they stand."""
    model = models(name)
    if model.framing is None:
        pytest.skip("takes images as they are")
    fields = []
    for camera in cameras:
        view = photograph(camera)
        direct = photograph(model.prepare([view]).cameras[0].in_frame(model.method_from_volume))
        pair = [model.decode(model.encode([v]))(points) for v in (view, direct)]
        fields.append(torch.stack(pair))
    values = torch.stack(fields)  # (5, 2, P)
    resampling = (values[:, 0] - values[:, 1]).abs().mean()
    between = (values[:, 0] - values[:, 0].roll(1, 0)).abs().mean()
    assert 0 < resampling < 0.25 * between


def test_weights_for_one_category_each_are_named_by_it(tmp_path, monkeypatch):
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", tmp_path)
    model = load_reconstructor("disn", "random", "cpu")
    model.save(tmp_path / "disn-chair.safetensors", training={"parts": {"main": {}}})
    model.save(tmp_path / "disn-car.safetensors", training={"parts": {"camera": {}}})
    assert list(bundled_variants("disn")) == ["car", "chair"]
    assert load_reconstructor("disn", "chair", "cpu").weights.name == "bundled chair"
    with pytest.raises(RequestError, match="one category each: car, chair"):
        load_reconstructor("disn", None, "cpu")
    with pytest.raises(RequestError, match="no reconstruction network, only camera"):
        load_reconstructor("disn", "car", "cpu")


@pytest.mark.parametrize("name", NETWORKS)
def test_bundled_weights_load(name):
    for word in [None] if bundled_weights(name) else bundled_variants(name):
        model = load_reconstructor(name, word, "cpu")
        assert model.weights.name == f"bundled {word or ''}".strip()
        assert "main" in model.weights.training["parts"]


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_never_made_up(name, tmp_path, monkeypatch):
    monkeypatch.setattr(reconstructors, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(RequestError, match="has no trained weights here") as caught:
        load_reconstructor(name, None, "cpu")
    if name in PUBLISHED:
        assert f"`levelform weights get {name}`" in caught.value.hint
        return
    assert f"assets/weights/{name}.safetensors" in caught.value.message
    assert f"levelform train {name}" in caught.value.hint
    published = methods()[name].published is not None
    assert (f"levelform import {name}" in caught.value.hint) == published


@pytest.mark.parametrize("name", NETWORKS)
def test_another_methods_weights_are_refused(name, models, tmp_path):
    other = NETWORKS[NETWORKS.index(name) - 1]
    path = tmp_path / "weights.safetensors"
    models(other).save(path)
    with pytest.raises(RequestError, match=f"weights of {other}, not weights of {name}"):
        load_reconstructor(name, str(path), "cpu")


@pytest.mark.parametrize("name", NETWORKS)
def test_volume_behind_the_camera_is_refused(name, models, photograph, cameras, aim):
    model = models(name)
    away = replace(cameras[0], world_from_camera=aim((0, -3, 0.8), (0, -6, 0.8)))
    view = replace(photograph(cameras[0]), camera=away, name="chair.png")
    if model.framing is None:
        pytest.skip("takes images as they are")
    with pytest.raises(RequestError, match=r"behind the camera of chair\.png"):
        model.encode([view])


@pytest.mark.parametrize("name", COMPACT)
def test_compact_networks_are_small(name):
    # three networks of 4 M: auxiliary ones apart
    assert sum(parameters_by_part(name).values()) <= 12_000_000


@pytest.mark.parametrize("cls", methods().values(), ids=lambda cls: cls.spec.name)
def test_a_method_defines_what_it_declares(cls):
    """Cameras are estimated where the spec says so; every recipe's losses are methods."""
    defines = cls.estimate_cameras is not reconstructors.Reconstructor.estimate_cameras
    assert defines == cls.spec.estimates_camera
    parts = [recipe for recipes in cls.recipes.values() for recipe in recipes.values()]
    losses = {phase.loss for recipe in parts for phase in recipe.phases}
    assert {name for name in losses if not hasattr(cls, name)} <= {PRETRAINING}
    assert "loss" not in losses or cls.loss is not reconstructors.Reconstructor.loss
