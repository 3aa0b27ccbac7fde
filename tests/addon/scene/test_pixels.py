"""Blender's images as files, bytes or pixels for the worker, and every image that can't be used."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.addon.scene import pixels  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.image_files import image_file  # noqa: E402
from levelform.backend.contract.protocol import CameraData, ImageFile, ViewData  # noqa: E402

from .conftest import random_pixels, save, srgb, write_png  # noqa: E402

pytestmark = pytest.mark.bpy


# ---------------------------------------------------------------- pixels


def test_bytes_come_back_as_they_are_top_row_first(add_image):
    values = random_pixels()
    result = pixels.read_pixels(add_image(values))
    assert result.dtype == np.uint8
    assert np.array_equal(result, values)


def test_a_file_is_read_and_leaves_nothing_behind(add_image, tmp_path):
    values = random_pixels()
    values[..., 3] |= 1  # Blender's PNG writer drops the colour of what is wholly transparent
    path = save(add_image(values), tmp_path / "picture.png")
    before = set(bpy.data.images)
    assert np.array_equal(pixels.read_file(path), values)
    assert set(bpy.data.images) == before


def test_pixels_that_were_not_loaded_are_released_again(add_image, tmp_path):
    path = save(add_image(random_pixels()), tmp_path / "picture.png")
    image = bpy.data.images.load(path)
    assert not image.has_data
    pixels.read_pixels(image)
    assert not image.has_data


def test_floats_become_srgb_with_straight_alpha(add_image):
    straight = np.random.default_rng(1).uniform(0, 1, (5, 3, 4)).astype(np.float32)
    premultiplied = np.concatenate([straight[..., :3] * straight[..., 3:], straight[..., 3:]], -1)
    result = pixels.read_pixels(add_image(premultiplied, is_float=True))
    assert result.dtype == np.float32
    assert result == pytest.approx(
        np.concatenate([srgb(straight[..., :3]), straight[..., 3:]], -1), abs=1e-5
    )


@pytest.mark.parametrize("alpha_mode", ["STRAIGHT", "PREMUL"])
def test_exr_is_linear_and_comes_back_as_it_was_painted(alpha_mode, add_image, tmp_path):
    values = random_pixels()
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
    result = pixels.read_pixels(image)
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
    assert pixels.read_pixels(add_image(values, is_float=True)).max() == 1.0


def test_non_finite_floats_are_refused(add_image):
    with pytest.raises(RequestError, match="finite"):
        pixels.read_pixels(add_image(np.full((2, 2, 4), np.nan, np.float32), is_float=True))


@pytest.mark.parametrize("depth", ["8", "16"])
@pytest.mark.parametrize("mode", ["BW", "RGB", "RGBA"])
def test_png_of_every_kind(mode, depth, add_image, tmp_path):
    values = random_pixels()
    values[..., 3] = 255
    values[..., 1] = values[..., 2] = values[..., 0]
    settings = bpy.context.scene.render.image_settings
    bpy.context.scene.view_settings.view_transform = "Standard"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", mode, depth
    path = str(tmp_path / "picture.png")
    add_image(values).save_render(path, scene=bpy.context.scene)
    result = pixels.read_file(path)
    assert result.dtype == (np.uint8 if depth == "8" else np.float32)
    scale = 1 if depth == "8" else 255
    assert np.abs(result * scale - values.astype(float)).max() <= 1.01


def test_packed_images_need_no_file(add_image, tmp_path):
    values = random_pixels()
    values[..., 3] |= 1
    path = tmp_path / "picture.png"
    image = bpy.data.images.load(save(add_image(values), path))
    image.pack()
    path.unlink()
    assert np.array_equal(pixels.read_pixels(image), values)


# ---------------------------------------------------------------- what can't be read


def test_renders_that_were_not_saved(add_scene_camera):
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 6, 4
    scene.camera = add_scene_camera()
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    bpy.ops.render.render()
    with pytest.raises(RequestError, match="Save it"):
        pixels.read_pixels(bpy.data.images["Render Result"])


@pytest.mark.parametrize(("source", "word"), [("MOVIE", "movie"), ("TILED", "tiled")])
def test_movies_and_tiles(source, word, add_image, tmp_path):
    image = bpy.data.images.load(save(add_image(random_pixels()), tmp_path / "picture.png"))
    image.source = source
    with pytest.raises(RequestError, match=word):
        pixels.read_pixels(image)


def test_a_missing_file(add_image, tmp_path):
    path = tmp_path / "picture.png"
    image = bpy.data.images.load(save(add_image(random_pixels()), path))
    path.unlink()
    with pytest.raises(RequestError, match="does not exist"):
        pixels.read_pixels(image)
    with pytest.raises(RequestError, match="does not exist"):
        pixels.read_file(str(path))


def test_an_empty_file(tmp_path):
    path = tmp_path / "picture.png"
    path.touch()
    before = set(bpy.data.images)
    with pytest.raises(RequestError, match="empty"):
        pixels.read_file(str(path))
    assert set(bpy.data.images) == before


@pytest.mark.parametrize("content", [b"these are words", b"\x89PNG\r\n\x1a\n but no picture"])
def test_a_file_that_is_not_an_image(content, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    before = set(bpy.data.images)
    with pytest.raises(RequestError, match="can't be read"):
        pixels.read_file(str(path))
    assert set(bpy.data.images) == before


def test_a_folder_is_not_an_image(tmp_path):
    with pytest.raises(RequestError, match="can't be opened"):
        pixels.read_file(str(tmp_path))


@pytest.mark.parametrize("size", [(20_000, 20_000), (9_000, 9_000)])
def test_a_huge_image_is_refused_before_its_pixels_are_read(size, tmp_path):
    path = write_png(tmp_path / "picture.png", *size)
    image = bpy.data.images.load(path)
    with pytest.raises(RequestError, match=f"{size[0]} x {size[1]}"):
        pixels.read_pixels(image)
    assert not image.has_data
    image.pack()
    with pytest.raises(RequestError, match=f"{size[0]} x {size[1]}"):
        pixels.read_pixels(image)
    assert not image.has_data


# ---------------------------------------------------------------- shrinking


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shrinking_is_the_mean_weighted_by_alpha(dtype):
    """Against two loops."""
    values = random_pixels(11, 8)
    values = values if dtype == np.uint8 else values.astype(np.float32) / 255
    camera = CameraData(np.eye(4), 10.0, 12.0, 3.0, 5.0, 8, 11)
    small, seen = pixels.shrink(values, camera, 4)
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


def test_small_images_are_not_shrunk():
    values = random_pixels()
    camera = CameraData(np.eye(4), 10.0, 12.0, 3.0, 5.0, 6, 4)
    assert pixels.shrink(values, camera, 6) == (values, camera)


def test_transparent_pixels_do_not_bleed():
    values = np.zeros((2, 2, 4), np.uint8)
    values[0, 0] = (200, 100, 50, 255)
    small, _ = pixels.shrink(values, CameraData(np.eye(4), 1.0, 1.0, 1.0, 1.0, 2, 2), 1)
    assert small[0, 0] == pytest.approx((200, 100, 50, 64), abs=1)


# ---------------------------------------------------------------- files, bytes or pixels


@pytest.fixture
def saved(add_image, tmp_path):
    """An image of a file, not loaded yet."""
    return bpy.data.images.load(save(add_image(random_pixels()), tmp_path / "picture.png"))


def test_an_image_of_a_file_is_sent_unread(saved, tmp_path):
    assert pixels.content_of(saved) == image_file(tmp_path / "picture.png")
    assert pixels.content_size(pixels.content_of(saved)) == (6, 4)
    assert not saved.has_data


def test_a_packed_image_is_sent_as_its_bytes(saved, tmp_path):
    content = (tmp_path / "picture.png").read_bytes()
    saved.pack()
    (tmp_path / "picture.png").unlink()
    file = pixels.content_of(saved)
    assert file.encoded.tobytes() == content
    assert (file.path, file.mask) == (saved.name, "")
    assert pixels.content_size(file) == (6, 4)


def test_a_painted_image_is_sent_as_pixels(saved):
    values = np.random.default_rng(3).integers(0, 256, (4, 6, 4), np.uint8)
    saved.pixels.foreach_set(values[::-1].ravel() / np.float32(255))
    assert np.array_equal(pixels.content_of(saved), values)
    saved.pack()  # what was painted is what is packed
    assert isinstance(pixels.content_of(saved), ImageFile)


def test_a_generated_image_is_sent_as_pixels(add_image):
    assert np.array_equal(pixels.content_of(add_image(random_pixels())), random_pixels())


@pytest.mark.parametrize("mode", ["NONE", "PREMUL"])
def test_an_alpha_that_blender_interprets_differently_is_sent_as_pixels(saved, mode):
    saved.alpha_mode = mode
    actual = pixels.content_of(saved)
    assert isinstance(actual, np.ndarray)
    if mode == "NONE":
        assert (actual[..., 3] == 255).all()


@pytest.mark.parametrize(("file_format", "suffix"), [("OPEN_EXR", "exr"), ("HDR", "hdr")])
def test_formats_that_only_blender_reads_are_sent_as_pixels(
    add_image, tmp_path, file_format, suffix
):
    values = np.random.default_rng(0).random((4, 6, 4), np.float32)
    values[..., 3] = 1
    image = add_image(values, is_float=True)
    path = save(image, tmp_path / f"picture.{suffix}", file_format)
    actual = pixels.content_of(bpy.data.images.load(path))
    assert isinstance(actual, np.ndarray)
    if file_format == "OPEN_EXR":  # into an HDR file Blender does not write the values as they are
        expected = np.concatenate([srgb(values[..., :3]), values[..., 3:]], -1)
        assert actual == pytest.approx(expected, abs=1e-3)


def test_a_loaded_file_that_was_deleted_is_sent_as_pixels(saved, tmp_path):
    assert len(saved.pixels) == 96  # loads them
    (tmp_path / "picture.png").unlink()
    assert pixels.content_of(saved).shape == (4, 6, 4)


def test_a_file_that_changed_counts_as_it_is_now(saved, add_image, tmp_path):
    assert len(saved.pixels) == 96
    save(add_image(random_pixels(8, 5)), tmp_path / "picture.png")
    assert pixels.known_size(saved) == pixels.content_size(pixels.content_of(saved)) == (5, 8)


@pytest.mark.parametrize("alpha_mode", ["STRAIGHT", "CHANNEL_PACKED", "PREMUL", "NONE"])
def test_floats_that_are_not_colours_get_no_curve(add_image, alpha_mode):
    values = np.random.default_rng(0).random((4, 6, 4), np.float32)
    image = add_image(values, is_float=True)
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = alpha_mode
    image.pixels.foreach_set(values[::-1].ravel())  # the settings have cleared it
    assert pixels.read_pixels(image)[..., :3] == pytest.approx(values[..., :3], abs=1e-6)


def test_sixteen_bits_that_are_not_colours_are_what_the_file_holds(tmp_path, prepared):
    values = np.random.default_rng(0).integers(0, 65536, (4, 6, 4), np.uint16)
    values[..., 3] |= 0x8000
    image = bpy.data.images.new("Made", 6, 4, alpha=True, float_buffer=True)
    image.colorspace_settings.name = "Non-Color"
    image.pixels.foreach_set((values[::-1] / np.float32(65535)).ravel())
    save(image, tmp_path / "data.png")
    loaded = bpy.data.images.load(str(tmp_path / "data.png"))
    loaded.colorspace_settings.name = "Non-Color"
    actual = pixels.read_pixels(loaded)
    of_file = prepared(ViewData(None, None, "data", image_file(loaded.filepath))).image
    assert actual == pytest.approx(of_file.numpy(), abs=2e-4)
