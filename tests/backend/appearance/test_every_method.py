"""Every method's mesh has colours, from posed images and from a single one without a camera."""

import numpy as np
import pytest
from levelform.backend.contract.protocol import MeshUpdate, ViewData
from levelform.backend.contract.settings import Settings
from levelform.backend.reconstructors import bundled_variants, bundled_weights, methods
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket


@pytest.fixture(scope="module")
def session():
    return Session()


def settings(name, **more):
    variants = bundled_variants(name)
    weights = "chair" if "chair" in variants else None
    options = {"steps": 30} if name == "fit" else {}
    return Settings(
        method=name, weights=weights, resolution=32, device="cpu", options=options, **more
    )


def last_mesh(events):
    return [event for event in events if isinstance(event, MeshUpdate)][-1]


def usable():
    """Return the methods that can run here."""
    return [
        name
        for name, cls in methods().items()
        if not cls.spec.needs_weights or bundled_weights(name) or bundled_variants(name)
    ]


@pytest.mark.parametrize("name", usable())
def test_posed_images_colour_the_mesh(session, photograph, cameras, name):
    """The spheres are red, green and blue: a grey mesh or a fixed palette has no such spread."""
    cls = methods()[name]
    count = min(3, cls.spec.max_views or 3)
    taken = [photograph(camera) for camera in cameras[:count]]
    views = tuple(ViewData(v.image.numpy(), v.camera.to_data(), v.name) for v in taken)
    request = settings(name).request("j", views, world_from_volume=np.eye(4), keep="k")
    try:
        mesh = last_mesh(session.reconstruct(request, Ticket()))
    finally:
        session.forget("k")
    assert mesh.colors.shape == (len(mesh.vertices), 4)
    assert np.isfinite(mesh.colors).all()
    assert mesh.seen.shape == (len(mesh.vertices),)
    assert (0.2 if count > 1 else 0.1) < mesh.seen.mean() <= 1.0
    assert np.ptp(mesh.colors[:, :3], 0).min() > 0.1
