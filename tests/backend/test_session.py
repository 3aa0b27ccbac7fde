"""The pipeline that the worker and the terminal share: jobs, memory, and words for bad requests."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import JobCancelled, RequestError, WorkError
from levelform.backend.contract.protocol import ImageFile
from levelform.backend.geometry.images import shrink
from levelform.backend.memory import held_bytes
from levelform.backend.pipeline import networks, reading
from levelform.backend.pipeline.reading import THUMBNAIL_SIDE
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from PIL import Image

WORLD = np.array(
    [[0, -2, 0, 5], [2, 0, 0, -1], [0, 0, 2, 3], [0, 0, 0, 1.0]]
)  # turned, scaled by 2
STATS = {
    "method", "weights", "views", "resolution", "vertices", "faces", "evaluations",
    "seconds", "watertight", "level", "search_complete", "rule",
}  # fmt: skip


@pytest.fixture
def views(photograph, cameras):
    """The test object in a volume that stands at WORLD."""
    result = []
    for index, camera in enumerate(cameras):
        view = shrink(photograph(camera), 96)
        placed = view.camera.in_frame(np.linalg.inv(WORLD))
        result.append(protocol.ViewData(view.image.numpy(), placed.to_data(), f"cam {index}"))
    return tuple(result)


def request(views, **changes):
    values = {
        "job": "j", "method": "visual-hull", "views": views, "world_from_volume": WORLD,
        "resolution": 32, "device": "cpu", "color": False,
    }  # fmt: skip
    return protocol.Reconstruct(**{**values, **changes})


def finish(events):
    """Return the meshes and the stats of a job, checking that it ends in exactly one Finished."""
    before = protocol.ViewMasks | protocol.Placed | protocol.ViewsChecked
    *meshes, last = [e for e in events if not isinstance(e, before)]
    assert isinstance(last, protocol.Finished)
    assert all(isinstance(mesh, protocol.MeshUpdate) for mesh in meshes)
    return meshes, last.stats


def closed(mesh):
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    forth = {tuple(edge) for edge in edges.tolist()}
    return len(forth) == len(edges) and all((b, a) in forth for a, b in forth)


# ---------------------------------------------------------------- jobs


def test_a_job_goes_from_coarse_to_fine_and_ends_with_its_stats(views):
    job = request(views, resolution=64, color=True)
    meshes, stats = finish(Session().reconstruct(job, Ticket()))
    assert [mesh.resolution for mesh in meshes] == [32, 64, 64]
    assert [mesh.final for mesh in meshes] == [False, False, True]
    assert [mesh.colors is None for mesh in meshes] == [True, True, False]  # colors come last
    assert stats.keys() >= STATS
    last = meshes[-1]
    assert (stats["vertices"], stats["faces"]) == (len(last.vertices), len(last.faces))
    assert (stats["method"], stats["views"], stats["resolution"]) == ("visual-hull", 5, 64)
    assert stats["watertight"] is True
    assert closed(last)
    assert last.vertices.dtype == np.float32
    assert last.faces.dtype == np.int32
    assert last.colors.shape == (len(last.vertices), 4)
    assert last.normals.shape == last.vertices.shape


def test_what_images_have_to_say_is_in_the_stats(views, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = (views[0].image * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    tagged = replace(views[0], image=None, file=ImageFile(str(tmp_path / "a.png")))
    _, stats = finish(Session().reconstruct(request((tagged, *views[1:])), Ticket()))
    assert stats["remarks"][0].startswith("cam 0: the file's orientation tag was not applied")


def test_the_mesh_stands_where_the_object_is_in_the_world(views):
    meshes, _ = finish(Session().reconstruct(request(views), Ticket()))
    last = meshes[-1]
    rotation = last.world_from_mesh[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert last.scale == pytest.approx(2.0)
    local = np.concatenate([last.vertices * last.scale, np.ones((len(last.vertices), 1))], 1)
    placed = (local @ last.world_from_mesh.T)[:, :3]
    back = (np.linalg.inv(WORLD) @ [*placed.mean(0), 1])[:3]
    assert np.abs(back).max() < 0.3
    assert np.abs(placed.mean(0) - WORLD[:3, 3]).max() < 0.6


def test_an_uneven_volume_cuts_the_mesh_at_its_own_box(views):
    flat = WORLD @ np.diag([1.0, 1.0, 0.25, 1.0])
    meshes, stats = finish(Session().reconstruct(request(views, world_from_volume=flat), Ticket()))
    last = meshes[-1]
    assert np.abs(last.vertices[:, 2]).max() <= 0.25 + 1e-5
    assert np.abs(last.vertices[:, :2]).max() > 0.5
    assert stats["watertight"]
    assert closed(last)


def test_the_same_request_gives_the_same_mesh(views):
    session = Session()
    first, _ = finish(session.reconstruct(request(views, color=True), Ticket()))
    second, _ = finish(session.reconstruct(request(views, color=True), Ticket()))
    np.testing.assert_array_equal(first[-1].vertices, second[-1].vertices)
    np.testing.assert_array_equal(first[-1].colors, second[-1].colors)


def test_progress_never_goes_back_and_reaches_the_end(views):
    steps = []
    finish(Session().reconstruct(request(views), Ticket(report=steps.append)))
    overall = [step.overall for step in steps]
    assert overall == sorted(overall)
    assert overall[-1] == pytest.approx(1.0)
    assert list(dict.fromkeys(step.stage for step in steps)) == [
        "Prepare images",
        "Reconstruct",
        "Mesh",
        "Compare with images",
    ]


@pytest.mark.parametrize("after", [0, 1, 4, 7, 9])
def test_cancel_stops_the_job_wherever_it_is(views, after):
    seen = []

    def wish():
        seen.append(None)
        return len(seen) > after

    session = Session()
    with pytest.raises(JobCancelled):
        finish(session.reconstruct(request(views, keep="k"), Ticket(cancelled=wish)))
    finish(session.reconstruct(request(views), Ticket()))  # the session is as good as new


def test_a_volume_is_estimated_around_what_the_views_see(views):
    (estimate,) = Session().estimate_volume(protocol.EstimateVolume("j", views), Ticket())
    assert isinstance(estimate, protocol.VolumeEstimate)
    matrix = estimate.placement.world_from_volume
    inside = np.linalg.inv(matrix) @ WORLD @ [0.25, -0.1, 0.1, 1]
    assert np.abs(inside[:3]).max() < 0.9
    assert 1.0 < matrix[0, 0] < 3.0


# ---------------------------------------------------------------- kept fields


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


def unit_uvs(count):
    """Return UVs of `count` triangles, each in a cell of its own."""
    side = int(np.ceil(np.sqrt(count)))
    cell = np.stack([np.arange(count) % side, np.arange(count) // side], 1)[:, None] / side
    return (cell + np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]) / side).astype(np.float32)


def test_a_mesh_of_a_kept_result_is_painted(views):
    """Blender sends the mesh in its object's frame, which is scaled: the colours are the job's."""
    session = Session()
    meshes, _ = finish(session.reconstruct(request(views, keep="k", color=True), Ticket()))
    last = meshes[-1]
    sent = protocol.MeshData(last.vertices * np.float32(last.scale), last.faces)
    wish = protocol.Paint("p", "k", sent, unit_uvs(len(last.faces)), 512)
    painted, done = session.paint(wish, Ticket())
    assert isinstance(painted, protocol.Painted)
    assert isinstance(done, protocol.Finished)
    assert float(np.abs(painted.colors - last.colors).mean()) < 0.03  # normals of the faces
    assert painted.seen.shape == (len(last.vertices),)
    with Image.open(io.BytesIO(painted.texture.tobytes())) as image:
        assert image.size == (512, 512)
    assert done.stats["texture"] == 512


def test_painting_what_is_not_kept_is_refused(views):
    mesh = protocol.MeshData(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    with pytest.raises(RequestError, match="'gone' is no longer in memory"):
        list(Session().paint(protocol.Paint("p", "gone", mesh), Ticket()))


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


def test_methods_are_listed_with_what_they_need():
    methods = {method.name: method for method in Session().methods().methods}
    hull = methods["visual-hull"]
    assert hull.needs_camera
    assert not hull.needs_weights
    assert hull.weights == ()


# ---------------------------------------------------------------- bad requests


def bad(views, **changes):
    return list(Session().reconstruct(request(views, **changes), Ticket()))


def test_no_views(views):
    with pytest.raises(RequestError, match="There are no views"):
        bad(())


def test_unknown_names(views):
    with pytest.raises(RequestError, match="no method 'magic'"):
        bad(views, method="magic")
    with pytest.raises(RequestError, match="has no option 'speed'"):
        bad(views, options={"speed": 1})
    with pytest.raises(RequestError, match="device 'abacus'"):
        bad(views, device="abacus")


WRONG = [
    ("visual-hull", {"options": {"lattice": 8}}, "Visual hull has no option 'lattice'; it is one"),
    ("visual-hull", {"options": {"min_component": "lots"}}, "min_component is a number from 0 to"),
    ("visual-hull", {"options": {"max_faces": 3}}, "max_faces is a whole number of 4 or more"),
    ("visual-hull", {"level": 3}, "The level of Visual hull is a distance .* to 1, not 3"),
    ("visual-hull", {"resolution": 2048}, "resolution is a whole number from 8 to 1024, not 2048"),
    ("levelform", {"options": {"symmetry": "perhaps"}}, "symmetry is yes or no, not 'perhaps'"),
    ("levelform", {"options": {"symetry": False}}, "Levelform has no option 'symetry'"),
    ("levelform", {"level": 3}, "The level of Levelform is the probability .* 1, not 3"),
    ("levelform", {"level": -0.1}, "between 0 and 1, not -0.1"),
    ("disn", {"options": {"part": "bogus"}}, "part is both, global or local, not 'bogus'"),
    ("disn", {"options": {"camera": "guessed"}}, "camera is given or estimated, not 'guessed'"),
    ("disn", {"options": {"fusion": "sum"}}, "fusion is mean or max, not 'sum'"),
    ("uclid-net", {"options": {"lattice": "abc"}}, "lattice is a whole number from 2 to 64"),
    ("uclid-net", {"options": {"lattice": 8.5}}, "lattice is a whole number from 2 to 64"),
    ("uclid-net", {"options": {"depth": None}}, "UCLID-Net has no option 'depth'"),
    ("sdf-srn", {"options": {"optimize": -1}}, "optimize is a whole number from 0 to 10000"),
    ("deep-meta-functionals", {"options": {"time": 2}}, "time is a number from -1 to 1, not 2"),
]


@pytest.mark.parametrize(("method", "changes", "words"), WRONG)
def test_wrong_options_are_refused_before_any_work(views, monkeypatch, method, changes, words):
    monkeypatch.setattr(networks, "load_reconstructor", lambda *_: pytest.fail("it was loaded"))
    monkeypatch.setattr(reading, "to_view", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(RequestError, match=words):
        bad(views, method=method, **changes)


def test_remeshing_takes_the_options_of_the_job_and_refuses_others(views):
    kept = Session()
    finish(kept.reconstruct(request(views, keep="k"), Ticket()))
    again = protocol.Remesh("r", "k", resolution=64, options={"first": "64", "hull": False})
    meshes, _ = finish(kept.remesh(again, Ticket()))
    assert [mesh.resolution for mesh in meshes] == [64, 64]  # before its colors and with them
    with pytest.raises(RequestError, match="no option 'max_facs'"):
        list(kept.remesh(replace(again, options={"max_facs": 9}), Ticket()))
    with pytest.raises(RequestError, match="a distance from the surface"):
        list(kept.remesh(replace(again, level=3.0), Ticket()))


@pytest.mark.parametrize(
    ("matrix", "words"),
    [(np.full((4, 4), np.inf), "matrix is inf"), (np.diag([1.0, 1.0, 0.0, 1.0]), "flat")],
)
def test_bad_volumes(views, matrix, words):
    with pytest.raises(RequestError, match=words):
        bad(views, world_from_volume=matrix)


def test_cameras_inside_and_behind_the_volume(views):
    huge = WORLD @ np.diag([9.0, 9.0, 9.0, 1.0])
    with pytest.raises(RequestError, match=r"cam \d stands inside the volume"):
        bad(views, world_from_volume=huge)
    behind = WORLD.copy()
    behind[:3, 3] = views[0].camera.transform_matrix[:3, 3] * 3 - 2 * WORLD[:3, 3]
    with pytest.raises(RequestError, match="cam 0 looks away from the volume"):
        bad(views, world_from_volume=behind)


def test_an_image_that_is_not_its_cameras(views):
    wrong = replace(views[1], image=views[1].image[:, : views[1].image.shape[1] // 2])
    with pytest.raises(RequestError, match=r"cam 1: the image is \d+ x \d+, its camera is for"):
        bad((views[0], wrong))


def test_images_without_alpha_work_with_a_background(views):
    solid = []
    for view in views:
        image = view.image.copy()
        image[..., :3] = image[..., :3] * image[..., 3:] + (1 - image[..., 3:])
        image[..., 3] = 1.0
        solid.append(replace(view, image=image))
    with pytest.raises(RequestError, match="cam 0: the image has no transparent background"):
        bad(tuple(solid))
    meshes, _ = finish(
        Session().reconstruct(
            request(tuple(solid), background=protocol.Background("corner")), Ticket()
        )
    )
    want, _ = finish(Session().reconstruct(request(views), Ticket()))
    assert np.abs(np.ptp(meshes[-1].vertices, 0) - np.ptp(want[-1].vertices, 0)).max() < 0.06


def test_a_level_without_a_surface(views):
    with pytest.raises((RequestError, WorkError)) as failure:
        bad(views, level=-5.0)
    assert failure.value.message.endswith(".")
    assert failure.value.hint


def test_options_reach_the_extraction(views):
    meshes, _ = finish(
        Session().reconstruct(
            request(views, resolution=64, options={"first": 64, "max_faces": 1000}), Ticket()
        )
    )
    assert [mesh.resolution for mesh in meshes] == [64]
    assert len(meshes[-1].faces) < 1500


def test_hull_leaves_the_hull_itself_alone(views):
    plain, _ = finish(Session().reconstruct(request(views), Ticket()))
    meshes, _ = finish(Session().reconstruct(request(views, options={"hull": True}), Ticket()))
    np.testing.assert_array_equal(plain[-1].vertices, meshes[-1].vertices)


def test_hull_carves_another_methods_field(views, monkeypatch):
    """A network that claims the whole volume is cut down to what the silhouettes allow."""
    from levelform.backend.fields import Field
    from levelform.backend.reconstructors import Code, MethodSpec, Reconstructor
    from levelform.backend.reconstructors.registry import _REGISTRY

    class Everything(Field):
        kind = "occupancy"
        lipschitz = 0.0

        def __call__(self, points):
            return torch.full_like(points[:, 0], -4.0)

    class Greedy(Reconstructor):
        spec = MethodSpec("greedy", "Greedy", "", "", needs_weights=False)

        def encode(self, views, *, seed=0, ticket=None):
            assert ticket is not None
            return Code("greedy", {"seed": torch.tensor([seed])})

        def decode(self, code):
            assert int(code.tensors["seed"]) == 7
            return Everything()

    monkeypatch.setitem(_REGISTRY, "greedy", Greedy)
    options = {"hull": True}
    meshes, stats = finish(
        Session().reconstruct(
            request(views, method="greedy", seed=7, color=True, options=options), Ticket()
        )
    )
    plain, _ = finish(Session().reconstruct(request(views), Ticket()))
    np.testing.assert_allclose(
        np.ptp(meshes[-1].vertices, 0), np.ptp(plain[-1].vertices, 0), atol=0.03
    )
    assert stats["hull"] is True
    assert meshes[-1].colors is not None
    assert (stats["level"], stats["level_unit"]) == (0.5, "probability")


def test_the_level_is_told_in_the_unit_that_it_takes(views, monkeypatch):
    """Weights whose surface was moved after training: the probability is the network's own."""
    from levelform.backend.fields import Field
    from levelform.backend.reconstructors import Code, MethodSpec, Reconstructor
    from levelform.backend.reconstructors.base import WeightsInfo
    from levelform.backend.reconstructors.registry import _REGISTRY

    class Ramp(Field):
        kind = "occupancy"

        def __call__(self, points):  # minus the logit of P(z), less what the surface was moved by
            return 8 * points[:, 2] - 0.4

    class Moved(Reconstructor):
        spec = MethodSpec("moved", "Moved", "", "", needs_weights=False, level_unit="probability")

        def __init__(self):
            super().__init__()
            self.weights = WeightsInfo(results={"level": 0.4})

        def encode(self, views):
            return Code("moved", {})

        def decode(self, code):
            return Ramp()

    monkeypatch.setitem(_REGISTRY, "moved", Moved)
    for level, shown, height in (
        (None, 1 / (1 + np.exp(0.4)), 0.05),
        (0.5, 0.5, 0.0),
        (0.2, 0.2, np.log(4) / 8),
    ):
        meshes, stats = finish(
            Session().reconstruct(request(views, method="moved", level=level), Ticket())
        )
        assert stats["level"] == pytest.approx(shown, abs=1e-5)
        assert stats["level_unit"] == "probability"
        assert meshes[-1].vertices[:, 2].max() == pytest.approx(height, abs=1e-3)


