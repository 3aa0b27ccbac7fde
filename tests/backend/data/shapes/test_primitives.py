"""Solids against closed forms, exact distances to their own triangles, and theory."""

import numpy as np
import pytest
import torch
from levelform.backend.data.shapes.build import Build
from levelform.backend.data.shapes.parts import Material, Part, support
from levelform.backend.data.shapes.primitives import PrimitiveKind, distance, smooth_minimum
from levelform.backend.data.shapes.tessellate import tessellate

LOOK = Material()
BENT = [(-0.5, -0.4), (0.5, -0.4), (0.1, 0.0), (0.4, 0.5), (-0.5, 0.3)]
WAIST = [(0, -0.5), (0.4, -0.5), (0.2, 0.0), (0.5, 0.4), (0, 0.4)]
WALL = [(0.3, -0.4), (0.6, 0.4), (0.55, 0.4), (0.25, -0.4)]
SOLIDS = {
    "box": lambda b: b.box((0, 0, 0), (0.8, 0.5, 1.1), LOOK),
    "rounded box": lambda b: b.box((0, 0, 0), (0.8, 0.5, 1.1), LOOK, round=0.12),
    "cylinder": lambda b: b.cylinder((0, 0, -0.5), (0, 0, 0.4), 0.35, LOOK, round=0.05),
    "cone": lambda b: b.cone((0, 0, -0.5), (0, 0, 0.5), 0.5, 0.1, LOOK),
    "pointed cone": lambda b: b.cone((0, 0, -0.5), (0, 0, 0.5), 0.4, 0.0, LOOK),
    "capsule": lambda b: b.rod((0, 0, -0.4), (0, 0, 0.5), 0.3, LOOK, end_radius=0.15),
    "ball": lambda b: b.ball((0, 0, 0), 0.6, LOOK),
    "ellipsoid": lambda b: b.ellipsoid((0, 0, 0), (0.7, 0.3, 0.5), LOOK),
    "disc": lambda b: b.ellipsoid((0, 0, 0), (0.7, 0.7, 0.05), LOOK),
    "needle": lambda b: b.ellipsoid((0, 0, 0), (0.05, 0.05, 0.8), LOOK),
    "torus": lambda b: b.ring((0, 0, 0), 0.5, 0.15, LOOK),
    "arc": lambda b: b.ring((0, 0, 0), 0.5, 0.1, LOOK, arc=230),
    "frustum": lambda b: b.frustum((0, 0, 0), 0.8, (0.9, 0.5), (0.4, 0.3), LOOK),
    "extrusion": lambda b: b.extrude(BENT, 0.5, LOOK),
    "rounded extrusion": lambda b: b.extrude(BENT[:2] + BENT[3:4], 0.5, LOOK, round=0.08),
    "revolution": lambda b: b.revolve(WAIST, LOOK),
    "hollow revolution": lambda b: b.revolve(WALL, LOOK),
}
CHORD = 3.5e-3  # facets lie this much inside round surfaces


def part_of(name: str) -> Part:
    build = Build(np.random.default_rng(0))
    SOLIDS[name](build)
    return build.parts[0]


def values_of(part: Part, points: np.ndarray) -> np.ndarray:
    local = (points - part.frame[:, 3]) @ np.linalg.inv(part.frame[:, :3]).T
    tensor = torch.from_numpy(local.T[None].astype(np.float32))
    numbers = torch.from_numpy(part.numbers[None].astype(np.float32))
    return distance(part.kind, tensor, numbers)[0].numpy() * part.scale


def cloud(count: int = 3000, half: float = 1.0) -> np.ndarray:
    return np.random.default_rng(1).uniform(-half, half, (count, 3))


def exact(part: Part, points: np.ndarray) -> np.ndarray:
    """Return signed distances to the part's triangles, by libigl."""
    import igl

    patch = tessellate(part)
    faces = patch.faces.astype(np.int64)
    away = np.sqrt(igl.point_mesh_squared_distance(points, patch.vertices, faces)[0])
    return np.where(igl.winding_number(patch.vertices, faces, points) > 0.5, -away, away)


@pytest.mark.parametrize("name", SOLIDS)
def test_distance_is_that_to_the_surface(name):
    part, points = part_of(name), cloud()
    actual, wanted = values_of(part, points), exact(part, points)
    assert np.all(np.abs(actual) <= np.abs(wanted) + CHORD), "never more than the true distance"
    clear = np.abs(wanted) > CHORD
    assert np.array_equal(actual[clear] < 0, wanted[clear] < 0)
    if name != "frustum":
        assert np.abs(actual - wanted).max() < CHORD
    else:
        inside = wanted < -CHORD
        assert np.abs(actual - wanted)[inside].max() < 1e-4
        assert (actual / wanted)[wanted > 0.05].min() > 0.4


