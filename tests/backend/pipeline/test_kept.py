"""Kept results: meshed again, forgotten, limited in memory."""

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.memory import held_bytes
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from setups.jobs import finish, request


def test_a_kept_field_is_meshed_again_without_its_method(views):
    session = Session()
    _, stats = finish(session.reconstruct(request(views, keep="k"), Ticket()))
    session._networks.clear()  # nothing to run the method with
    meshes, again = finish(
        session.remesh(protocol.Remesh("r", "k", resolution=64, color=False), Ticket())
    )
    assert [mesh.job for mesh in meshes] == ["r"] * len(meshes)
    assert again["resolution"] == 64
    assert (again["method"], again["views"]) == (stats["method"], stats["views"])
    fresh, _ = finish(Session().reconstruct(request(views, resolution=64), Ticket()))
    np.testing.assert_allclose(
        np.sort(meshes[-1].vertices, 0), np.sort(fresh[-1].vertices, 0), atol=1e-5
    )


def test_another_level_is_another_surface(views):
    session = Session()
    meshes, _ = finish(session.reconstruct(request(views, keep="k"), Ticket()))
    wider, stats = finish(
        session.remesh(protocol.Remesh("r", "k", resolution=32, level=0.1), Ticket())
    )
    assert stats["level"] == pytest.approx(0.1)
    assert (np.ptp(wider[-1].vertices, axis=0) > np.ptp(meshes[-1].vertices, axis=0) + 0.1).all()


def test_what_is_forgotten_or_unknown_is_told(views):
    session = Session()
    finish(session.reconstruct(request(views, keep="k"), Ticket()))
    assert session.status().kept == ("k",)
    assert session.status().loaded == ("visual-hull",)
    session.forget("k")
    session.forget("never there")
    with pytest.raises(RequestError, match="'k' is no longer in memory"):
        list(session.remesh(protocol.Remesh("r", "k"), Ticket()))


def test_a_job_that_does_not_finish_keeps_the_field_of_the_one_before(views):
    session = Session()
    finish(session.reconstruct(request(views, keep="k"), Ticket()))
    with pytest.raises((RequestError, WorkError)):
        list(session.reconstruct(request(views, keep="k", level=-5.0), Ticket()))
    assert session.status().kept == ("k",)
    stopped = session.reconstruct(request(views, keep="other"), Ticket())
    next(stopped)
    stopped.close()
    assert session.status().kept == ("k",)


def test_unload_drops_everything(views):
    session = Session()
    finish(session.reconstruct(request(views, keep="k"), Ticket()))
    session.unload()
    status = session.status()
    assert (status.kept, status.loaded) == ((), ())
    assert status.memory > 0


def test_the_oldest_kept_field_makes_room(views):
    session = Session(kept_bytes=1)
    for name in ("a", "b"):
        finish(session.reconstruct(request(views, keep=name), Ticket()))
    assert session.status().kept == ("b",)


@pytest.mark.parametrize("fits", [False, True])
def test_the_samples_of_kept_fields_count_too(views, fits):
    first = Session()
    finish(first.reconstruct(request(views, resolution=64, keep="a"), Ticket()))
    kept = first._kept["a"]
    field = held_bytes(kept.field, kept.painter)
    whole = held_bytes(kept.field, kept.painter, kept.samples)
    assert whole - field >= kept.samples.bytes > 0
    cap = 2 * whole if fits else 2 * field + kept.samples.bytes
    session = Session(kept_bytes=cap)
    for name in ("a", "b"):
        finish(session.reconstruct(request(views, resolution=64, keep=name), Ticket()))
    assert session.status().kept == (("a", "b") if fits else ("b",))
