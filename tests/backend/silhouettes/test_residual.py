"""The contour residual: zero with right cameras, pixels with wrong ones, smooth in the poses."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes import Residual, Rig, trace_all


def residual(views, **changes):
    """Return (V, P) of views with cameras."""
    return Residual(trace_all(views))(Rig.of([view.camera for view in views]))


def slow_twin(views, index, point, steps=4000):
    """Return one contour point's residual by the definition: every t, bilinear maps in numpy."""
    from scipy.ndimage import map_coordinates

    outlines = trace_all(views)
    camera, outline = views[index].camera, outlines[index]
    pixel = outline.points[point] * torch.tensor(outline.size, dtype=torch.float64)
    origin, direction = (x.numpy() for x in camera.rays(pixel))
    best = -np.inf
    t = np.linspace(0.0, 2 * np.linalg.norm(camera.center), steps)
    points = torch.from_numpy(origin + t[:, None] * direction)
    lowest = np.full(steps, np.inf)
    for j, (other, traced) in enumerate(zip(views, outlines, strict=True)):
        if j == index:
            continue
        pixels, depth = other.camera.project(points)
        place = pixels.numpy() / traced.size
        k = (place - traced.origin) / traced.step
        inside = map_coordinates(traced.distances.numpy(), k.T[::-1], order=1, mode="nearest")
        last = np.array(traced.distances.shape[::-1]) - 1
        beyond = (k - k.clip(0, last)) * traced.step * traced.size
        inside = inside - np.linalg.norm(beyond, axis=1) * 224 / max(traced.size)
        lowest = np.minimum(lowest, np.where(depth.numpy() > 0, inside, -np.inf))
    best = lowest.max()
    return max(0.0, -best)


def test_right_cameras_leave_thousandths_of_a_pixel(sample):
    values = residual(sample)
    assert values.shape == (8, 48)
    assert float(values.mean()) < 0.01
    assert float(values.max()) < 0.5


def test_a_degree_is_a_pixel_or_two(sample):
    rng = np.random.default_rng(0)
    cameras = []
    for view in sample:
        from scipy.spatial.transform import Rotation

        axis = rng.normal(size=3)
        pose = view.camera.world_from_camera.copy()
        rotation = Rotation.from_rotvec(np.radians(1) * axis / np.linalg.norm(axis))
        pose[:3, :3] @= rotation.as_matrix()
        cameras.append(replace(view.camera, world_from_camera=pose))
    value = float(Residual(trace_all(sample))(Rig.of(cameras)).mean())
    assert 1.2 < value < 2.6


def test_it_is_what_its_definition_says(suzanne, rotated):
    views = rotated(suzanne, 3, 4.0)
    values = residual(views)
    for index, point in ((0, 5), (1, 20), (3, 11), (6, 40)):
        assert float(values[index, point]) == pytest.approx(
            slow_twin(views, index, point), abs=0.15
        )


def test_orthographic_and_perspective_cameras_mix(photograph, cameras):
    orthographic = [
        Camera(c.world_from_camera, 90.0, 90.0, 120.0, 120.0, 240, 240, orthographic=True)
        for c in cameras[:3]
    ]
    views = [photograph(camera) for camera in (*orthographic, *cameras[3:])]
    assert float(residual(views).mean()) < 0.02
    wrong = [replace(views[0], camera=replace(orthographic[0], cx=140.0)), *views[1:]]
    assert float(residual(wrong).mean()) > 1.0


def test_the_frame_does_not_matter_even_far_from_the_origin(suzanne, rotated):
    views = rotated(suzanne, 3, 2.0)
    world = np.diag([7.0, 7.0, 7.0, 1.0])
    world[:3, 3] = (500_000.0, 4_000_000.0, 300.0)
    moved = [replace(view, camera=view.camera.in_frame(np.linalg.inv(world))) for view in views]
    torch.testing.assert_close(residual(moved), residual(views), atol=0.02, rtol=0.02)


def test_the_size_of_the_images_does_not_matter(photograph, cameras):
    from levelform.backend.geometry.images import shrink

    views = [photograph(camera) for camera in cameras]
    views[0] = replace(views[0], camera=replace(views[0].camera, cx=views[0].camera.cx + 20))
    small = [shrink(view, 150) for view in views]
    assert float(residual(small).mean()) == pytest.approx(float(residual(views).mean()), rel=0.35)


def cropped(view, left, top, right, bottom):
    """Return the part of a view between these pixels."""
    camera = replace(
        view.camera,
        cx=view.camera.cx - left,
        cy=view.camera.cy - top,
        width=right - left,
        height=bottom - top,
    )
    return View(view.image[top:bottom, left:right].contiguous(), camera, view.name)


def test_what_lies_outside_an_image_is_unknown(suzanne):
    views = [cropped(view, 20, 0, 160, 100) if i % 2 else view for i, view in enumerate(suzanne)]
    assert any(any(o.open) for o in trace_all(views))
    assert float(residual(views).mean()) < 0.02


def test_cropped_silhouettes_still_tell_a_wrong_camera(suzanne, rotated):
    views = [cropped(view, 20, 0, 160, 100) if i % 2 else view for i, view in enumerate(suzanne)]
    assert float(residual(rotated(views, 2, 5.0)).mean()) > 1.0


def test_gradients_reach_poses_and_intrinsics_and_agree_with_differences(suzanne, rotated):
    views = rotated(suzanne, 3, 1.0)
    rig = Rig.of([view.camera for view in views], torch.float64)
    measure = Residual(trace_all(views), torch.float64)

    def loss(translation, zoom):
        moved = replace(rig, translation=rig.translation + translation, focal=rig.focal * zoom)
        return measure(moved).mean()

    translation = torch.zeros_like(rig.translation, requires_grad=True)
    zoom = torch.ones(8, 1, dtype=torch.float64, requires_grad=True)
    loss(translation, zoom).backward()
    assert translation.grad is not None
    assert zoom.grad is not None
    assert bool((translation.grad.abs().sum(1) > 0).all())
    assert bool((zoom.grad.abs() > 0).all())
    slopes = torch.zeros_like(rig.translation)
    for index, axis in itertools.product(range(8), range(3)):
        nudge = torch.zeros_like(rig.translation)
        nudge[index, axis] = 1e-4
        with torch.no_grad():
            slopes[index, axis] = (loss(nudge, 1.0) - loss(-nudge, 1.0)) / 2e-4
    alike = torch.cosine_similarity(translation.grad.flatten(), slopes.flatten(), dim=0)
    assert float(alike) > 0.97
    assert float(translation.grad.norm() / slopes.norm()) == pytest.approx(1.0, abs=0.1)


def test_a_step_down_the_gradient_makes_the_views_agree_better(suzanne, rotated):
    views = rotated(suzanne, 3, 2.0)
    rig = Rig.of([view.camera for view in views], torch.float64)
    measure = Residual(trace_all(views), torch.float64)
    translation = torch.zeros_like(rig.translation, requires_grad=True)
    loss = measure(replace(rig, translation=rig.translation + translation)).square().mean()
    loss.backward()
    assert translation.grad is not None
    step = -0.01 * translation.grad / translation.grad.norm()
    with torch.no_grad():
        after = measure(replace(rig, translation=rig.translation + step)).square().mean()
    assert float(after) < 0.8 * float(loss.detach())
