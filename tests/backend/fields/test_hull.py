"""The hull of shapes known exactly: conservative, sub-pixel, metric, silent on the unseen."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.geometry.cameras import Camera

SIZE = 64
SAMPLES = 4


def sphere(points, radius=0.6):
    return points.norm(dim=-1) - radius


def box(points, half=(0.5, 0.35, 0.6)):
    outside = points.abs() - points.new_tensor(half)
    return outside.clamp(min=0).norm(dim=-1) + outside.amax(-1).clamp(max=0)


def torus(points, ring=0.5, tube=0.2):
    around = points[..., :2].norm(dim=-1) - ring
    return torch.stack([around, points[..., 2]], -1).norm(dim=-1) - tube


SHAPES = {"sphere": sphere, "box": box, "torus": torus}
# Pixels by which a silhouette may be cut: an edge is found closely, a sharp corner is rounded.
CUT = {"sphere": 0.06, "box": 0.4, "torus": 0.4}  # seen aslant, a torus's hole has corners


def silhouette(shape, camera, samples=SAMPLES):
    """Return (H, W) the coverage of a shape, by `samples` squared rays a pixel."""
    y = (torch.arange(camera.height * samples) + 0.5) / samples
    x = (torch.arange(camera.width * samples) + 0.5) / samples
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    pixels = torch.stack([grid_x, grid_y], -1).reshape(-1, 2)
    origins, directions = camera.rays(pixels.double())
    hit = HITS[shape](origins, directions / directions.norm(dim=-1, keepdim=True))
    blocks = hit.float().reshape(camera.height, samples, camera.width, samples)
    return blocks.mean((1, 3))


def hits_sphere(origins, directions, radius=0.6):
    across = origins - (origins * directions).sum(-1, keepdim=True) * directions
    return across.norm(dim=-1) < radius


def hits_box(origins, directions, half=(0.5, 0.35, 0.6)):
    half = origins.new_tensor(half)
    first, second = (-half - origins) / directions, (half - origins) / directions
    return torch.minimum(first, second).amax(-1) < torch.maximum(first, second).amin(-1)


def hits_torus(origins, directions):
    """Sphere tracing of the rays that pass the torus's bounding sphere."""
    result = hits_sphere(origins, directions, 0.7)
    rays = torch.nonzero(result)[:, 0]
    ahead = (origins[rays] * directions[rays]).sum(-1)
    ways = directions[rays]
    starts = origins[rays] - (ahead + 0.7)[:, None] * ways
    depth = torch.zeros_like(ahead)
    for _ in range(40):
        depth += torus(starts + depth[:, None] * ways)
    result[rays] = torus(starts + depth[:, None] * ways) < 1e-3
    return result


HITS = {sphere: hits_sphere, box: hits_box, torus: hits_torus}


TAKEN = {}


def map_of(shape, camera):
    """Return the shape's silhouette map; each camera takes it once."""
    key = (shape, repr(camera))
    if key not in TAKEN:
        TAKEN[key] = silhouette_map(silhouette(shape, camera), camera)
    return TAKEN[key]


def hull_of(shape, cameras):
    return HullField([map_of(shape, camera) for camera in cameras], cameras)


def footprint(camera, distance=4.0):
    """Return a bound on the size of a pixel at the object, in volume units."""
    zoom = min(camera.fx, camera.fy)
    return 1 / zoom if camera.orthographic else distance / zoom


@pytest.fixture(scope="module")
def ring():
    """Eight cameras around: every other one is orthographic; rolled, off-axis, oblong pixels."""
    cameras = []
    for index in range(8):
        angle = index * math.pi / 4 + 0.2
        height = (0.4, 1.6, -0.9, 0.1)[index % 4]
        center = np.array([2.6 * math.cos(angle), 2.6 * math.sin(angle), height])
        pose = look_at(center, (0.05, -0.03, 0.02), roll=0.5 * index)
        zoom = 23.0 if index % 2 else 68.0
        cameras.append(
            Camera(pose, zoom, 1.2 * zoom, 31.0, 33.5, SIZE, SIZE, orthographic=index % 2 == 1)
        )
    return cameras


