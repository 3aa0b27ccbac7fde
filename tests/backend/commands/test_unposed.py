"""`levelform experiments unposed`: methods on one image, the choice, and the page."""

import numpy as np
import pytest
import torch
from levelform.backend.commands._unposed import (
    CHOSEN,
    ROWS,
    UnposedResults,
    by_rule,
    measure,
    measure_unposed,
    write_page,
)
from levelform.backend.data.render.cameras import look_at
from levelform.backend.experiments.store import Store
from levelform.backend.fields.field import Field
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes.drawing import silhouette

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
TALL, FLAT = (0.25, 0.35, 0.9), (0.9, 0.8, 0.1)


class Block(Field):
    """A box, as a distance."""

    def __init__(self, *half: float) -> None:
        self.half = torch.tensor(half)

    def __call__(self, points):
        return (points.abs() - self.half).amax(1)


class Spec:
    estimates_camera, members = False, ()


class Model:
    """Predicts one field, whatever it sees."""

    spec = Spec()

    def __init__(self, field: Field) -> None:
        self.field, self.view_levels = field, {}

    def encode(self, _views):
        return "code"

    def decode(self, _code):
        return self.field


class Nets:
    """Two methods, without a camera network."""

    models = {"tdgn": Model(Block(*FLAT)), "deep-meta-functionals": Model(Block(*TALL))}

    def load(self, name, _weights, _device):
        return self.models[name]

    def camera_finder(self, _device):
        return None


class Shape:
    """A block that is seen once."""

    id, category = "block", "block"

    def __init__(self) -> None:
        camera = Camera(look_at(35, 20, 4.0), 90, 90, 40, 40, 80, 80)
        faces = torch.tensor([[q[0], q[i], q[i + 1]] for q in QUADS for i in (1, 2)])
        vertices = torch.from_numpy(CORNERS * np.array(TALL, np.float32))
        mask = silhouette(vertices, faces, camera).float()
        self._view = View(torch.cat([torch.ones(80, 80, 3), mask[..., None]], 2), camera, "image")
        self._points = np.random.default_rng(0).uniform(-1, 1, (4000, 3)).astype(np.float32)

    def view(self, _index):
        return self._view

    def __getitem__(self, _name):
        return self._points

    def inside(self, _name):
        return (np.abs(self._points) < np.array(TALL)).all(1)


def test_the_right_shape_has_the_numbers_of_the_truth_and_is_chosen():
    numbers = by_rule({name: measure(Shape(), Nets(), name, "cpu") for name in Nets.models})
    right, wrong = numbers["deep-meta-functionals"], numbers["tdgn"]
    assert right["iou"] == pytest.approx(1.0)
    assert wrong["iou"] < 0.2
    assert right["silhouette_fitted"] > 0.9
    assert right["silhouette_default"] == right["silhouette_matched"]  # so it is adjusted
    assert wrong["iou_default"] == wrong["iou"]  # and this is not
    assert wrong["silhouette_matched"] > wrong["silhouette_fitted"]
    assert numbers[CHOSEN] == right
    only = by_rule({"tdgn": {key: wrong[key] for key in wrong if "default" not in key}})
    assert only[CHOSEN]["iou_default"] == wrong["iou_matched"]  # the chosen one is adjusted


def test_what_is_stored_is_not_measured_again(tmp_path):
    store, versions = Store(tmp_path / "rows.jsonl"), dict.fromkeys(Nets.models, "0")
    first = measure_unposed([Shape()], Nets(), store, versions=versions, device="cpu")
    again = measure_unposed([Shape()], None, store, versions=versions, device="cpu")
    assert again.rows == first.rows
    assert first.count() == 1


def test_the_page_has_a_row_a_measure_and_a_column_a_method(tmp_path):
    numbers = {key: 0.25 for key, _ in ROWS}
    rows = [("a", "tdgn", numbers), ("b", "tdgn", {**numbers, "iou": 0.75}), ("a", CHOSEN, numbers)]
    path = tmp_path / "unposed.md"
    write_page(path, UnposedResults(rows), {"tdgn": "TDGN"}, command="levelform experiments")
    text = path.read_text()
    assert "Means over 2 unseen shapes" in text
    assert "| IoU with the truth, as decoded | 0.500 | 0.250 |" in text
    assert text.count("\n|") == len(ROWS) + 2
