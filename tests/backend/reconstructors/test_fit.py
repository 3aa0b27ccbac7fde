"""`fit` as a method, through the session that the worker and the terminal use."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.appearance.photos import prepare
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import JobCancelled, RequestError
from levelform.backend.fit import settings as fit_settings
from levelform.backend.geometry.images import shrink
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import Code, load_reconstructor
from levelform.backend.reconstructors.corrections import exposures
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket


@pytest.fixture
def views(photograph, cameras):
    return [shrink(photograph(camera), 48) for camera in cameras[:4]]


def request(views, *, job="j", steps=6, keep="", correct=False, **changes):
    data = tuple(
        protocol.ViewData(view.image.numpy(), view.camera.to_data(), f"cam {index}")
        for index, view in enumerate(views)
    )
    given = {"world_from_volume": np.eye(4), "resolution": 32, "device": "cpu", "color": False}
    return protocol.Reconstruct(
        job,
        "fit",
        data,
        options={"steps": steps, "correct": correct, "start": "hull"},
        keep=keep,
        **{**given, **changes},
    )


def finish(events):
    """Return the meshes and the stats of a job."""
    every = list(events)
    assert isinstance(every[-1], protocol.Finished)
    return [e for e in every if isinstance(e, protocol.MeshUpdate)], every[-1].stats


def test_a_job_tells_its_steps_and_its_curve(views):
    meshes, stats = finish(Session().reconstruct(request(views), Ticket()))
    assert meshes[-1].final
    assert stats["watertight"]
    assert stats["method"] == "fit"
    assert stats["steps"] <= 6
    assert stats["curve"][-1][0] == 6


def test_meshes_come_while_it_improves(views, monkeypatch):
    monkeypatch.setattr("levelform.backend.fit.running.FIRST_AFTER", 0.0)
    monkeypatch.setattr("levelform.backend.fit.running.SHOW_AFTER", 0.0)
    monkeypatch.setattr("levelform.backend.fit.running.RARER", 0.0)
    meshes, _ = finish(Session().reconstruct(request(views), Ticket()))
    assert len(meshes) > 3
    assert [mesh.final for mesh in meshes] == [*[False] * (len(meshes) - 1), True]


def test_it_is_stopped_early_and_goes_on_to_the_same_result(views):
    session, looked = Session(), []

    def enough():
        looked.append(True)
        return len(looked) > 40

    job = request(views, steps=60, keep="early")
    _, early = finish(session.reconstruct(job, Ticket(finishing=enough)))
    assert early["curve"][-1][0] == 40
    more = protocol.Remesh("k", "early", 32, color=False, improve=True)
    _, stats = finish(session.remesh(more, Ticket()))
    _, whole = finish(Session().reconstruct(request(views, steps=60), Ticket()))
    went_on, at_once = (dict(map(tuple, s["curve"])) for s in (stats, whole))
    assert at_once.items() <= went_on.items()  # which has one more look, where it was stopped


def test_a_finished_fit_goes_on_beyond_its_end(views):
    session = Session()
    finish(session.reconstruct(request(views, keep="done"), Ticket()))
    more = protocol.Remesh("k", "done", 32, color=False, improve=True, options={"steps": 4})
    _, stats = finish(session.remesh(more, Ticket()))
    assert stats["curve"][-1][0] == 10


def test_other_results_are_not_improved(views):
    session = Session()
    job = protocol.Reconstruct(
        "j", "visual-hull", request(views).views, np.eye(4), 32, device="cpu", keep="hull"
    )
    finish(session.reconstruct(job, Ticket()))
    more = protocol.Remesh("k", "hull", 32, improve=True)
    with pytest.raises(RequestError, match="can't be improved further"):
        list(session.remesh(more, Ticket()))


def test_cancel_is_heard_between_two_steps(views):
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 30

    with pytest.raises(JobCancelled):
        list(Session().reconstruct(request(views, steps=1000), Ticket(cancelled=cancelled)))


def test_a_view_without_the_object_is_left_out_with_a_remark(views):
    blank = torch.zeros_like(views[0].image)
    code = load_reconstructor("fit", None, "cpu").encode(
        [*views, View(blank, views[0].camera, "blank")], steps=2
    )
    (remark,) = code.meta["remarks"]
    assert remark.startswith("Left out: blank: ")
    assert "is empty" in remark


def test_a_code_survives_its_file_and_goes_on(views, tmp_path):
    model = load_reconstructor("fit", None, "cpu")
    code = model.encode(views, steps=4)
    code.save(tmp_path / "fit.safetensors")
    again = Code.load(tmp_path / "fit.safetensors")
    points = torch.rand(100, 3) * 2 - 1
    assert torch.equal(model.decode(again)(points), model.decode(code)(points))
    first, second = (model.encode(views, steps=3, resume=c) for c in (code, again))
    assert torch.equal(model.decode(first)(points), model.decode(second)(points))


def test_a_fit_of_other_views_does_not_go_on(views):
    model = load_reconstructor("fit", None, "cpu")
    code = model.encode(views[:3], steps=2)
    with pytest.raises(RequestError, match="is of other images"):
        model.encode(views, steps=2, resume=code)


def test_it_starts_from_the_field_of_another_method(views):
    model = load_reconstructor("fit", None, "cpu")
    field = model.decode(model.encode(views, steps=2, start="visual-hull"))
    hull = load_reconstructor("visual-hull", None, "cpu")
    points = torch.rand(2000, 3) * 2 - 1
    before = hull.decode(hull.encode(views))(points)
    clear = before.abs() > 0.06
    assert torch.equal(field(points)[clear] < 0, before[clear] < 0)


def test_a_time_is_kept_and_the_rest_of_it_goes_on(views, monkeypatch):
    monkeypatch.setitem(fit_settings.SECONDS, "10s", 2.0)
    session = Session()
    job = replace(request(views, keep="timed"), options={"time": "10s", "correct": False})
    _, stats = finish(session.reconstruct(job, Ticket()))
    first = stats["steps"]
    assert first > 0
    more = protocol.Remesh("k", "timed", 32, color=False, improve=True, options={"time": "10s"})
    _, stats = finish(session.remesh(more, Ticket()))
    assert stats["curve"][-1][0] > first


def turned(view, degrees):
    """Return a view whose camera looks to the side."""
    a = math.radians(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    pose = view.camera.world_from_camera @ matrix
    return replace(view, camera=replace(view.camera, world_from_camera=pose))


def angle(one, other):
    """Return the degrees between two cameras' directions."""
    cosine = float(np.dot(one.forward, other.forward))
    return math.degrees(math.acos(min(cosine, 1.0)))


