"""Which image belongs to a camera, every one that can't be used, and renders."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import cameras, images, pixels  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

from .conftest import depsgraph, random_pixels, save, write_png  # noqa: E402

pytestmark = pytest.mark.bpy


# ---------------------------------------------------------------- images of cameras


@pytest.fixture
def pick():
    """Pick a camera's render, in the property that the panel uses."""
    made = not hasattr(bpy.types.Object, "levelform_camera")
    if made:

        class CameraImageGroup(bpy.types.PropertyGroup):
            image: bpy.props.PointerProperty(type=bpy.types.Image)
            frame: bpy.props.FloatProperty()
            matched: bpy.props.StringProperty()

        bpy.utils.register_class(CameraImageGroup)
        bpy.types.Object.levelform_camera = bpy.props.PointerProperty(type=CameraImageGroup)

    def pick(camera, image):
        camera.levelform_camera.image = image

    yield pick
    if made:
        del bpy.types.Object.levelform_camera
        bpy.utils.unregister_class(CameraImageGroup)


@pytest.fixture
def scene():
    """A scene that renders 6 x 4 pixels, as `random_pixels` is."""
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 6, 4
    return bpy.context.scene


def test_a_background_image_is_the_image(scene, add_scene_camera, add_image):
    camera = add_scene_camera()
    values = random_pixels()
    background = camera.data.background_images.new()
    background.image = add_image(values)
    camera_image = images.camera_image_of(camera, scene)
    assert (camera_image.source, camera_image.image, camera_image.problem) == (
        "BACKGROUND",
        background.image,
        "",
    )
    view = images.view_of(camera, scene, depsgraph())
    assert np.array_equal(view.image, values)
    assert view.name == camera.name
    assert (view.camera.w, view.camera.h) == (6, 4)


def test_a_background_that_is_shown_comes_first(scene, add_scene_camera, add_image):
    camera = add_scene_camera()
    for name, shown in (("Hidden", False), ("Shown", True)):
        background = camera.data.background_images.new()
        background.image = add_image(random_pixels(), name)
        background.show_background_image = shown
    assert images.camera_image_of(camera, scene).image.name == "Shown"
    camera.data.background_images.remove(background)
    assert images.camera_image_of(camera, scene).image.name == "Hidden"


def test_a_picked_render_comes_before_the_background(scene, add_scene_camera, add_image, pick):
    camera = add_scene_camera()
    camera.data.background_images.new().image = add_image(random_pixels(), "Background")
    pick(camera, add_image(random_pixels(seed=3), "Render"))
    camera_image = images.camera_image_of(camera, scene)
    assert (camera_image.source, camera_image.image.name, camera_image.background) == (
        "RENDER",
        "Render",
        None,
    )
    view = images.view_of(camera, scene, depsgraph())
    assert np.array_equal(view.image, random_pixels(seed=3))
    assert (
        vars(view.camera).keys() == vars(cameras.render_camera(camera, scene, depsgraph())).keys()
    )


def test_a_render_at_another_percentage_is_taken(scene, add_scene_camera, add_image, pick, project):
    camera = add_scene_camera(shift_x=0.1)
    pick(camera, add_image(random_pixels(8, 12)))
    view = images.view_of(camera, scene, depsgraph())
    points = np.random.default_rng(0).uniform((-1, -1, -5), (1, 1, -2), (9, 3))
    rendered = cameras.render_camera(camera, scene, depsgraph())
    assert project(view.camera, points) == pytest.approx(2 * project(rendered, points))


def test_a_render_of_another_shape_is_refused(scene, add_scene_camera, add_image, pick):
    camera = add_scene_camera()
    pick(camera, add_image(random_pixels(7, 7)))
    assert "7 x 7" in images.camera_image_of(camera, scene).problem
    with pytest.raises(RequestError, match="6 x 4"):
        images.view_of(camera, scene, depsgraph())


@pytest.mark.parametrize(
    ("flips", "scale", "axes"),
    [
        ((True, False), 1, (1,)),
        ((False, True), 1, (0,)),
        ((True, True), 1, (0, 1)),
        ((False, False), -1, (1,)),
        ((True, False), -1, ()),
    ],
)
def test_mirror_images_are_corrected(
    flips, scale, axes, scene, add_scene_camera, add_image, prepared
):
    camera = add_scene_camera()
    camera.scale = (scale, 1, 1)
    bpy.context.view_layer.update()
    background = camera.data.background_images.new()
    background.image = add_image(random_pixels())
    background.use_flip_x, background.use_flip_y = flips
    view = images.view_of(camera, scene, depsgraph())
    expected = np.flip(random_pixels(), axes) / np.float32(255)
    assert np.array_equal(prepared(view).image, expected)