def look_at(center, target, *, roll=0.0):
    forward = np.subtract(target, center) / np.linalg.norm(np.subtract(target, center))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward], 1)
    rotation = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    )
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = axes @ rotation, center
    return pose


@pytest.fixture(scope="module", params=SHAPES)
def carved(request, ring):
    """A shape, its hull from the ring of cameras, and by how many pixels it may be cut."""
    shape = SHAPES[request.param]
    return shape, hull_of(shape, ring), CUT[request.param]


def random_points(count, seed, reach=1.0):
    return (torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * reach


# ---------------------------------------------------------------- the hull as a set


def test_contains_the_object(carved, ring):
    shape, hull, cut = carved
    points = random_points(40_000, 0)
    inside = points[shape(points) < 0]
    assert len(inside) > 1000
    assert float(hull(inside).max()) < cut * max(map(footprint, ring))


def test_never_claims_more_distance_than_there_is(carved, ring):
    shape, hull, _ = carved
    points = random_points(40_000, 1)
    ground_truth, value = shape(points), hull(points)
    outside = ground_truth > 0
    assert float((value - ground_truth)[outside].max()) < 0.8 * max(map(footprint, ring))


def test_surface_passes_through_the_contour_generators(ring):
    """A sphere touches its hull in a circle for each view, to a fraction of a pixel."""
    hull = hull_of(sphere, ring)
    for index, camera in enumerate(ring):
        around = torch.linspace(0, 2 * math.pi, 50)[:-1]
        right, down, forward = torch.from_numpy(camera.world_from_camera[:3, :3]).float().T
        center = torch.from_numpy(camera.center).float()
        if camera.orthographic:
            axis, inward = -forward, 0.0
        else:
            distance = center.norm()
            axis, inward = center / distance, 0.36 / distance
            right = torch.linalg.cross(axis, down)
            right = right / right.norm()
            down = torch.linalg.cross(axis, right)
        radius = math.sqrt(0.36 - float(inward) ** 2)
        circle = axis * inward + radius * (
            around.cos()[:, None] * right + around.sin()[:, None] * down
        )
        value = hull.per_view(circle)[index]
        assert float(value.abs().max()) < 0.1 * footprint(camera, 3.0)
        assert float(hull(circle).min()) > -0.1 * footprint(camera, 3.0)


def test_many_views_of_a_sphere_leave_little_else():
    golden = math.pi * (3 - math.sqrt(5))
    cameras = []
    for index in range(16):
        z = 0.9 - 1.8 * index / 15
        level = math.sqrt(1 - z * z)
        center = 3 * np.array(
            [level * math.cos(golden * index), level * math.sin(golden * index), z]
        )
        cameras.append(Camera(look_at(center, (0, 0, 0)), 75, 75, 32, 32, SIZE, SIZE))
    points = random_points(60_000, 2)
    inside, kept = sphere(points) < 0, hull_of(sphere, cameras)(points) < 0
    assert float((inside & kept).sum() / (inside | kept).sum()) > 0.93


# ---------------------------------------------------------------- the numbers


def test_bound_is_the_closed_form_of_equation_1():
    """A half-plane silhouette, D and |u| known by hand; and it is the rejection of two rays."""
    camera = Camera(np.eye(4), 100, 100, 32, 32, 64, 64)
    alpha = torch.zeros(64, 64)
    alpha[:, :20] = 1.0  # edge at u = (20 - 32) / 100
    hull = HullField([silhouette_map(alpha, camera)], [camera])
    for u, v, z in ((-0.105, 0.02, 2.0), (-0.1, -0.1, 0.7), (-0.095, 0.0, 5.0)):
        d, length = u + 0.12, math.hypot(u, v)
        want = z * d / math.sqrt(1 + (length + d) ** 2)
        got = float(hull(torch.tensor([[u * z, v * z, z]])))
        assert got == pytest.approx(want, rel=1e-4)
        ray = np.array([u, v, 1.0])
        other = np.array([*(np.array([u, v]) * (1 + d / length)), 1.0])
        rejection = z * np.linalg.norm(ray - (ray @ other) / (other @ other) * other)
        assert want == pytest.approx(rejection, rel=1e-9)


def test_orthographic_distances_are_metric_for_pixels_of_any_shape():
    camera = Camera(np.eye(4), 20.0, 5.0, 32, 8, 64, 16, orthographic=True)
    alpha = torch.zeros(16, 64)
    alpha[:, :32] = 1.0  # object at x < 0
    hull = HullField([silhouette_map(alpha, camera)], [camera])
    x = torch.tensor([-0.11, -0.08, 0.0, 0.07, 0.1])
    points = torch.stack([x, torch.full_like(x, 0.1), torch.full_like(x, 3.0)], 1)
    torch.testing.assert_close(hull(points), x, atol=1e-5, rtol=0)


def test_a_quarter_pixel_moves_the_surface_by_a_quarter_pixel(ring):
    camera = ring[0]
    alphas = []
    for translation in (0.0, 0.25):
        moved = replace(camera, cx=camera.cx + translation)
        alphas.append(silhouette(sphere, moved, samples=8))
    hulls = [HullField([silhouette_map(alpha, camera)], [camera]) for alpha in alphas]
    center = torch.from_numpy(camera.center).float()
    axis = center / center.norm()
    right = torch.from_numpy(camera.world_from_camera[:3, 0]).float()
    right = right - axis * (right @ axis)
    right = right / right.norm()
    inward = 0.36 / center.norm()
    spot = (axis * inward + math.sqrt(0.36 - float(inward) ** 2) * right)[None]
    depth = float(camera.project(spot)[1])
    change = float(hulls[0](spot) - hulls[1](spot)) * camera.fx / depth
    assert change == pytest.approx(0.25, abs=0.04)


def test_gradient_stays_below_the_proven_bound(carved):
    _, hull, _ = carved
    points = random_points(20_000, 3, reach=2.5)
    step = 1e-3 * torch.nn.functional.normalize(random_points(20_000, 4), dim=1)
    slope = (hull(points + step) - hull(points - step)).abs() / 2e-3
    assert float(slope.max()) <= hull.lipschitz + 1e-2


def test_bounds_hold_in_boxes(carved):
    _, hull, _ = carved
    corner, size = random_points(500, 5), torch.rand(500, 1) * 0.3
    low, high = hull.bounds(corner, corner + size)
    for seed in range(20):
        fraction = torch.rand(500, 3, generator=torch.Generator().manual_seed(seed))
        value = hull(corner + fraction * size)
        assert bool(((low <= value + 1e-5) & (value <= high + 1e-5)).all())


def test_gradient_by_autograd_is_finite_and_points_outwards(carved):
    shape, hull, _ = carved
    points = random_points(4000, 6, reach=1.4)
    gradient = hull.gradient(points)
    assert gradient is not None
    assert bool(gradient.isfinite().all())
    far = shape(points) > 0.3
    assert float((hull(points - 0.01 * gradient) - hull(points))[far].mean()) < 0


# ---------------------------------------------------------------- what is not seen


def test_outside_every_frame_nothing_is_carved():
    """The camera sees the slab |x| < 0.32 only, and nothing in it: the rest stays."""
    camera = Camera(np.eye(4), 100, 100, 32, 32, 64, 64, orthographic=True)
    hull = HullField([silhouette_map(torch.zeros(64, 64), camera)], [camera])
    x = torch.linspace(-2, 2, 401)
    value = hull(torch.stack([x, torch.zeros_like(x), torch.full_like(x, 5.0)], 1))
    seen = x.abs() < 0.32
    assert bool((value[seen] > 0).all())
    assert bool((value[x.abs() > 0.325] < 0).all())
    far = x.abs() > 0.5
    torch.testing.assert_close(value[far], 0.335 - x.abs()[far], atol=1e-4, rtol=0)


def test_behind_a_camera_nothing_is_carved():
    for orthographic in (False, True):
        camera = Camera(np.eye(4), 100, 100, 32, 32, 64, 64, orthographic=orthographic)
        hull = HullField([silhouette_map(torch.zeros(64, 64), camera)], [camera])
        points = random_points(2000, 7)
        value = hull(points)
        assert bool((value[points[:, 2] < 0] <= 0).all())
        deep = points[:, 2] < -0.5
        assert float(value[deep].max()) < -0.15


def test_a_silhouette_that_leaves_the_frame_makes_no_wall():
    """An object cut by the frame goes on beyond it, without an edge or a jump."""
    camera = Camera(look_at((0, -3, 0), (0, 0, 0)), 200, 200, 48, 48, 96, 96)
    alpha = torch.zeros(96, 96)
    alpha[30:66, :] = 1.0  # a bar from side to side
    hull = HullField([silhouette_map(alpha, camera)], [camera])
    x = torch.linspace(-2.5, 2.5, 2001)
    value = hull(torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], 1))
    assert float(value.max()) < -0.1
    assert float(value.diff().abs().max()) < 1.5 * 5 / 2000


