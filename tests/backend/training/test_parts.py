"""Networks that are trained part by part hold only what learned something."""

from dataclasses import replace

import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.reconstructors import methods
from levelform.backend.training.parts import (
    changed,
    fresh,
    lacks,
    take_encoder,
    take_part,
    with_part,
)

GROWING = sorted(name for name, cls in methods().items() if cls.auxiliary)


@pytest.mark.parametrize("method", GROWING)
def test_parts_are_absent_until_they_are_trained(method):
    cls = methods()[method]
    plain = fresh(cls, "compact", {}, seed=0)
    assert all(getattr(plain.configuration, e) == off for e, off in cls.auxiliary.values())
    for part, (entry, _) in cls.auxiliary.items():
        grown = with_part(plain, part, seed=1)
        full = getattr(cls.configurations["compact"], entry)
        assert grown.configuration == replace(plain.configuration, **{entry: full})
        for name, tensor in plain.state_dict().items():
            assert torch.equal(grown.state_dict()[name], tensor)
        assert any(name.startswith(f"{part}.") for name in grown.state_dict())
        assert with_part(grown, part, seed=1) is grown


@pytest.mark.parametrize(("norm", "camera_norm"), [(False, False), (True, False), (True, True)])
def test_disns_camera_network_starts_from_the_trained_encoder(norm, camera_norm):
    norms = {"batch_norm": norm, "camera_norm": camera_norm}
    plain = fresh(methods()["disn"], "compact", norms, seed=0)
    images = torch.rand(2, 3, 64, 64)
    plain.train().sdf.vgg(images)  # norms have statistics that are not 0 and 1
    grown = with_part(plain, "camera", seed=1).eval()
    trained, started = grown.sdf.vgg(images), grown.camera.encoder(images)
    torch.testing.assert_close(started[0], trained[0], rtol=0, atol=1e-4)
    for one, other in zip(started[1], trained[1], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)


def test_an_encoder_is_taken_from_another_method():
    tdgn = fresh(methods()["tdgn"], "compact", {"width": 4}, seed=0)
    occupancy = fresh(methods()["occupancy-network"], "compact", {"width": 4}, seed=1)
    before = {name: t.clone() for name, t in tdgn.state_dict().items()}
    lent = occupancy.encoder.features.state_dict()
    after = take_encoder(tdgn, occupancy).state_dict()
    for name, tensor in after.items():
        inner = name.removeprefix("feature.")
        taken = name.startswith("feature.") and inner in lent
        assert torch.equal(tensor, lent[inner] if taken else before[name])
    with pytest.raises(RequestError, match="differ"):
        take_encoder(tdgn, fresh(methods()["occupancy-network"], "compact", {"width": 8}, seed=1))
    with pytest.raises(RequestError, match="differ"):
        take_encoder(tdgn, fresh(methods()["disn"], "compact", {"width": 4}, seed=1))
    with pytest.raises(RequestError, match="no image encoder"):
        take_encoder(tdgn, fresh(methods()["deep-meta-functionals"], "compact", {}, seed=1))


def test_the_same_seed_starts_the_same_network():
    cls = methods()["deep-meta-functionals"]
    states = [fresh(cls, "compact", {"width": 4}, seed=s).state_dict() for s in (0, 0, 1)]
    assert all(torch.equal(states[0][n], states[1][n]) for n in states[0])
    assert not all(torch.equal(states[0][n], states[2][n]) for n in states[0])


def test_changes_of_a_configuration():
    cls = methods()["deep-meta-functionals"]
    model = fresh(cls, "compact", {"width": 4, "framing.size": 48}, seed=0)
    assert model.configuration.framing.size == 48
    for changes in ({"wide": 3}, {"framing.side": 3}):
        with pytest.raises(RequestError, match="has no"):
            fresh(cls, "compact", changes, seed=0)
    with pytest.raises(RequestError, match="no part 'depth'"):
        with_part(model, "depth", seed=0)


def test_levelforms_weights_go_on_with_images_of_twice_the_size():
    sizes = {"stem": 4, "widths": (4, 6), "channels": 2, "hidden_width": 8, "camera": True}
    sizes |= {"camera_stem": 4, "camera_widths": (4, 6)}
    cls = methods()["levelform"]
    small = fresh(cls, "compact", {**sizes, "framing.size": 32, "stride": 2}, seed=0).eval()
    large = changed(small, {"framing.size": 64, "stride": 4}).eval()
    images = torch.rand(2, 4, 64, 64)
    images[:, 3] = 1.0  # straight alpha and its means agree where all is opaque
    halves = torch.nn.functional.avg_pool2d(images, 2)
    torch.testing.assert_close(large.encode_images(images), small.encode_images(halves))
    assert small.camera is not None
    assert large.camera is not None
    torch.testing.assert_close(large.camera(images), small.camera(halves))
    with pytest.raises(RequestError):
        changed(small, {"stem": 6})


@pytest.mark.parametrize("method", GROWING)
def test_what_is_lacking_is_known(method):
    plain = fresh(methods()[method], "compact", {}, seed=0)
    for part in plain.auxiliary:
        assert lacks(plain, part)
        assert not lacks(with_part(plain, part, seed=0), part)
    assert not lacks(plain, "main")


def test_a_part_that_was_trained_on_other_weights_is_taken_whole():
    cls = methods()["levelform"]
    sizes = {"stem": 4, "widths": (4, 8), "camera_stem": 4, "camera_widths": (4, 8)}
    main, other = (fresh(cls, "compact", sizes, seed=seed) for seed in (0, 1))
    other = with_part(other, "camera", seed=2)
    told = {"parts": {"camera": {"steps": 7}}}
    other.weights = replace(
        other.weights, training=told, results={"validation camera validation_loss": 0.5}
    )
    made = take_part(main, "camera", other)
    for name, tensor in made.state_dict().items():
        source = other if name.startswith("camera.") else main
        assert torch.equal(tensor, source.state_dict()[name])
    assert made.weights.training["parts"]["camera"] == {"steps": 7}
    assert made.weights.results == {"validation camera validation_loss": 0.5}
    with pytest.raises(RequestError, match="camera network is missing"):
        take_part(other, "camera", main)
