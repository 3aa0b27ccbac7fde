"""Images against geometry in closed form, and the two renderers against each other."""

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.data.render import (
    RANGE_NAMES,
    Lights,
    look_at,
    render_mesh,
    render_shapes,
    sample_cameras,
    sample_lights,
)
from levelform.backend.data.shapes import Shape, ShapeBatch, categories, sample_shape
from levelform.backend.data.shapes.build import Build
from levelform.backend.data.shapes.parts import Material
from levelform.backend.data.shapes.shape import normalized
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.meshes import Mesh

SIZE = 96
METHODS = ("raster", "trace")


def solid(name: str) -> Shape:
    build = Build(np.random.default_rng(0))
    look = Material((0.5, 0.2, 0.1), 0.0)
    if name == "ball":
        build.ball((0, 0, 0), 0.9, look)
    elif name == "box":
        build.box((0, 0, 0), (1.8, 1.2, 0.8), look)
    else:
        build.ring((0, 0, 0), 0.6, 0.3, look)
    return normalized(name, build.parts, build.bodies)


def camera(*, orthographic: bool = False, azimuth: float = 35, elevation: float = 25) -> Camera:
    focal = 0.45 * SIZE if orthographic else 1.6 * SIZE
    pose = look_at(azimuth, elevation, 4.0, roll=7)
    return Camera(pose, focal, focal * 1.03, 0.51 * SIZE, 0.48 * SIZE, SIZE, SIZE, orthographic)


def centres() -> torch.Tensor:
    row, column = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    return torch.stack([column, row], -1) + 0.5


def back_projected(view: Camera, depth: torch.Tensor) -> torch.Tensor:
    """Return the points, (H, W, 3), that depths stand for."""
    origin, direction = view.rays(centres().double())
    return origin + depth.double()[..., None] * direction


def footprint(view: Camera, depth: torch.Tensor) -> torch.Tensor:
    """Return the width of a pixel at a depth, (H, W)."""
    return torch.full_like(depth, 1 / view.fx) if view.orthographic else depth / view.fx


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("name", ["ball", "box", "torus"])
def test_depth_lands_on_the_surface_within_a_pixel(name, orthographic, method):
    shape, view = solid(name), camera(orthographic=orthographic)
    result = render_shapes(shape.batch, [view], method=method)
    depth = result.depth[0]
    seen = result.rgba[0, ..., 3] > 0
    assert torch.equal(seen, depth != 0)
    off = shape.distance(back_projected(view, depth)[seen].float()).abs()
    assert bool((off <= footprint(view, depth)[seen]).all())
    # ... and it is the near side: the way from the camera to shortly before the surface is free.
    origin, _ = view.rays(centres().double())
    points = back_projected(view, depth)
    for fraction in (0.25, 0.5, 0.75, 0.95):
        on_the_way = origin + (points - origin) * fraction
        assert float(shape.distance(on_the_way[seen].float()).min()) > -2e-3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("orthographic", [False, True])
def test_a_balls_image_is_its_closed_form(orthographic, method):
    view = camera(orthographic=orthographic)
    result = render_shapes(solid("ball").batch, [view], method=method, samples=4)
    fine = (torch.stack(torch.meshgrid(*[torch.arange(SIZE * 8)] * 2, indexing="xy"), -1) + 0.5) / 8
    origin, direction = view.rays(fine.double())
    direction = torch.nn.functional.normalize(direction, dim=-1)
    middle = (origin * direction).sum(-1)
    inside = (origin.square().sum(-1) - middle**2) < 0.81
    wanted = inside.float().reshape(SIZE, 8, SIZE, 8).mean((1, 3))
    alpha = result.rgba[0, ..., 3]
    assert float((alpha - wanted).abs().max()) < 0.2
    assert float((alpha - wanted).abs().mean()) < 2e-3
    points = torch.nn.functional.normalize(back_projected(view, result.depth[0]), dim=-1)
    agree = (points * result.normal[0].double()).sum(-1)[alpha == 1]
    assert float(agree.min()) > 0.99


