"""Colours from the views that see a point: none from behind, no background, no seams."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh
from levelform.backend.appearance.blending import Appearance
from levelform.backend.appearance.photos import prepare
from levelform.backend.contract.errors import JobCancelled
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.srgb import srgb_from_linear
from levelform.backend.geometry.views import View
from levelform.backend.ticket import Ticket

RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
BALLS = (((0.0, 0.0, 0.0), 0.6),)
PAIR = (((0.0, -0.45, 0.0), 0.3), ((0.0, 0.45, 0.0), 0.3))


def paint(points):
    """Red where x > 0, blue elsewhere."""
    return torch.where(points[..., :1] > 0, torch.tensor(RED), torch.tensor(BLUE))


def paint_by_ball(points):
    """Red at y < 0, blue elsewhere."""
    return torch.where(points[..., 1:2] < 0, torch.tensor(RED), torch.tensor(BLUE))


def one_color(*rgb):
    return lambda points: torch.tensor(rgb).expand(points.shape)


def take(camera, balls, painter, samples=3):
    """Return (4, H, W) linear premultiplied: what the camera sees of painted balls."""
    y = (torch.arange(camera.height * samples) + 0.5) / samples
    x = (torch.arange(camera.width * samples) + 0.5) / samples
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    origins, directions = camera.rays(torch.stack([grid_x, grid_y], -1).double())
    directions = directions / directions.norm(dim=-1, keepdim=True)
    nearest = torch.full(grid_x.shape, torch.inf, dtype=torch.float64)
    for center, radius in balls:
        offset = origins - torch.tensor(center, dtype=torch.float64)
        b = (offset * directions).sum(-1)
        root = b * b - (offset * offset).sum(-1) + radius**2
        depth = torch.where(root > 0, -b - root.clamp(min=0).sqrt(), torch.inf)
        nearest = torch.minimum(nearest, depth)
    hit = nearest.isfinite()
    spots = origins + torch.where(hit, nearest, 0.0)[..., None] * directions
    alpha = hit[..., None].float()
    flat = torch.cat([painter(spots.float()) * alpha, alpha], -1)
    size = (camera.height, samples, camera.width, samples, 4)
    return flat.reshape(size).mean((1, 3)).permute(2, 0, 1)


def around(count, aim, size=96, zoom=97.0, height=0.7, distance=3.0):
    cameras = []
    for index in range(count):
        angle = 2 * math.pi * index / count + 0.3
        center = (distance * math.cos(angle), distance * math.sin(angle), height * (-1) ** index)
        cameras.append(Camera(aim(center, (0, 0, 0)), zoom, zoom, size / 2, size / 2, size, size))
    return cameras


def view_of(camera, image):
    """Return a premultiplied linear image, (4, H, W), as a view: sRGB, straight alpha."""
    straight = (image[:3] / image[3].clamp_min(1e-6)).clamp(0, 1)
    image = torch.cat([srgb_from_linear(straight), image[3:]]).permute(1, 2, 0)
    return View(image, camera)


def mesh_of(balls, subdivisions=4):
    """Return vertices, normals and faces of balls."""
    vertices, normals, faces, count = [], [], [], 0
    for center, radius in balls:
        ball = trimesh.creation.icosphere(subdivisions)
        unit = torch.from_numpy(np.asarray(ball.vertices, np.float32))
        vertices.append(unit * radius + torch.tensor(center))
        normals.append(unit)
        faces.append(torch.from_numpy(np.asarray(ball.faces, np.int64)) + count)
        count += len(unit)
    return torch.cat(vertices), torch.cat(normals), torch.cat(faces)


def appearance_of(cameras, balls, painter, images=None):
    images = [take(camera, balls, painter) for camera in cameras] if images is None else images
    views = [view_of(c, p) for c, p in zip(cameras, images, strict=True)]
    return Appearance(prepare(views), *mesh_of(balls))


def test_a_two_coloured_sphere_is_right_on_both_sides(aim):
    points, normals, _ = mesh_of(BALLS)
    colors = appearance_of(around(8, aim), BALLS, paint)(points, normals)
    clear = points[:, 0].abs() > 0.06
    error = (colors.rgb - paint(points)).abs().amax(1)[clear]
    assert float(error.mean()) < 0.02
    assert float((error > 0.2).float().mean()) < 0.01
    assert float(colors.seen[points[:, 2].abs() < 0.4].quantile(0.05)) > 0.9


def test_background_does_not_bleed_in(aim):
    """Green that soft edges have taken from behind the object never reaches the surface."""
    cameras = around(6, aim)
    images = [take(camera, BALLS, paint) for camera in cameras]
    for image in images:  # as an image cut out of a green photograph: mixed, then multiplied
        image[1] += (1 - image[3]) * 0.8
        image[:3] *= image[3]
    points, normals, _ = mesh_of(BALLS)
    green = appearance_of(cameras, BALLS, paint, images)(points, normals).rgb[:, 1]
    assert float(green.max()) < 0.02


def test_a_hidden_surface_is_not_painted_by_what_hides_it(aim):
    """Two balls in a row along y: cameras in front of the red one must not paint the blue one."""
    points, normals, _ = mesh_of(PAIR)
    colors = appearance_of(around(8, aim, height=0.3), PAIR, paint_by_ball)(points, normals)
    error = (colors.rgb - paint_by_ball(points)).abs().amax(1)
    assert float((error > 0.2).float().mean()) < 0.02


def test_what_no_view_sees_is_filled_smoothly_and_marked(aim):
    """One camera above: the lower side is marked, and takes colours between the known ones."""
    camera = Camera(aim((0.0, 0.01, 3.0), (0, 0, 0)), 97.0, 97.0, 48, 48, 96, 96)
    points, normals, _ = mesh_of(BALLS)
    colors = appearance_of([camera], BALLS, one_color(0.2, 0.5, 0.3))(points, normals)
    assert float(colors.seen[points[:, 2] < -0.1].max()) < 0.01
    assert float(colors.seen[points[:, 2] > 0.4].min()) > 0.99
    assert float((colors.rgb - torch.tensor([0.2, 0.5, 0.3])).abs().max()) < 0.03


def test_filled_colours_have_no_jumps(aim):
    cameras = around(2, aim)[:1]
    points, normals, faces = mesh_of(BALLS)
    colors = appearance_of(cameras, BALLS, lambda p: (p + 1) / 2)(points, normals)
    hidden = colors.seen < 0.01
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]]])
    edges = edges[hidden[edges].all(1)]
    assert len(edges) > 500
    assert float((colors.rgb[edges[:, 0]] - colors.rgb[edges[:, 1]]).abs().max()) < 0.06


def test_the_methods_own_colours_fill_what_no_view_sees(aim):
    camera = Camera(aim((0.0, 0.01, 3.0), (0, 0, 0)), 97.0, 97.0, 48, 48, 96, 96)
    points, normals, faces = mesh_of(BALLS)
    photos = prepare([view_of(camera, take(camera, BALLS, paint))])
    green = torch.tensor([0.0, 1.0, 0.0])
    appearance = Appearance(
        photos, points, normals, faces, hidden=lambda p: green.expand(len(p), 3)
    )
    colors = appearance(points, normals)
    assert float((colors.rgb[points[:, 2] < -0.1] - green).abs().max()) < 0.01
    assert float(colors.rgb[points[:, 2] > 0.4][:, 1].max()) < 0.01


def test_a_darker_exposure_is_compensated(aim):
    """One image in three at half the light: the seams would show as steps of a half."""
    cameras = around(9, aim)
    gray = [
        take(c, BALLS, lambda p: p.new_tensor([0.5, 0.4, 0.3]).expand(p.shape)) for c in cameras
    ]
    for image in gray[::3]:
        image[:3] *= 0.5
    points, normals, faces = mesh_of(BALLS)
    views = [view_of(c, p) for c, p in zip(cameras, gray, strict=True)]
    appearance = Appearance(prepare(views), points, normals, faces)
    ratio = appearance.gains[::3].mean() / appearance.gains[1::3].mean()
    assert 1.9 < float(ratio) < 2.1
    rgb = appearance(points, normals).rgb
    assert float(rgb[:, 0].std() / rgb[:, 0].mean()) < 0.03


def test_a_blurred_view_has_less_say(aim):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(64, 64, 4, generator=generator)
    image[..., 3] = 1.0
    soft = torch.nn.functional.avg_pool2d(image.permute(2, 0, 1)[None], 5, 1, 2)[0].permute(1, 2, 0)
    camera = around(1, aim, size=64)[0]
    sharp, blurred = prepare([View(image, camera), View(soft.contiguous(), camera)])
    assert sharp.sharpness == 1.0
    assert blurred.sharpness < 0.6


def test_orthographic_views_colour_as_perspective_ones_do(aim):
    cameras = [replace(camera, fx=40.0, fy=40.0, orthographic=True) for camera in around(8, aim)]
    points, normals, _ = mesh_of(BALLS)
    colors = appearance_of(cameras, BALLS, paint)(points, normals)
    error = (colors.rgb - paint(points)).abs().amax(1)[points[:, 0].abs() > 0.06]
    assert float((error > 0.2).float().mean()) < 0.01


def test_the_work_stops_when_the_ticket_says_so(aim):
    points, normals, faces = mesh_of(BALLS)
    camera = around(1, aim)[0]
    photos = prepare([view_of(camera, take(camera, BALLS, paint))])
    with pytest.raises(JobCancelled):
        Appearance(photos, points, normals, faces, ticket=Ticket(cancelled=lambda: True))


def test_a_surface_beside_the_silhouette_takes_nothing_from_the_background(aim):
    """The mesh is larger than the object in the images: its rim lies over the black background."""
    cameras = around(4, aim, height=0.0)
    images = [take(camera, BALLS, one_color(0.6, 0.5, 0.4)) for camera in cameras]
    views = [view_of(c, p) for c, p in zip(cameras, images, strict=True)]
    points, normals, faces = mesh_of(((BALLS[0][0], 0.75),))
    rgb = Appearance(prepare(views), points, normals, faces)(points, normals).rgb
    assert float((rgb - torch.tensor([0.6, 0.5, 0.4])).abs().max()) < 0.03
