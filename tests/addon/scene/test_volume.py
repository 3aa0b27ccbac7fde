"""The volume around objects of known size, and every set of views that says nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import volume  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import Background, CameraData, ViewData  # noqa: E402
from mathutils import Euler, Matrix  # noqa: E402

pytestmark = pytest.mark.bpy

SIDE = 96


def camera_at(azimuth, elevation, *, target=(0, 0, 0), distance=6.0, ortho=False, scale=1.0):
    """A camera, degrees around and above a target, that sees 2.2 * `scale` to each side of it."""
    turn = Euler((math.radians(90 - elevation), 0, math.radians(azimuth)))
    pose = np.array(Matrix.LocRotScale(None, turn, None))
    pose[:3, 3] = np.array(target) + pose[:3, 2] * distance * scale
    focal = SIDE / (4.4 * scale) if ortho else SIDE * distance / 4.4
    model = "ORTHOGRAPHIC" if ortho else "PINHOLE"
    return CameraData(pose, focal, focal, SIDE / 2, SIDE / 2, SIDE, SIDE, model)


def view_of_balls(camera, balls, name="View"):
    """The picture of balls, (middle, radius): covered where a pixel's ray comes near enough."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    x, y = (columns - camera.cx) / camera.fl_x, -(rows - camera.cy) / camera.fl_y
    pose = camera.transform_matrix
    if camera.camera_model == "ORTHOGRAPHIC":
        origins = pose[:3, 3] + x[..., None] * pose[:3, 0] + y[..., None] * pose[:3, 1]
        directions = np.broadcast_to(-pose[:3, 2], origins.shape)
    else:
        origins = np.broadcast_to(pose[:3, 3], (*x.shape, 3))
        directions = x[..., None] * pose[:3, 0] + y[..., None] * pose[:3, 1] - pose[:3, 2]
        directions = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    image = np.zeros((SIDE, SIDE, 4), np.uint8)
    for middle, radius in balls:
        across = np.cross(np.array(middle) - origins, directions)
        image[np.linalg.norm(across, axis=-1) < radius, 3] = 255
    return ViewData(image, camera, name)


AROUND = [(0, 10), (70, -20), (140, 35), (210, 5), (290, 50)]


def views_around(balls, **settings):
    return [
        view_of_balls(camera_at(a, e, **settings), balls, f"View {i}")
        for i, (a, e) in enumerate(AROUND)
    ]


def side_and_middle(matrix):
    assert np.allclose(matrix[:3, :3], np.eye(3) * matrix[0, 0])
    return matrix[0, 0], matrix[:3, 3]


@pytest.mark.parametrize("ortho", [False, True])
@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_a_ball_takes_up_its_share(ortho, scale):
    middle, radius = np.array([3.0, -2.0, 5.0]) * scale, 0.8 * scale
    target = middle + 0.2 * scale  # the cameras look beside it
    views = views_around([(middle, radius)], target=target, scale=scale, ortho=ortho)
    size, center = side_and_middle(volume.volume_from_views(views))
    # The hull of five views is larger than the ball, unevenly, and is found to a pixel or so.
    assert center == pytest.approx(middle, abs=0.12 * radius)
    assert 1.45 < 2 * radius / size < volume.OBJECT_SIDE


def test_perspective_and_orthographic_views_mix():
    balls = [((0.3, 0.2, -0.4), 0.7)]
    views = [
        view_of_balls(camera_at(a, e, ortho=i % 2 == 0), balls) for i, (a, e) in enumerate(AROUND)
    ]
    size, center = side_and_middle(volume.volume_from_views(views))
    assert center == pytest.approx((0.3, 0.2, -0.4), abs=0.05)
    assert 1.45 < 1.4 / size < volume.OBJECT_SIDE


