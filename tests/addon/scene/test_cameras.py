"""Cameras against Blender's own projection, the overlay's matrices in full, and real renders."""

import itertools
import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from levelform.addon.scene import cameras  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import CameraData  # noqa: E402
from mathutils import Euler, Matrix, Vector  # noqa: E402

pytestmark = pytest.mark.bpy

PIXEL = 0.01  # what every projection must agree to
FITS = ("AUTO", "HORIZONTAL", "VERTICAL")
SIZES = ((1920, 1080), (1080, 1920), (641, 641))
PERCENTAGES = (100, 37)
ASPECTS = ((1.0, 1.0), (2.0, 1.0), (1.0, 1.5))
SHIFTS = ((0.0, 0.0), (0.13, -0.21))
# lens, sensor width, sensor height, orthographic scale
INTRINSICS = ((50.0, 36.0, 24.0, 6.0), (23.0, 22.3, 31.0, 1.7))
POSE = Matrix.LocRotScale((1.0, -4.0, 2.0), Euler((1.1, 0.2, 0.3)), (1.0, 1.0, 1.0))


def set_render(size, percentage=100, aspect=(1.0, 1.0)):
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = percentage
    render.pixel_aspect_x, render.pixel_aspect_y = aspect
    return bpy.context.scene


def depsgraph():
    return bpy.context.evaluated_depsgraph_get()


def points_before(matrix, seed=0, count=20):
    """Random points, (count, 3) world, in front of a camera at `matrix`."""
    local = np.random.default_rng(seed).uniform((-2, -2, -9), (2, 2, -2), (count, 3))
    axes = np.array(Matrix(matrix).normalized())
    return local @ axes[:3, :3].T + axes[:3, 3]


