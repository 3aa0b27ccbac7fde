"""The trunk's maps and the upright camera network's geometry."""

import math

import pytest
import torch
from levelform.backend.encoders.trunk import Trunk
from levelform.backend.encoders.upright import (
    BINS,
    Sightings,
    UprightCameraNetwork,
    read,
    sighting_loss,
    true_sightings,
)


@pytest.mark.parametrize("size", [32, 24])
def test_maps_of_the_trunk_halve(size):
    trunk = Trunk(stem=4, widths=(4, 6, 8), blocks=2).eval()
    vector, maps = trunk(torch.rand(2, 4, size, size))
    assert [tuple(m.shape) for m in maps] == [
        (2, width, size >> level, size >> level) for level, width in ((1, 4), (2, 6), (3, 8))
    ]
    assert torch.equal(vector, maps[-1].mean((2, 3)))
    alone = Trunk(stem=4, widths=(4, 6, 8), maps=False)
    assert len(alone(torch.rand(1, 4, size, size))[1]) == 1


def test_axes_of_known_cameras():
    """From the front: right is +X, down -Z, forward +Y. From +X: right is +Y, forward -X."""
    zero = torch.zeros(3)
    azimuth, elevation = torch.tensor([0, math.pi / 2, 0]), torch.tensor([0, 0, math.pi / 2])
    axes = Sightings(azimuth, elevation, zero, torch.zeros(3, 2)).axes
    expected = [
        [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0, 1, 0], [0, 0, -1], [-1, 0, 0]],
        [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
    ]
    torch.testing.assert_close(axes, torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("orthographic", [False, True])
def test_true_sightings_invert_axes(orthographic):
    generator = torch.Generator().manual_seed(0)
    azimuth = torch.rand(50, generator=generator) * 2 * math.pi - math.pi
    elevation = torch.rand(50, generator=generator) * 2.4 - 1.2
    poses = torch.eye(4).repeat(50, 1, 1)
    given = Sightings(azimuth, elevation, azimuth, torch.zeros(50, 2))
    poses[:, :3, :3] = given.axes
    poses[:, 2, 3] = 5.0
    intrinsics = torch.tensor([200.0, 200, 70, 64]).expand(50, 4)
    sightings = true_sightings(poses, intrinsics, size=128, unit=0.25, orthographic=orthographic)
    torch.testing.assert_close(sightings.azimuth, azimuth, rtol=0, atol=1e-4)
    torch.testing.assert_close(sightings.elevation, elevation, rtol=0, atol=1e-4)
    appears = 200 / 128 / (1 if orthographic else 5)  # of a length 1, in sides of the image
    assert sightings.zoom.exp().mean().item() == pytest.approx(appears / 0.25, rel=1e-5)
    assert sightings.offset[0].tolist() == pytest.approx([6 / 64, 0], abs=1e-5)


def test_every_azimuth_can_be_said():
    """The bin and the offset that the loss asks for read as the azimuth, at bins' edges too."""
    azimuth = torch.linspace(-math.pi, math.pi, 97)[:-1]
    place = azimuth.remainder(2 * math.pi) / (2 * math.pi / BINS)
    bins = place.long().clamp(max=BINS - 1)
    raw = torch.zeros(96, 2 * BINS + 4)
    raw[torch.arange(96), bins] = 5
    offset = (2 * (place - bins) - 1).clamp(-0.999, 0.999)
    raw[torch.arange(96), BINS + bins] = offset.atanh()
    sightings = read(raw).azimuth
    assert torch.cos(sightings - azimuth).min() > 1 - 1e-6


def test_the_loss_is_least_at_the_truth():
    true = Sightings(
        torch.tensor([0.4]), torch.tensor([0.3]), torch.tensor([0.2]), torch.tensor([[0.1, -0.1]])
    )
    raw = torch.zeros(1, 2 * BINS + 4, requires_grad=True)
    optimizer = torch.optim.Adam([raw], 0.1)
    for _ in range(300):
        optimizer.zero_grad()
        sighting_loss(raw, true).backward()
        optimizer.step()
    sightings = read(raw.detach())
    for name in ("azimuth", "elevation", "zoom", "offset"):
        torch.testing.assert_close(getattr(sightings, name), getattr(true, name), rtol=0, atol=1e-2)


def test_images_to_sightings():
    network = UprightCameraNetwork(stem=4, widths=(4, 8)).eval()
    sightings = network.sightings(torch.rand(3, 4, 32, 32))
    assert sightings.axes.shape == (3, 3, 3)
    torch.testing.assert_close(
        sightings.axes @ sightings.axes.mT, torch.eye(3).expand(3, 3, 3), rtol=0, atol=1e-6
    )
    assert sightings.offset.abs().max() <= 1