def test_small_bodies_are_dropped_unasked_and_told(views, monkeypatch):
    from levelform.backend.fields import Field
    from levelform.backend.reconstructors import Code, MethodSpec, Reconstructor
    from levelform.backend.reconstructors.registry import _REGISTRY

    class Crumb(Field):
        def __call__(self, points):
            small = (points - points.new_tensor([0.8, 0.8, 0.8])).norm(dim=1) - 0.1
            return torch.minimum(points.norm(dim=1) - 0.6, small)

    class Crumbs(Reconstructor):
        spec = MethodSpec("crumbs", "Crumbs", "", "", needs_weights=False)

        def encode(self, views):
            return Code("crumbs", {})

        def decode(self, code):
            return Crumb()

    monkeypatch.setitem(_REGISTRY, "crumbs", Crumbs)
    job = request(views, method="crumbs", resolution=64)
    meshes, stats = finish(Session().reconstruct(job, Ticket()))
    assert np.abs(meshes[-1].vertices).max() < 0.61
    assert any("1 loose piece" in remark for remark in stats["remarks"])
    every = replace(job, options={"min_component": 0})
    meshes, stats = finish(Session().reconstruct(every, Ticket()))
    assert np.abs(meshes[-1].vertices).max() > 0.85
    assert not any("loose" in remark for remark in stats["remarks"])


