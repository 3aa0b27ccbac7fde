"""The overlap of a field with the truth, on shapes spread over the categories."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.fields import Field
from levelform.backend.training.samples import load_shapes
from levelform.backend.training.validation import (
    choose_shapes,
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
    auxiliary, level_shift, view_levels, knows_time = {}, 0.0, {}, False

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
        known = torch.from_numpy(np.array(shape["uniform.points"]))
        values = {
            "thin": np.array(shape["uniform.distance"]) + 0.08,
            "truth": np.where(shape.inside("uniform"), -1.0, 1.0),
        }
        if self.answer not in values:
            return Answer(lambda p: p.norm(dim=-1) - 0.5)
        stored = torch.from_numpy(values[self.answer]).float()
        return Answer(lambda p: stored[torch.cdist(p, known).argmin(1)])


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
        actual = np.linalg.norm(shape["uniform.points"], axis=1) < 0.5
        ground_truth = shape.inside("uniform")
        expected.setdefault(shape.category, []).append(
            (actual & ground_truth).sum() / (actual | ground_truth).sum()
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