def test_a_long_thin_object_is_wholly_inside():
    balls = [((x, 0.1 * x, 0.3), 0.08) for x in np.linspace(-1.5, 1.2, 40)]
    size, center = side_and_middle(volume.volume_from_views(views_around(balls)))
    ends = np.array([[-1.58, -0.23, 0.22], [1.28, 0.2, 0.38]])
    assert (np.abs((ends - center) / size) < 1).all()
    assert 1.5 < 2.86 / size < volume.OBJECT_SIDE


def test_two_views_are_enough():
    balls = [((0, 0, 0), 1.0)]
    views = [view_of_balls(camera_at(a, 0), balls) for a in (0, 90)]
    size, center = side_and_middle(volume.volume_from_views(views))
    assert center == pytest.approx((0, 0, 0), abs=0.1)
    assert 1.0 < size < 1.6


def test_a_cropped_view_does_not_cut_the_object():
    """One camera comes so near that it sees a part only."""
    balls = [((0, 0, 0), 1.0)]
    near = view_of_balls(camera_at(45, 20, scale=0.3), balls)
    assert near.image[0, :, 3].any()
    near.image[:, :10, 3] = 0  # touches three borders
    size, center = side_and_middle(volume.volume_from_views([*views_around(balls), near]))
    assert (np.abs(center) + 1.0 < size * 1.15).all()