# ---------------------------------------------------------------- comparing


def ball_data(radius):
    """Return a ball as Blender sends it."""
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    return protocol.MeshData(ball.vertices.astype(np.float32), ball.faces.astype(np.int32))


def test_a_ball_against_another_has_the_numbers_of_the_closed_form():
    request = protocol.Evaluate("j", ball_data(1.1), ball_data(1.0))
    evaluation, last = Session().evaluate(request, Ticket())
    np.testing.assert_allclose(evaluation.distances, 0.1, atol=1e-3)
    metrics = last.stats["metrics"]
    assert metrics["iou"] == pytest.approx(1.1**-3, abs=0.01)
    assert metrics["chamfer_l1"] == pytest.approx(5.0, abs=0.05)
    assert metrics["f_score_1%"] == 0.0
    assert metrics["normal_consistency"] > 0.999


def test_a_ball_inside_out_and_open_is_still_compared():
    whole = ball_data(1.0)
    broken = protocol.MeshData(whole.vertices, np.ascontiguousarray(whole.faces[:-4, ::-1]))
    _, last = Session().evaluate(protocol.Evaluate("j", broken, whole), Ticket())
    assert last.stats["metrics"]["iou"] > 0.99


@pytest.mark.parametrize("which", ["prediction", "reference"])
def test_a_mesh_without_faces_is_refused_by_name(which):
    nothing = protocol.MeshData(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))
    meshes = {"prediction": ball_data(1.0), "reference": ball_data(1.0), which: nothing}
    name = {"prediction": "The mesh to compare", "reference": "The reference"}[which]
    with pytest.raises(RequestError, match=f"{name} has no faces"):
        list(Session().evaluate(protocol.Evaluate("j", **meshes), Ticket()))