def test_colours_come_through_the_corrected_cameras(photograph, cameras):
    true = [shrink(photograph(camera), 128) for camera in cameras]
    given = [turned(true[0], 2.0), *true[1:]]
    session = Session()
    finish(session.reconstruct(request(given, steps=1, keep="k", correct=True), Ticket()))
    (photo, *others) = session._kept["k"].painter.photos
    assert angle(photo.camera, true[0].camera) < 0.8  # it was 2
    for other, view in zip(others, true[1:], strict=True):
        assert angle(other.camera, view.camera) < 0.6


def test_the_photos_lose_the_exposure_that_was_found(views):
    dark = replace(views[0], image=views[0].image * torch.tensor([0.7, 0.7, 0.7, 1.0]))
    given = [dark, *views[1:]]
    code = load_reconstructor("fit", None, "cpu").encode(
        given, steps=60, exposure=True, correct=False
    )
    told = exposures(given, code)
    assert all(mine < other for mine, other in zip(told[0], told[1], strict=True))
    plain, lit = prepare(given)[0], prepare(given, exposures=told)[0]
    assert float(lit.color.mean()) > float(plain.color.mean())


def test_it_tells_what_it_started_from_and_goes_on_from_the_same(views):
    model = load_reconstructor("fit", None, "cpu")
    code = model.encode(views, steps=33, correct=False)
    start = code.meta["stats"]["start"]
    named = model.encode(views, steps=33, correct=False, start=start)
    points = torch.rand(500, 3) * 2 - 1
    assert torch.equal(model.decode(code)(points) < 0, model.decode(named)(points) < 0)
    more = model.encode(views, steps=3, resume=code)
    assert more.meta["stats"]["start"] == start


def test_it_starts_from_the_hull_where_there_is_no_guess(views, monkeypatch):
    model = load_reconstructor("fit", None, "cpu")

    def missing(method, views):
        raise RequestError("Its weights are not here.", "Install them.")

    monkeypatch.setattr(model, "_other", missing)
    assert model.encode(views, steps=33, correct=False).meta["stats"]["start"] == "hull"


def test_a_guess_of_another_object_is_not_taken(views, monkeypatch):
    model = load_reconstructor("fit", None, "cpu")
    other = load_reconstructor("visual-hull", None, "cpu")
    field = other.decode(other.encode(views))

    class Half:
        device, level = field.device, staticmethod(lambda: 0.0)

        def __call__(self, points):
            return torch.maximum(field(points), points[:, 0])

    monkeypatch.setattr(model, "_other", lambda method, views: Half())
    code = model.encode(views, steps=33, correct=False)
    assert code.meta["stats"]["start"] == "hull"
