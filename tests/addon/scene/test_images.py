"""Pictures of every kind to sRGB with straight alpha, and every picture that can't be used."""

import struct
import zlib

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import cameras, images  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import CameraData  # noqa: E402

pytestmark = pytest.mark.bpy


def picture(height=4, width=6, seed=0):
    """Random bytes, (H, W, 4), some of them transparent."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    values[0, 0, 3], values[-1, -1, 3] = 0, 255
    return values


def save(image, path, file_format="PNG"):
    image.filepath_raw, image.file_format = str(path), file_format
    image.save()
    return str(path)


def write_png(path, width, height):
    """A black picture, one bit a pixel, by hand: Blender could not hold a large one."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return str(path)


def srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def depsgraph():
    return bpy.context.evaluated_depsgraph_get()


# ---------------------------------------------------------------- pixels


def test_bytes_come_back_as_they_are_top_row_first(add_image):
    values = picture()
    result = images.read_pixels(add_image(values))
    assert result.dtype == np.uint8
    assert np.array_equal(result, values)


def test_a_file_is_read_and_leaves_nothing_behind(add_image, tmp_path):
    values = picture()
    values[..., 3] |= 1  # Blender's PNG writer drops the colour of what is wholly transparent
    path = save(add_image(values), tmp_path / "picture.png")
    before = set(bpy.data.images)
    assert np.array_equal(images.read_file(path), values)
    assert set(bpy.data.images) == before


def test_pixels_that_were_not_loaded_are_let_go_again(add_image, tmp_path):
    path = save(add_image(picture()), tmp_path / "picture.png")
    image = bpy.data.images.load(path)
    assert not image.has_data
    images.read_pixels(image)
    assert not image.has_data


def test_floats_become_srgb_with_straight_alpha(add_image):
    straight = np.random.default_rng(1).uniform(0, 1, (5, 3, 4)).astype(np.float32)
    premultiplied = np.concatenate([straight[..., :3] * straight[..., 3:], straight[..., 3:]], -1)
    result = images.read_pixels(add_image(premultiplied, is_float=True))
    assert result.dtype == np.float32
    assert result == pytest.approx(
        np.concatenate([srgb(straight[..., :3]), straight[..., 3:]], -1), abs=1e-5
    )


@pytest.mark.parametrize("alpha_mode", ["STRAIGHT", "PREMUL"])
def test_exr_is_linear_and_comes_back_as_it_was_painted(alpha_mode, add_image, tmp_path):
    values = picture()
    values[..., 3] |= 128
    bpy.context.scene.view_settings.view_transform = "Standard"
    settings = bpy.context.scene.render.image_settings
    settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "32"
    path = str(tmp_path / "picture.exr")
    add_image(values).save_render(path, scene=bpy.context.scene)
    image = bpy.data.images.load(path)
    assert image.alpha_mode == "PREMUL"
    image.alpha_mode = alpha_mode  # told that it is straight, Blender multiplies once more
    expected = values.astype(float) / 255
    result = images.read_pixels(image)
    assert result[..., 3] == pytest.approx(expected[..., 3], abs=1e-3)
    if alpha_mode == "PREMUL":
        assert result == pytest.approx(expected, abs=2e-3)
    else:
        linear = np.where(
            expected <= 0.04045, expected / 12.92, ((expected + 0.055) / 1.055) ** 2.4
        )
        assert result[..., :3] == pytest.approx(srgb(linear[..., :3] * expected[..., 3:]), abs=2e-3)


def test_brighter_than_white_is_white(add_image):
    values = np.full((2, 2, 4), 7.0, np.float32)
    values[..., 3] = 1.0
    assert images.read_pixels(add_image(values, is_float=True)).max() == 1.0


def test_floats_that_are_not_finite_are_refused(add_image):
    with pytest.raises(RequestError, match="finite"):
        images.read_pixels(add_image(np.full((2, 2, 4), np.nan, np.float32), is_float=True))


