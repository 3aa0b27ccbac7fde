"""The overlap of a field with the truth, on shapes spread over the categories."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.encoders.lifting import voxels_of
from levelform.backend.fields import Field
from levelform.backend.reconstructors import Code, find_method
from levelform.backend.reconstructors.uclid_net import COMPACT, VOXELS
from levelform.backend.training import validation
from levelform.backend.training.samples import load_shapes
from levelform.backend.training.validation import (
    choose_level,
    choose_occupancy,
    choose_shapes,
    choose_silhouette_level,
    validate,
)


class Answer(Field):
    """A function of points as a field."""

    def __init__(self, function):
        self.function = function

    def __call__(self, points):
        return self.function(points)


class Oracle:
    """Answers with the truth of the shape it was shown, or with a ball, or with an error."""

    device = torch.device("cpu")
    spec = find_method("deep-meta-functionals").spec
    auxiliary, level_shift, view_levels = {}, 0.0, {}

    def __init__(self, shapes, answer):
        self.shapes = {shape.id: shape for shape in shapes}
        self.answer = answer
        self.cameras = []

    def encode(self, views, **options):
        self.cameras += [view.camera for view in views]
        return views[0].name.split(" ")[0]

    def decode(self, name):
        if self.answer == "error":
            raise WorkError("Nothing was found.")
        shape = self.shapes[name]
        if self.answer == "thin":
            distance = torch.from_numpy(np.array(shape["uniform.distance"]))
            return Answer(lambda p: distance + 0.08)
        truth = torch.from_numpy(np.where(shape.inside("uniform"), -1.0, 1.0))
        ball = Answer(lambda p: p.norm(dim=-1) - 0.5)
        return Answer(lambda p: truth) if self.answer == "truth" else ball


@pytest.fixture
def unseen(data):
    return load_shapes([str(data)], "val")


def test_the_truth_has_all_overlap_and_a_ball_what_it_has(unseen):
    perfect = validate(Oracle(unseen, "truth"), unseen)
    assert perfect.iou == 1.0
    assert set(perfect.by_category) == {shape.category for shape in unseen}
    ball = validate(Oracle(unseen, "ball"), unseen)
    expected = {}
    for shape in unseen:
        found = np.linalg.norm(shape["uniform.points"], axis=1) < 0.5
        truth = shape.inside("uniform")
        expected.setdefault(shape.category, []).append(
            (found & truth).sum() / (found | truth).sum()
        )
    assert ball.iou == pytest.approx(np.mean([np.mean(v) for v in expected.values()]), abs=1e-6)


def test_failures_count_as_nothing_and_wrong_requests_are_raised(unseen):
    lost = validate(Oracle(unseen, "error"), unseen)
    assert (lost.iou, lost.failed) == (0.0, len(unseen))

    class Wrong(Oracle):
        def decode(self, name):
            raise RequestError("This is not how it is called.")

    with pytest.raises(RequestError):
        validate(Wrong(unseen, "truth"), unseen)


def test_cameras_are_given_only_when_asked_for(unseen):
    for posed in (True, False):
        oracle = Oracle(unseen, "truth")
        validate(oracle, unseen, posed=posed, views=2)
        assert len(oracle.cameras) == 2 * len(unseen)
        assert all((camera is not None) == posed for camera in oracle.cameras)


def test_chosen_shapes_are_spread_and_stay_the_same(data):
    shapes = load_shapes([str(data)], "train")
    chosen = choose_shapes(shapes, 6)
    assert [s.id for s in chosen] == [s.id for s in choose_shapes(shapes, 6)]
    counts = {c: sum(s.category == c for s in chosen) for c in ("table", "cabinet", "sofa")}
    assert set(counts.values()) == {2}
    assert len(choose_shapes(shapes, 100)) == len(shapes)


def test_the_level_of_fields_that_are_too_thin_is_found(unseen):
    level, reached, own = choose_level(Oracle(unseen, "thin"), unseen)
    assert own == pytest.approx(validate(Oracle(unseen, "thin"), unseen).iou)
    assert level == pytest.approx(0.08, abs=0.01)
    assert own < 0.8
    assert reached > 0.95


def test_a_level_that_can_not_be_bettered_stays(unseen):
    assert choose_level(Oracle(unseen, "truth"), unseen) == (0.0, 1.0, 1.0)


def test_silhouettes_tell_the_level_of_fields_that_are_too_fat(unseen, monkeypatch):
    model = find_method("sdf-srn")(find_method("sdf-srn").configurations["compact"]).eval()
    masks = torch.rand(len(unseen), 400, generator=torch.Generator().manual_seed(0)) < 0.2
    rows = iter(masks)

    def least(view):
        inside = next(rows)
        edge = torch.linspace(0, 0.06, len(inside))  # a margin outside that counts as inside
        return torch.where(inside, -0.2, edge - 0.05), inside

    monkeypatch.setattr(model, "least_along_rays", least)
    level, reached, own = choose_silhouette_level(model, unseen)
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
    raised, reached, own = choose_occupancy(model, unseen)
    assert own < 0.3
    assert reached == 1.0
    assert -3.0 <= raised < -1.0
    before = model.network.decoder_occupancy.bias.item()
    model.shift_occupancy(raised)
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
    truths = iter(torch.rand(logits.shape, generator=generator) < logits.sigmoid())
    monkeypatch.setattr(validation, "voxels_of", lambda points, count: next(truths).float())
    raised, reached, own = choose_occupancy(model, unseen)
    assert abs(raised) <= 0.2
    assert reached - own < 0.002