def test_field_is_continuous_across_frames_and_camera_planes(ring):
    hull = hull_of(box, [replace(c, cx=c.cx + 30) for c in ring])
    start, way = random_points(100, 8, reach=3.0), random_points(100, 9, reach=3.0)
    steps = torch.linspace(0, 1, 500)[:, None, None]
    values = hull((start + steps * way).reshape(-1, 3)).reshape(500, 100)
    length = way.norm(dim=1) / 499
    assert bool((values.diff(dim=0).abs() <= hull.lipschitz * length + 1e-5).all())


# ---------------------------------------------------------------- several views


def test_equal_views_are_one(ring):
    once, thrice = hull_of(box, ring[:1]), hull_of(box, ring[:1] * 3)
    points = random_points(5000, 10)
    torch.testing.assert_close(once(points), thrice(points), atol=1e-6, rtol=0)


def test_is_the_largest_of_its_views_in_any_order(ring):
    hull, back = hull_of(box, ring), hull_of(box, ring[::-1])
    points = random_points(5000, 11, reach=1.5)
    torch.testing.assert_close(hull(points), back(points), atol=1e-6, rtol=0)
    each = hull.per_view(points)
    torch.testing.assert_close(each.amax(0), hull(points), atol=1e-6, rtol=0)
    alone = hull_of(box, ring[3:4])(points)
    torch.testing.assert_close(each[3], alone, atol=1e-6, rtol=0)


