"""Kept results are forgotten once no undo can bring their objects back, and never before."""

from types import SimpleNamespace

import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.jobs import keeping  # noqa: E402
from levelform.addon.jobs.results import PROVENANCE  # noqa: E402
from levelform.backend.contract.protocol import Status  # noqa: E402

pytestmark = pytest.mark.bpy


@pytest.fixture
def forgotten(extension, puppet, monkeypatch):
    """Let the worker keep two results of two objects; return what it was told to forget."""
    told: list[str] = []
    puppet.forget = told.append
    puppet.status = Status(1, ("a", "b"), ())
    for name in "ab":
        made = bpy.data.objects.new(name, None)
        bpy.context.scene.collection.objects.link(made)
        made[PROVENANCE] = {"keep": name}
    monkeypatch.setattr(keeping, "keeping", keeping.Keeping())
    return told


def edit(monkeypatch, number):
    """Pretend that an operator was run; the module has no history of them."""
    entry = SimpleNamespace(as_pointer=lambda: number)
    manager = SimpleNamespace(operators=[entry])
    context = SimpleNamespace(
        window_manager=manager, preferences=bpy.context.preferences, scene=bpy.context.scene
    )
    monkeypatch.setattr(keeping.bpy, "context", context)
    keeping._on_edit()


def test_nothing_is_forgotten_while_its_object_is_there(forgotten):
    keeping.forget_what_is_gone(at_once=True)
    keeping.forget_what_is_gone()
    assert forgotten == []


def test_without_an_undo_history_deleting_forgets_at_once(forgotten):
    assert bpy.app.background
    bpy.data.objects.remove(bpy.data.objects["a"])
    keeping.forget_what_is_gone()
    assert forgotten == ["a"]


def test_in_a_window_after_as_many_edits_as_the_history_has(forgotten, monkeypatch):
    real = keeping.bpy
    app = SimpleNamespace(background=False)
    monkeypatch.setattr(
        keeping, "bpy", SimpleNamespace(app=app, data=real.data, context=real.context)
    )
    monkeypatch.setattr(keeping, "undo_steps", lambda: 5)
    bpy.data.objects.remove(bpy.data.objects["a"])
    for number in range(1, 7):
        assert forgotten == [], number
        edit(monkeypatch, number)
    assert forgotten == ["a"]


def test_an_object_that_comes_back_starts_anew(forgotten, monkeypatch):
    looking = keeping.keeping
    bpy.data.objects["a"][PROVENANCE] = {}
    looking.look(["a", "b"])
    assert looking.missed == {"a": 0}
    bpy.data.objects["a"][PROVENANCE] = {"keep": "a"}
    looking.look(["a", "b"])
    assert looking.missed == {}


def test_loading_a_file_forgets_what_it_does_not_hold(forgotten):
    bpy.ops.wm.read_homefile(use_empty=True)
    assert sorted(forgotten) == ["a", "b"]


def test_nothing_is_forgotten_while_a_job_runs(forgotten, extension, monkeypatch):
    monkeypatch.setattr(extension, "running", object())
    bpy.data.objects.remove(bpy.data.objects["a"])
    keeping.forget_what_is_gone()
    assert forgotten == []
    monkeypatch.setattr(extension, "running", None)