def test_a_boxs_faces_have_the_boxs_normals():
    result = render_shapes(solid("box").batch, [camera()])
    full = result.rgba[0, ..., 3] == 1
    normals = result.normal[0][full]
    wanted = torch.tensor([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
    assert float((normals @ wanted.T).amax(1).min()) > 0.9999


@pytest.mark.parametrize("name", categories())
def test_both_ways_to_render_see_the_same(name):
    shape = sample_shape(name, 4)
    view = sample_cameras("free", 1, 3, size=SIZE, extents=shape.extents)
    raster, trace = (render_shapes(shape.batch, view, method=method) for method in METHODS)
    a, b = raster.rgba[0, ..., 3], trace.rgba[0, ..., 3]
    assert float(torch.minimum(a, b).sum() / torch.maximum(a, b).sum()) >= 0.985
    both = (a == 1) & (b == 1)
    close = (raster.depth - trace.depth)[0][both].abs() < 0.03
    assert float(close.float().mean()) > 0.98
    assert float((raster.albedo - trace.albedo)[0][both].abs().amax(-1).median()) < 1e-3


def test_orthographic_and_perspective_differ_and_a_long_lens_joins_them():
    shape = solid("box")
    flat = Camera(look_at(30, 20, 60.0), 40, 40, 48, 48, SIZE, SIZE, orthographic=True)
    long = Camera(look_at(30, 20, 60.0), 2400, 2400, 48, 48, SIZE, SIZE)
    a, b = (render_shapes(shape.batch, [v]).rgba[0, ..., 3] for v in (flat, long))
    assert float((a - b).abs().mean()) < 0.01


@pytest.mark.parametrize("name", RANGE_NAMES)
def test_cameras_see_the_object_and_are_the_same_for_the_same_seed(name):
    shape = sample_shape("chair", 0)
    cameras = sample_cameras(name, 6, 5, size=64, extents=shape.extents)
    again = sample_cameras(name, 6, 5, size=64, extents=shape.extents)
    for a, b in zip(cameras, again, strict=True):
        assert np.array_equal(a.world_from_camera, b.world_from_camera)
        assert (a.fx, a.cx, a.orthographic) == (b.fx, b.cx, b.orthographic)
    for view in cameras:
        rotation = view.world_from_camera[:3, :3]
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
    alpha = render_shapes(shape.batch, cameras, of=[0] * 6, samples=1).rgba[..., 3]
    assert float(alpha.mean((1, 2)).min()) > 0.01
    if name != "disn-hard":  # there the object may leave the image, as in the paper's own
        border = torch.cat([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]], 1)
        assert float(border.mean()) < 0.1


@pytest.mark.parametrize("name", [name for name in RANGE_NAMES if name != "free"])
def test_one_image_of_each_shape_shows_them_from_all_sides(name):
    centers = np.stack([sample_cameras(name, 1, seed)[0].center for seed in range(300)])
    azimuths = np.degrees(np.arctan2(centers[:, 0], -centers[:, 1])) % 360
    counts = np.histogram(azimuths, 12, (0, 360.0))[0]
    assert counts.min() >= 10  # of 25 in the mean


def test_a_round_has_each_azimuth_once():
    for count in (24, 19):
        centers = np.stack([c.center for c in sample_cameras("sdf-srn", count, 0)])
        marks = np.degrees(np.arctan2(centers[:, 0], -centers[:, 1])) / 15
        np.testing.assert_allclose(marks, marks.round(), atol=1e-6)
        assert len({round(mark) % 24 for mark in marks}) == count


def test_azimuth_zero_sees_the_front_and_ninety_the_right_hand_side():
    np.testing.assert_allclose(look_at(0, 0, 2.0)[:3, 3], [0, -2, 0], atol=1e-12)
    np.testing.assert_allclose(look_at(90, 0, 2.0)[:3, 3], [2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(look_at(0, 90, 2.0)[:3, 3], [0, 0, 2], atol=1e-12)
    axes = look_at(0, 0, 2.0)[:3, :3].T
    np.testing.assert_allclose(axes, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-12)


def test_the_same_seed_draws_the_same_image():
    batch = ShapeBatch([sample_shape("lamp", 1), sample_shape("car", 1)])

    def image() -> bytes:
        cameras = sample_cameras("r2n2", 3, 1, size=48)
        return (
            render_shapes(batch, cameras, sample_lights(3, 2), of=[0, 1, 0]).rgba.numpy().tobytes()
        )

    assert image() == image()


def test_a_mesh_is_drawn_like_its_shape_and_from_behind_only_when_asked():
    shape, view = solid("ball"), camera()
    mesh = shape.mesh(64)
    a = render_mesh(mesh, [view]).rgba[0, ..., 3]
    b = render_shapes(shape.batch, [view]).rgba[0, ..., 3]
    assert float(torch.minimum(a, b).sum() / torch.maximum(a, b).sum()) > 0.99
    half = Mesh(mesh.vertices, mesh.faces[mesh.vertices[mesh.faces].mean(1) @ view.center < 0])
    assert float(render_mesh(half, [view]).rgba[..., 3].mean()) > 0.1
    assert float(render_mesh(half, [view], two_sided=False).rgba[..., 3].mean()) < 0.02


def test_light_from_the_camera_lights_what_faces_it():
    dark = Lights(np.array([[0.0, -1, 0]]), np.zeros((1, 3)), np.zeros(3), np.zeros(3))
    lit = Lights(np.array([[0.0, -1, 0]]), np.ones((1, 3)), np.zeros(3), np.zeros(3))
    view = Camera(look_at(0, 0, 4.0), 100, 100, 48, 48, SIZE, SIZE)
    black, bright = render_shapes(solid("ball").batch, [view] * 2, [dark, lit], of=[0, 0]).rgba
    assert float(black[..., :3].max()) == 0
    middle = bright[48, 48, :3]
    wanted = 1.055 * torch.tensor([0.5, 0.2, 0.1]) ** (1 / 2.4) - 0.055
    torch.testing.assert_close(middle, wanted, atol=0.01, rtol=0)


def test_wrong_requests_are_refused():
    batch, view = solid("ball").batch, camera()
    with pytest.raises(RequestError, match="one size"):
        render_shapes(batch, [view, sample_cameras("free", 1, 0, size=32)[0]], of=[0, 0])
    with pytest.raises(RequestError, match="do not fit"):
        render_shapes(batch, [view, view])
    with pytest.raises(RequestError, match="without a camera"):
        render_shapes(batch, [])
    with pytest.raises(RequestError, match="no faces"):
        render_mesh(Mesh.empty(), [view])
    with pytest.raises(RequestError, match="'moon'"):
        sample_cameras("moon", 1, 0)
