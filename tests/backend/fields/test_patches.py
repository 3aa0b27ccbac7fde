"""Patches: a closed field from open patches, thin parts kept, whichever way the patches face."""

import numpy as np
import pytest
import torch
from levelform.backend.fields.patches import Patches, PatchField, reachable

RESOLUTION = 28
SIDE = 6


def patches_of(surface, seed=0):
    """Cover a surface by patches: planes through the nearest points of voxels that it crosses.

    `surface` maps points (N, 3) to signed distances and unit normals. Sheets face either way.
    """
    index = torch.stack(torch.meshgrid(*[torch.arange(RESOLUTION)] * 3, indexing="ij"), -1).reshape(
        -1, 3
    )
    centers = (index + 0.5) * (2 / RESOLUTION) - 1
    distance, normals = surface(centers)
    half = 1 / RESOLUTION
    reach = half * normals.abs().sum(1)  # of the voxel along the normal
    crossed = distance.abs() < reach
    index, normals = index[crossed], normals[crossed]
    foot = centers[crossed] - distance[crossed, None] * normals
    other = torch.eye(3)[normals.abs().argmin(1)]
    first = torch.nn.functional.normalize(torch.linalg.cross(normals, other), dim=1)
    second = torch.linalg.cross(normals, first)
    t = torch.linspace(-half, half, SIDE)
    a, b = torch.meshgrid(t, t, indexing="ij")
    flat = a.reshape(1, -1, 1) * first[:, None] + b.reshape(1, -1, 1) * second[:, None]
    flip = torch.rand(len(flat), generator=torch.Generator().manual_seed(seed)) < 0.5
    flat[flip] = flat[flip].unflatten(1, (SIDE, SIDE)).transpose(1, 2).flatten(1, 2)
    points = foot[:, None] + flat
    moved, turned = surface(points.reshape(-1, 3))
    points = (points.reshape(-1, 3) - moved[:, None] * turned).reshape(points.shape)
    return Patches(points, index, RESOLUTION)


def ball(points):
    radius = points.norm(dim=1)
    return radius - 0.63, points / radius[:, None].clamp_min(1e-9)


def board(points):
    """Return the distance to the middle of a board much thinner than a voxel, |x|, |z| < 0.6."""
    normals = torch.tensor([0.0, 1, 0]).expand_as(points)
    outside_distance = (points[:, [0, 2]].abs() > 0.6).any(1)
    return torch.where(outside_distance, torch.tensor(9.0), points[:, 1] - 0.02), normals


def queries(count=20_000):
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_closed_shell_is_solid_whichever_way_its_patches_face():
    field = PatchField(patches_of(ball), np.eye(4))
    points = queries()
    ground_truth = ball(points)[0]
    clear = ground_truth.abs() > 0.002
    assert ((field(points) < 0) == (ground_truth < 0))[clear].all()
    near = ground_truth.abs() < 0.05
    torch.testing.assert_close(field(points)[near], ground_truth[near], rtol=0, atol=1e-3)


@pytest.mark.parametrize("missing", [1, 30])
def test_missing_patches_leave_the_inside_solid(missing):
    whole = patches_of(ball)
    keep = torch.randperm(len(whole.voxels), generator=torch.Generator().manual_seed(5))[missing:]
    field = PatchField(Patches(whole.vertices[keep], whole.voxels[keep], RESOLUTION), np.eye(4))
    points = queries()
    ground_truth = ball(points)[0]
    clear = ground_truth.abs() > 2 / RESOLUTION  # a hole is closed as well as its neighbours tell
    assert ((field(points) < 0) == (ground_truth < 0))[clear].all()


def test_patches_that_do_not_fill_their_voxels_are_solid_too():
    whole = patches_of(ball)
    middle = whole.vertices.mean(1, keepdim=True)
    small = Patches(middle + 0.4 * (whole.vertices - middle), whole.voxels, RESOLUTION)
    field, points = PatchField(small, np.eye(4)), queries()
    ground_truth = ball(points)[0]
    clear = ground_truth.abs() > 1 / RESOLUTION
    assert ((field(points) < 0) == (ground_truth < 0))[clear].all()


