"""A job seen from Blender: shown, kept and removed results, and an artist's actions meanwhile."""

from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.jobs import requests  # noqa: E402
from levelform.addon.jobs.results import DRAFT, PROVENANCE  # noqa: E402
from levelform.addon.scene import gallery  # noqa: E402
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402

pytestmark = pytest.mark.bpy

BLOCKS = ("objects", "meshes", "materials", "collections", "cameras", "images", "scenes", "texts")


def inventory() -> dict[str, list[str]]:
    """Return the names of everything in the file, and the selection."""
    names = {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in BLOCKS}
    layer = bpy.context.view_layer
    names["selected"] = sorted(thing.name for thing in layer.objects if thing.select_get())
    names["active"] = [layer.objects.active.name] if layer.objects.active else []
    return names


def begin(ball_stage: Any) -> Any:
    ball_stage()
    return requests.begin_scene(bpy.context)


def size_of(shown: Any) -> float:
    """Return the size of the shown octahedron, which is its resolution."""
    return float(np.abs([vertex.co[:] for vertex in shown.data.vertices]).max())


def test_meshes_refill_one_object_and_the_last_is_kept(extension, puppet, ball_stage):
    running = begin(ball_stage)
    seen = []
    for resolution in (32, 64, 128):
        puppet.send(resolution, colors=True)
        extension.step()
        shown = running.result.object
        assert shown[DRAFT] == running.job.id
        seen.append((shown.session_uid, shown.data.session_uid, size_of(shown)))
    assert seen == [(*seen[0][:2], size) for size in (32.0, 64.0, 128.0)]
    puppet.finish(rule="dense", nothing=None, counts=(1, 2))
    extension.step()
    assert extension.running is None
    kept = running.outcome
    assert DRAFT not in kept
    facts = kept[PROVENANCE].to_dict()
    assert facts["view_names"] == [f"View {i}" for i in range(6)]
    assert facts["counts"] == [1, 2]
    assert "nothing" not in facts
    assert bpy.context.view_layer.objects.active == kept
    assert [thing.name for thing in bpy.context.selected_objects] == [kept.name]


@pytest.mark.parametrize("end", ["cancel", "fail"])
@pytest.mark.parametrize("meshes", [0, 2])
def test_cancelled_or_failed_leaves_everything_as_it_was(
    extension, puppet, ball_stage, end, meshes
):
    ball_stage()
    bpy.data.objects["View 2"].select_set(True)
    before = inventory()
    requests.begin_scene(bpy.context)
    for _ in range(meshes):
        puppet.send(colors=True)
        extension.step()
    extension.cancel() if end == "cancel" else puppet.fail("The moon is full.", "Wait.")
    extension.step()
    assert inventory() == before
    assert extension.running is None
    assert str(extension.failure or "") == ("" if end == "cancel" else "The moon is full. Wait.")


def test_cancel_in_edit_mode_leaves_everything_as_it_was(extension, puppet, ball_stage):
    ball_stage()
    before = inventory()
    running = requests.begin_scene(bpy.context)
    puppet.send()
    extension.step()
    bpy.context.view_layer.objects.active = running.result.object
    bpy.ops.object.mode_set(mode="EDIT")
    extension.cancel()
    extension.step()
    assert bpy.context.mode == "OBJECT"
    assert inventory() == before


