"""The first look at what is carved: early, roughly in place, and for those methods alone."""

import numpy as np
import pytest
from levelform.backend.contract import protocol
from levelform.backend.geometry.images import shrink
from levelform.backend.placing.box import rough_box
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket


@pytest.fixture
def views(photograph, cameras):
    """Small images of the test object."""
    photos = [shrink(photograph(camera), 64) for camera in cameras]
    return tuple(
        protocol.ViewData(photo.image.numpy(), photo.camera.to_data(), f"view {index}")
        for index, photo in enumerate(photos)
    )


def events_of(views, method="visual-hull", **changes):
    request = protocol.Reconstruct("j", method, views, resolution=32, color=False, **changes)
    return list(Session().reconstruct(request, Ticket()))


def box_of(mesh):
    """Return the (2, 3) box of a mesh in the world."""
    points = mesh.vertices * mesh.scale @ mesh.world_from_mesh[:3, :3].T
    points = points + mesh.world_from_mesh[:3, 3]
    return np.stack([points.min(0), points.max(0)])


def test_it_comes_before_the_placement_and_stands_where_the_result_will(views):
    events = events_of(views)
    kinds = [type(event) for event in events]
    assert kinds.index(protocol.MeshUpdate) < kinds.index(protocol.Placed)
    first, *_, last = [event for event in events if isinstance(event, protocol.MeshUpdate)]
    assert (first.final, last.final) == (False, True)
    reach = np.abs(box_of(first) - box_of(last)).max() / np.ptp(box_of(last), axis=0).max()
    assert reach < 0.15


def test_a_given_volume_needs_none(views):
    matrix = np.diag([1.0, 1.0, 1.0, 1.0])
    kinds = [type(event) for event in events_of(views, world_from_volume=matrix)]
    assert kinds.index(protocol.Placed) < kinds.index(protocol.MeshUpdate)


def test_a_single_view_does_not_bound_the_object(views):
    kinds = [type(event) for event in events_of(views[:1])]
    assert kinds.index(protocol.Placed) < kinds.index(protocol.MeshUpdate)


def test_a_quick_network_shows_one_view_roughly_in_place_first(views):
    events = events_of(views[:1], "deep-meta-functionals")
    kinds = [type(event) for event in events]
    assert kinds.index(protocol.MeshUpdate) < kinds.index(protocol.Placed)
    first, *_, last = [event for event in events if isinstance(event, protocol.MeshUpdate)]
    middles = [box_of(mesh).mean(0) for mesh in (first, last)]
    assert np.abs(middles[0] - middles[1]).max() < 0.3 * np.ptp(box_of(last), axis=0).max()


def test_a_network_shows_the_hull_of_three_views_first_and_of_two_nothing(views):
    kinds = [type(event) for event in events_of(views[:3], "occupancy-network")]
    assert kinds.index(protocol.MeshUpdate) < kinds.index(protocol.Placed)
    kinds = [type(event) for event in events_of(views[:2], "occupancy-network")]
    assert kinds.index(protocol.Placed) < kinds.index(protocol.MeshUpdate)


def test_images_without_an_outline_have_no_rough_box():
    assert rough_box([]) is None
