"""A session's jobs, from a request to meshes; its methods."""

from dataclasses import replace

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.contract.protocol import ImageFile
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from PIL import Image
from setups.jobs import STATS, WORLD, closed, finish, posed_views, request


@pytest.fixture
def views(photograph, cameras):
    """The test object in a volume that stands at `WORLD`."""
    return posed_views(photograph, cameras)


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


def test_methods_are_listed_with_what_they_need():
    methods = {method.name: method for method in Session().methods().methods}
    hull = methods["visual-hull"]
    assert hull.needs_camera
    assert not hull.needs_weights
    assert hull.weights == ()