def test_a_sequence_shows_the_frame_of_the_scene(
    scene, add_scene_camera, add_image, tmp_path, prepared
):
    for frame in (1, 2, 3):
        values = np.full((4, 6, 4), 255, np.uint8)
        values[..., 0] = 50 * frame
        save(add_image(values), tmp_path / f"shot_{frame:04}.png")
    camera = add_scene_camera()
    background = camera.data.background_images.new()
    background.image = bpy.data.images.load(str(tmp_path / "shot_0001.png"))
    background.image.source = "SEQUENCE"
    background.image_user.frame_duration = 3
    user = background.image_user
    user.frame_start = 1

    def red():
        assert images.camera_image_of(camera, scene).problem == ""
        view = prepared(images.view_of(camera, scene, depsgraph()))
        return round(float(view.image[0, 0, 0]) * 255) / 50

    for frame, shown in ((1, 1), (3, 3), (2, 2), (7, 3)):
        scene.frame_set(frame)
        assert red() == shown
    user.frame_start, user.frame_offset = (
        6,
        1,
    )  # frame 7 is its second, and shows the file after that
    assert red() == 3
    user.use_cyclic, user.frame_start, user.frame_offset = True, 1, 0
    assert red() == 1
    user.frame_offset = 20
    assert "does not exist" in images.camera_image_of(camera, scene).problem


def test_cameras_without_an_image_say_so(scene, add_scene_camera):
    camera = add_scene_camera(name="Left")
    camera_image = images.camera_image_of(camera, scene)
    assert camera_image.source == "NONE"
    assert "Left has no image" in camera_image.problem
    camera.data.background_images.new()
    assert "Left has no image" in images.camera_image_of(camera, scene).problem
    camera.data.background_images[0].source = "MOVIE_CLIP"
    assert "movie clip" in images.camera_image_of(camera, scene).problem
    with pytest.raises(RequestError, match="movie clip"):
        images.view_of(camera, scene, depsgraph())


def test_a_cameras_own_problem_is_the_images(scene, add_scene_camera, add_image):
    camera = add_scene_camera("PANO")
    camera.data.background_images.new().image = add_image(random_pixels())
    assert "panoramic" in images.camera_image_of(camera, scene).problem
    assert "not a camera" in images.camera_image_of(bpy.data.objects.new("E", None), scene).problem


def test_problems_of_files_are_known_without_reading_pixels(
    scene, add_scene_camera, add_image, tmp_path
):
    camera = add_scene_camera()
    background = camera.data.background_images.new()
    path = tmp_path / "picture.png"
    background.image = bpy.data.images.load(save(add_image(random_pixels()), path))
    assert images.camera_image_of(camera, scene).problem == ""
    write_png(path, 20_000, 20_000)
    assert "20000 x 20000" in images.camera_image_of(camera, scene).problem
    path.write_bytes(b"")
    assert "empty" in images.camera_image_of(camera, scene).problem
    path.unlink()
    assert "does not exist" in images.camera_image_of(camera, scene).problem
    assert not background.image.has_data
    background.rotation = 0.5
    background.image = add_image(random_pixels())
    assert "rotated" in images.camera_image_of(camera, scene).problem


# ---------------------------------------------------------------- renders


def test_a_camera_renders_its_own_image(add_scene_camera):
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 4
    scene.render.resolution_x, scene.render.resolution_y = 24, 16
    bpy.ops.mesh.primitive_cube_add(size=1)
    camera = add_scene_camera()
    camera.location.z = 4
    other = add_scene_camera(name="Other")
    scene.camera = other
    scene.render.filepath = "//mine"
    image = images.render_image(camera, scene)
    assert image.packed_file is not None
    values = pixels.read_pixels(image)
    assert values.shape == (16, 24, 4)
    assert values[8, 12, 3] == 255
    assert values[0, 0, 3] == 0
    assert scene.camera == other
    assert scene.render.filepath == "//mine"
    assert not scene.render.film_transparent