@pytest.mark.parametrize("name", SOLIDS)
def test_values_are_one_lipschitz(name):
    part = part_of(name)
    rng = np.random.default_rng(2)
    a = rng.uniform(-1, 1, (4000, 3))
    b = a + rng.normal(0, 0.03, a.shape)
    change = np.abs(values_of(part, a) - values_of(part, b))
    assert np.all(change <= np.linalg.norm(a - b, axis=1) * 1.001 + 2e-5)


@pytest.mark.parametrize("name", SOLIDS)
def test_support_is_the_farthest_point_of_the_surface(name):
    part = part_of(name)
    directions = np.random.default_rng(3).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    patch = tessellate(part)
    local = (patch.vertices - part.frame[:, 3]) @ np.linalg.inv(part.frame[:, :3]).T
    reach = (directions @ local.T).max(1)
    actual = support(part.kind, part.numbers, directions)
    assert np.all(actual >= reach - 1e-6)
    assert np.all(actual <= reach + 2 * CHORD)


def test_closed_forms():
    points = cloud(500)
    length = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(values_of(part_of("ball"), points), length - 0.6, atol=2e-6)
    ring = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.5, points[:, 2]) - 0.15
    np.testing.assert_allclose(values_of(part_of("torus"), points), ring, atol=2e-6)
    q = np.abs(points) - [0.4, 0.25, 0.55]
    box = np.linalg.norm(q.clip(0), axis=1) + q.max(1).clip(max=0)
    np.testing.assert_allclose(values_of(part_of("box"), points), box, atol=2e-6)


def test_the_middle_of_an_ellipsoid_is_its_shortest_radius_deep():
    for name, radius in (("ellipsoid", 0.3), ("disc", 0.05), ("needle", 0.05), ("ball", 0.6)):
        assert values_of(part_of(name), np.zeros((1, 3)))[0] == pytest.approx(-radius, rel=1e-3)


def test_distances_to_an_ellipsoid_hold_at_an_aspect_of_thirty():
    part = Part(PrimitiveKind.ELLIPSOID, np.array([0.9, 0.03, 0.2]), np.eye(4)[:3], LOOK)
    points = cloud(2000)
    rng = np.random.default_rng(4)
    sphere = rng.normal(size=(200_000, 3))
    surface = sphere / np.linalg.norm(sphere, axis=1, keepdims=True) * part.numbers
    from scipy.spatial import cKDTree

    nearest = cKDTree(surface).query(points)[0]
    actual = np.abs(values_of(part, points))
    assert np.all(actual <= nearest + 1e-5)
    assert np.median(nearest - actual) < 1e-3


def test_smooth_minimum_blends_only_nearby_values_and_never_rises():
    a, b = torch.linspace(-1, 1, 101), torch.zeros(101)
    radius = torch.tensor(0.4)
    blended = smooth_minimum(a, b, radius)
    sharp = torch.minimum(a, b)
    assert bool((blended <= sharp).all())
    far = (a - b).abs() >= 0.4
    assert torch.equal(blended[far], sharp[far])
    assert blended[50].item() == pytest.approx(-0.1)  # a quarter of the radius where both are equal
    assert torch.equal(smooth_minimum(a, b, torch.tensor(0.0)), sharp)


def test_a_moved_and_scaled_part_keeps_its_distance():
    part = part_of("rounded box")
    moved = part.moved(0.5, np.array([0.3, -0.2, 0.1]))
    points = cloud(400)
    there = values_of(moved, points * 0.5 + [0.3, -0.2, 0.1])
    np.testing.assert_allclose(there, 0.5 * values_of(part, points), atol=2e-6)


def test_a_sheared_part_is_conservative():
    part = part_of("cylinder")
    frame = part.frame.copy()
    frame[:, :3] = np.array([[1, 0, 0.4], [0, 1, 0], [0, 0, 1]]) @ frame[:, :3]
    sheared = Part(part.kind, part.numbers, frame, LOOK)
    points = cloud(1500)
    actual, wanted = values_of(sheared, points), exact(sheared, points)
    assert np.all(np.abs(actual) <= np.abs(wanted) + CHORD)
    assert np.array_equal(
        (actual < 0)[np.abs(wanted) > CHORD], (wanted < 0)[np.abs(wanted) > CHORD]
    )
