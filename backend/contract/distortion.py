"""Lens distortion: the formulas, their inverse, and undistorted images.

With x, y the normalised coordinates of an ideal pinhole (z = 1, y down) and r^2 = x^2 + y^2:

    OPENCV          x' = x q + 2 p1 x y + p2 (r^2 + 2 x^2)
                    y' = y q + p1 (r^2 + 2 y^2) + 2 p2 x y
                    q = (1 + k1 r^2 + k2 r^4 + k3 r^6) / (1 + k4 r^2 + k5 r^4 + k6 r^6)
    BROWN           the same with q = 1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8
    OPENCV_FISHEYE  x' = x s, y' = y s, t = atan r
                    s = t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8) / r

and the pixel is (fx x' + skew y' + cx, fy y' + cy). Sources: OpenCV's documentation of `calib3d`
and its `fisheye` module; for the polynomial, nerfstudio and appendix D of Metashape's manual.
"""

from dataclasses import replace

import numpy as np

from .cameras import CameraData, Distortion
from .errors import RequestError

ITERATIONS = 40  # of Newton's method; it converges in four to six
CONVERGED = 1e-10  # step in normalised coordinates
# Limits of an undistorted image: half-angle, since a pinhole stretches without bound, and width in
# widths of the original image.
WIDEST = float(np.tan(np.radians(75.0)))
MOST_GROWTH = 2.0
ROWS = 256  # rows of an undistorted image computed at once
OPAQUE = 1.0 - 1e-3  # alpha at which a pixel counts as opaque
EDGE_SAMPLES = 65  # points along each side of an image, to find the extent of the undistorted one


def distort(points: np.ndarray, bent: Distortion) -> np.ndarray:
    """Distort ideal pinhole points, (..., 2), to normalised points, (..., 2)."""
    points = np.asarray(points, np.float64)
    return _bent(points, _factor((points**2).sum(-1), bent)[0], _tangential(bent))


def undistort(points: np.ndarray, bent: Distortion) -> np.ndarray:
    """Undistort `points`, (..., 2), to ideal points, (..., 2), by Newton's method.

    nan outside the radius where the formula is one-to-one.
    """
    shown = np.asarray(points, np.float64)
    guess = _first_guess(shown, bent)
    for _ in range(ITERATIONS):
        value, jacobian = _distort(guess, bent)
        step = _solve(jacobian, shown - value)
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        reach = 0.25 + 0.5 * np.linalg.norm(guess, axis=-1, keepdims=True)
        guess = guess + step * np.minimum(1.0, reach / np.maximum(length, 1e-30))
        if not np.any(length > CONVERGED):
            break
    value, _ = _distort(guess, bent)
    good = np.linalg.norm(value - shown, axis=-1) < 1e-7
    good &= np.linalg.norm(guess, axis=-1) <= one_to_one(bent) * (1 + 1e-9)
    return np.where(good[..., None], guess, np.nan)


def one_to_one(bent: Distortion) -> float:
    """Return the largest normalised radius with a rising radial formula, at most `WIDEST`."""
    radii = np.linspace(0.0, WIDEST, 4096)
    with np.errstate(all="ignore"):
        shown = radii * _factor(radii**2, bent)[0]
    falls = np.flatnonzero(~(np.diff(shown) > 0))
    return float(radii[falls[0]]) if len(falls) else WIDEST


def pixels_of(camera: CameraData, points: np.ndarray) -> np.ndarray:
    """Return pixels, (..., 2), of distorted normalised points, (..., 2)."""
    skew = camera.distortion.skew if camera.distortion else 0.0
    x = camera.fl_x * points[..., 0] + skew * points[..., 1] + camera.cx
    return np.stack([x, camera.fl_y * points[..., 1] + camera.cy], -1)


def normalised(camera: CameraData, pixels: np.ndarray) -> np.ndarray:
    """Return the inverse of `pixels_of`."""
    skew = camera.distortion.skew if camera.distortion else 0.0
    y = (pixels[..., 1] - camera.cy) / camera.fl_y
    return np.stack([(pixels[..., 0] - camera.cx - skew * y) / camera.fl_x, y], -1)


# ---------------------------------------------------------------- images


