"""What the methods' tests share: networks whose every weight matters, and one object to learn."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from levelform.backend.encoders import folding
from levelform.backend.fusion import camera_tensors
from levelform.backend.images.framing import frame_views
from levelform.backend.reconstructors.base import Batch
from torch import nn

# The object of `take` (tests/backend/conftest.py): centre and radius of each of its spheres.
SPHERES = (((0.25, -0.1, 0.1), 0.45), ((-0.4, 0.2, -0.25), 0.35), ((0.0, 0.15, 0.55), 0.3))


def disturb(model, *, seed=0, amount=0.3):
    """Move every parameter and statistic of a network, so that none is at its special start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = parameter.std() if parameter.numel() > 1 else parameter.abs()
            noise = torch.randn(parameter.shape, generator=generator)
            parameter += amount * noise * spread.nan_to_num(0).clamp(min=0.1)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer += 0.1 * torch.randn(buffer.shape, generator=generator)
            if name.endswith("running_var"):
                buffer *= 0.7 + 0.6 * torch.rand(buffer.shape, generator=generator)
    return model.eval()


def silent_parameters(model, loss):
    """Return the names of parameters that no gradient of `loss` reaches."""
    loss.backward()
    return [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.fixture(autouse=True)
def float32_everywhere(monkeypatch):
    """Compute alike on every processor, also on one that has instructions for bfloat16."""
    monkeypatch.setattr(folding, "has_bfloat16", lambda: False)


@pytest.fixture(autouse=True)
def one_thread():
    """Compute on one thread: small networks gain nothing from two, and lose much on busy cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def disturbed():
    return disturb


@pytest.fixture
def silent():
    return silent_parameters


@pytest.fixture
def points():
    """(500, 3) points all over the volume."""
    return torch.rand(500, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1


# ---------------------------------------------------------------- one object to learn


def distances_of_spheres(points, spheres=SPHERES):
    """Return (...): signed distances of points (..., 3), exact outside, a lower bound inside."""
    each = [(points - torch.tensor(center)).norm(dim=-1) - radius for center, radius in spheres]
    return torch.stack(each).amin(0)


def labels_of_spheres(points):
    """Return 1 inside the object of `take`, else 0; points (..., 3)."""
    return (distances_of_spheres(points) < 0).float()


def surface_of_spheres(count, generator, spheres=SPHERES):
    """Return (count, 3) points of the surface, even by area."""
    radii = torch.tensor([radius for _, radius in spheres])
    which = torch.multinomial(radii.square(), 3 * count, replacement=True, generator=generator)
    ways = F.normalize(torch.randn(3 * count, 3, generator=generator), dim=1)
    actual = torch.tensor([center for center, _ in spheres])[which] + radii[which, None] * ways
    return actual[distances_of_spheres(actual, spheres) > -1e-5][:count]


def depth_of_spheres(camera, spheres=SPHERES):
    """Return (H, W): depth along the optical axis at pixel centres, infinite at the background."""
    pixels = torch.meshgrid(
        torch.arange(camera.width) + 0.5, torch.arange(camera.height) + 0.5, indexing="xy"
    )
    origins, directions = camera.rays(torch.stack(pixels, -1).double())
    a = directions.square().sum(-1)
    actual = torch.full_like(a, torch.inf)
    for center, radius in spheres:
        offset = origins - torch.tensor(center)
        b = (offset * directions).sum(-1)
        root = b**2 - a * (offset.square().sum(-1) - radius**2)
        depth = (-b - root.clamp_min(0).sqrt()) / a
        actual = torch.where(root > 0, torch.minimum(actual, depth), actual)
    return actual.float()


def posed_batch(model, views, spheres=SPHERES, *, surface=20_000):
    """Return a batch of one object: its views framed for `model`, their depth, its surface."""
    images = frame_views(views, model.framing)
    poses, intrinsics = camera_tensors(images.cameras, torch.device("cpu"))
    depths = [depth_of_spheres(camera, spheres) for camera in images.cameras]
    return Batch(
        images.images[None],
        torch.zeros(1, 1, 3),
        torch.zeros(1, 1),
        camera_from_volume=poses[None],
        intrinsics=intrinsics[None],
        surface=surface_of_spheres(surface, torch.Generator().manual_seed(2), spheres)[None],
        depth=torch.stack(depths)[None],
    )


def with_points(batch, generator, spheres=SPHERES, *, count=1024, near=0):
    """Return the batch with `count` points all over the volume and `near` more by the surface."""
    points = torch.rand(count, 3, generator=generator) * 2 - 1
    if near:
        chosen = torch.randint(batch.surface.shape[1], (near,), generator=generator)
        shift = 0.05 * torch.randn(near, 3, generator=generator)
        points = torch.cat([points, batch.surface[0, chosen] + shift])
    distances = distances_of_spheres(points, spheres)[None]
    return replace(batch, points=points[None], inside=(distances < 0).float(), distances=distances)


def minimise(parameters, loss, *, steps, learning_rate, clip=10.0):
    """Minimise `loss()` by Adam; the rate rises and falls once, gradients are clipped."""
    parameters = list(parameters)
    optimizer = torch.optim.Adam(parameters, learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        schedule.step()


def learn_one(model, view, *, encoder, steps, learning_rate, near=0):
    """Train a method on labels of one view of the object of `take`; return the IoU of its field.

    `encoder` is the part with batch norms over images: one image has no statistics. `near`
    points by the surface come to those all over the volume.
    """
    batch, generator = posed_batch(model, [view]), torch.Generator().manual_seed(1)
    model.train()
    encoder.eval()
    minimise(
        model.parameters(),
        lambda: model.loss(with_points(batch, generator, near=near))["loss"],
        steps=steps,
        learning_rate=learning_rate,
    )
    field = model.eval().decode(model.encode([view]))
    points = torch.rand(50_000, 3, generator=generator) * 2 - 1
    actual, ground_truth = field(points) < field.level(), labels_of_spheres(points) > 0
    return ((actual & ground_truth).sum() / (actual | ground_truth).sum()).item()


@pytest.fixture(name="minimise")
def minimise_fixture():
    return minimise


@pytest.fixture
def learn():
    return learn_one
