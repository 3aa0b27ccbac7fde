"""The cameras of both halves: a frame of a `transforms.json`, and its maths in numpy.

Points and pixels are float64. A camera's own axes are Blender's (x right, y up, looking along -z);
pixels count x to the right and y down from the top left corner, pixel centres at +0.5. The maths
ignores distortion; `distortion` removes it from an image and its camera.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import RequestError

MODELS = ("PINHOLE", "ORTHOGRAPHIC")
# Tolerance for orthonormal rotations: files round matrices to three or four digits.
RIGID_TOLERANCE = 2e-3
EXACT = 1e-7  # below it a rotation is left unchanged
SIZE_TOLERANCE = 1.5  # pixels; tolerance between the proportions of an image and of its camera
# Signs of a pose's columns: OpenCV's axes (x right, y down, z forward) to Blender's, and back.
FLIP_YZ = np.array([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Distortion:
    """Lens distortion; formulas in `distortion`.

    Attributes
    ----------
    model : "OPENCV" (radial k1 to k6, the last three in the denominator, and tangential p1, p2),
        "BROWN" (radial k1 to k4 as one polynomial, and p1, p2: nerfstudio, Metashape, RealityScan)
        or "OPENCV_FISHEYE" (equidistant, k1 to k4)
    k : radial coefficients, six or four
    p : tangential coefficients, p1 and p2, in OpenCV's order
    skew : pixels that x moves per unit of the normalised y
    """

    model: str
    k: tuple[float, ...]
    p: tuple[float, float] = (0.0, 0.0)
    skew: float = 0.0


@dataclass(frozen=True)
class CameraData:
    """A camera as a frame of `transforms.json`: Blender's axes (x right, y up, looking along -z).

    `transform_matrix` is world_from_camera, (4, 4) float64. `fl_x fl_y cx cy` are pixels, measured
    from the top left corner; for `ORTHOGRAPHIC`, `fl_x fl_y` are pixels per world unit. An image
    with `distortion` is undistorted before any other use.
    """

    transform_matrix: np.ndarray
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    w: int
    h: int
    camera_model: str = "PINHOLE"
    distortion: Distortion | None = None


# ---------------------------------------------------------------- poses


def rigid_pose(matrix: np.ndarray, name: str) -> np.ndarray:
    """Return a pose, (4, 4) float64, without the uniform scale of its axes.

    Uniform scale does not change what a camera sees. The result is the nearest rotation, which
    removes the file's rounding.

    Parameters
    ----------
    matrix : (4, 4), or (3, 4) without its last row
    name : the pose's name in messages

    Raises
    ------
    RequestError
        If the matrix is not finite, singular, mirrored, sheared or scaled unevenly; the message
        says which, with the determinant or the lengths of the axes.
    """
    pose = np.asarray(matrix, np.float64)
    if pose.shape == (3, 4):
        pose = np.vstack([pose, [0.0, 0.0, 0.0, 1.0]])
    if pose.shape != (4, 4):
        raise RequestError(
            f"{name} is not 4x4 numbers but {' x '.join(map(str, pose.shape))}.",
            "Give world_from_camera, row by row.",
        )
    if not np.isfinite(pose).all():
        raise RequestError(f"{name} holds a number that is not finite.", "Export it again.")
    if not np.allclose(pose[3], [0, 0, 0, 1], atol=1e-6):
        row = ", ".join(f"{value:g}" for value in pose[3])
        raise RequestError(
            f"The last row of {name} is {row} instead of 0, 0, 0, 1.",
            "Give world_from_camera row by row; a matrix stored by columns must be transposed.",
        )
    result = pose.copy()
    result[:3, :3] = _rotation(pose[:3, :3], name)
    return result


def _rotation(axes: np.ndarray, name: str) -> np.ndarray:
    """Return the rotation, (3, 3), of uniformly scaled axes; raises as `rigid_pose`."""
    lengths = np.linalg.norm(axes, axis=0)
    seen = ", ".join(f"{length:.4g}" for length in lengths)
    if lengths.min() < 1e-9:
        raise RequestError(
            f"{name} is singular: its axes have the lengths {seen}.", "Export it again."
        )
    determinant = float(np.linalg.det(axes / lengths))
    if determinant < 0:
        raise RequestError(
            f"{name} is mirrored: its determinant is {np.linalg.det(axes):.4g}.",
            "A camera's axes must be right-handed: x right, y up, looking along -z.",
        )
    if lengths.max() > lengths.min() * (1 + RIGID_TOLERANCE):
        raise RequestError(
            f"{name} is scaled unevenly: its axes have the lengths {seen}.",
            "Apply the scale, or export the cameras again.",
        )
    unit = axes / lengths
    angles = unit.T @ unit - np.eye(3)
    if np.abs(angles).max() > RIGID_TOLERANCE:
        off = math.degrees(math.asin(min(float(np.abs(angles).max()), 1.0)))
        raise RequestError(
            f"{name} is sheared: its axes are {off:.3g} degrees from right angles.",
            "Apply the transform of its parent, or export the cameras again.",
        )
    if np.abs(angles).max() < EXACT and np.abs(lengths - 1).max() < EXACT:
        return axes.copy()
    left, _, right = np.linalg.svd(unit)
    return left @ right


def in_frame(camera: CameraData, world_from_frame: np.ndarray) -> CameraData:
    """Return the same camera in another frame.

    Parameters
    ----------
    world_from_frame : (4, 4) a similarity: rotation, one positive scale, translation

    Raises
    ------
    RequestError
        If the matrix is not a similarity.
    """
    matrix = np.asarray(world_from_frame, np.float64)
    scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
    rotation = matrix[:3, :3] / scale if scale else matrix[:3, :3]
    if scale <= 0 or not np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-5):
        raise RequestError(
            "A camera can be moved, rotated and scaled evenly, not sheared.",
            "Use a rigid matrix with one scale.",
        )
    pose = np.asarray(camera.transform_matrix, np.float64)
    result = np.eye(4)
    result[:3, :3] = rotation.T @ pose[:3, :3]
    result[:3, 3] = rotation.T @ (pose[:3, 3] - matrix[:3, 3]) / scale
    zoom = scale if camera.camera_model == "ORTHOGRAPHIC" else 1.0
    return replace(
        camera, transform_matrix=result, fl_x=camera.fl_x * zoom, fl_y=camera.fl_y * zoom
    )


def pose_of(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Return (4, 4) world_from_camera for p_camera = rotation p_world + translation."""
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    pose[:3, 3] = -rotation.T @ translation
    return pose


