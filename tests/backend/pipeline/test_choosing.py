"""One image without a camera: the method by its mask, the camera by silhouette."""

from types import SimpleNamespace

import pytest
import torch
from levelform.backend.contract import protocol
from levelform.backend.contract.default_method import AUTO, UNPOSED_IOU
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.data.render.cameras import look_at
from levelform.backend.fields.field import Field
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.pipeline import choosing, single_image
from levelform.backend.pipeline.choosing import choose, chooses
from levelform.backend.pipeline.single_image import sighted
from levelform.backend.pipeline.stages import COMPARE
from levelform.backend.session import Session
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
        self.field, self.spec = field, SimpleNamespace(estimates_camera=False, members=())
        self.view_levels: dict[int, float] = {}

    def encode(self, _views):
        return "code"

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


def chosen(view: View, nets: Nets, ticket: Ticket | None = None):
    """Return the meshes that a choice shows on the way, and the choice."""
    meshes, steps = [], choose(view, nets, "cpu", ticket or Ticket())
    while True:
        try:
            meshes.append(next(steps))
        except StopIteration as end:
            return meshes, end.value


def offer(monkeypatch, **fields: Field) -> Nets:
    """Return networks that alone have weights."""
    nets = Nets(**fields)
    monkeypatch.setattr(choosing, "bundled_weights", lambda name: nets.models.get(name))
    return nets


def test_the_method_whose_silhouette_agrees_is_chosen(monkeypatch):
    nets = offer(monkeypatch, tdgn=Block(*TALL), deep_meta_functionals=Block(*FLAT))
    meshes, first = chosen(photo(TALL), nets)
    assert first.name == "tdgn"  # though deep-meta-functionals does better on the whole
    assert "deep-meta-functionals" in first.why
    assert set(first.ious) == {"tdgn", "deep-meta-functionals"}
    assert [mesh.vertices[:, 2].max() > 0.5 for mesh in meshes] == [False, True]  # then replaced
    meshes, other = chosen(photo(FLAT), nets)
    assert other.name == "deep-meta-functionals"
    assert len(meshes) == 1
    monkeypatch.setattr(choosing, "bundled_weights", lambda _name: None)
    assert chosen(photo(), nets) == ([], None)


def test_the_ensemble_is_tried_first_where_all_of_its_members_have_weights(monkeypatch):
    names = ("levelform", "tdgn", "occupancy_network", "deep_meta_functionals")
    nets = offer(monkeypatch, ensemble=Block(*TALL), **dict.fromkeys(names, Block(*TALL)))
    monkeypatch.setattr(choosing, "BEST_IOU", 0.9)
    _, best = chosen(photo(TALL), nets)
    assert best.name == next(iter(best.ious)) == "ensemble"
    assert "its accuracy on other images" in best.why
    del nets.models["occupancy-network"]
    _, best = chosen(photo(TALL), nets)
    assert "ensemble" not in best.ious
    assert best.name in nets.models


def test_the_first_mesh_is_shown_before_anything_is_compared(monkeypatch):
    nets = offer(monkeypatch, tdgn=Block(*TALL), deep_meta_functionals=Block(*TALL))
    nets.load = lambda name, *_: loaded.append(name) or nets.models[name]
    loaded: list[str] = []
    steps = choose(photo(), nets, "cpu", Ticket())
    assert len(next(steps).faces) > 0
    assert loaded == ["deep-meta-functionals"]


def test_what_can_not_become_better_is_not_tried(monkeypatch):
    same = offer(
        monkeypatch,
        levelform=Block(*TALL),
        tdgn=Block(*TALL),
        occupancy_network=Block(*TALL),
    )
    monkeypatch.setattr(choosing, "BEST_IOU", 0.9)
    _, best = chosen(photo(TALL), same)
    assert best.name == max(same.models, key=UNPOSED_IOU.get)
    assert list(best.ious) == [best.name]


def test_the_code_and_the_camera_of_the_choice_are_used_again(monkeypatch):
    nets = offer(monkeypatch, tdgn=Block(*TALL))
    _, best = chosen(photo(TALL), nets)
    assert best.best.code == "code"
    with monkeypatch.context() as patch:
        patch.setattr(single_image, "fitted_camera", None)  # would fail if it were called
        near = sighted(
            Model(None), Block(*TALL), photo(), finder=None, match=None, fitted=best.best.fitted
        )
    assert near.camera is best.best.fitted.camera


def test_a_choice_can_be_cancelled_between_methods(monkeypatch):
    nets = offer(monkeypatch, tdgn=Block(*TALL), deep_meta_functionals=Block(*TALL))
    asked: list[int] = []
    ticket = Ticket(cancelled=lambda: bool(asked.append(1)) or len(asked) > 3)
    with pytest.raises(JobCancelled):
        chosen(photo(), nets, ticket)


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
    several = Model(None)
    several.spec.members = ("tdgn", "levelform")
    assert sighted(several, Block(*FLAT), view, finder=None, match=None).adjusted
    assert not sighted(several, Block(*FLAT), view, finder=None, match=False).adjusted
    assert sighted(Model(None), Block(-1, -1, -1), view, finder=None, match=None) is None


def test_a_job_shows_the_first_mesh_before_the_method_is_chosen(monkeypatch):
    real = choosing.bundled_weights
    names = ("tdgn", "deep-meta-functionals")
    monkeypatch.setattr(choosing, "bundled_weights", lambda n: real(n) if n in names else None)
    pixels = (photo().image * 255).byte().numpy()
    request = protocol.Reconstruct(
        "job", AUTO, (protocol.ViewData(pixels, None, "photo"),), resolution=32, color=False
    )
    steps: list[str] = []
    ticket = Ticket(report=lambda step: steps.append(step.stage))
    events = list(Session().reconstruct(request, ticket))
    kinds = [type(event).__name__ for event in events]
    assert kinds[:3] == ["ViewMasks", "ViewsChecked", "MeshUpdate"]
    assert kinds.index("Placed") > 2
    first, stats = events[2], events[-1].stats
    assert not first.final
    assert len(first.faces)
    assert stats["method"] in names
    assert {stats["method"]} <= set(stats["compared"]) <= set(names)
    assert stats["compared"][stats["method"]] == stats["silhouette_iou"]  # fitted once
    assert stats["remarks"][0].startswith(f"No method was named: {stats['method']} was used")
    assert stats["adjusted"]  # whatever its silhouette: nothing but the image was given
    assert COMPARE in steps