@pytest.mark.parametrize("depth", ["8", "16"])
@pytest.mark.parametrize("mode", ["BW", "RGB", "RGBA"])
def test_png_of_every_kind(mode, depth, add_image, tmp_path):
    values = picture()
    values[..., 3] = 255
    values[..., 1] = values[..., 2] = values[..., 0]
    settings = bpy.context.scene.render.image_settings
    bpy.context.scene.view_settings.view_transform = "Standard"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", mode, depth
    path = str(tmp_path / "picture.png")
    add_image(values).save_render(path, scene=bpy.context.scene)
    result = images.read_file(path)
    assert result.dtype == (np.uint8 if depth == "8" else np.float32)
    scale = 1 if depth == "8" else 255
    assert np.abs(result * scale - values.astype(float)).max() <= 1.01


def test_packed_images_need_no_file(add_image, tmp_path):
    values = picture()
    values[..., 3] |= 1
    path = tmp_path / "picture.png"
    image = bpy.data.images.load(save(add_image(values), path))
    image.pack()
    path.unlink()
    assert np.array_equal(images.read_pixels(image), values)


# ---------------------------------------------------------------- what can't be read


def test_renders_that_were_not_saved(scene, add_scene_camera):
    scene.camera = add_scene_camera()
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    bpy.ops.render.render()
    with pytest.raises(RequestError, match="Save it"):
        images.read_pixels(bpy.data.images["Render Result"])


@pytest.mark.parametrize(("source", "word"), [("MOVIE", "movie"), ("TILED", "tiled")])
def test_movies_and_tiles(source, word, add_image, tmp_path):
    image = bpy.data.images.load(save(add_image(picture()), tmp_path / "picture.png"))
    image.source = source
    with pytest.raises(RequestError, match=word):
        images.read_pixels(image)


def test_a_missing_file(add_image, tmp_path):
    path = tmp_path / "picture.png"
    image = bpy.data.images.load(save(add_image(picture()), path))
    path.unlink()
    with pytest.raises(RequestError, match="no file"):
        images.read_pixels(image)
    with pytest.raises(RequestError, match="no file"):
        images.read_file(str(path))


def test_an_empty_file(tmp_path):
    path = tmp_path / "picture.png"
    path.touch()
    before = set(bpy.data.images)
    with pytest.raises(RequestError, match="empty"):
        images.read_file(str(path))
    assert set(bpy.data.images) == before