def blender_pixels(camera_object, scene, points):
    """Project by the matrices that Blender itself renders with; (N, 2), y down."""
    render = scene.render
    width = int(render.resolution_x * render.resolution_percentage) // 100
    height = int(render.resolution_y * render.resolution_percentage) // 100
    window = camera_object.calc_matrix_camera(
        depsgraph(),
        x=width,
        y=height,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    view = np.linalg.inv(np.array(camera_object.matrix_world.normalized(), np.float64))
    clip = np.c_[points, np.ones(len(points))] @ (np.array(window, np.float64) @ view).T
    ndc = clip[:, :2] / clip[:, 3:]
    return np.stack([(1 + ndc[:, 0]) / 2 * width, (1 - ndc[:, 1]) / 2 * height], -1)


# ---------------------------------------------------------------- renders


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("fit", FITS)
def test_render_camera_is_blenders_projection(kind, fit, add_scene_camera, project):
    """72 set-ups for each fit and kind, 432 in all, 20 points each."""
    camera = add_scene_camera(kind, sensor_fit=fit)
    camera.matrix_world = POSE
    points = points_before(POSE)
    worst = 0.0
    for size, percentage, aspect, shift, lens in itertools.product(
        SIZES, PERCENTAGES, ASPECTS, SHIFTS, INTRINSICS
    ):
        scene = set_render(size, percentage, aspect)
        data = camera.data
        data.lens, data.sensor_width, data.sensor_height, data.ortho_scale = lens
        data.shift_x, data.shift_y = shift
        result = cameras.render_camera(camera, scene, depsgraph())
        expected = blender_pixels(camera, scene, points)
        worst = max(worst, np.abs(project(result, points) - expected).max())
    assert worst < PIXEL


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("fit", FITS)
def test_render_camera_is_world_to_camera_view(kind, fit, add_scene_camera, project):
    scene = set_render((960, 540), 50, (1.0, 1.5))
    camera = add_scene_camera(kind, sensor_fit=fit, lens=31.0, shift_x=0.1, shift_y=-0.2)
    camera.matrix_world = POSE
    points = points_before(POSE)
    bpy.context.view_layer.update()
    seen = [world_to_camera_view(scene, camera, Vector(point)) for point in points]
    expected = np.array([[480 * x, 270 * (1 - y)] for x, y, _ in seen])
    result = cameras.render_camera(camera, scene, depsgraph())
    assert (result.w, result.h) == (480, 270)
    assert np.abs(project(result, points) - expected).max() < PIXEL


def test_pixels_that_are_not_square_give_two_focal_lengths(add_scene_camera):
    scene = set_render((720, 576), aspect=(1.0, 1.5))
    result = cameras.render_camera(add_scene_camera(), scene, depsgraph())
    assert result.fl_x == pytest.approx(1.5 * result.fl_y)


@pytest.mark.parametrize("scale", list(itertools.product([0.3, -2.0], [1.0, -0.5], [2.0, -1.0])))
def test_scaled_and_mirrored_cameras(scale, add_scene_camera, project):
    """A scale does not change the view, a negative one mirrors it."""
    scene = set_render((640, 480))
    camera = add_scene_camera(shift_x=0.1, shift_y=0.05)
    camera.matrix_world = Matrix.LocRotScale((1, -4, 2), Euler((1.1, 0.2, 0.3)), scale)
    result = cameras.render_camera(camera, scene, depsgraph())
    flip_x, flip_y = cameras.mirroring(camera, None, depsgraph())
    points = points_before(camera.matrix_world)
    expected = blender_pixels(camera, scene, points)
    if flip_x:
        expected[:, 0] = result.w - expected[:, 0]
    if flip_y:
        expected[:, 1] = result.h - expected[:, 1]
    assert flip_x == (math.prod(scale) < 0)
    assert min(result.fl_x, result.fl_y) > 0
    assert np.linalg.det(result.transform_matrix[:3, :3]) == pytest.approx(1, abs=1e-5)
    assert np.abs(project(result, points) - expected).max() < PIXEL


def test_parents_constraints_and_animation_count(add_scene_camera, project):
    scene = set_render((640, 480))
    parent = bpy.data.objects.new("Parent", None)
    target = bpy.data.objects.new("Target", None)
    for one in (parent, target):
        scene.collection.objects.link(one)
    parent.matrix_world = Matrix.LocRotScale((0, 0, 1), Euler((0, 0, 0.7)), (2, 2, 2))
    camera = add_scene_camera()
    camera.parent = parent
    camera.constraints.new("TRACK_TO").target = target
    for frame, x, lens in ((1, 3.0, 35.0), (11, -5.0, 85.0)):
        camera.location = (x, 1.0, 0.5)
        camera.data.lens = lens
        camera.keyframe_insert("location", frame=frame)
        camera.data.keyframe_insert("lens", frame=frame)
    for frame in (1, 6, 11):
        scene.frame_set(frame)
        result = cameras.render_camera(camera, scene, depsgraph())
        middle = project(result, np.zeros((1, 3)))[0]
        assert middle == pytest.approx((320, 240), abs=PIXEL)  # it tracks the origin
        assert result.transform_matrix[:3, 3] == pytest.approx(
            np.array(parent.matrix_world @ camera.location), abs=1e-5
        )
        assert result.fl_x == pytest.approx(camera.data.lens / 36 * 640, rel=1e-6)
    assert camera.data.lens == pytest.approx(85.0)


@pytest.mark.parametrize(
    ("kind", "scale", "settings"),
    [
        ("PERSP", (1, 1, 1), {"shift_x": 0.2, "sensor_fit": "VERTICAL"}),
        ("PERSP", (-1, 1, 1), {"shift_x": 0.2}),
        ("ORTHO", (1, 1, 1), {"shift_y": -0.15}),
    ],
)
def test_cycles_renders_the_ball_where_the_camera_says(
    kind, scale, settings, add_scene_camera, project, tmp_path
):
    scene = set_render((96, 64), aspect=(1.0, 1.4))
    camera = add_scene_camera(kind, lens=40.0, ortho_scale=5.0, **settings)
    camera.matrix_world = Matrix.LocRotScale((0.5, -6, 2), Euler((1.3, 0.3, 0.1)), scale)
    bpy.ops.mesh.primitive_uv_sphere_add(radius=0.3, location=(0.7, 0.4, 0.9))
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 16
    scene.render.film_transparent = True
    scene.render.filepath = str(tmp_path / "ball.png")
    scene.render.image_settings.color_mode = "RGBA"
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(tmp_path / "ball.png"))
    alpha = np.array(image.pixels[:]).reshape(64, 96, 4)[::-1, :, 3]
    columns, rows = np.arange(96) + 0.5, np.arange(64) + 0.5
    seen = np.array([alpha.sum(0) @ columns, alpha.sum(1) @ rows]) / alpha.sum()
    result = cameras.render_camera(camera, scene, depsgraph())
    if cameras.mirroring(camera, None, depsgraph())[0]:
        seen[0] = 96 - seen[0]
    # A ball's outline is not centred on its centre in perspective, by a few hundredths of a pixel
    # here.
    assert project(result, np.array([[0.7, 0.4, 0.9]]))[0] == pytest.approx(seen, abs=0.25)


# ---------------------------------------------------------------- background images