def boards(points):
    """Return distances to two boards with round edges, 0.2 thick and two voxels apart."""
    middle = torch.tensor([0.0, 1.0, 0.0]) * torch.where(points[:, 1:2] > 0.025, 0.2, -0.15)
    offset = points - middle
    outside_distance = offset.abs() - torch.tensor([0.5, 0.05, 0.5])
    inner = torch.nn.functional.one_hot(outside_distance.argmax(1), 3) * outside_distance
    away = torch.where(
        (outside_distance > 0).any(1, keepdim=True), outside_distance.clamp_min(0), inner
    )
    distance = away.norm(dim=1) * away.sum(1).sign()
    normals = away * offset.sign() / distance[:, None]
    return distance - 0.05, torch.nan_to_num(normals)


def test_a_narrow_gap_stays_open():
    field = PatchField(patches_of(boards), np.eye(4))
    points = queries() * torch.tensor([0.8, 0.4, 0.8])
    ground_truth = boards(points)[0]
    clear = ground_truth.abs() > 0.01
    assert ((field(points) < 0) == (ground_truth < 0))[clear].all()


def test_the_field_never_claims_more_than_the_distance():
    field = PatchField(patches_of(ball), np.eye(4))
    points = queries()
    assert (field(points).abs() <= ball(points)[0].abs() + 2e-3).all()


def test_a_part_thinner_than_a_voxel_does_not_vanish():
    field = PatchField(patches_of(board), np.eye(4))
    on_it = torch.rand(500, 3, generator=torch.Generator().manual_seed(2)) - 0.5
    on_it[:, 1] = 0.02
    assert (field(on_it) < 0).all()
    off = on_it.clone()
    off[:, 1] += 0.05
    assert (field(off) > 0).all()


def test_a_frame_of_its_own():
    frame = np.diag([0.5, 0.5, 0.5, 1.0])
    frame[:3, 3] = [0.1, 0.0, -0.1]
    patches = patches_of(ball)
    plain, framed = PatchField(patches, np.eye(4)), PatchField(patches, frame)
    points = queries(500)
    moved = points @ torch.tensor(frame[:3, :3], dtype=torch.float32).T
    moved = moved + torch.tensor(frame[:3, 3], dtype=torch.float32)
    torch.testing.assert_close(framed(points), plain(moved) * 2, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_distance_goes_on_outside_a_frame_of_its_own(scale):
    turn = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = scale * turn, [0.1, -0.2, 0.3]
    field = PatchField(patches_of(ball), frame)
    local = torch.tensor([[3.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 1.5]])
    points = (local - torch.tensor(frame[:3, 3]).float()) @ torch.tensor(
        np.linalg.inv(frame[:3, :3]).T
    ).float()
    values = field(points)
    edge = torch.tensor([1.0, 1.0, 1.0]) - 0.63  # the ball's distance from the grid's faces
    expected = (edge + torch.tensor([2.0, 1.0, 0.5])) / scale
    assert (values <= expected + 2e-3 / scale).all()
    assert (values >= expected - 2 / RESOLUTION / scale).all()


def test_outside_the_grid_the_distance_goes_on():
    field = PatchField(patches_of(ball), np.eye(4))
    assert field(torch.tensor([[3.0, 0.0, 0.0]]))[0] > 1.9


def test_no_patches_are_no_object():
    empty = Patches(
        torch.zeros(0, SIDE * SIDE, 3), torch.zeros(0, 3, dtype=torch.int64), RESOLUTION
    )
    assert (PatchField(empty, np.eye(4))(queries(100)) > 0).all()


def test_faces_tile_each_patch():
    patches = patches_of(ball)
    faces = patches.faces()
    assert faces.shape == (len(patches.vertices), 2 * (SIDE - 1) ** 2, 3)
    corners = patches.vertices.flatten(0, 1)[faces]
    areas = torch.linalg.cross(*(corners[..., 1:, :] - corners[..., :1, :]).unbind(2)).norm(dim=-1)
    assert (areas > 0).all()
    assert torch.equal(faces[3].unique(), torch.arange(3 * SIDE**2, 4 * SIDE**2))


@pytest.mark.parametrize("hole", [False, True])
def test_only_what_a_walk_from_the_border_reaches_is_outside(hole):
    shell = torch.zeros(7, 7, 7, dtype=torch.bool)
    shell[1:6, 1:6, 1:6] = True
    shell[2:5, 2:5, 2:5] = False
    shell[3, 3, 5] = not hole
    assert reachable(shell)[3, 3, 3] == hole
    assert reachable(shell)[0, 0, 0]
