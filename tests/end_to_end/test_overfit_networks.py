"""One object learned by a network; then a picture in, a mesh out, through the worker's pipeline."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from levelform.backend import protocol
from levelform.backend.reconstructors import methods
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket

HERE = Path(__file__).parents[1] / "backend"


def load(name, path):
    """Return a module of the tests, which are no package."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shared = load("shared_conftest", HERE / "conftest.py")
learning = load("learning_conftest", HERE / "reconstructors" / "conftest.py")

# Method, sizes, the part whose norms are over pictures, steps, rate.
CASES = [
    (
        "deep-meta-functionals",
        {"width": 4, "blocks": 2, "hidden_width": 32},
        "encoder",
        700,
        1e-2,
    ),
    (
        "tdgn",
        {"width": 4, "features": 8, "generator_width": 64, "embedding_width": 64},
        "feature",
        1000,
        6e-3,
    ),
    (
        "occupancy-network",
        {"width": 4, "features": 8, "hidden": 64, "blocks": 3, "threshold": 0.5},
        "encoder",
        1000,
        1e-2,
    ),
]


def inside(mesh, points):
    """Return which points, (N, 3), a closed mesh holds."""
    import igl

    vertices, faces = mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64)
    return igl.fast_winding_number(vertices, faces, points.astype(np.float64)) > 0.5


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("method", "sizes", "encoder", "steps", "rate"), CASES)
def test_a_picture_becomes_the_object(method, sizes, encoder, steps, rate, tmp_path):
    torch.manual_seed(0)
    cls = methods()[method]
    compact = cls.configurations["compact"]
    model = cls(replace(compact, framing=replace(compact.framing, size=32), **sizes))
    view = shared.take(shared.five_cameras()[0])
    learning.learn_one(model, view, encoder=getattr(model, encoder), steps=steps, rate=rate)
    path = tmp_path / "weights.safetensors"
    digest = model.save(path)
    frame = view.camera.to_transforms()
    names = ("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_model")
    camera = protocol.CameraData(
        np.array(frame["transform_matrix"]), **{name: frame[name] for name in names}
    )
    request = protocol.Reconstruct(
        job="one",
        method=method,
        views=(protocol.ViewData(view.image.numpy(), camera, "front"),),
        world_from_volume=np.eye(4),
        resolution=64,
        weights=str(path),
        device="cpu",
    )
    *updates, finished = Session().reconstruct(request, Ticket())
    assert finished.stats["weights"].endswith(digest[:12])
    assert finished.stats["watertight"]
    points = np.random.default_rng(0).uniform(-1, 1, (20_000, 3)).astype(np.float32)
    mesh = replace(updates[-1], vertices=updates[-1].vertices * updates[-1].scale)
    matrix = updates[-1].world_from_mesh
    mesh = replace(mesh, vertices=mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3])
    found = inside(mesh, points)
    truth = learning.labels_of_spheres(torch.from_numpy(points)).numpy() > 0
    assert (found & truth).sum() / (found | truth).sum() > 0.95
