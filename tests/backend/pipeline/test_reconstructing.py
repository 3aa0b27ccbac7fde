"""Requests of reconstructions: what is refused, and what options do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import RequestError, WorkError
from levelform.backend.pipeline import networks, reading
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from setups.jobs import WORLD, finish, request


def bad(views, **changes):
    return list(Session().reconstruct(request(views, **changes), Ticket()))


def test_no_views(views):
    with pytest.raises(RequestError, match="The request has no views"):
        bad(())


def test_unknown_names(views):
    with pytest.raises(RequestError, match="'magic' is not a method"):
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