def test_a_shared_material_of_an_earlier_result_survives_a_cancel(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.send(colors=True)
    extension.step()
    puppet.finish()
    extension.step()
    earlier = running.outcome.data.materials[0]
    requests.begin_scene(bpy.context)
    puppet.send(colors=True)
    extension.step()
    extension.cancel()
    extension.step()
    assert running.outcome.data.materials[0] == earlier
    assert len(bpy.data.materials) == 1


def test_a_selection_that_was_changed_meanwhile_is_respected(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.send()
    extension.step()
    bpy.data.objects["View 3"].select_set(True)
    puppet.finish()
    extension.step()
    assert [thing.name for thing in bpy.context.selected_objects] == ["View 3"]
    assert not running.outcome.select_get()


def test_an_image_after_another_is_selected_though_the_earlier_result_is_hidden(extension, puppet):
    image = bpy.data.images.new("Photo", 8, 8)
    bpy.context.scene.levelform.source = "IMAGE"
    bpy.context.scene.levelform.image = image
    for _ in range(2):
        order = requests.order_of(bpy.context.scene)
        assert order.arrange is not None
        order.begin()
        puppet.send()
        extension.step()
        puppet.finish()
        extension.step()
    first, second = gallery.results_of(bpy.context.scene)
    made = bpy.context.object
    assert made in (first, second)
    assert gallery.is_shown(made)
    assert [gallery.is_shown(one) for one in (first, second)].count(True) == 1


def test_renaming_during_a_job_is_survived(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.send(32)
    extension.step()
    running.result.object.name = "Teapot"
    running.result.object.data.name = "Tea"
    puppet.send(64)
    extension.step()
    puppet.finish()
    extension.step()
    assert running.outcome.name == "Teapot"
    assert size_of(running.outcome) == 64.0


def test_deleting_the_object_cancels_the_job(extension, puppet, ball_stage):
    running = begin(ball_stage)
    before = inventory()
    puppet.send()
    extension.step()
    bpy.data.objects.remove(running.result.object)
    extension.step()
    assert running.job.ended
    extension.step()
    assert extension.running is None
    assert extension.failure is None
    assert inventory() == before


def test_deleting_the_scene_cancels_the_job(extension, puppet, ball_stage):
    running = begin(ball_stage)
    scene = bpy.context.scene
    bpy.data.scenes.new("Another")
    bpy.context.window.scene = bpy.data.scenes["Another"]
    bpy.data.scenes.remove(scene)
    puppet.send()
    extension.step()
    extension.step()
    assert running.job.ended
    assert extension.running is None


def test_edit_mode_holds_meshes_back_until_it_is_left(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.send(32)
    extension.step()
    bpy.context.view_layer.objects.active = running.result.object
    bpy.ops.object.mode_set(mode="EDIT")
    puppet.send(64)
    puppet.finish()
    for _ in range(3):
        extension.step()
    assert running.result.waiting
    assert extension.running is running
    bpy.ops.object.mode_set(mode="OBJECT")
    assert size_of(running.result.object) == 32.0
    extension.step()
    extension.step()
    assert size_of(running.outcome) == 64.0


def test_the_end_waits_while_another_object_is_edited(extension, puppet, ball_stage):
    """An undo step that is pushed in Edit Mode would not hold the new object."""
    running = begin(ball_stage)
    puppet.send(32)
    extension.step()
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    puppet.finish()
    extension.step()
    assert extension.running is running
    bpy.ops.object.mode_set(mode="OBJECT")
    extension.step()
    assert running.outcome is not None


def test_an_object_removed_by_undo_comes_back(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.send(32)
    extension.step()
    gone = running.result.object
    bpy.data.meshes.remove(gone.data)  # as an undo to a state without it does
    extension.after_undo()
    extension.step()
    assert size_of(running.result.object) == 32.0
    puppet.finish()
    extension.step()
    assert running.outcome is not None


def test_an_undo_to_a_draft_of_an_ended_job_removes_the_draft(extension, puppet, ball_stage):
    running = begin(ball_stage)
    before = inventory()
    puppet.send(32)
    extension.step()
    extension.cancel()
    extension.step()
    mesh = bpy.data.meshes.new("Reconstruction")
    ghost = bpy.data.objects.new("Reconstruction", mesh)
    ghost[DRAFT] = running.job.id
    bpy.context.scene.collection.objects.link(ghost)
    extension.after_undo()
    assert inventory() == before


def test_loading_a_file_ends_the_job(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.send(32)
    extension.step()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert extension.running is None
    assert running.job.ended
    extension.step()
    assert not bpy.data.objects


def test_a_broken_mesh_fails_the_job_and_is_not_shown(extension, puppet, ball_stage):
    ball_stage()
    before = inventory()
    requests.begin_scene(bpy.context)
    puppet.send(32, scale=1.0)
    extension.running.result._newest.vertices[0] = np.nan
    for _ in range(3):
        extension.step()
    assert inventory() == before
    assert "non-finite" in str(extension.failure)


@pytest.mark.parametrize("where", ["show", "finish"])
def test_an_unexpected_exception_fails_the_job_and_the_extension_continues(
    extension, puppet, ball_stage, monkeypatch, where
):
    ball_stage()
    before = inventory()
    running = requests.begin_scene(bpy.context)
    puppet.send()
    extension.step()

    def broken(*_):
        raise ValueError("seven by zero")

    if where == "show":
        monkeypatch.setattr(running.result, "_show", broken)
        puppet.send(64)
        extension.step()
        puppet.finish()
    else:
        puppet.finish()
        monkeypatch.setattr(running.result, "finish", broken)
    for _ in range(3):
        extension.step()
    assert extension.running is None
    assert "ValueError: seven by zero" in str(extension.failure)
    assert inventory() == before
    assert requests.begin_scene(bpy.context) is extension.running


def test_only_one_job_runs_at_a_time(extension, puppet, ball_stage):
    begin(ball_stage)
    with pytest.raises(RequestError, match="Levelform is busy"):
        requests.begin_scene(bpy.context)
    assert len(puppet.submitted) == 1


def test_drive_yields_progress_and_meshes_and_closing_it_cancels(extension, puppet, ball_stage):
    from levelform.backend.contract.protocol import MeshUpdate

    ball_stage()
    before = inventory()
    running = requests.begin_scene(bpy.context)
    puppet.waiting = [lambda: puppet.send(32), lambda: None, lambda: puppet.send(64)]
    events = extension.drive(running)
    update = next(events)
    assert isinstance(update, MeshUpdate)
    assert size_of(running.result.object) == update.resolution == 32
    assert next(events).resolution == 64
    events.close()
    assert running.job.ended
    assert extension.running is None
    assert inventory() == before


def test_drive_raises_the_error_of_the_job(extension, puppet, ball_stage):
    running = begin(ball_stage)
    puppet.waiting = [lambda: puppet.fail("The moon is full.", "Wait two weeks.")]
    with pytest.raises(WorkError, match=r"The moon is full\. Wait two weeks\."):
        list(extension.drive(running))


class TestRemesh:
    """A job that replaces the mesh of an object that is there."""

    @pytest.fixture
    def kept(self, extension, puppet, ball_stage):
        running = begin(ball_stage)
        puppet.send(32, colors=True)
        extension.step()
        puppet.finish()
        extension.step()
        running.outcome.modifiers.new("Smooth", "SMOOTH")
        return running.outcome

    def test_the_object_keeps_name_material_and_modifiers(self, extension, puppet, kept):
        names = (kept.name, kept.data.name)
        requests.begin_remesh(kept, resolution=64)
        puppet.send(64, colors=True)
        extension.step()
        puppet.finish(resolution=64)
        extension.step()
        assert size_of(kept) == 64.0
        assert (kept.name, kept.data.name) == names
        assert len(bpy.data.meshes) == 1
        assert len(kept.data.materials) == len(kept.modifiers) == 1
        assert kept[PROVENANCE]["resolution"] == 64
        assert kept[PROVENANCE]["view_names"][0] == "View 0"

    def test_a_cancel_gives_the_mesh_back(self, extension, puppet, kept):
        mesh, before = kept.data.session_uid, inventory()
        requests.begin_remesh(kept, resolution=64)
        puppet.send(64)
        extension.step()
        assert size_of(kept) == 64.0
        extension.cancel()
        extension.step()
        assert (kept.data.session_uid, size_of(kept)) == (mesh, 32.0)
        assert inventory() == before

    def test_others_who_use_the_mesh_keep_it(self, extension, puppet, kept):
        twin = bpy.data.objects.new("Twin", kept.data)
        requests.begin_remesh(kept, resolution=64)
        puppet.send(64)
        extension.step()
        puppet.finish()
        extension.step()
        assert (size_of(kept), size_of(twin)) == (64.0, 32.0)

    def test_the_field_of_the_first_job_is_asked_for(self, puppet, kept):
        first = puppet.job.id
        requests.begin_remesh(kept, resolution=64, level=0.25)
        request = puppet.job.request
        assert (request.keep, request.resolution, request.level) == (first, 64, 0.25)

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda kept: kept.pop(PROVENANCE), "that Levelform made"),
            (lambda kept: kept.shape_key_add(name="Basis"), "shape keys"),
            (lambda kept: bpy.ops.object.mode_set(mode="EDIT"), "Leave Edit Mode"),
        ],
    )
    def test_what_cannot_be_meshed_again_says_why(self, puppet, kept, spoil, words):
        spoil(kept)
        with pytest.raises(RequestError, match=words):
            requests.begin_remesh(kept, resolution=64)
        assert len(puppet.submitted) == 1