def undistorted_camera(camera: CameraData) -> CameraData:
    """Return the pinhole camera of the undistorted image, which shows the whole original.

    Focal length and pixel grid stay; the frame grows or shrinks by whole pixels to the extent of
    the original, up to the half-angle `WIDEST`. If it would grow by more than `MOST_GROWTH`, as for
    a fisheye, the focal length shrinks instead, so that nothing is cut off.

    Raises
    ------
    RequestError
        If no part of the image can be undistorted, since the coefficients are not plausible.
    """
    if camera.distortion is None:
        return camera
    lower, upper = _reach(camera)
    focal, center = np.array([camera.fl_x, camera.fl_y]), np.array([camera.cx, camera.cy])
    size = np.array([camera.w, camera.h])
    zoom = min(1.0, MOST_GROWTH / float(((upper - lower) * focal / size).max()))
    corner = np.floor(lower * focal * zoom + center + 1e-6)
    width, height = np.maximum(np.ceil(upper * focal * zoom + center - 1e-6) - corner, 1)
    return replace(
        camera,
        fl_x=camera.fl_x * zoom,
        fl_y=camera.fl_y * zoom,
        cx=float(camera.cx - corner[0]),
        cy=float(camera.cy - corner[1]),
        w=int(width),
        h=int(height),
        distortion=None,
    )