@pytest.mark.parametrize("content", [b"these are words", b"\x89PNG\r\n\x1a\n but no picture"])
def test_a_file_that_is_no_picture(content, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    before = set(bpy.data.images)
    with pytest.raises(RequestError, match="can't be read"):
        images.read_file(str(path))
    assert set(bpy.data.images) == before


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(RequestError, match="can't be opened"):
        images.read_file(str(tmp_path))


@pytest.mark.parametrize("size", [(20_000, 20_000), (20_000, 8), (9_000, 9_000)])
def test_a_huge_picture_is_refused_before_its_pixels_are_read(size, tmp_path):
    path = write_png(tmp_path / "picture.png", *size)
    image = bpy.data.images.load(path)
    with pytest.raises(RequestError, match=f"{size[0]} x {size[1]}"):
        images.read_pixels(image)
    assert not image.has_data
    image.pack()
    with pytest.raises(RequestError, match=f"{size[0]} x {size[1]}"):
        images.read_pixels(image)
    assert not image.has_data


# ---------------------------------------------------------------- pictures of cameras


@pytest.fixture
def pick():
    """Pick a camera's render, in the property that the panel uses."""
    made = not hasattr(bpy.types.Object, "levelform_camera")
    if made:

        class CameraPicture(bpy.types.PropertyGroup):
            image: bpy.props.PointerProperty(type=bpy.types.Image)
            frame: bpy.props.FloatProperty()
            matched: bpy.props.StringProperty()

        bpy.utils.register_class(CameraPicture)
        bpy.types.Object.levelform_camera = bpy.props.PointerProperty(type=CameraPicture)

    def pick(camera, image):
        camera.levelform_camera.image = image

    yield pick
    if made:
        del bpy.types.Object.levelform_camera
        bpy.utils.unregister_class(CameraPicture)


@pytest.fixture
def scene():
    """A scene that renders 6 x 4 pixels, as `picture` is."""
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 6, 4
    return bpy.context.scene


def test_a_background_image_is_the_picture(scene, add_scene_camera, add_image):
    camera = add_scene_camera()
    values = picture()
    background = camera.data.background_images.new()
    background.image = add_image(values)
    found = images.picture_of(camera, scene)
    assert (found.source, found.image, found.problem) == ("BACKGROUND", background.image, "")
    view = images.view_of(camera, scene, depsgraph())
    assert np.array_equal(view.image, values)
    assert view.name == camera.name
    assert (view.camera.w, view.camera.h) == (6, 4)


def test_a_background_that_is_shown_comes_first(scene, add_scene_camera, add_image):
    camera = add_scene_camera()
    for name, shown in (("Hidden", False), ("Shown", True)):
        background = camera.data.background_images.new()
        background.image = add_image(picture(), name)
        background.show_background_image = shown
    assert images.picture_of(camera, scene).image.name == "Shown"
    camera.data.background_images.remove(background)
    assert images.picture_of(camera, scene).image.name == "Hidden"


def test_a_picked_render_comes_before_the_background(scene, add_scene_camera, add_image, pick):
    camera = add_scene_camera()
    camera.data.background_images.new().image = add_image(picture(), "Background")
    pick(camera, add_image(picture(seed=3), "Render"))
    found = images.picture_of(camera, scene)
    assert (found.source, found.image.name, found.background) == ("RENDER", "Render", None)
    view = images.view_of(camera, scene, depsgraph())
    assert np.array_equal(view.image, picture(seed=3))
    assert (
        vars(view.camera).keys() == vars(cameras.render_camera(camera, scene, depsgraph())).keys()
    )


def test_a_render_at_another_percentage_is_taken(scene, add_scene_camera, add_image, pick, project):
    camera = add_scene_camera(shift_x=0.1)
    pick(camera, add_image(picture(8, 12)))
    view = images.view_of(camera, scene, depsgraph())
    points = np.random.default_rng(0).uniform((-1, -1, -5), (1, 1, -2), (9, 3))
    rendered = cameras.render_camera(camera, scene, depsgraph())
    assert project(view.camera, points) == pytest.approx(2 * project(rendered, points))


def test_a_render_of_another_shape_is_refused(scene, add_scene_camera, add_image, pick):
    camera = add_scene_camera()
    pick(camera, add_image(picture(7, 7)))
    assert "7 x 7" in images.picture_of(camera, scene).problem
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
def test_mirror_images_are_set_right(flips, scale, axes, scene, add_scene_camera, add_image):
    camera = add_scene_camera()
    camera.scale = (scale, 1, 1)
    bpy.context.view_layer.update()
    background = camera.data.background_images.new()
    background.image = add_image(picture())
    background.use_flip_x, background.use_flip_y = flips
    view = images.view_of(camera, scene, depsgraph())
    assert np.array_equal(view.image, np.flip(picture(), axes))
    assert view.image.flags.c_contiguous


def test_a_sequence_shows_the_frame_of_the_scene(scene, add_scene_camera, add_image, tmp_path):
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
        assert images.picture_of(camera, scene).problem == ""
        return images.view_of(camera, scene, depsgraph()).image[0, 0, 0] / 50

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
    assert "no file" in images.picture_of(camera, scene).problem


def test_cameras_without_a_picture_say_so(scene, add_scene_camera):
    camera = add_scene_camera(name="Left")
    found = images.picture_of(camera, scene)
    assert found.source == "NONE"
    assert "Left has no picture" in found.problem
    camera.data.background_images.new()
    assert "Left has no picture" in images.picture_of(camera, scene).problem
    camera.data.background_images[0].source = "MOVIE_CLIP"
    assert "movie clip" in images.picture_of(camera, scene).problem
    with pytest.raises(RequestError, match="movie clip"):
        images.view_of(camera, scene, depsgraph())


def test_a_cameras_own_problem_is_the_pictures(scene, add_scene_camera, add_image):
    camera = add_scene_camera("PANO")
    camera.data.background_images.new().image = add_image(picture())
    assert "panoramic" in images.picture_of(camera, scene).problem
    assert "not a camera" in images.picture_of(bpy.data.objects.new("E", None), scene).problem


def test_problems_of_files_are_known_without_reading_pixels(
    scene, add_scene_camera, add_image, tmp_path
):
    camera = add_scene_camera()
    background = camera.data.background_images.new()
    path = tmp_path / "picture.png"
    background.image = bpy.data.images.load(save(add_image(picture()), path))
    assert images.picture_of(camera, scene).problem == ""
    write_png(path, 20_000, 20_000)
    assert "20000 x 20000" in images.picture_of(camera, scene).problem
    path.write_bytes(b"")
    assert "empty" in images.picture_of(camera, scene).problem
    path.unlink()
    assert "no file" in images.picture_of(camera, scene).problem
    assert not background.image.has_data
    background.rotation = 0.5
    background.image = add_image(picture())
    assert "rotated" in images.picture_of(camera, scene).problem


# ---------------------------------------------------------------- shrinking


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shrinking_is_the_mean_weighted_by_alpha(dtype):
    """Against two loops."""
    values = picture(11, 8)
    values = values if dtype == np.uint8 else values.astype(np.float32) / 255
    camera = CameraData(np.eye(4), 10.0, 12.0, 3.0, 5.0, 8, 11)
    small, seen = images.shrink(values, camera, 4)
    assert (small.shape, small.dtype) == ((3, 2, 4), dtype)
    for row, column in np.ndindex(3, 2):
        block = values[3 * row : 3 * row + 3, 3 * column : 3 * column + 3].astype(np.float64)
        weight = block[..., 3:]
        color = (block[..., :3] * weight).sum((0, 1)) / weight.sum()
        expected = [*color, weight.mean()]
        rounding = 0.51 if dtype == np.uint8 else 1e-5
        assert small[row, column] == pytest.approx(expected, abs=rounding)
    assert (seen.w, seen.h) == (2, 3)
    assert (seen.fl_x, seen.fl_y, seen.cx, seen.cy) == pytest.approx((10 / 3, 4.0, 1.0, 5 / 3))


def test_small_pictures_are_not_shrunk():
    values = picture()
    camera = CameraData(np.eye(4), 10.0, 12.0, 3.0, 5.0, 6, 4)
    assert images.shrink(values, camera, 6) == (values, camera)


def test_what_is_transparent_does_not_bleed():
    values = np.zeros((2, 2, 4), np.uint8)
    values[0, 0] = (200, 100, 50, 255)
    small, _ = images.shrink(values, CameraData(np.eye(4), 1.0, 1.0, 1.0, 1.0, 2, 2), 1)
    assert small[0, 0] == pytest.approx((200, 100, 50, 64), abs=1)


# ---------------------------------------------------------------- renders


def test_a_camera_renders_its_own_picture(add_scene_camera):
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
    image = images.render_picture(camera, scene)
    assert image.packed_file is not None
    pixels = images.read_pixels(image)
    assert pixels.shape == (16, 24, 4)
    assert pixels[8, 12, 3] == 255
    assert pixels[0, 0, 3] == 0
    assert scene.camera == other
    assert scene.render.filepath == "//mine"
    assert not scene.render.film_transparent