def test_an_unknown_protocol_is_refused():
    request = protocol.Evaluate("j", ball_data(1.0), ball_data(1.0), protocol="guess")
    with pytest.raises(RequestError, match="no protocol 'guess'"):
        list(Session().evaluate(request, Ticket()))


def test_estimated_cameras_are_told_in_the_world(photograph, cameras):
    from levelform.backend.geometry.cameras import Camera
    from levelform.backend.geometry.volume import Volume
    from levelform.backend.pipeline.reading import estimated_cameras, in_world
    from levelform.backend.reconstructors import load_reconstructor

    model = load_reconstructor("levelform", "random", "cpu")
    posed = photograph(cameras[0])
    unposed = replace(posed, camera=None)
    estimated = estimated_cameras(model, [posed, unposed])
    (told,) = in_world(estimated, Volume.from_matrix(WORLD))
    assert told["view"] == 1
    (own,) = model.estimate_cameras([unposed])
    back = Camera.from_transforms(told).in_frame(WORLD)
    np.testing.assert_allclose(back.world_from_camera, own.world_from_camera, atol=1e-9)
    assert (back.fx, back.cx, back.width) == pytest.approx((own.fx, own.cx, own.width))
    hull = load_reconstructor("visual-hull")
    assert estimated_cameras(hull, [unposed]) == {}


