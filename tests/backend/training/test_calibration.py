"""The level that fits unseen shapes best is found, by whatever a method is calibrated on."""

from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.encoders.lifting import voxels_of
from levelform.backend.metrics import iou
from levelform.backend.reconstructors import Code, Reconstructor, find_method, uclid_net
from levelform.backend.reconstructors.uclid_net import COMPACT, VOXELS
from levelform.backend.training.calibration import calibrate, example_of
from levelform.backend.training.samples import load_shapes


class Oracle:
    """Answers with the distances of the shape that it is shown, `offset` too great."""

    device = torch.device("cpu")
    calibration_sample = Reconstructor.calibration_sample
    solid_at = Reconstructor.solid_at
    candidate_levels = Reconstructor.candidate_levels

    def __init__(self, shapes, offset):
        self.shapes = {shape.id: shape for shape in shapes}
        self.offset = offset

    def encode(self, views):
        self.views = views
        return views[0].name.split(" ")[0]

    def decode(self, name):
        distance = torch.from_numpy(np.array(self.shapes[name]["uniform.distance"]))
        return lambda p: distance + self.offset


@pytest.fixture
def unseen(data):
    return load_shapes([str(data)], "val")


def test_the_level_of_fields_that_are_too_thin_is_found(unseen):
    level, reached, own = astuple(calibrate(Oracle(unseen, 0.08), unseen))
    scores = {}
    for shape in unseen:
        thin, ground_truth = shape["uniform.distance"] + 0.08 < 0, shape.inside("uniform")
        scores.setdefault(shape.category, []).append(
            (thin & ground_truth).sum() / (thin | ground_truth).sum()
        )
    assert own == pytest.approx(np.mean([np.mean(each) for each in scores.values()]), abs=1e-6)
    assert level == pytest.approx(0.08, abs=0.01)
    assert own < 0.8
    assert reached > 0.95


def test_a_level_that_can_not_be_bettered_stays(unseen):
    assert astuple(calibrate(Oracle(unseen, 0.0), unseen)) == (0.0, 1.0, 1.0)


def test_several_views_are_spread_and_a_sample_of_ones_own_counts(unseen):
    oracle = Oracle(unseen, 0.08)
    names = []

    def sample(example):
        names.append([view.name for view in example.views])
        return oracle.calibration_sample(example)

    assert calibrate(oracle, unseen, views=2, sample=sample) == calibrate(oracle, unseen)
    assert names == [[shape.view(0).name, shape.view(1).name] for shape in unseen]
    with pytest.raises(RequestError, match="2 images, not 3"):
        calibrate(oracle, unseen, views=3)


def test_silhouettes_tell_the_level_of_fields_that_are_too_fat(unseen, monkeypatch):
    model = find_method("sdf-srn")(find_method("sdf-srn").configurations["compact"]).eval()
    masks = torch.rand(len(unseen), 400, generator=torch.Generator().manual_seed(0)) < 0.2
    rows = iter(masks)

    def least(view):
        inside = next(rows)
        edge = torch.linspace(0, 0.06, len(inside))  # a margin outside that counts as inside
        return torch.where(inside, -0.2, edge - 0.05), inside

    monkeypatch.setattr(model, "least_along_rays", least)
    level, reached, own = astuple(calibrate(model, unseen))
    assert -0.2 <= level <= -0.04
    assert own < 0.3
    assert reached > 0.95


def test_occupancies_that_are_too_high_are_lowered(unseen, monkeypatch):
    """A network that tells every voxel apart, but takes most empty ones for occupied too."""
    model = find_method("uclid-net")(replace(COMPACT, symmetry=False)).eval()
    surfaces = {shape.id: torch.from_numpy(np.array(shape["surface.points"])) for shape in unseen}

    def encode(views):
        points = surfaces[views[0].name.split(" ")[0]].float()
        occupied = voxels_of(model.to_method(points), VOXELS)
        return Code("uclid-net", {"grid": (8 * occupied - 1)[None]})

    monkeypatch.setattr(model, "encode", encode)
    monkeypatch.setattr(model.network, "occupancy_logits", lambda grid: grid[:, 0])
    raised, reached, own = astuple(calibrate(model, unseen))
    assert own < 0.3
    assert reached == 1.0
    assert -3.0 <= raised < -1.0
    before = model.network.decoder_occupancy.bias.item()
    assert model.apply_calibration(raised) == {"occupancy raised by": raised}
    assert model.network.decoder_occupancy.bias.item() == pytest.approx(before + raised)


def test_occupancies_of_a_calibrated_network_stay(unseen, monkeypatch):
    """Probabilities that hold: no other logit does better by more than chance."""
    model = find_method("uclid-net")(replace(COMPACT, symmetry=False)).eval()
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(len(unseen), VOXELS, VOXELS, VOXELS, generator=generator) * 2 - 3
    monkeypatch.setattr(
        model, "encode", lambda views: Code("uclid-net", {"grid": next(grids)[None]})
    )
    grids = iter(logits)
    monkeypatch.setattr(model.network, "occupancy_logits", lambda grid: grid[:, 0])
    ground_truths = iter(torch.rand(logits.shape, generator=generator) < logits.sigmoid())
    monkeypatch.setattr(uclid_net, "voxels_of", lambda points, count: next(ground_truths).float())
    raised, reached, own = astuple(calibrate(model, unseen))
    assert abs(raised) <= 0.2
    assert reached - own < 0.002


def test_of_several_views_every_shape_counts_the_same(unseen):
    oracle = Oracle(unseen, 0.08)
    by_shape = calibrate(oracle, unseen, by_category=False)
    values = [oracle.calibration_sample(example_of(shape, "uniform", 1)) for shape in unseen]
    scores = [iou((v < by_shape.level).numpy(), inside.numpy()) for v, inside in values]
    assert by_shape.iou == pytest.approx(np.mean(scores))
