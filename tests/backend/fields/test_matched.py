"""A field adjusted to one silhouette: cut outside, filled where the silhouette is not covered."""

import pytest
import torch
from levelform.backend.data.render.cameras import look_at
from levelform.backend.fields.field import Field
from levelform.backend.fields.matched import MARGIN, MOST, STEPS, matched
from levelform.backend.geometry.cameras import Camera

SIDE = 48  # pixels along a side


class Ball(Field):
    """A ball as a distance, or as an occupancy of the same surface."""

    def __init__(self, radius: float, kind="distance") -> None:
        self.radius, self.kind = radius, kind

    def __call__(self, points):
        return (points.norm(dim=1) - self.radius) * (1 if self.kind == "distance" else 20)


def camera(size: int = SIDE) -> Camera:
    pose = look_at(30, 20, 4.0)
    return Camera(pose, 1.6 * size, 1.6 * size, size / 2, size / 2, size, size)


def covered(field: Field, of: Camera) -> torch.Tensor:
    """Return (H, W) bool: the pixels with rays that meet the field, by many samples."""
    rows, columns = torch.meshgrid(torch.arange(of.height), torch.arange(of.width), indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2).float() + 0.5
    origins, directions = of.rays(pixels)
    points = origins[:, None] + torch.linspace(2.3, 5.7, 120)[:, None] * directions[:, None]
    values = field(points.reshape(-1, 3).float()).reshape(len(pixels), -1)
    values = torch.where((points.abs() > 1).any(2), 1.0, values)
    return (values.amin(1) < 0).reshape(of.height, of.width)


@pytest.mark.parametrize("kind", ["distance", "occupancy"])
def test_the_silhouette_becomes_the_masks(kind):
    of = camera()
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    box = (rows - 24).abs().maximum(((columns - 26) * 1.4).abs()) < 10  # both too small and too big
    field = Ball(0.5, kind)
    before, after = (covered(each, of) for each in (field, matched(field, box.float(), of)))

    def iou(seen):
        return float((seen & box).sum() / (seen | box).sum())

    assert iou(before) < 0.85
    assert iou(after) > 0.96


def test_a_field_that_fits_is_left_alone():
    of, field = camera(), Ball(0.5)
    alpha = covered(field, of).float()
    same = matched(field, alpha, of)
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert ((field(points) < 0) & (points.norm(dim=1) < 0.46)).sum() > 1000
    differ = (same(points) < 0) != (field(points) < 0)
    assert not (differ & (points.norm(dim=1) < 0.45)).any()
    assert differ.sum() < 0.1 * (field(points) < 0).sum()


def test_thresholds_and_colours_are_the_fields_own():
    field = Ball(0.5, "occupancy")
    same = matched(field, torch.ones(20, 20), camera(20))
    assert same.level(0.7) == field.level(0.7)
    assert same.threshold_of(0.3) == field.threshold_of(0.3)
    assert same.color(torch.zeros(1, 3)) is None


class CountedBall(Ball):
    """A ball that counts its evaluations."""

    evaluations = 0

    def __call__(self, points):
        self.evaluations += len(points)
        assert (points.abs() <= 1).all()
        return super().__call__(points)


def test_offsets_are_those_of_all_samples_of_all_rays():
    of, field = camera(), CountedBall(0.5)
    alpha = torch.ones(SIDE, SIDE)
    offsets = matched(field, alpha, of).offsets
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    origins, directions = of.rays(torch.stack([columns, rows], -1).reshape(-1, 2).float() + 0.5)
    middle = -(origins * directions).sum(1) / directions.square().sum(1)
    reach = 3**0.5 / directions.norm(dim=1)
    depths = middle[:, None] + reach[:, None] * torch.linspace(-1, 1, STEPS)
    points = (origins[:, None] + depths[..., None] * directions[:, None]).float()
    values = torch.where((points.abs() > 1).any(2), torch.inf, points.norm(dim=2) - 0.5)
    least = (values.amin(1) * MARGIN).clamp(0, MOST["distance"]).reshape(1, 1, SIDE, SIDE)
    wanted = torch.nn.functional.max_pool2d(least, 3, 1, 1)[0, 0]
    assert torch.allclose(offsets, wanted, atol=1e-6)
    assert 0 < field.evaluations < 0.5 * values.numel()