# ---------------------------------------------------------------- views that agree, or do not


def swapped(views, a, b):
    """Return the views with the images of two exchanged."""
    order = list(range(len(views)))
    order[a], order[b] = order[b], order[a]
    return tuple(
        replace(view, image=views[source].image) for view, source in zip(views, order, strict=True)
    )


@pytest.fixture
def square(photograph, aim):
    """Six views of the test object with images of one size, in the world."""
    from levelform.backend.geometry.cameras import Camera

    result = []
    for index in range(6):
        angle, height = index, (-1.2, 0.4, 1.5)[index % 3]
        place = (3 * np.cos(angle), 3 * np.sin(angle), height)
        camera = Camera(aim(place, (0.0, 0.0, 0.1)), 120, 120, 48, 48, 96, 96)
        view = photograph(camera)
        result.append(protocol.ViewData(view.image.numpy(), camera.to_data(), f"v{index}"))
    return tuple(result)


def test_right_views_are_covered_and_have_no_remark(square):
    events = list(Session().reconstruct(request(square, world_from_volume=None), Ticket()))
    assert isinstance(events[0], protocol.ViewsChecked)
    assert [check.name for check in events[0].views] == [f"v{i}" for i in range(6)]
    assert events[0].remark == ""
    stats = events[-1].stats
    assert stats["remarks"] == []
    assert stats["cures"] == []
    assert all(view["residual"] < 0.05 for view in stats["views_checked"])
    assert all(view["covered"] > 0.96 for view in stats["views_checked"])
    assert all(view["iou"] > 0.93 for view in stats["views_checked"])


