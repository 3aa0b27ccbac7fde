"""Batches of several views: geometry is exact, labels are true, points lie inside the hull."""

import numpy as np
import pytest
import torch
from levelform.backend.fields.several_views import MARGIN, Round
from levelform.backend.fields.view_silhouettes import distances_at
from levelform.backend.geometry.cameras import Camera
from levelform.backend.training import rounds
from levelform.backend.training.recipes import RoundDraw
from levelform.backend.training.rounds import (
    CANDIDATES,
    candidates,
    choose_points,
    reframed,
    solid_labels,
    volume_poses,
)

RNG = np.random.default_rng(0)


class Ball(dict):
    """A stored shape that is a ball of radius 0.7: points and distances alone."""

    def __init__(self):
        even = RNG.uniform(-1, 1, (9000, 3)).astype(np.float32)
        wide = RNG.normal(0, 0.5, (5000, 3)).astype(np.float32)
        for name, points in (("uniform", even), ("wide", wide)):
            self[f"{name}.points"] = points
            self[f"{name}.distance"] = np.linalg.norm(points, axis=1) - 0.7


class Shell(Ball):
    """A ball with a wall of 0.05 seen from six sides; `open_` lacks what is above z = 0.3."""

    def __init__(self, *, thickness=0.05, open_=False):
        super().__init__()
        for name in ("uniform", "wide"):
            radius = np.linalg.norm(self[f"{name}.points"], axis=1)
            distance = np.maximum(radius - 0.7, 0.7 - thickness - radius)
            if open_:
                distance = np.maximum(distance, self[f"{name}.points"][:, 2] - 0.3)
            self[f"{name}.distance"] = distance
        axes = [sign * axis for axis in np.eye(3) for sign in (1, -1)]
        self["views.poses"] = np.stack([looking_at_the_middle(axis) for axis in axes])
        self["views.intrinsics"] = np.array([[90.0, 90, 32, 32]] * 6)
        inner = 0.7 - thickness
        self["views.depth"] = np.stack([ball_depth(a, inner if open_ else None) for a in axes])


def looking_at_the_middle(axis):
    side = np.roll(axis, 1)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.cross(side, -axis), side, -axis], 1)
    matrix[:3, 3] = 3 * axis
    return matrix


def ball_depth(axis, inner):
    """Return depth (64, 64) from 3 along an axis; from above the opening's inner wall is seen."""
    ticks = (np.arange(64) + 0.5 - 32) / 90
    x, y = np.meshgrid(ticks, ticks)
    length = x**2 + y**2 + 1
    from_above = inner is not None and axis[2] == 1
    radius, sign = (inner, 1) if from_above else (0.7, -1)
    root = 9 - length * (9 - radius**2)
    return np.where(root > 0, (3 + sign * np.sqrt(np.maximum(root, 0))) / length, 0)


def volume(angle=0.4, scale=1.2, shift=(0.05, -0.02, 0.03)):
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, :3] *= scale
    matrix[:3, 3] = shift
    return matrix