def drawn_pixels(camera_object, background, size, scene, points):
    """Draw as Blender's overlay does: a quad from -1 to 1, scaled, moved, before the camera."""
    width, height = size
    data = camera_object.data
    corners = np.array(data.view_frame(scene=scene), np.float64)
    frame = np.ptp(corners[:, 0]), np.ptp(corners[:, 1])
    frame_aspect = frame[0] / frame[1]
    aspect_x, aspect_y = background.image.display_aspect
    image_aspect = width * aspect_x / (height * aspect_y)
    wide = image_aspect > frame_aspect
    shown = {
        ("CROP", True): (frame[1] * image_aspect, frame[1]),
        ("CROP", False): (frame[0], frame[0] / image_aspect),
        ("FIT", True): (frame[0], frame[0] / image_aspect),
        ("FIT", False): (frame[1] * image_aspect, frame[1]),
        ("STRETCH", True): frame,
        ("STRETCH", False): frame,
    }[background.frame_method, wide]
    scale = np.diag([*np.multiply(shown, 0.5 * background.scale), 1, 1])
    scale[0, 0] *= -1 if background.use_flip_x else 1
    scale[1, 1] *= -1 if background.use_flip_y else 1
    move = np.eye(4)
    move[:2, 3] = background.offset
    move[:2, 3] *= data.ortho_scale if data.type == "ORTHO" else 1.0
    move[0, 3] *= min(1.0, frame_aspect)
    move[1, 3] /= max(1.0, frame_aspect) * (image_aspect / frame_aspect)
    move[:2, 3] += (corners[0, :2] + corners[2, :2]) / 2
    move[2, 3] = corners[0, 2]

    world = np.array(camera_object.matrix_world.normalized(), np.float64)
    local = (points - world[:3, 3]) @ world[:3, :3]
    if data.type == "ORTHO":
        local[:, 2] = corners[0, 2]
    else:
        local *= (corners[0, 2] / local[:, 2])[:, None]  # on to the plane of the quad
    quad = np.c_[local, np.ones(len(local))] @ np.linalg.inv(move @ scale).T
    return np.stack([(1 + quad[:, 0]) / 2 * width, (1 - quad[:, 1]) / 2 * height], -1)


def add_background(camera_object, size, **settings):
    background = camera_object.data.background_images.new()
    background.image = bpy.data.images.new("Image", *size)
    for key, value in settings.items():
        setattr(background, key, value)
    bpy.context.view_layer.update()
    return background


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("method", ["FIT", "CROP", "STRETCH"])
def test_background_camera_is_the_drawn_quad(kind, method, add_scene_camera, project):
    """96 set-ups for each kind and method."""
    camera = add_scene_camera(kind, shift_x=0.07, shift_y=-0.11, ortho_scale=4.0, lens=35.0)
    camera.matrix_world = POSE
    points = points_before(POSE)
    worst = 0.0
    for size, fit, (flip_x, flip_y), offset, aspect in itertools.product(
        ((320, 200), (200, 320)),
        FITS,
        ((False, False), (True, False), (False, True), (True, True)),
        ((0.0, 0.0), (0.21, -0.13)),
        ((1.0, 1.0), (1.0, 1.5)),
    ):
        scene = set_render((640, 480), aspect=aspect)
        camera.data.sensor_fit = fit
        background = add_background(
            camera, size, frame_method=method, scale=1.3, use_flip_x=flip_x, use_flip_y=flip_y
        )
        background.offset = offset
        result = cameras.background_camera(camera, background, size, scene, depsgraph())
        expected = drawn_pixels(camera, background, size, scene, points)
        assert cameras.mirroring(camera, background, depsgraph()) == (flip_x, flip_y)
        if flip_x:
            expected[:, 0] = size[0] - expected[:, 0]
        if flip_y:
            expected[:, 1] = size[1] - expected[:, 1]
        assert min(result.fl_x, result.fl_y) > 0
        worst = max(worst, np.abs(project(result, points) - expected).max())
        camera.data.background_images.remove(background)
    assert worst < PIXEL


@pytest.mark.parametrize("kind", ["PERSP", "ORTHO"])
@pytest.mark.parametrize("method", ["FIT", "CROP", "STRETCH"])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("aspect", [(1.0, 1.0), (1.0, 1.5), (2.0, 1.0)])
def test_a_render_as_background_is_the_render(kind, method, fit, aspect, add_scene_camera, project):
    scene = set_render((640, 360), aspect=aspect)
    camera = add_scene_camera(kind, sensor_fit=fit, shift_x=0.1, shift_y=0.2)
    camera.matrix_world = POSE
    background = add_background(camera, (640, 360), frame_method=method)
    background.image.display_aspect = (aspect[0] / max(aspect), aspect[1] / max(aspect))
    points = points_before(POSE)
    seen = cameras.background_camera(camera, background, (640, 360), scene, depsgraph())
    rendered = cameras.render_camera(camera, scene, depsgraph())
    assert np.abs(project(seen, points) - project(rendered, points)).max() < PIXEL


def test_a_mirrored_camera_and_a_flipped_image_cancel(add_scene_camera):
    scene = set_render((64, 64))
    camera = add_scene_camera()
    camera.scale = (-1, 1, 1)
    background = add_background(camera, (64, 64), use_flip_x=True)
    assert cameras.mirroring(camera, background, depsgraph()) == (False, False)
    straight = cameras.background_camera(camera, background, (64, 64), scene, depsgraph())
    assert straight.fl_x > 0


