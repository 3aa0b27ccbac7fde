"""What is shown becomes objects beside the result; blends and morphs become objects that move."""

from types import SimpleNamespace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.data import blending, morphing, showing  # noqa: E402
from levelform.addon.scene.provenance import PROVENANCE  # noqa: E402
from levelform.backend.contract.errors import RequestError, WorkError  # noqa: E402
from levelform.backend.contract.options import Option  # noqa: E402
from levelform.backend.contract.protocol import (  # noqa: E402
    Blend,
    Exhibit,
    MethodInfo,
    Morph,
    SaveCode,
    Show,
)
from levelform.backend.contract.shows import ShowSpec  # noqa: E402
from levelform.backend.shows.subject import png  # noqa: E402

pytestmark = pytest.mark.bpy

TRIANGLE = np.eye(3, dtype=np.float32)
FACES = np.array([[0, 1, 2]], np.int32)


def result(name, keep, method="tdgn", weights="w"):
    """Add an object as `reconstruct` leaves it."""
    data = bpy.data.meshes.new(name)
    data.from_pydata(TRIANGLE.tolist(), [], FACES.tolist())
    made = bpy.data.objects.new(name, data)
    made[PROVENANCE] = {"method": method, "weights": weights, "keep": keep, "resolution": 64}
    bpy.context.scene.collection.objects.link(made)
    return made


@pytest.fixture
def stage(extension, puppet, monkeypatch):
    """Two results with codes kept by the worker."""
    monkeypatch.setattr(extension, "ask_methods", lambda: ())
    return result("A", "a"), result("B", "b")


def answer(puppet, exhibits=(), **stats):
    """Have the worker answer the next job."""

    def reply():
        puppet.job.exhibits.extend(exhibits)
        puppet.finish(**stats)

    puppet.waiting.append(reply)


def test_a_mesh_points_and_an_image_become_objects(stage, puppet):
    colors = np.ones((3, 4), np.float32)
    values = np.array([[0.1], [0.2], [0.3]], np.float32)
    made = [
        Exhibit("", "Norm", TRIANGLE, FACES, colors, ("norm",), values, place=1),
        Exhibit("", "Points", TRIANGLE, None, colors, ("label",), values, place=2, scale=2.0),
        Exhibit("", "Depth", image=png(np.full((4, 6, 3), 90, np.uint8))),
    ]
    answer(puppet, made)
    mesh, points, image = api.show(stage[0], "training-set", seed=3)
    request = puppet.job.request
    assert isinstance(request, Show)
    assert (request.keep, request.what, request.seed) == ("a", "training-set", 3)
    stored = [v.value for v in mesh.data.attributes["norm"].data]
    np.testing.assert_allclose(stored, [0.1, 0.2, 0.3], atol=1e-6)
    assert mesh.location.x > 0
    assert points.location.x > mesh.location.x
    assert len(points.data.vertices) == 18  # an octahedron each
    assert len(points.data.attributes["label"].data) == 18
    assert image.type == "EMPTY"
    assert tuple(image.data.size) == (6, 4)
    assert image.data.packed_file is not None


def test_each_show_of_a_result_stands_in_a_row_of_its_own(stage, puppet):
    """They stood inside each other."""
    made = [Exhibit("", str(n), TRIANGLE, FACES, place=n) for n in (1, 2)]
    rows = []
    for target in (stage[0], stage[0], stage[1]):
        answer(puppet, made)
        rows.append([tuple(one.location) for one in api.show(target, "levels")])
    first, second, other = rows
    assert len({*first, *second}) == 4
    assert second[0][1] > first[0][1]
    assert second[0][0] == first[0][0]
    assert other == first  # of another result, at the same place
    for shown in [one for one in bpy.data.objects if tuple(one.location) in first]:
        bpy.data.objects.remove(shown)
    answer(puppet, made)
    assert [tuple(one.location) for one in api.show(stage[0], "levels")] == first  # free again


def test_what_belongs_to_a_moved_result_stands_beside_it(stage, puppet):
    """A result of one image stands on the ground, away from where the worker knows it."""
    stage[0].location = (5.0, 2.0, 0.5)
    answer(puppet, [Exhibit("", "Points", TRIANGLE, FACES, world_from_mesh=np.eye(4), place=0)])
    (shown,) = api.show(stage[0], "points")
    assert shown.location.x > 5.0 + stage[0].dimensions.x
    assert tuple(shown.location)[1:] == (2.0, 0.5)
    answer(puppet, steps_of((0, 1)), one_topology=False, factors=[0, 1], off=0.0, flipped=0.0)
    assert tuple(api.morph(*stage, 2).location) == (5.0, 2.0, 0.5)
    puppet.waiting += [lambda: puppet.send(2), lambda: puppet.finish()]
    assert tuple(api.blend(stage).location) == (5.0, 2.0, 0.5)


def test_steps_become_one_object_with_a_slider(stage, puppet):
    steps = [
        Exhibit("", f"{n} deleted", TRIANGLE * (1 + n), FACES, step=n, place=1) for n in range(3)
    ]
    answer(puppet, steps)
    (shown,) = api.show(stage[0], "deletion")
    shown.levelform_step = 2
    assert shown.data.vertices[0].co.x == 3


def test_a_failed_show_leaves_the_scene(stage, puppet):
    before = len(bpy.data.objects)
    puppet.waiting.append(lambda: puppet.fail("No."))
    with pytest.raises(WorkError, match="No"):
        api.show(stage[0], "levels")
    assert len(bpy.data.objects) == before