def undistorted_image(image: np.ndarray, camera: CameraData) -> tuple[np.ndarray, CameraData]:
    """Undistort an image; return it with its new camera.

    Colours are sampled bilinearly with premultiplied alpha. Outside the image all values are 0. An
    opaque image stays opaque there and continues the colours of its border, so that its background
    can still be detected.

    Parameters
    ----------
    image : (H, W, C) float, row 0 at the top; the alpha is straight and comes last if C is 4
    camera : of that size, with `distortion`

    Raises
    ------
    RequestError
        As `undistorted_camera`.
    """
    if camera.distortion is None:
        return image, camera
    result = undistorted_camera(camera)
    straight = image.shape[2] == 4 and not bool((image[..., 3] >= OPAQUE).all())
    padded = np.pad(np.asarray(image, np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    if straight:
        padded[..., :3] *= padded[..., 3:]
    made = np.zeros((result.h, result.w, image.shape[2]), np.float32)
    for top in range(0, result.h, ROWS):
        rows = slice(top, min(top + ROWS, result.h))
        made[rows] = _sample(padded, _source_pixels(camera, result, rows), extend=not straight)
    if straight:
        made[..., :3] /= np.maximum(made[..., 3:], 1e-6)
    return made.astype(image.dtype, copy=False), result


def _reach(camera: CameraData) -> tuple[np.ndarray, np.ndarray]:
    """Return the normalised lower and upper corner, (2,), of the image's extent."""
    bent = camera.distortion
    assert bent is not None
    t = np.linspace(0.0, 1.0, EDGE_SAMPLES)
    grid = np.stack(np.meshgrid(t, t), -1).reshape(-1, 2)  # the formula may not hold at the border
    ideal = undistort(normalised(camera, grid * [camera.w, camera.h]), bent)
    ideal = ideal[np.isfinite(ideal).all(1)]
    if not len(ideal):
        raise RequestError(
            "The distortion's coefficients leave nothing of the image: "
            f"k = {', '.join(f'{value:g}' for value in bent.k)}.",
            "Check the coefficients and the camera model, or undistort the image first.",
        )
    return ideal.min(0), ideal.max(0)


def _source_pixels(camera: CameraData, result: CameraData, rows: slice) -> np.ndarray:
    """Return (h, w, 2): the source position of each pixel in some rows."""
    bent = camera.distortion
    assert bent is not None
    down, across = np.arange(rows.start, rows.stop) + 0.5, np.arange(result.w) + 0.5
    ideal = normalised(result, np.stack(np.meshgrid(across, down), -1))
    with np.errstate(all="ignore"):
        source = pixels_of(camera, distort(ideal, bent))
    past_fold = (ideal**2).sum(-1) > one_to_one(bent) ** 2
    source[past_fold | ~np.isfinite(source).all(-1)] = -10.0  # outside the image
    return source


def _sample(padded: np.ndarray, pixels: np.ndarray, *, extend: bool) -> np.ndarray:
    """Return bilinear samples, (..., C) float32, of an image with a border of one pixel.

    Outside, samples are 0, or the border's with `extend`.
    """
    size = np.array([padded.shape[1] - 2, padded.shape[0] - 2])
    inside = ((pixels >= 0) & (pixels <= size)).all(-1)
    at = np.clip(pixels, 0.0, size) + 0.5  # pixel centres of `padded` at whole numbers
    low = np.minimum(at.astype(np.int64), size)
    across, down = np.moveaxis((at - low).astype(np.float32), -1, 0)[..., None]
    flat, width = padded.reshape(-1, padded.shape[2]), padded.shape[1]
    corner = low[..., 1] * width + low[..., 0]
    upper = flat[corner] * (1 - across) + flat[corner + 1] * across
    lower = flat[corner + width] * (1 - across) + flat[corner + width + 1] * across
    return (upper * (1 - down) + lower * down) * (inside | extend)[..., None]


# ---------------------------------------------------------------- formulas


def _factor(r2: np.ndarray, bent: Distortion) -> tuple[np.ndarray, np.ndarray]:
    """Return the radial factor at the squared radius `r2`, and its derivative by `r2`."""
    if bent.model == "OPENCV_FISHEYE":
        return _fisheye_factor(r2, bent.k)
    if bent.model == "BROWN":
        return _polynomial(r2, bent.k)
    top, top_slope = _polynomial(r2, bent.k[:3])
    under, under_slope = _polynomial(r2, bent.k[3:])
    return top / under, (top_slope * under - top * under_slope) / under**2


def _polynomial(u: np.ndarray, k: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 + k[0] u + k[1] u^2 + ... and its derivative."""
    value, slope = np.zeros_like(u), np.zeros_like(u)
    for factor in (*reversed(k), 1.0):
        slope = slope * u + value
        value = value * u + factor
    return value, slope


def _fisheye_factor(r2: np.ndarray, k: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return theta_d / r and its derivative by r^2; at the axis by their series."""
    r = np.sqrt(np.maximum(r2, 1e-12))
    angle = np.arctan(r)
    bent, bent_slope = _polynomial(angle**2, k)
    shown = angle * bent
    by_r = (bent + 2 * angle**2 * bent_slope) / (1 + r**2)
    return shown / r, (by_r - shown / r) / (2 * r**2)


def _bent(points: np.ndarray, q: np.ndarray, p: tuple[float, float]) -> np.ndarray:
    """Return the bent points, (..., 2), at the radial factors `q`."""
    x, y = np.moveaxis(points, -1, 0)
    if not any(p):
        return points * q[..., None]
    p1, p2 = p
    return np.stack(
        [
            x * q + 2 * p1 * x * y + p2 * (3 * x * x + y * y),
            y * q + p1 * (x * x + 3 * y * y) + 2 * p2 * x * y,
        ],
        -1,
    )


def _tangential(bent: Distortion) -> tuple[float, float]:
    return (0.0, 0.0) if bent.model == "OPENCV_FISHEYE" else bent.p


def _distort(points: np.ndarray, bent: Distortion) -> tuple[np.ndarray, np.ndarray]:
    """Return the bent points, (..., 2), and the Jacobian, (..., 2, 2)."""
    points = np.asarray(points, np.float64)
    x, y = np.moveaxis(points, -1, 0)
    q, slope = _factor(x * x + y * y, bent)
    p1, p2 = _tangential(bent)
    mixed = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
    jacobian = np.stack(
        [
            np.stack([q + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x, mixed], -1),
            np.stack([mixed, q + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x], -1),
        ],
        -2,
    )
    return _bent(points, q, (p1, p2)), jacobian


def _solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return the solutions of 2x2 systems; a singular one steps along the vector."""
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    x, y = np.moveaxis(vector, -1, 0)
    determinant = a * d - b * c
    safe = np.where(np.abs(determinant) < 1e-9, 1.0, determinant)
    solved = np.stack([(d * x - b * y) / safe, (a * y - c * x) / safe], -1)
    return np.where((np.abs(determinant) < 1e-9)[..., None], vector, solved)


def _first_guess(shown: np.ndarray, bent: Distortion) -> np.ndarray:
    """Return where to start: the radius from a table of the radial formula."""
    radii = np.linspace(0.0, one_to_one(bent), 512)
    table = radii * _factor(radii**2, bent)[0]
    length = np.linalg.norm(shown, axis=-1, keepdims=True)
    return shown * np.interp(length, table, radii) / np.maximum(length, 1e-12)