def test_a_job_names_what_disagrees_and_takes_the_cure(square):
    wrong = swapped(square, 1, 4)
    job = request(wrong, world_from_volume=None)
    stats = list(Session().reconstruct(job, Ticket()))[-1].stats
    assert stats["remarks"][0].endswith("and the views agree (--cure swap=1,4).")
    assert min(view["covered"] for view in stats["views_checked"]) < 0.95
    again = replace(job, cures=(stats["cures"][0]["name"],))
    stats = list(Session().reconstruct(again, Ticket()))[-1].stats
    assert stats["remarks"] == []
    assert stats["cured"] == ["swap=1,4"]
    assert min(view["covered"] for view in stats["views_checked"]) > 0.96


def test_a_view_that_is_left_out_keeps_its_place_in_the_list(square):
    job = request(square, world_from_volume=None, cures=("leave-out=2",))
    stats = list(Session().reconstruct(job, Ticket()))[-1].stats
    assert stats["views"] == 5
    assert len(stats["views_checked"]) == 6
    assert stats["views_checked"][2]["remark"] == "Left out."
    assert stats["views_checked"][2]["covered"] is None
    assert stats["views_checked"][3]["covered"] > 0.96


def test_a_check_alone_reconstructs_nothing(square):
    ask = protocol.CheckViews("j", swapped(square, 0, 3))
    (event,) = Session().check_views(ask, Ticket())
    assert [cure.name for cure in event.cures] == ["swap=0,3"]
    (event,) = Session().check_views(replace(ask, cures=("swap=0,3",)), Ticket())
    assert event.cures == ()


def test_a_check_tells_the_outlines_that_the_images_do_not_show(square):
    views = [replace(view, image=view.image.copy()) for view in square]
    opaque = views[1].image  # a plain background in place of the alpha
    opaque[opaque[..., 3] < 0.5] = 1.0
    opaque[..., 3] = 1.0
    ask = protocol.CheckViews("j", tuple(views), protocol.Background("auto"))
    masks, checked = Session().check_views(ask, Ticket())
    assert isinstance(checked, protocol.ViewsChecked)
    assert [mask.name for mask in masks.masks] == [views[1].name]
    assert max(masks.masks[0].shown.shape) <= THUMBNAIL_SIDE
    assert 0.02 < (masks.masks[0].mask > 127).mean() < 0.9


def test_the_volume_is_estimated_from_the_cured_views(square):
    ask = protocol.EstimateVolume("j", square, cures=("leave-out=0",))
    (fewer,) = Session().estimate_volume(ask, Ticket())
    (direct,) = Session().estimate_volume(replace(ask, views=square[1:], cures=()), Ticket())
    np.testing.assert_array_equal(
        fewer.placement.world_from_volume, direct.placement.world_from_volume
    )


def test_cameras_that_look_away_are_refused_with_the_cure(square):
    away = []
    for view in square:
        pose = view.camera.transform_matrix @ np.diag([1.0, -1.0, -1.0, 1.0])
        away.append(replace(view, camera=replace(view.camera, transform_matrix=pose)))
    with pytest.raises(RequestError, match=r"--convention opencv"):
        list(Session().reconstruct(request(tuple(away)), Ticket()))