# ---------------------------------------------------------------- projection


def project(camera: CameraData, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project points into the image, ignoring distortion.

    Parameters
    ----------
    points : (..., 3) world frame

    Returns
    -------
    pixels : (..., 2)
    depth : (...,) distance along the optical axis; zero or less means behind a pinhole, where
        `pixels` are finite but meaningless
    """
    pose = np.asarray(camera.transform_matrix, np.float64)
    local = (np.asarray(points, np.float64) - pose[:3, 3]) @ pose[:3, :3] * FLIP_YZ[:3]
    plane, depth = local[..., :2], local[..., 2]
    if camera.camera_model != "ORTHOGRAPHIC":
        plane = plane / np.where(np.abs(depth) < 1e-9, 1e-9, depth)[..., None]
    pixels = plane * [camera.fl_x, camera.fl_y] + [camera.cx, camera.cy]
    return pixels, depth


def rays(camera: CameraData, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ray through each pixel position, ignoring distortion.

    Parameters
    ----------
    pixels : (..., 2), as `project` returns them

    Returns
    -------
    origins : (..., 3) world frame
    directions : (..., 3) world frame, of depth 1: `origin + depth * direction` inverts `project`
    """
    pose = np.asarray(camera.transform_matrix, np.float64)
    plane = (np.asarray(pixels, np.float64) - [camera.cx, camera.cy]) / [camera.fl_x, camera.fl_y]
    zero, one = np.zeros_like(plane[..., :1]), np.ones_like(plane[..., :1])
    if camera.camera_model == "ORTHOGRAPHIC":
        start = np.concatenate([plane, zero], -1)
        ahead = np.concatenate([zero, zero, one], -1)
    else:
        start = np.concatenate([zero, zero, zero], -1)
        ahead = np.concatenate([plane, one], -1)
    flip = FLIP_YZ[:3]
    return (start * flip) @ pose[:3, :3].T + pose[:3, 3], (ahead * flip) @ pose[:3, :3].T


def resized(camera: CameraData, width: float, height: float) -> CameraData:
    """Return the camera of the same image at another size in pixels.

    Fractional pixels are cut off at the right and at the bottom.
    """
    x, y = width / camera.w, height / camera.h
    bent = camera.distortion
    return replace(
        camera,
        fl_x=camera.fl_x * x,
        fl_y=camera.fl_y * y,
        cx=camera.cx * x,
        cy=camera.cy * y,
        w=int(width),
        h=int(height),
        distortion=replace(bent, skew=bent.skew * x) if bent is not None else None,
    )


def fitted(camera: CameraData, width: int, height: int, name: str) -> CameraData:
    """Return the camera for an image of that size, which may be a resized copy.

    Raises
    ------
    RequestError
        If the image does not have the camera's proportions.
    """
    if (camera.w, camera.h) == (width, height):
        return camera
    if not same_proportions(camera, width, height):
        raise RequestError(
            f"{name}: the image is {width} x {height}, its camera is for {camera.w} x {camera.h}.",
            "Use the image at the camera's proportions, or fit the camera to the image.",
        )
    return resized(camera, width, height)


def same_proportions(camera: CameraData, width: int, height: int) -> bool:
    """Return whether a camera has an image's proportions, within a pixel."""
    across, down = width / camera.w, height / camera.h
    return abs(across - down) * max(camera.w, camera.h) <= SIZE_TOLERANCE


# ---------------------------------------------------------------- frames of a transforms.json


def from_frame(frame: Mapping[str, Any], shared: Mapping[str, Any] | None = None) -> CameraData:
    """Return the camera of one frame of a `transforms.json` that gives the image size.

    Parameters
    ----------
    frame
        `transform_matrix` and, where they differ from the shared ones, intrinsics.
    shared
        The top level of the file: `fl_x fl_y cx cy w h`, `camera_angle_x`, `camera_model`, ...

    Raises
    ------
    RequestError
        As `camera_files.intrinsics.camera_of`.
    """
    from .camera_files.intrinsics import camera_of

    keys = {**(shared or {}), **frame}
    return camera_of(keys, "The camera", size=None)[0]


def to_frame(camera: CameraData) -> dict[str, Any]:
    """Return the camera as a frame of a `transforms.json`, with its own intrinsics.

    The inverse of `from_frame`, except that "BROWN" is written as nerfstudio's `OPENCV`, which has
    the same k1 to k4.
    """
    frame: dict[str, Any] = {
        "fl_x": float(camera.fl_x),
        "fl_y": float(camera.fl_y),
        "cx": float(camera.cx),
        "cy": float(camera.cy),
        "w": int(camera.w),
        "h": int(camera.h),
        "camera_model": camera.camera_model,
        "transform_matrix": np.asarray(camera.transform_matrix, np.float64).tolist(),
    }
    if camera.camera_model == "ORTHOGRAPHIC":
        frame["ortho_scale"] = float(max(camera.w / camera.fl_x, camera.h / camera.fl_y))
    bent = camera.distortion
    if bent is not None:
        frame["camera_model"] = "OPENCV" if bent.model == "BROWN" else bent.model
        frame.update({f"k{number}": value for number, value in enumerate(bent.k, 1)})
        frame.update({f"p{number}": value for number, value in enumerate(bent.p, 1)})
        if bent.skew:
            frame["skew"] = bent.skew
    return frame
