"""Rendering training images from the panel: what starts, how it goes on, and what it leaves."""

import json
import os
import sys

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.data import dataset_run, terminal_process  # noqa: E402
from levelform.addon.data.dataset_render import RenderSettings, targets_of_collection  # noqa: E402
from levelform.addon.data.dataset_run import run  # noqa: E402
from levelform.addon.scene import studio  # noqa: E402
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402

pytestmark = [pytest.mark.bpy, pytest.mark.usefixtures("extension", "idle")]


@pytest.fixture
def idle():
    """Leave no run behind."""
    yield
    run.cancel()
    run.dismiss()


@pytest.fixture(autouse=True)
def interpreter(monkeypatch):
    """Have the tests' interpreter, which has torch, make the data set."""

    class Found:
        python = os.environ.get("LEVELFORM_PYTHON", sys.executable)

    monkeypatch.setattr(terminal_process.here, "find", lambda: Found)


@pytest.fixture
def panel(tmp_path):
    """A collection of two cubes, the second hidden in renders; return the panel's choice."""
    collection = bpy.data.collections.new("Props")
    bpy.context.scene.collection.children.link(collection)
    mesh = bpy.data.meshes.new("Cube")
    corners = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), -1).reshape(-1, 3)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh.from_pydata(corners.tolist(), [], quads)
    for name in ("One/../two", "Hidden"):
        collection.objects.link(bpy.data.objects.new(name, mesh))
    collection.objects["Hidden"].hide_render = True
    chosen = bpy.context.scene.levelform_dataset
    chosen.collection, chosen.out = collection, str(tmp_path / "out")
    chosen.views, chosen.size, chosen.samples = 2, 8, 1
    yield chosen
    training = bpy.context.scene.levelform_training
    for name in ("data", "out"):
        training.property_unset(name)


def inventory():
    return {block.session_uid: block.name for block in studio._blocks().values()}


def test_the_button_renders_all_and_reports_skipped_shapes(panel, tmp_path):
    before, selected = inventory(), bpy.context.selected_objects
    assert bpy.ops.levelform.render_dataset(images_only=True) == {"FINISHED"}
    assert (run.outcome.done, run.outcome.before, run.outcome.ended) == (1, 0, "finished")
    assert run.outcome.skipped == {"Hidden": "Hidden is hidden in renders."}
    assert inventory() == before
    assert bpy.context.selected_objects == selected
    (path,) = (tmp_path / "out").rglob("transforms.json")
    frames = json.loads(path.read_text())["frames"]
    assert len(frames) == 2
    for frame in frames:
        for kind in ("", "depth_", "normal_", "albedo_"):
            assert (path.parent / frame[f"{kind}file_path"]).exists()
    assert bpy.ops.levelform.render_dataset(images_only=True) == {"FINISHED"}
    assert (run.outcome.done, run.outcome.before) == (0, 1)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_training_reads_what_the_button_makes(panel, tmp_path):
    """Labels agree with the objects: a cube fills its box, turned, moved and mirrored or not."""
    from levelform.backend.data.format import verify
    from levelform.backend.training.samples import load_shapes

    panel.collection.objects["Hidden"].hide_render = False
    mirrored = panel.collection.objects["Hidden"]
    mirrored.scale, mirrored.location = (-2.0, 2.0, 2.0), (5.0, -3.0, 1.0)
    bpy.ops.levelform.render_dataset()
    chosen, out = bpy.context.scene.levelform_training, str(tmp_path / "out")
    assert (chosen.data, chosen.out) == (out, f"{out}-run")
    assert verify(out)["problems"] == []
    shapes = [*load_shapes([out], "train"), *load_shapes([out], "val")]
    assert len({shape.id for shape in shapes}) == 2
    for shape in shapes:
        inside = np.abs(shape["uniform.points"]).max(1) < 0.9
        assert (shape.inside("uniform") == inside).mean() > 0.999
        assert shape.view_count == 2


def test_images_without_a_backend_are_kept_and_the_data_set_follows_later(panel, monkeypatch):
    def nothing():
        raise RequestError("No Python with torch was found.", "Press Install Backend.")

    monkeypatch.setattr(terminal_process.here, "find", nothing)
    with pytest.raises(RuntimeError, match="rendered, but not their data set"):
        bpy.ops.levelform.render_dataset()
    assert run.failure.hint == "Press Install Backend."
    monkeypatch.undo()
    bpy.ops.levelform.render_dataset()
    assert (run.outcome.before, run.outcome.labelled) == (1, 1)


def test_a_conversion_is_cancelled(panel):
    dataset_run.begin_panel(bpy.context.scene)
    while run.conversion is None:
        assert run.advance()
    process = run.conversion._process.process
    assert 0.8 <= run.progress <= 1.0
    run.cancel()
    assert not run.running
    assert process.wait(60) == 0
    bpy.ops.levelform.render_dataset()
    assert (run.outcome.before, run.outcome.labelled) == (1, 1)


def test_no_name_leads_out_of_the_folder(panel, tmp_path):
    api.render_dataset(panel.collection, tmp_path / "out", views=1, size=8, samples=1)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_passes_that_are_not_ticked_are_not_written(panel, tmp_path):
    panel.depth = panel.albedo = False
    bpy.ops.levelform.render_dataset(images_only=True)
    written = {path.name for path in (tmp_path / "out").rglob("000*")}
    assert written == {"000.png", "000_normal.png"}