def pose():
    matrix = np.eye(4)
    matrix[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    matrix[:3, 3] = [0.1, -3, 0.2]
    return matrix


def test_another_volume_has_the_same_image():
    true = Camera(pose(), 90, 90, 32, 32, 64, 64)
    points = torch.rand(40, 3, dtype=torch.float64) - 0.5
    moved, scale = volume_poses(torch.from_numpy(true.camera_from_world)[None], volume())
    assert scale == pytest.approx(1.2)
    other = Camera(np.linalg.inv(moved[0].numpy()), 90, 90, 32, 32, 64, 64)
    inverse = torch.from_numpy(np.linalg.inv(volume()))
    pixels, depth = other.project(points @ inverse[:3, :3].T + inverse[:3, 3])
    expected, far = true.project(points)
    torch.testing.assert_close(pixels, expected)
    torch.testing.assert_close(depth * scale, far)


def test_a_reframed_image_shows_things_where_its_intrinsics_say():
    images = torch.zeros(2, 64, 64, 4)
    images[:, 40:44, 20:24] = 1.0
    intrinsics = torch.tensor([[90.0, 90, 32, 32]] * 2)
    zoom, moved = torch.tensor([1.3, 0.8]), torch.tensor([[3.0, -2.0], [-4.0, 1.0]])
    framed, own = reframed(images, intrinsics, zoom, moved, 64)
    ray = (torch.tensor([22.0, 42.0]) - 32) / 90
    for image, numbers in zip(framed, own, strict=True):
        rows, columns = (image[..., 3] > 0.5).nonzero(as_tuple=True)
        middle = torch.stack([columns.float().mean(), rows.float().mean()]) + 0.5
        torch.testing.assert_close(middle, ray * numbers[:2] + numbers[2:], atol=0.6, rtol=0)


def test_labels_are_those_of_the_shape_in_any_volume():
    ball = Ball()
    labels = {name: ball[f"{name}.distance"] < 0 for name in ("uniform", "wide")}
    points, inside = candidates(ball, labels, volume(), np.random.default_rng(1))
    assert points.shape == (2 * CANDIDATES, 3)
    there = points.double().numpy() @ volume()[:3, :3].T + volume()[:3, 3]
    clear = np.abs(np.linalg.norm(there, axis=1) - 0.7) > 1e-4
    np.testing.assert_array_equal(
        (np.linalg.norm(there, axis=1) < 0.7)[clear], (inside.numpy() > 0)[clear]
    )
    even = points[:CANDIDATES]
    assert (even.abs() <= 1).all()
    counts = np.histogram(even[:, 0], 4, (-1, 1))[0] / CANDIDATES
    assert np.abs(counts - 0.25).max() < 0.03


def test_a_closed_hollow_is_learned_as_solid():
    shell, solid = Shell(), Ball()
    for name, inside in solid_labels(shell).items():
        deep = solid[f"{name}.distance"] < 0
        radius = np.linalg.norm(shell[f"{name}.points"], axis=1)
        assert inside[radius < 0.69].all()
        assert not inside[radius > 1.0].any()  # up to there the six silhouettes leave corners
        assert deep.sum() > 200


def test_a_hollow_that_an_image_sees_into_stays_hollow():
    shell = Shell(open_=True)
    inside = solid_labels(shell)["uniform"]
    points = shell["uniform.points"]
    seen = (np.linalg.norm(points, axis=1) < 0.6) & (np.linalg.norm(points[:, :2], axis=1) < 0.4)
    assert seen.sum() > 200
    assert not inside[seen].any()


def test_solid_shapes_keep_their_labels():
    shell = Shell(thickness=0.69)
    for name, inside in solid_labels(shell).items():
        assert np.array_equal(inside, shell[f"{name}.distance"] < 0)


def test_chosen_points_lie_inside_the_hull():
    ticks = torch.arange(32) + 0.5 - 16
    round_mask = torch.stack(torch.meshgrid(ticks, ticks, indexing="ij")).norm(dim=0) - 8
    true = Camera(pose(), 45, 45, 16, 16, 32, 32)
    generator = torch.Generator().manual_seed(0)
    whole = Round(
        torch.zeros(1, 1, 4),
        round_mask[None, None],
        torch.from_numpy(true.camera_from_world).float()[None, None],
        torch.tensor([[[45.0, 45, 16, 16]]]),
        torch.zeros(1, 1, 8, 8),
        torch.rand(1, 2 * CANDIDATES, 3, generator=generator) * 2 - 1,
        (torch.rand(1, 2 * CANDIDATES, generator=generator) > 0.5).float(),
        (),
    )
    chosen = choose_points(whole, 100, 60, generator)
    assert chosen.points.shape == (1, 160, 3)
    assert (distances_at(chosen.points, whole.views).amax(1) < MARGIN).all()
    known = {
        tuple(p): float(i) for p, i in zip(whole.points[0].tolist(), whole.inside[0], strict=True)
    }
    assert [known[tuple(p)] for p in chosen.points[0].tolist()] == chosen.inside[0].tolist()


def test_a_part_of_a_batch_is_its_objects():
    parts = [rounds._part(7, 20, slice(0, 10)), rounds._part(7, 20, slice(10, 20))]
    assert [*parts[0], *parts[1]] == list(range(7))


def test_views_are_spread_or_drawn_without_repeating():
    rng = np.random.default_rng(0)
    for count in (1, 2, 3, 4, 6, 8):
        chosen = rounds._views(8, count, rng, 1.0)
        assert len(set(chosen.tolist())) == count
    even = np.sort(rounds._views(8, 4, rng, 1.0))
    assert set(np.diff(even).tolist()) == {2}


def test_cameras_turn_by_no_more_than_they_are_told():
    poses = torch.from_numpy(np.linalg.inv(pose()))[None].repeat(200, 1, 1)
    turned = rounds._turned(poses, np.random.default_rng(3), 0.5)
    cosine = ((turned[:, :3, :3] * poses[:, :3, :3]).sum((1, 2)) - 1) / 2
    assert cosine.clamp(-1, 1).arccos().mul(180 / np.pi).max() < 3
    torch.testing.assert_close(
        turned[:, :3, :3] @ turned[:, :3, :3].mT, torch.eye(3).double().expand(200, 3, 3)
    )
    assert torch.equal(rounds._turned(poses, np.random.default_rng(3), 0.0), poses)


def test_a_validation_draws_no_errors():
    quiet = RoundDraw().quiet()
    assert (quiet.pose_noise, quiet.mask_noise) == (0.0, 0.0)
    assert quiet.mixture == RoundDraw().mixture
