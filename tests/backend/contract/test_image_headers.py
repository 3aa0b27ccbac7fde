"""The sizes in headers against the files that Blender writes."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from levelform.backend.contract import image_headers  # noqa: E402

pytestmark = pytest.mark.bpy


def size_of(content):
    header = image_headers.header_of(content)
    return header and header.size


FORMATS = ("PNG", "JPEG", "OPEN_EXR", "TIFF", "WEBP", "BMP", "HDR", "TARGA")


def write(path, file_format, size=(37, 21)):
    image = bpy.data.images.new("Image", *size, float_buffer=file_format in {"OPEN_EXR", "HDR"})
    values = np.random.default_rng(0).random(4 * size[0] * size[1], np.float32)
    image.pixels.foreach_set(values)
    image.filepath_raw, image.file_format = str(path), file_format
    image.save()
    return path


@pytest.mark.parametrize("file_format", FORMATS)
def test_size_of_files_that_blender_writes(file_format, tmp_path):
    head = write(tmp_path / "picture", file_format).read_bytes()
    assert size_of(head) == (37, 21)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_cut_header_is_not_known(file_format, tmp_path):
    """However short the file is cut, the answer is right or None, never an error."""
    content = write(tmp_path / "picture", file_format).read_bytes()
    answers = {size_of(content[:length]) for length in range(0, 700)}
    assert answers <= {None, (37, 21)}
    assert None in answers


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\x00" * 9])
def test_what_is_no_image_is_not_known(content):
    assert size_of(content) is None


def test_lossless_and_extended_webp():
    """Two kinds of WebP that Blender does not write, by hand from the format's description."""
    lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + (36 | 20 << 14).to_bytes(4, "little")
    extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x24\0\0" + b"\x14\0\0"
    assert size_of(lossless) == (37, 21)
    assert size_of(extended) == (37, 21)