def test_animated_background_counts(add_scene_camera):
    scene = set_render((64, 64))
    camera = add_scene_camera()
    add_background(camera, (64, 64), scale=7.0)
    background = add_background(camera, (64, 64))
    for frame, scale in ((1, 1.0), (11, 3.0)):
        background.scale = scale
        background.keyframe_insert("scale", frame=frame)
    scene.frame_set(1)
    before = cameras.background_camera(camera, background, (64, 64), scene, depsgraph())
    scene.frame_set(11)
    after = cameras.background_camera(camera, background, (64, 64), scene, depsgraph())
    assert before.fl_x == pytest.approx(3 * after.fl_x)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(("kind", "word"), [("PANO", "panoramic"), ("CUSTOM", "custom")])
def test_unsupported_lenses_are_refused_by_name(kind, word, add_scene_camera):
    kinds = bpy.types.Camera.bl_rna.properties["type"].enum_items.keys()
    if kind not in kinds:
        pytest.skip(f"this Blender has no {kind} cameras")
    camera = add_scene_camera(kind, name="Fisheye")
    assert word in cameras.problem(camera)
    with pytest.raises(RequestError, match="Fisheye"):
        cameras.render_camera(camera, bpy.context.scene, depsgraph())


def test_a_good_camera_has_no_problem(add_scene_camera):
    assert cameras.problem(add_scene_camera("PERSP")) is None
    assert cameras.problem(add_scene_camera("ORTHO")) is None


def test_an_object_without_a_lens_is_refused():
    assert "not a camera" in cameras.problem(bpy.data.objects.new("Empty", None))


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (Matrix.Diagonal((0, 1, 1, 1)), "zero"),
        (Matrix.Translation((math.nan, 0, 0)), "finite"),
        (Matrix.Shear("XY", 4, (0.5, 0.2)), "sheared"),
    ],
)
def test_matrices_that_are_not_poses_are_refused(matrix, word, add_scene_camera):
    camera = add_scene_camera()
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    camera.parent = parent
    camera.matrix_parent_inverse = matrix
    bpy.context.view_layer.update()
    assert word in cameras.problem(camera)


@pytest.mark.parametrize(("setting", "value"), [("rotation", 0.2), ("scale", 0.0)])
def test_backgrounds_that_no_camera_can_show_are_refused(setting, value, add_scene_camera):
    camera = add_scene_camera()
    background = add_background(camera, (8, 8), **{setting: value})
    with pytest.raises(RequestError, match=r"rotated|scaled"):
        cameras.background_camera(camera, background, (8, 8), bpy.context.scene, depsgraph())


# ---------------------------------------------------------------- from numbers to a camera and back


@pytest.mark.parametrize("model", ["PINHOLE", "ORTHOGRAPHIC"])
@pytest.mark.parametrize("size", [(640, 480), (300, 500)])
@pytest.mark.parametrize("focal", [(700.0, 700.0), (90.0, 120.0), (9000.0, 8000.0)])
@pytest.mark.parametrize("render", [(1920, 1080), (200, 900)])
def test_added_cameras_give_their_numbers_back(model, size, focal, render, project):
    scene = set_render(render)
    given = CameraData(
        np.array(POSE), *focal, size[0] * 0.47, size[1] * 0.55, *size, camera_model=model
    )
    image = bpy.data.images.new("Image", *size)
    camera = cameras.add_camera("Added", given, image)
    background = camera.data.background_images[0]
    points = points_before(POSE)
    if model == "ORTHOGRAPHIC":
        points = np.array(POSE)[:3, 3] + (points - np.array(POSE)[:3, 3]) * 0.05
    expected = project(given, points)
    tolerance = PIXEL * max(1.0, np.abs(expected).max() / 2000)
    seen = cameras.background_camera(camera, background, size, scene, depsgraph())
    assert np.abs(project(seen, points) - expected).max() < tolerance
    cameras.match_render(scene, given)
    for seen in (
        cameras.render_camera(camera, scene, depsgraph()),
        cameras.background_camera(camera, background, size, scene, depsgraph()),
    ):
        assert (seen.w, seen.h, seen.camera_model) == (*size, model)
        assert np.abs(project(seen, points) - expected).max() < tolerance


def test_an_added_camera_without_an_image_goes_where_it_is_told():
    collection = bpy.data.collections.new("Cameras")
    bpy.context.scene.collection.children.link(collection)
    given = CameraData(np.array(POSE), 100.0, 100.0, 32.0, 32.0, 64, 64)
    camera = cameras.add_camera("Added", given, collection=collection)
    assert list(collection.objects) == [camera]
    assert not camera.data.background_images
