"""A mesh drawn back: the pixels whose centres it covers, and shares of silhouettes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes import cover
from levelform.backend.silhouettes.drawing import silhouette

SQUARE = (
    np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32),
    np.array([[0, 1, 2], [0, 2, 3]], np.int32),
)


def camera(*, orthographic=False, size=40):
    """Return a camera at z = -4 that looks along +z; the square is half as wide as its image."""
    pose = np.eye(4)
    pose[2, 3] = -4.0
    focal = size / 4 if orthographic else float(size)
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, orthographic)


def twin(vertices, faces, camera):
    """Return the silhouette by testing every pixel against every triangle."""
    pixels, _ = camera.project(torch.from_numpy(vertices).double())
    y, x = np.mgrid[: camera.height, : camera.width] + 0.5
    seen = np.zeros(x.shape, bool)
    for a, b, c in pixels.numpy()[faces]:
        sides = [
            (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])
            for p, q in ((a, b), (b, c), (c, a))
        ]
        seen |= (np.min(sides, 0) > 0) | (np.max(sides, 0) < 0)
    return seen


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_square_covers_its_pixels_whichever_way_it_faces(orthographic):
    vertices, faces = SQUARE
    for triangles in (faces, faces[:, ::-1].copy()):
        drawn = silhouette(
            torch.from_numpy(vertices),
            torch.from_numpy(triangles),
            camera(orthographic=orthographic),
        )
        expected = torch.zeros(40, 40, dtype=torch.bool)
        expected[10:30, 10:30] = True
        assert bool((drawn == expected).all())


def test_it_is_what_every_pixel_says(cameras):
    rng = np.random.default_rng(0)
    vertices = rng.uniform(-0.8, 0.8, (60, 3)).astype(np.float32)
    faces = rng.integers(0, 60, (40, 3)).astype(np.int32)
    for seen_by in cameras[:3]:
        drawn = silhouette(torch.from_numpy(vertices), torch.from_numpy(faces), seen_by)
        assert (drawn.numpy() != twin(vertices, faces, seen_by)).mean() < 1e-4


def test_nothing_is_drawn_behind_a_camera():
    vertices, faces = SQUARE
    behind = torch.from_numpy(vertices - np.array([0, 0, 8], np.float32))
    assert not bool(silhouette(behind, torch.from_numpy(faces), camera()).any())


def view(alpha):
    return View(alpha[..., None].expand(-1, -1, 4).clone(), camera(size=len(alpha)), "v")


def test_shares_of_a_silhouette():
    alpha = torch.zeros(40, 40)
    alpha[10:30, 10:30] = 1.0
    assert vars(cover(view(alpha), *SQUARE)) == {"covered": 1.0, "iou": 1.0}
    alpha[10:30, 30:40] = 1.0  # half as much again, which the square does not cover
    coverage = cover(view(alpha), *SQUARE)
    assert coverage.covered == pytest.approx(2 / 3)
    assert coverage.iou == pytest.approx(2 / 3)
    assert cover(view(alpha * 0), *SQUARE) is None


def test_a_cropped_silhouette_counts_as_far_as_it_is_seen():
    alpha = torch.zeros(40, 40)
    alpha[10:30, 10:30] = 1.0
    half = camera()
    half = replace(half, width=20)
    seen = View(alpha[:, :20, None].expand(-1, -1, 4).clone(), half, "v")
    assert vars(cover(seen, *SQUARE)) == {"covered": 1.0, "iou": 1.0}
