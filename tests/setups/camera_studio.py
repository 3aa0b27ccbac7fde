"""An object without symmetry, drawn as silhouettes from any cameras."""

import math
from dataclasses import replace

import numpy as np
import torch
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes.drawing import silhouette
from torch.nn.functional import avg_pool2d

FINE = 4  # squared samples of a pixel
SIZE = (200, 150)


def boxes(*sides):
    """Return vertices (V, 3) and faces (F, 3) of boxes given by their lower and upper corners."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    vertices = [lower + corners * (np.subtract(upper, lower)) for lower, upper in sides]
    faces = [triangles + 8 * number for number in range(len(sides))]
    return np.concatenate(vertices), np.concatenate(faces)


# A body, a mast that is not in its middle, and an arm: every side looks different.
OBJECT = boxes(
    ((-0.7, -0.4, -0.5), (0.6, 0.4, 0.0)),
    ((0.1, -0.2, 0.0), (0.35, 0.1, 0.6)),
    ((-0.5, -0.75, -0.3), (-0.25, -0.4, -0.1)),
)


def lathe(sides=96):
    """Return a cone's vertices and faces, about z."""
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.stack([0.6 * np.cos(angles), 0.6 * np.sin(angles), np.full(sides, -0.4)], 1)
    vertices = np.concatenate([ring, [[0, 0, 0.6], [0, 0, -0.4]]])
    after = (np.arange(sides) + 1) % sides
    faces = [[i, after[i], sides] for i in range(sides)]
    return vertices, np.array(faces + [[after[i], i, sides + 1] for i in range(sides)])


def camera_at(azimuth, elevation, distance, *, focal=1.4, target=(0, 0, 0), roll=0.0, size=SIZE):
    """Return a camera on a sphere about the origin; degrees, the focal length in widths."""
    a, e = math.radians(azimuth), math.radians(elevation)
    center = distance * np.array(
        [math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)]
    )
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    c, s = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1) @ [
        [c, -s, 0],
        [s, c, 0],
        [0, 0, 1],
    ]
    pose[:3, 3] = center
    width, height = size
    return Camera(pose, focal * width, focal * width, width / 2, height / 2, width, height)


def drawn(camera, name="view", shape=OBJECT):
    """Return a view of a shape, antialiased, without its camera."""
    names = ("fx", "fy", "cx", "cy", "width", "height")
    large = replace(camera, **{key: getattr(camera, key) * FINE for key in names})
    vertices, faces = (torch.from_numpy(part) for part in shape)
    full = silhouette(vertices, faces, large)
    alpha = avg_pool2d(full[None, None].float(), FINE)[0, 0]
    return View(torch.cat([torch.full((*alpha.shape, 3), 0.5), alpha[..., None]], 2), None, name)


def views_of(cameras, shape=OBJECT):
    """Return the views of a shape, named by their order."""
    return [drawn(camera, f"shot_{i}.png", shape) for i, camera in enumerate(cameras)]


def angle_between(one, other):
    """Return the degrees between two poses' rotations."""
    turn = one[:3, :3].T @ other[:3, :3]
    return math.degrees(math.acos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))


def around(count=8, *, elevation=20.0, sign=1, step=None, focal=1.4, size=SIZE):
    """Return cameras at equal steps about the object, counter-clockwise if `sign` is 1."""
    step = 360.0 / count if step is None else step
    distance = 3.9 * focal / 1.4
    return [
        camera_at(sign * step * k, elevation, distance, focal=focal, size=size)
        for k in range(count)
    ]


def relative_errors(found, true):
    """Return the degrees by which cameras' rotations relative to the first one's differ."""

    def relative(cameras):
        first = np.linalg.inv(cameras[0].world_from_camera)
        return [first @ camera.world_from_camera for camera in cameras]

    return [angle_between(a, b) for a, b in zip(relative(found), relative(true), strict=True)]
