"""What the methods' tests share: networks whose every weight matters, and points."""

import pytest
import torch
from levelform.backend.reconstructors.base import Batch
from torch import nn


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


def labels_of_spheres(points):
    """Return 1 inside the object of `take` (tests/backend/conftest.py), else 0; points (..., 3)."""
    inside = torch.zeros(points.shape[:-1], dtype=torch.bool)
    for center, radius in (
        ((0.25, -0.1, 0.1), 0.45),
        ((-0.4, 0.2, -0.25), 0.35),
        ((0, 0.15, 0.55), 0.3),
    ):
        inside |= (points - torch.tensor(center)).norm(dim=-1) < radius
    return inside.float()


def learn_one(model, view, *, encoder, steps, rate):
    """Train a method on one view of the object of `take`; return the IoU of its field.

    `encoder` is the part with batch norms over pictures: one picture has no statistics.
    """
    images = model.prepare([view]).images[None]
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    model.train()
    encoder.eval()
    for _ in range(steps):
        points = torch.rand(1, 1024, 3, generator=generator) * 2 - 1
        loss = model.loss(Batch(images, points, labels_of_spheres(points)))["loss"]
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()
        schedule.step()
    field = model.eval().decode(model.encode([view]))
    points = torch.rand(50_000, 3, generator=generator) * 2 - 1
    found, truth = field(points) < field.level(), labels_of_spheres(points) > 0
    return ((found & truth).sum() / (found | truth).sum()).item()


@pytest.fixture
def learn():
    return learn_one
