"""Distortion: against formulas written out here, point by point, and in images."""

import math

import numpy as np
import pytest
from levelform.backend.contract.cameras import CameraData, Distortion, resized
from levelform.backend.contract.distortion import (
    one_to_one,
    undistorted_camera,
    undistorted_image,
)
from levelform.backend.contract.errors import RequestError
from setups.distortion import distort_pixels, undistort_pixels

SIDE = 320
INTRINSICS = {
    "barrel": Distortion("OPENCV", (-0.28, 0.09, -0.01, 0, 0, 0), (0.001, -0.002)),
    "pincushion": Distortion("OPENCV", (0.3, 0.1, 0, 0, 0, 0)),
    "rational": Distortion("OPENCV", (0.4, 0.1, 0.02, 0.6, 0.2, 0.03), (-0.003, 0.001)),
    "one": Distortion("OPENCV", (-0.1, 0, 0, 0, 0, 0)),
    "polynomial": Distortion("BROWN", (-0.2, 0.06, -0.01, 0.002), (0.002, 0.001), 0.7),
    "fisheye": Distortion("OPENCV_FISHEYE", (0.02, -0.01, 0.004, -0.001)),
    "equidistant": Distortion("OPENCV_FISHEYE", (0, 0, 0, 0)),
}


def camera(bent, focal=250.0):
    return CameraData(np.eye(4), focal, focal * 1.02, 158.0, 163.0, SIDE, SIDE, distortion=bent)


def closed_form(data, pixel):
    """The formulas of OpenCV's documentation, in plain Python."""
    bent = data.distortion
    x, y = (pixel[0] - data.cx) / data.fl_x, (pixel[1] - data.cy) / data.fl_y
    r2 = x * x + y * y
    if bent.model == "OPENCV_FISHEYE":
        k1, k2, k3, k4 = bent.k
        r = math.sqrt(r2)
        t = math.atan(r)
        shown = t * (1 + k1 * t**2 + k2 * t**4 + k3 * t**6 + k4 * t**8)
        u, v = (x * shown / r, y * shown / r) if r else (x, y)
    else:
        k = bent.k
        if bent.model == "BROWN":
            q = 1 + k[0] * r2 + k[1] * r2**2 + k[2] * r2**3 + k[3] * r2**4
        else:
            q = (1 + k[0] * r2 + k[1] * r2**2 + k[2] * r2**3) / (
                1 + k[3] * r2 + k[4] * r2**2 + k[5] * r2**3
            )
        p1, p2 = bent.p
        u = x * q + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        v = y * q + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return data.fl_x * u + bent.skew * v + data.cx, data.fl_y * v + data.cy


@pytest.mark.parametrize("name", INTRINSICS)
def test_distortion_is_the_closed_form_and_its_inverse(name):
    """Goal: .05 pixel on a grid of points; met to 1e-8."""
    data = camera(INTRINSICS[name])
    grid = np.stack(np.meshgrid(*[np.linspace(0, SIDE, 21)] * 2), -1).reshape(-1, 2)
    ideal = undistort_pixels(data, grid)
    assert np.isfinite(ideal).all()
    again = np.array([closed_form(data, pixel) for pixel in ideal])
    np.testing.assert_allclose(again, grid, atol=1e-8)
    np.testing.assert_allclose(distort_pixels(data, ideal), again, atol=1e-8)


@pytest.mark.parametrize("name", INTRINSICS)
def test_another_size_is_distorted_alike(name):
    data = camera(INTRINSICS[name])
    pixels = np.random.default_rng(0).uniform(0, SIDE, (50, 2))
    half = distort_pixels(resized(data, SIDE / 2, SIDE / 2), pixels / 2)
    np.testing.assert_allclose(half, distort_pixels(data, pixels) / 2, atol=1e-9)


def test_beyond_the_fold_there_is_no_ideal_point():
    bent = Distortion("OPENCV", (-0.5, 0, 0, 0, 0, 0))
    assert one_to_one(bent) == pytest.approx(math.sqrt(2 / 3), abs=2e-3)
    far = np.array([[158.0 + 250 * 0.6, 163.0], [158.0 + 250 * 0.3, 163.0]])
    assert np.isfinite(undistort_pixels(camera(bent), far)).all(1).tolist() == [False, True]


def disc(data, center, radius):
    """What a lens shows of a disc in its ideal image: alpha, (H, W), by its closed form."""
    pixels = np.stack(np.meshgrid(*[np.arange(SIDE) + 0.5] * 2), -1)
    ideal = pixels if data.distortion is None else undistort_pixels(data, pixels)
    distance = np.linalg.norm(ideal - center, axis=-1)
    return np.clip(radius - np.nan_to_num(distance, nan=1e9) + 0.5, 0, 1)


@pytest.mark.parametrize("name", INTRINSICS)
def test_an_undistorted_image_shows_what_a_pinhole_sees(name):
    data = camera(INTRINSICS[name])
    center, radius = np.array([200.0, 130.0]), 70.0
    image = np.ones((SIDE, SIDE, 4), np.float32)
    image[..., 0] = 0.25
    image[..., 3] = disc(data, center, radius)
    result, seen = undistorted_image(image, data)
    assert result.shape[:2] == (seen.h, seen.w)
    assert seen.distortion is None
    shift = np.array([seen.cx - data.cx, seen.cy - data.cy])
    columns, rows = np.meshgrid(np.arange(seen.w) + 0.5, np.arange(seen.h) + 0.5)
    ground_truth = np.hypot(columns - center[0] - shift[0], rows - center[1] - shift[1]) <= radius
    shown = result[..., 3] >= 0.5
    assert (ground_truth & shown).sum() / (ground_truth | shown).sum() > 0.995
    np.testing.assert_allclose(result[result[..., 3] > 0.01][:, 0], 0.25, atol=1e-4)


@pytest.mark.parametrize("name", INTRINSICS)
def test_nothing_of_the_image_is_cut_off(name):
    data = camera(INTRINSICS[name])
    seen = undistorted_camera(data)
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE], [SIDE / 2, 0], [0, SIDE / 2]])
    x = (undistort_pixels(data, corners) - [data.cx, data.cy]) / [data.fl_x, data.fl_y]
    pixels = x * [seen.fl_x, seen.fl_y] + [seen.cx, seen.cy]
    assert (pixels >= -1e-6).all()
    assert (pixels <= np.array([seen.w, seen.h]) + 1e-6).all()


def test_a_wide_fisheye_stays_small_and_keeps_its_rim():
    data = camera(INTRINSICS["equidistant"], focal=120.0)  # 76 degrees off axis at the border
    seen = undistorted_camera(data)
    assert seen.w <= 2 * SIDE + 1
    assert seen.fl_x < data.fl_x


def test_an_opaque_image_stays_opaque():
    image = np.full((SIDE, SIDE, 4), 0.5, np.float32)
    image[..., 3] = 1
    result, _ = undistorted_image(image, camera(INTRINSICS["barrel"]))
    np.testing.assert_allclose(result[..., 3], 1)
    np.testing.assert_allclose(result[..., :3], 0.5, atol=1e-6)


def test_coefficients_that_leave_nothing_are_refused():
    bent = Distortion("OPENCV", (-1e6, 0, 0, 0, 0, 0))
    with pytest.raises(RequestError, match="leave nothing of the image: k = -1e\\+06"):
        undistorted_image(np.ones((SIDE, SIDE, 4), np.float32), camera(bent))
