"""Picture files, backgrounds, and pictures with cameras: read right, or refused in a sentence."""

import struct
import zlib

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.protocol import Background, CameraData, ViewData
from levelform.backend.images import (
    LONGEST,
    matte,
    read_image,
    to_image,
    to_view,
)
from PIL import Image


def png_header(width, height):
    """Return a PNG that claims a size and holds no pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


# ---------------------------------------------------------------- reading


def test_pixels_come_back_as_they_are(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == torch.float32
    np.testing.assert_allclose(image.numpy(), pixels / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("pixels", "want"),
    [
        (np.full((2, 3), 128, np.uint8), (128 / 255,) * 3),
        (np.full((2, 3), 32896, np.uint16), (128 / 255,) * 3),
        (np.full((2, 3, 3), (10, 20, 30), np.uint8), (10 / 255, 20 / 255, 30 / 255)),
    ],
)
def test_other_kinds_become_opaque_rgba(tmp_path, pixels, want):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (2, 3, 4)
    np.testing.assert_allclose(image[0, 0], (*want, 1.0), atol=1 / 255)


def test_a_palette_with_a_transparent_colour_has_alpha(tmp_path):
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "a.png", transparency=0)
    alpha = read_image(tmp_path / "a.png")[..., 3]
    assert (float(alpha[0, 0]), float(alpha[1, 1])) == (0.0, 1.0)


def test_a_large_picture_is_read_as_a_smaller_copy(tmp_path):
    Image.new("RGBA", (3 * LONGEST, 300), (255, 0, 0, 255)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (100, LONGEST, 4)


@pytest.mark.parametrize("size", [(20_000, 20_000), (20_000, 6_000), (1_000_000, 1_000_000)])
def test_a_huge_picture_is_refused_before_it_takes_memory(tmp_path, size):
    (tmp_path / "huge.png").write_bytes(png_header(*size))
    with pytest.raises(
        RequestError, match=rf"huge\.png, {size[0]} x {size[1]}, has more than 80 million pixels"
    ):
        read_image(tmp_path / "huge.png")


def test_files_that_are_no_pictures_are_told_apart(tmp_path):
    with pytest.raises(RequestError, match=r"There is no image .*gone\.png"):
        read_image(tmp_path / "gone.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(RequestError, match=r"empty\.png is empty .0 bytes"):
        read_image(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(RequestError, match=r"text\.png is not a readable image"):
        read_image(tmp_path / "text.png")
    Image.new("RGBA", (64, 64)).save(tmp_path / "whole.png")
    cut = (tmp_path / "whole.png").read_bytes()[:60]
    (tmp_path / "cut.png").write_bytes(cut)
    with pytest.raises(RequestError, match=r"cut\.png"):
        read_image(tmp_path / "cut.png")


# ---------------------------------------------------------------- backgrounds


def on_white(object_color=(0.8, 0.1, 0.1)):
    image = torch.ones(60, 60, 4)
    image[15:45, 20:40, :3] = torch.tensor(object_color)
    return image


@pytest.mark.parametrize(
    "background", [Background("corner"), Background("color", color=(1.0, 1.0, 1.0))]
)
def test_a_plain_background_becomes_transparent(background):
    alpha = matte(on_white(), background)[..., 3]
    want = torch.zeros(60, 60)
    want[15:45, 20:40] = 1.0
    assert torch.equal(alpha, want)


def test_alpha_that_is_there_is_kept():
    image = on_white()
    image[0, 0, 3] = 0.0
    assert matte(image, Background("corner")) is image
    assert matte(on_white(), Background("alpha"))[..., 3].min() == 1


def test_tolerance_is_the_distance_at_which_the_object_begins():
    image = on_white((0.85, 1.0, 1.0))
    for tolerance, inside in ((0.1, True), (0.2, False)):
        alpha = matte(image, Background("corner", tolerance=tolerance))[30, 30, 3]
        assert bool(alpha > 0.5) == inside


def test_a_highlight_stays_and_a_hole_opens():
    image = on_white()
    image[30, 30, :3] = 1.0  # one white pixel
    image[18:26, 22:30, :3] = 1.0  # a white window
    alpha = matte(image, Background("corner"))[..., 3]
    assert float(alpha[30, 30]) == 1
    assert float(alpha[20, 25]) == 0


def test_corners_that_differ_are_told():
    image = on_white()
    image[:10, :10, :3] = 0.0
    with pytest.raises(RequestError, match="photo: the picture's corners differ"):
        matte(image, Background("corner"), name="photo")
    with pytest.raises(RequestError, match="no background 'magic'"):
        matte(image, Background("magic"))


# ---------------------------------------------------------------- views


def camera_data(width=40, height=30, **changes):
    values = {"fl_x": 50.0, "fl_y": 55.0, "cx": 21.0, "cy": 14.0, "w": width, "h": height}
    return CameraData(np.eye(4), **{**values, **changes})


def test_a_view_of_bytes_and_one_of_floats_are_the_same():
    pixels = np.random.default_rng(1).integers(0, 256, (30, 40, 4), np.uint8)
    views = [
        to_view(ViewData(data, camera_data(), "v"), Background())
        for data in (pixels, (pixels / 255).astype(np.float32))
    ]
    torch.testing.assert_close(views[0].image, views[1].image)
    assert views[0].camera.fx == 50


def test_a_camera_is_fitted_to_an_image_of_another_size():
    data = camera_data(400, 300)

    def fitted(width, height):
        pixels = np.zeros((height, width, 4), np.uint8)
        return to_view(ViewData(pixels, data, "v"), Background()).camera

    camera = fitted(100, 75)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (12.5, 13.75, 5.25, 3.5)
    assert fitted(57, 43).width == 57  # rounded sizes
    with pytest.raises(
        RequestError, match="v: the image is 100 x 100, its camera is for 400 x 300"
    ):
        fitted(100, 100)


def test_bad_pixels_and_cameras_name_their_view():
    with pytest.raises(RequestError, match=r"v: an image is \(height, width, 4\), not \(3, 3\)"):
        to_image(np.zeros((3, 3)), name="v")
    with pytest.raises(RequestError, match="v: the image holds numbers that are not finite"):
        to_image(np.full((3, 3, 4), np.nan, np.float32), name="v")
    bad = camera_data()
    bad.transform_matrix[0, 3] = np.inf
    with pytest.raises(RequestError, match=r"Cam\.7: .*not finite"):
        to_view(ViewData(np.zeros((30, 40, 4), np.uint8), bad, "Cam.7"), Background())


# ---------------------------------------------------------------- a smooth backdrop


def before_a_slope(noise=0.0, *, cut_off=False):
    """Return a disc before a backdrop that shades off, and the disc's mask."""
    size = 96
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, size),) * 2, indexing="ij")
    slope = torch.stack([0.75 - 0.15 * y, 0.7 - 0.1 * y + 0.1 * x, 0.65 + 0.1 * x * x], -1)
    mask = (x - 0.1) ** 2 + (y - (0.7 if cut_off else 0.0)) ** 2 < 0.25
    color = torch.where(mask[..., None], torch.tensor([0.2, 0.3, 0.1]), slope)
    generator = torch.Generator().manual_seed(0)
    color = (color + noise * torch.randn(color.shape, generator=generator)).clamp(0, 1)
    return torch.cat([color, torch.ones(size, size, 1)], -1), mask


@pytest.mark.parametrize("cut_off", [False, True])
@pytest.mark.parametrize("noise", [0.0, 0.015])
def test_a_backdrop_that_shades_off_is_found_and_removed(noise, cut_off):
    image, mask = before_a_slope(noise, cut_off=cut_off)
    alpha = matte(image, Background("auto"))[..., 3]
    wrong = (alpha > 0.5) != mask
    assert wrong.float().mean() < 0.002
    assert matte(image, Background("auto")).shape == image.shape


def test_a_border_without_a_backdrop_is_said():
    generator = torch.Generator().manual_seed(0)
    image = torch.cat([torch.rand(64, 64, 3, generator=generator), torch.ones(64, 64, 1)], -1)
    with pytest.raises(RequestError, match="photo: no plain background"):
        matte(image, Background("auto"), name="photo")


def test_alpha_goes_before_any_backdrop():
    image, mask = before_a_slope()
    cut = torch.cat([image[..., :3], mask.float()[..., None]], -1)
    assert matte(cut, Background("auto")) is cut
