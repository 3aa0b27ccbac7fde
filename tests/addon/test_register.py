"""Registration: everything comes and goes, twice; a failure leaves nothing half done."""

import pytest

bpy = pytest.importorskip("bpy")
from levelform import addon  # noqa: E402

pytestmark = pytest.mark.bpy


def names() -> set[str]:
    """Return everything of Levelform that Blender knows of."""
    types = {name for name in dir(bpy.types) if name.lower().startswith("levelform")}
    operators = set(dir(bpy.ops.levelform))
    properties = {
        f"{owner.__name__}.{name}"
        for owner in (bpy.types.Scene, bpy.types.Object)
        for name in owner.bl_rna.properties.keys()  # noqa: SIM118 - no dictionary
        if name.startswith("levelform")
    }
    return types | operators | properties


def handlers() -> list[int]:
    known = bpy.app.handlers
    return [len(known.undo_post), len(known.redo_post), len(known.load_post)]


def test_register_unregister_register_leaves_nothing_and_brings_everything():
    before, listening = names(), handlers()
    addon.register()
    first = names()
    addon.unregister()
    assert names() == before
    assert handlers() == listening
    addon.register()
    try:
        assert names() == first
        assert {"Scene.levelform", "Object.levelform_camera", "reconstruct", "cancel"} <= first
    finally:
        addon.unregister()
    assert names() == before


def test_failure_propagates_and_undoes_what_came_before(monkeypatch):
    from levelform.addon.ui import panels

    before, listening = names(), handlers()

    def fail() -> None:
        raise ValueError("the moon is full")

    monkeypatch.setattr(panels, "register", fail, raising=False)
    with pytest.raises(ValueError, match="moon"):
        addon.register()
    assert names() == before
    assert handlers() == listening
    monkeypatch.undo()
    addon.register()
    addon.unregister()


def test_unregister_ends_a_running_job_and_its_worker(puppet, extension, ball_stage):
    from levelform.addon.jobs import requests

    ball_stage()
    running = requests.begin_scene(bpy.context)
    puppet.send()
    extension.step()
    assert running.result.object is not None
    extension.shutdown()
    assert running.job.ended
    assert not bpy.data.meshes
