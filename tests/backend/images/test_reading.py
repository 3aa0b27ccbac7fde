"""Image files: read right, or refused in a sentence."""

import struct
import zlib

import numpy as np
import pytest
import torch
from levelform.backend.contract.errors import RequestError
from levelform.backend.images import (
    LONGEST,
    read_image,
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
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "a.png", transparency=0)
    alpha = read_image(tmp_path / "a.png")[..., 3]
    assert (float(alpha[0, 0]), float(alpha[1, 1])) == (0.0, 1.0)


def test_a_large_image_is_read_as_a_smaller_copy(tmp_path):
    Image.new("RGBA", (3 * LONGEST, 300), (255, 0, 0, 255)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == (100, LONGEST, 4)


@pytest.mark.parametrize("size", [(20_000, 20_000), (20_000, 6_000), (1_000_000, 1_000_000)])
def test_a_huge_image_is_refused_before_it_takes_memory(tmp_path, size):
    (tmp_path / "huge.png").write_bytes(png_header(*size))
    with pytest.raises(
        RequestError, match=rf"huge\.png, {size[0]} x {size[1]}, has more than 80 million pixels"
    ):
        read_image(tmp_path / "huge.png")


def test_files_that_are_no_images_are_told_apart(tmp_path):
    with pytest.raises(RequestError, match=r"gone\.png does not exist"):
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
