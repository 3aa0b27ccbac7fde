"""Textures: views a second at 2 k, and how near a textured fit is to what a held-out camera saw.

The time is compared with the way one would write it first.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import trimesh
from held_out import fidelity, sample_views
from levelform.backend.appearance.baking import bake
from levelform.backend.appearance.blending import Appearance, Colors
from levelform.backend.appearance.photos import Photo, prepare
from levelform.backend.appearance.visibility import look, pixel_size, towards
from levelform.backend.extraction import stream
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from rows import Row, at_least
from timing import interleave
from torch import Tensor
from torch.nn.functional import grid_sample

VIEWS, SIDE, SIZE, ROUNDS = 8, 1024, 2048, 1
SAMPLES = Path(__file__).parents[2] / "assets" / "sample"
HELD = 3  # the view that gives neither shape nor colours
STEPS = 600  # of the fit of the others
LEAST = 24.0  # dB
BETTER = 0.3  # dB, than the colours of the vertices
CELLS = 128  # of the mesh


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    if "time" in kinds:
        yield _speed()
    if "count" in kinds:
        for name in ("chair", "suzanne"):
            yield from _held_out(name)


def _held_out(name: str) -> Iterator[Row]:
    """How near the textured fit of seven images is to the eighth."""
    views = sample_views(SAMPLES / name)
    others = [view for index, view in enumerate(views) if index != HELD]
    model = load_reconstructor("fit", None, "cpu")
    *_, last = stream(model.decode(model.encode(others, steps=STEPS)), CELLS)
    reached = fidelity(last.mesh, views, HELD, SIZE)
    note = f"view {HELD}, fitted from the others, {STEPS} steps, {SIZE} texels"
    what = f"appearance, {name}: a held-out image"
    yield at_least(what, reached.textured, None, LEAST, unit="dB", note=note)
    gain = reached.textured - reached.by_vertex
    note = f"colours of vertices {reached.by_vertex:.1f} dB"
    what = f"appearance, {name}: texture over vertices"
    yield at_least(what, gain, None, BETTER, unit="dB", note=note)


def _speed() -> Row:
    ball = trimesh.creation.icosphere(5, radius=0.8)
    vertices = torch.from_numpy(np.asarray(ball.vertices, np.float32))
    faces = torch.from_numpy(np.asarray(ball.faces, np.int64))
    normals = vertices / 0.8
    uvs = _cylindrical(vertices[faces])
    photos = prepare([_view(index) for index in range(VIEWS)])
    ours = Appearance(photos, vertices, normals, faces)
    first = Plain(photos, vertices, faces)
    times = interleave(
        {
            "ours": lambda: bake(ours, vertices, normals, faces, uvs, SIZE),
            "plain": lambda: bake(first, vertices, normals, faces, uvs, SIZE),
        },
        rounds=ROUNDS,
    )
    note = f"{VIEWS / times['ours']:.1f} views/s: {VIEWS} views of {SIDE} x {SIDE}, {SIZE} x {SIZE}"
    return at_least(
        "appearance: texture baked at 2 k",
        times["ours"],
        times["plain"],
        0.9,  # no slower, with gains and filled gaps besides
        kind="time",
        unit="s",
        note=note,
    )


class Plain:
    """The same two bands, of every texel in every view, seen or not."""

    def __init__(self, photos: list[Photo], vertices: Tensor, faces: Tensor) -> None:
        self._photos = photos
        self._sights = [look(photo, vertices, faces) for photo in photos]

    def __call__(self, points: Tensor, normals: Tensor) -> Colors:
        """Return the colours of surface points."""
        low, detail = points.new_zeros((len(points), 4)), points.new_zeros((len(points), 4))
        for photo, sight in zip(self._photos, self._sights, strict=True):
            camera = sight.camera
            pixels, depth = camera.project(points)
            grid = (2 * pixels / pixels.new_tensor([camera.width, camera.height]) - 1)[None, None]
            cosine = (normals * towards(camera, points)).sum(1).clamp_min(0)
            maps = torch.stack([sight.depth, sight.clear])
            near, clear = grid_sample(maps[None], grid, align_corners=False)[0, :, 0]
            seen = depth < near + 4 * pixel_size(camera, depth)
            weight = torch.where(seen, cosine**2 * clear.clamp_min(0), 0.0)[:, None]
            coarse = _sampled(photo.low, grid)
            fine = _sampled(photo.color, grid) - coarse
            low += torch.cat([coarse * weight, weight], 1)
            detail += torch.cat([fine * weight**4, weight**4], 1)
        rgb = low[:, :3] / low[:, 3:].clamp_min(1e-12)
        rgb += detail[:, :3] / detail[:, 3:].clamp_min(1e-12)
        return Colors(rgb.clamp(0, 1), (low[:, 3] > 0).float())


def _sampled(image: Tensor, grid: Tensor) -> Tensor:
    return grid_sample(image[None].float(), grid, align_corners=False)[0, :, 0].T


def _cylindrical(corners: Tensor) -> Tensor:
    """Return (F, 3, 2) UVs of a ball's triangles: longitude and height."""
    u = torch.atan2(corners[..., 1], corners[..., 0]) / (2 * math.pi) + 0.5
    u = torch.where(u.amax(1, keepdim=True) - u > 0.5, u + 1, u).clamp_max(1)
    return torch.stack([u, corners[..., 2] / 1.6 + 0.5], 2)


def _view(index: int) -> View:
    """Return a striped disc seen by one of a ring of cameras."""
    angle = 2 * math.pi * index / VIEWS
    forward = -np.array([math.cos(angle), math.sin(angle), 0.0])
    right = np.cross(forward, [0.0, 0.0, 1.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    pose[:3, 3] = -3 * forward
    camera = Camera(pose, SIDE, SIDE, SIDE / 2, SIDE / 2, SIDE, SIDE)
    y, x = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    alpha = (0.28 * SIDE - torch.hypot(x - SIDE / 2, y - SIDE / 2) + 0.5).clamp(0, 1)
    stripes = 0.5 + 0.4 * torch.sin(x / 5)
    return View(torch.stack([stripes, 1 - stripes, stripes * 0.5, alpha], 2), camera)
