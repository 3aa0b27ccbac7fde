"""One image without a camera: the method by its mask, the camera by silhouette."""

from types import SimpleNamespace

import pytest
import torch
from levelform.backend.contract import protocol
from levelform.backend.contract.default_method import AUTO, UNPOSED_IOU
from levelform.backend.data.render.cameras import look_at
from levelform.backend.fields.field import Field
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.pipeline import choosing
from levelform.backend.pipeline.choosing import choose, chooses
from levelform.backend.pipeline.single_image import sighted
from levelform.backend.ticket import Ticket


class Block(Field):
    """A box, as a distance."""

    def __init__(self, *half: float) -> None:
        self.half = torch.tensor(half)

    def __call__(self, points):
        return (points.abs() - self.half).amax(1)


class Model:
    """What a reconstructor is here: it predicts one field, whatever it sees."""

    def __init__(self, field: Field) -> None:
        self.field, self.spec = field, SimpleNamespace(estimates_camera=False)
        self.view_levels: dict[int, float] = {}

    def encode(self, _views):
        return None

    def decode(self, _code):
        return self.field


class Nets:
    """Networks by name."""

    def __init__(self, **fields: Field) -> None:
        self.models = {name.replace("_", "-"): Model(field) for name, field in fields.items()}

    def load(self, name, _weights, _device):
        return self.models[name]

    def camera_finder(self, _device):
        return None


TALL, FLAT = (0.25, 0.3, 0.9), (0.9, 0.8, 0.1)


def photo(half=TALL) -> View:
    """Return a drawing of a block, without its camera."""
    camera = Camera(look_at(35, 20, 4.0), 90, 90, 40, 40, 80, 80)
    rows, columns = torch.meshgrid(torch.arange(80), torch.arange(80), indexing="ij")
    origins, directions = camera.rays(torch.stack([columns, rows], -1).float() + 0.5)
    points = origins[..., None, :] + torch.linspace(2, 6, 60)[:, None] * directions[..., None, :]
    inside = (Block(*half)(points.reshape(-1, 3).float()) < 0).reshape(80, 80, 60).any(2)
    return View(torch.cat([torch.ones(80, 80, 3), inside[..., None].float()], 2), None, "photo")


def test_the_method_whose_silhouette_agrees_is_chosen(monkeypatch):
    nets = Nets(tdgn=Block(*FLAT), deep_meta_functionals=Block(*TALL))
    monkeypatch.setattr(choosing, "bundled_weights", lambda name: nets.models.get(name))
    ticket = Ticket()
    first = choose(photo(TALL), nets, "cpu", ticket)
    assert first.name == "deep-meta-functionals"  # though tdgn does better on the whole
    assert "tdgn" in first.why
    assert choose(photo(FLAT), nets, "cpu", ticket).name == "tdgn"
    same = Nets(tdgn=Block(*TALL), occupancy_network=Block(*TALL))
    monkeypatch.setattr(choosing, "bundled_weights", lambda name: same.models.get(name))
    assert choose(photo(TALL), same, "cpu", ticket).name == max(same.models, key=UNPOSED_IOU.get)
    monkeypatch.setattr(choosing, "bundled_weights", lambda _name: None)
    assert choose(photo(), nets, "cpu", ticket) is None


@pytest.mark.parametrize(
    ("change", "chosen"),
    [
        ({}, True),
        ({"method": "tdgn"}, False),
        ({"options": {"symmetry": False}}, False),
        ({"options": {"first": 64}}, True),
        ({"views": (protocol.ViewData(None, None, "a"),) * 2}, False),
    ],
)
def test_a_choice_is_made_only_where_nothing_was_said(change, chosen):
    request = {"method": AUTO, "views": (protocol.ViewData(None, None, "a"),), **change}
    assert chooses(protocol.Reconstruct("job", **request)) is chosen


def test_the_camera_is_found_and_the_field_adjusted_where_they_agree():
    view = photo(TALL)
    near = sighted(Model(None), Block(0.25, 0.32, 0.85), view, finder=None, match=None)
    assert near.adjusted
    assert near.iou > 0.9
    assert near.camera.width == 80
    assert "adjusted to the mask" in near.remark
    far = sighted(Model(None), Block(*FLAT), view, finder=None, match=None)
    assert not far.adjusted
    assert far.iou < near.iou
    asked = sighted(Model(None), Block(*FLAT), view, finder=None, match=True)
    assert asked.adjusted
    assert sighted(Model(None), Block(-1, -1, -1), view, finder=None, match=None) is None