def test_images_of_different_sizes_do_not_disturb_each_other(ring):
    small = replace(ring[2], width=60, height=96, cx=ring[2].cx - 18)
    points = random_points(8000, 12, reach=2.0)
    together = hull_of(box, [ring[0], small]).per_view(points)
    torch.testing.assert_close(together[1], hull_of(box, [small])(points), atol=1e-5, rtol=0)


def test_a_camera_far_away_is_nearly_orthographic():
    near_limit = 34.0
    far = Camera(
        look_at((0, -2000, 0), (0, 0, 0)), near_limit * 2000, near_limit * 2000, 48, 48, 96, 96
    )
    flat = Camera(look_at((0, -5, 0), (0, 0, 0)), 34.0, 34.0, 48, 48, 96, 96, orthographic=True)
    points = random_points(3000, 13)
    a, b = hull_of(box, [far])(points), hull_of(box, [flat])(points)
    torch.testing.assert_close(a, b, atol=3e-3, rtol=0)


def test_a_hull_needs_a_silhouette_for_each_view(ring):
    with pytest.raises(RequestError, match="one silhouette for each"):
        HullField([], [])
    with pytest.raises(RequestError, match="one silhouette for each"):
        HullField([torch.zeros(8, 8)], ring[:2])


def test_no_points_give_no_values(ring):
    assert hull_of(sphere, ring[:2])(torch.zeros(0, 3)).shape == (0,)