@pytest.mark.parametrize("mode", ["corner", "color"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_background_may_be_a_colour(mode, dtype):
    balls = [((0.2, 0, 0), 0.9)]
    views = views_around(balls)
    expected = volume.volume_from_views(views)
    painted = []
    for view in views:
        image = np.full_like(view.image, 255)
        image[..., :3] = np.where(view.image[..., 3:] > 0, (40, 50, 60), (20, 240, 30))
        image = image if dtype == np.uint8 else (image / 255).astype(np.float32)
        painted.append(replace(view, image=image))
    ground = Background(mode, (20 / 255, 240 / 255, 30 / 255), 0.1)
    assert volume.volume_from_views(painted, ground) == pytest.approx(expected)
    with pytest.raises(RequestError, match="no transparent background"):
        volume.volume_from_views(painted)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_backdrop_that_shades_off_is_seen_as_the_worker_sees_it(cut_off):
    torch = pytest.importorskip("torch")
    from levelform.backend.images import matte

    y, x = np.meshgrid(*(np.linspace(-1, 1, 96),) * 2, indexing="ij")
    slope = np.stack([0.75 - 0.15 * y, 0.7 - 0.1 * y + 0.1 * x, 0.65 + 0.1 * x * x], -1)
    mask = (x - 0.1) ** 2 + (y - (0.7 if cut_off else 0.0)) ** 2 < 0.25
    noise = np.random.default_rng(0).normal(0, 0.01, slope.shape)
    color = np.where(mask[..., None], [0.2, 0.3, 0.1], slope) + noise
    image = np.concatenate([color.clip(0, 1), np.ones((96, 96, 1))], -1).astype(np.float32)
    own = volume.silhouette_of(image, Background("auto"))
    theirs = matte(torch.from_numpy(image), Background("auto"))[..., 3].numpy() > 0.5
    assert (own != theirs).mean() < 0.001
    assert (own != mask).mean() < 0.002


def test_fewer_than_two_cameras():
    views = views_around([((0, 0, 0), 1.0)])
    with pytest.raises(RequestError, match="not 1"):
        volume.volume_from_views(views[:1])
    with pytest.raises(RequestError, match="not 0"):
        volume.volume_from_views([replace(view, camera=None) for view in views])


@pytest.mark.parametrize("ortho", [False, True])
@pytest.mark.parametrize("angles", [[(0, 15)] * 3, [(30, 15), (210, -15)], [(10, 15), (11, 15)]])
def test_cameras_that_share_an_axis(ortho, angles):
    """Behind each other, opposite each other, and nearly."""
    views = [
        view_of_balls(camera_at(*angle, distance=6 + i, ortho=ortho), [((0, 0, 0), 1.0)])
        for i, angle in enumerate(angles)
    ]
    with pytest.raises(RequestError, match="same axis"):
        volume.volume_from_views(views)


def test_a_camera_that_looks_away_is_named():
    views = views_around([((0, 0, 0), 0.5)])
    away = camera_at(100, 0)
    pose = away.transform_matrix.copy()
    pose[:3, :3] = pose[:3, :3] @ np.diag([-1, 1, -1])  # turned round where it stands
    views[2] = ViewData(views[2].image, replace(away, transform_matrix=pose), "Backwards")
    with pytest.raises(RequestError, match="Backwards"):
        volume.volume_from_views(views)


def test_the_view_that_disagrees_is_named():
    views = views_around([((0, 0, 0), 0.5)])
    moved = views[3].camera.transform_matrix.copy()
    moved[:3, 3] += 2.0 * moved[:3, 1]
    views[3] = replace(views[3], camera=replace(views[3].camera, transform_matrix=moved))
    with pytest.raises(RequestError, match="View 3"):
        volume.volume_from_views(views)


def test_two_views_that_do_not_overlap():
    low = view_of_balls(camera_at(0, 0), [((0, 0, -1.2), 0.3)])
    high = view_of_balls(camera_at(90, 0), [((0, 0, 1.2), 0.3)])
    with pytest.raises(RequestError, match="do not overlap"):
        volume.volume_from_views([low, high])


def test_an_empty_silhouette_is_named():
    views = views_around([((0, 0, 0), 0.5)])
    views[1].image[...] = 0
    with pytest.raises(RequestError, match="View 1"):
        volume.volume_from_views(views)


# ---------------------------------------------------------------- the Empty


MATRIX = np.array(Matrix.LocRotScale((1, 2, 3), Euler((0.3, 0.2, 0.1)), (2, 2, 2)))


def test_the_empty_shows_the_volume():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    assert (empty.empty_display_type, empty.empty_display_size) == ("CUBE", 1.0)
    assert empty.name in bpy.context.scene.collection.objects
    assert volume.matrix_of(empty) == pytest.approx(MATRIX, abs=1e-5)


def test_scale_may_differ_by_axis():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    empty.scale = (1.0, 2.0, 0.5)
    lengths = np.linalg.norm(volume.matrix_of(empty)[:3, :3], axis=0)
    assert lengths == pytest.approx((1.0, 2.0, 0.5), rel=1e-5)


def test_parents_constraints_and_display_size_count():
    empty = volume.add_volume(np.eye(4), bpy.context.scene)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.scale = (3, 3, 3)
    empty.parent = parent
    empty.empty_display_size = 0.5
    empty.constraints.new("LIMIT_LOCATION").min_z = 7
    empty.constraints[0].use_min_z = True
    expected = np.diag([1.5, 1.5, 1.5, 1.0])
    expected[2, 3] = 7
    assert volume.matrix_of(empty) == pytest.approx(expected, abs=1e-5)


def test_a_mirrored_empty_is_the_same_cube():
    empty = volume.add_volume(MATRIX, bpy.context.scene)
    empty.scale = (2, -2, 2)
    result = volume.matrix_of(empty)
    assert np.linalg.det(result[:3, :3]) == pytest.approx(8, rel=1e-4)
    signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), -1).reshape(-1, 3)
    corners = {tuple(c) for c in (signs @ result[:3, :3].T + result[:3, 3]).round(3)}
    assert corners == {tuple(c) for c in (signs @ MATRIX[:3, :3].T + MATRIX[:3, 3]).round(3)}


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (Matrix.Diagonal((1, 0, 1, 1)), "flat"),
        (Matrix.Translation((0, math.inf, 0)), "finite"),
        (Matrix.Shear("XZ", 4, (0.4, 0.0)), "sheared"),
    ],
)
def test_matrices_that_are_no_volume(matrix, word):
    empty = volume.add_volume(np.eye(4), bpy.context.scene)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    empty.parent = parent
    empty.matrix_parent_inverse = matrix
    with pytest.raises(RequestError, match=word):
        volume.matrix_of(empty)