def test_between_two_steps_the_file_holds_nothing_of_it(panel):
    before = inventory()
    run.begin(
        targets_of_collection(panel.collection), panel.out, RenderSettings(views=2, size=8), hold=0
    )
    seen = []
    while run.advance():
        assert inventory() == before
        seen.append(run.progress)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_cancel_keeps_finished_shapes_and_the_next_run_continues(panel):
    panel.collection.objects["Hidden"].hide_render = False
    settings, targets = RenderSettings(views=2, size=8), targets_of_collection(panel.collection)
    run.begin(targets, panel.out, settings, hold=0)
    while run.outcome.done < 1:  # a step does as many views as it took to set up the scene
        run.advance()
    assert bpy.ops.levelform.cancel_dataset() == {"FINISHED"}
    assert (run.outcome.done, run.outcome.ended) == (1, "stopped")
    run.begin(targets, panel.out, settings)
    while run.advance():
        pass
    assert (run.outcome.done, run.outcome.before) == (1, 1)


def test_an_object_that_is_deleted_meanwhile_is_left_out(panel):
    targets = targets_of_collection(panel.collection)
    run.begin(targets, panel.out, RenderSettings(views=1, size=8))
    for obj in list(panel.collection.objects):
        bpy.data.objects.remove(obj)
    while run.advance():
        pass
    assert set(run.outcome.skipped.values()) == {"One/../two is gone.", "Hidden is gone."}


def test_loading_a_file_ends_the_run(panel):
    run.begin(
        targets_of_collection(panel.collection), panel.out, RenderSettings(views=4, size=8), hold=0
    )
    run.advance()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not run.running
    assert run.outcome.ended == "stopped"


def test_other_settings_are_refused_in_the_same_folder(panel):
    bpy.ops.levelform.render_dataset(images_only=True)
    panel.size = 16
    with pytest.raises(RuntimeError, match=r"other settings \(size\)"):
        bpy.ops.levelform.render_dataset()
    assert "other settings" in run.failure.message


def test_a_read_only_folder_is_reported(panel, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match="could not be written"):
        api.render_dataset(panel.collection, tmp_path / "file" / "out", views=1, size=8)


def test_an_internal_error_ends_the_run_with_a_sentence(panel, monkeypatch):
    def crash(*_):
        raise ZeroDivisionError("seven by zero")

    monkeypatch.setattr(dataset_run, "render_dataset", lambda *_, **__: map(crash, [1]))
    run.begin([], panel.out, RenderSettings())
    with pytest.raises(WorkError, match="seven by zero"):
        run.advance()
    assert not run.running


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"out": ""}, "Choose a folder for the images."),
        ({"source": "FOLDER"}, "Choose a folder of mesh files."),
    ],
)
def test_a_disabled_button_states_the_reason(panel, changes, words):
    for name, value in changes.items():
        setattr(panel, name, value)
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.levelform.render_dataset()


def test_the_command_renders_a_collection_or_a_folder(panel, tmp_path, capsys):
    words = ["dataset", "render", str(tmp_path / "out"), "--collection", "Props", "--json"]
    words += ["--views", "1", "--size", "8", "--samples", "1", "--passes", "depth"]
    assert cli.main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["shapes"], answer["views"], list(answer["skipped"])) == (1, 1, ["Hidden"])
    assert {path.name for path in (tmp_path / "out").rglob("000*")} == {"000.png", "000_depth.npy"}
    assert cli.main(["dataset", "render", str(tmp_path / "lost"), str(tmp_path / "new")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert cli.main(["dataset", "render", "--collection", "Lost", str(tmp_path / "new")]) == 2
    assert "'Lost' is not a collection of this file. Use one of: Props." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cameras": "fisheye"}, "not a range"),
        ({"passes": ("heat",)}, "'heat' is not a render pass"),
        ({"views": 0}, "must be positive"),
        ({"engine": "workbench"}, "not a render engine"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_anything_is_written(
    panel, tmp_path, settings, words
):
    with pytest.raises(RequestError, match=words):
        api.render_dataset(panel.collection, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_eevee_without_graphics_is_refused(panel, monkeypatch):
    monkeypatch.setattr(studio, "_can_draw", lambda: False)
    with pytest.raises(RequestError, match="EEVEE can't draw here"):
        api.render_dataset(panel.collection, panel.out, engine="eevee")


def test_another_process_tests_whether_eevee_can_draw(monkeypatch):
    """Where there are no graphics Blender aborts: here that must not be this process."""
    for probe, can in (("import os; os.abort()", False), ("import bpy", True)):
        monkeypatch.setattr(studio, "_PROBE", probe)
        studio._can_draw.cache_clear()
        assert studio._can_draw() is can
    studio._can_draw.cache_clear()


def test_files_are_imported_without_a_trace_in_the_scene(panel, tmp_path):
    """Materials, images and the selection too."""
    source = tmp_path / "in"
    source.mkdir()
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    cube.data.materials.append(bpy.data.materials.new("Paint"))
    bpy.ops.export_scene.gltf(filepath=str(source / "cube.glb"), use_selection=True)
    before = inventory()
    made = api.render_dataset(source, tmp_path / "files", views=1, size=8, samples=1)
    assert (made["shapes"], made["skipped"]) == (1, {})
    assert inventory() == before
    assert bpy.context.object == cube
    assert bpy.context.selected_objects == [cube]
