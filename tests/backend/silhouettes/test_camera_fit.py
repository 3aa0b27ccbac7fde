"""Cameras fitted to the silhouettes of meshes whose cameras are known."""

import math

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.data.render.cameras import look_at
from levelform.backend.geometry.cameras import Camera
from levelform.backend.silhouettes.camera_fit import SilhouetteFit
from levelform.backend.silhouettes.drawing import silhouette
from levelform.backend.ticket import Ticket

BOXES = (  # lower and upper corners: a figure that looks different from everywhere
    ((-0.9, -0.3, -0.6), (0.3, 0.3, -0.2)),
    ((-0.9, -0.3, -0.2), (-0.5, 0.0, 0.7)),
    ((0.0, 0.1, -0.2), (0.25, 0.9, 0.1)),
    ((0.3, -0.1, -0.6), (0.8, 0.1, -0.5)),
)


def figure() -> tuple[torch.Tensor, torch.Tensor]:
    """Return the vertices and triangles of the boxes."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)])
    vertices = np.concatenate([np.where(corners, high, low) for low, high in BOXES])
    every = np.concatenate([faces + 8 * index for index in range(len(BOXES))])
    return torch.tensor(vertices, dtype=torch.float32), torch.from_numpy(every)


def camera(azimuth: float, elevation: float, *, distance=3.0, focal=1.3, shift=(0.0, 0.0), roll=0):
    pose = look_at(azimuth, elevation, distance, roll)
    center = (120 + 240 * shift[0], 90 + 240 * shift[1])
    return Camera(pose, 240 * focal, 240 * focal, *center, 240, 180)


def direction_error(first: Camera, second: Camera) -> float:
    return math.degrees(math.acos(min(float(first.forward @ second.forward), 1.0)))


@pytest.mark.parametrize(
    "true",
    [
        camera(25, 20),
        camera(200, 35, shift=(0.05, -0.04)),
        camera(110, 5, distance=2.2, focal=0.9),
        camera(300, 50, roll=4),
    ],
    ids=["front", "back", "near", "rolled"],
)
def test_the_camera_of_a_silhouette_is_found(true):
    vertices, faces = figure()
    alpha = silhouette(vertices, faces, true).float()
    fitted = SilhouetteFit(alpha).fit(vertices, faces)
    assert fitted.iou > 0.96
    drawn = silhouette(vertices, faces, fitted.camera)
    both, either = (drawn & (alpha > 0)).sum(), (drawn | (alpha > 0)).sum()
    assert both / either > 0.95
    assert direction_error(fitted.camera, true) < 6


def test_an_estimate_is_refined_where_it_stands():
    vertices, faces = figure()
    true = camera(40, 25)
    fit = SilhouetteFit(silhouette(vertices, faces, true).float())
    estimate = camera(52, 17, distance=3.4, focal=1.5, shift=(0.03, 0.02))
    fitted = fit.fit(vertices, faces, starts=[estimate], search=False)
    assert fitted.iou > 0.95
    assert direction_error(fitted.camera, true) < direction_error(estimate, true) / 2
    again = fit.fit(vertices, faces, starts=[true], search=False)
    assert again.iou > 0.97  # what is right already is not made worse


def test_what_the_frame_cuts_off_is_not_missed():
    vertices, faces = figure()
    true = camera(25, 20, shift=(-0.25, 0.0))
    alpha = silhouette(vertices, faces, true).float()
    assert alpha[:, 0].any()
    fitted = SilhouetteFit(alpha).fit(vertices, faces, starts=[true], search=False)
    assert fitted.iou > 0.95


def test_a_prior_decides_where_directions_look_alike():
    vertices, faces = figure()
    cube = vertices[:8] * torch.tensor([1.0, 2.0, 1.0])
    middle = cube - cube.mean(0)
    alpha = silhouette(middle, faces[:12], camera(30, 20)).float()
    fit = SilhouetteFit(alpha)

    def near(azimuth: float):
        def bonus(given: float) -> float:
            return 0.1 * math.exp(-((((given - azimuth + 180) % 360 - 180) / 25) ** 2))

        return bonus

    for wanted in (30, 210):  # a block looks the same from behind
        fitted = fit.fit(middle, faces[:12], prior=near(wanted))
        forward = fitted.camera.forward
        azimuth = math.degrees(math.atan2(-forward[0], forward[1]))
        assert abs((azimuth - wanted + 180) % 360 - 180) < 20
        assert fitted.iou > 0.95


def test_it_is_the_same_each_time_and_can_be_cancelled():
    vertices, faces = figure()
    fit = SilhouetteFit(silhouette(vertices, faces, camera(25, 20)).float())
    first, second = (fit.fit(vertices, faces).camera for _ in range(2))
    assert (first.world_from_camera == second.world_from_camera).all()
    with pytest.raises(JobCancelled):
        fit.fit(vertices, faces, ticket=Ticket(cancelled=lambda: True))


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="empty"):
        SilhouetteFit(torch.zeros(10, 10))
