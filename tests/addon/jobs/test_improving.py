"""Stopping a job that improves its result, and going on, from a script."""

import pytest
from levelform.addon import api
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import MethodInfo, Methods

pytestmark = pytest.mark.bpy

FACTS = ("", "", True, False, 1, None, False, (), ())
FIT = MethodInfo("fit", "Fit", *FACTS, improves=True)
HULL = MethodInfo("visual-hull", "Hull", *FACTS)


@pytest.fixture
def known(puppet, ball_stage):
    """A scene and a worker with a method that improves its result and one that does not."""
    ball_stage()
    puppet.methods = Methods((FIT, HULL))
    return puppet


def test_stop_ends_the_job_that_a_script_streams(known):
    told = []
    known.finish_early = told.append
    known.waiting = [lambda: known.send(32), lambda: known.send(64), known.finish]
    for _ in api.stream(method="fit"):
        if not told:
            api.stop()
    assert told == [known.job]


def test_nothing_is_stopped_where_nothing_improves(known):
    with pytest.raises(RequestError, match="No running job improves"):
        api.stop()
    known.waiting = [lambda: known.send(32), known.finish]
    events = api.stream(method="visual-hull")
    next(events)
    with pytest.raises(RequestError, match="No running job improves"):
        api.stop()
    list(events)


def test_improve_goes_on_for_so_long(known):
    known.waiting = [lambda: known.send(32), lambda: known.finish(method="fit")]
    made = api.reconstruct(method="fit")
    known.waiting = [lambda: known.send(64), known.finish]
    assert api.improve(made, steps=50) == made
    request = known.job.request
    assert request.improve
    assert request.options == {"steps": 50}
    assert max(vertex.co.length for vertex in made.data.vertices) == 64


def test_a_hull_is_not_improved(known):
    known.waiting = [lambda: known.send(32), known.finish]
    made = api.reconstruct(method="visual-hull")
    with pytest.raises(RequestError, match="does not improve its results"):
        api.improve(made)