def test_names_are_checked_where_the_methods_are_known(stage, puppet, monkeypatch):
    specs = (ShowSpec("levels", "Levels", "levels"),)
    monkeypatch.setattr(showing, "shows_of", lambda target: specs)
    with pytest.raises(RequestError, match="can't show 'patches'"):
        showing.begin_show(stage[0], "patches", {})
    assert not puppet.submitted


def test_a_blend_adds_an_object_that_remembers_its_ends(stage, puppet, extension):
    running = blending.begin_live(*stage, 0.25)
    request = puppet.job.request
    assert isinstance(request, Blend)
    assert request.sources == ("a", "b")
    assert request.weights == (0.75, 0.25)
    puppet.send(2)
    puppet.finish()
    for _ in range(3):
        extension.step()
    added = running.outcome
    assert blending.ends_of(added) == list(stage)
    again = blending.begin_move(added, 1.2, 64)
    assert puppet.job.request.weights == pytest.approx((-0.2, 1.2))
    puppet.send(3)
    puppet.finish()
    for _ in range(3):
        extension.step()
    assert again.outcome == added
    assert added[PROVENANCE]["keep"] == puppet.job.id


def test_the_mean_and_files_of_codes(stage, puppet, tmp_path):
    path = str(tmp_path / "c.safetensors")
    puppet.waiting += [lambda: puppet.send(2), lambda: puppet.finish()]
    made = api.blend([stage[0], path])
    assert puppet.job.request.sources == ("a", path)
    assert puppet.job.request.weights == (0.5, 0.5)
    assert made.name == "Blend"
    with pytest.raises(RequestError, match="not a file of a code"):
        api.blend(["code.txt"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "disn"}, "one method with the same weights"),
        ({"weights": "other"}, "one method with the same weights"),
    ],
)
def test_results_of_other_networks_are_not_blended(stage, change, sentence):
    first, second = stage
    second[PROVENANCE] = {**second[PROVENANCE].to_dict(), **change}
    with pytest.raises(RequestError, match=sentence):
        api.morph(first, second)


def steps_of(factors):
    return [
        Exhibit("", f"factor {f}", TRIANGLE * (1 + f), FACES, step=i) for i, f in enumerate(factors)
    ]


def test_one_topology_becomes_keyed_shape_keys(stage, puppet):
    answer(puppet, steps_of((0, 1, 2)), one_topology=True, factors=[0, 1, 2], off=0.0, flipped=0.0)
    added = api.morph(*stage, [0, 0.5, 1], start=1, end=21)
    assert isinstance(puppet.job.request, Morph)
    graph = bpy.context.evaluated_depsgraph_get
    for frame, size in ((1, 1.0), (11, 2.0), (21, 3.0)):
        bpy.context.scene.frame_set(frame)
        evaluated = added.evaluated_get(graph())
        assert evaluated.data.vertices[0].co.x == pytest.approx(size, abs=0.05)


def test_other_morphs_play_a_mesh_each(stage, puppet):
    answer(puppet, steps_of((0, 1)), one_topology=False, factors=[0, 1], off=0.0, flipped=0.0)
    added = api.morph(*stage, 2, start=1, end=20)
    for frame, size in ((1, 1.0), (10, 1.0), (11, 2.0), (20, 2.0)):
        bpy.context.scene.frame_set(frame)
        assert added.data.vertices[0].co.x == size


def test_a_morph_that_does_not_move_is_refused(stage):
    with pytest.raises(RequestError, match="does not move"):
        api.morph(*stage, 5, start=10, end=10)


def test_a_code_is_saved_where_it_was_asked_for(stage, puppet, tmp_path):
    path = str(tmp_path / "a.safetensors")
    answer(puppet, path=path)
    assert api.save_code(stage[0], path) == path
    assert puppet.job.request == SaveCode(puppet.job.id, "a", path)


def test_moments_of_a_moving_shape_play(stage, puppet):
    for _ in range(3):
        puppet.waiting += [lambda: puppet.send(len(puppet.submitted)), lambda: puppet.finish()]
    added = api.animate(stage[0], [-1, 0, 1], start=1, every=5)
    times = [job.request.options["time"] for job in puppet.submitted]
    assert times == [-1, 0, 1]
    sizes = []
    for frame in (1, 6, 11):
        bpy.context.scene.frame_set(frame)
        sizes.append(max(abs(v.co.x) for v in added.data.vertices))
    assert sizes == [1, 2, 3]


@pytest.mark.parametrize(("method", "refused"), [("moving", False), ("still", True)])
def test_only_methods_that_know_time_are_animated_in_it(stage, monkeypatch, method, refused):
    time = Option("time", "float", 0.0, "the moment", -1, 1)
    infos = tuple(
        MethodInfo(name, name.capitalize(), "", "", False, False, 1, None, True, (), (), options)
        for name, options in (("moving", (time,)), ("still", ()))
    )
    monkeypatch.setattr(morphing, "live", SimpleNamespace(methods=infos))
    monkeypatch.setattr(morphing, "show_problem", lambda target: "")
    problem = morphing.time_problem(result("C", "c", method=method))
    assert ("by Moving." in problem) is refused
    assert bool(problem) is refused


def test_weights_of_moving_shapes_come_from_the_panel_if_they_are_for_the_method(stage, puppet):
    puppet.waiting += [lambda: puppet.send(1), lambda: puppet.finish()]
    api.animate(stage[0], [0.0], weights_file="/moving.safetensors")
    assert puppet.job.request.weights_file == "/moving.safetensors"
    settings = bpy.context.scene.levelform
    settings.weights, settings.method = "/moving.safetensors", "tdgn"
    assert morphing.weights_for(bpy.context.scene, stage[0]) == "/moving.safetensors"
    settings.method = "disn"
    assert morphing.weights_for(bpy.context.scene, stage[0]) is None
    settings.weights = ""
