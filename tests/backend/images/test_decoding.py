"""Every kind of pixel that the formats hold, against what was written; the tags that turn it."""

import io
import struct
import zlib

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.image_files import SUFFIXES
from levelform.backend.contract.protocol import ImageFile
from levelform.backend.images import read_image, read_mask
from levelform.backend.images.decoding import as_stored, decode, upright
from PIL import Image


def random(channels, dtype=np.uint16, height=5, width=7):
    whole = np.iinfo(dtype).max
    return np.random.default_rng(0).integers(0, whole, (height, width, channels), dtype, True)


def rgba(values):
    """Return grey, grey and alpha, RGB or RGBA as RGBA."""
    whole = np.full_like(values[..., :1], np.iinfo(values.dtype).max)
    color = values[..., :3] if values.shape[2] > 2 else values[..., [0, 0, 0]]
    alpha = values[..., -1:] if values.shape[2] in (2, 4) else whole
    return np.concatenate([color, alpha], 2)


def decoded(content, longest=2048):
    return decode(ImageFile("a", np.frombuffer(content, np.uint8)), longest=longest)


def png(values, *, key=None, filters=(0,), interlaced=False):
    """Write a PNG by hand; its rows are filtered as `filters` say in turn."""
    height, width, channels = values.shape
    depth = values.dtype.itemsize * 8
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def chunk(name, content):
        sum_ = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", sum_)

    def rows(part):
        step = channels * depth // 8
        above, out = bytes(part.shape[1] * step), b""
        for index, row in enumerate(part.astype(part.dtype.newbyteorder(">"))):
            line, how = row.tobytes(), filters[index % len(filters)]
            out += bytes([how]) + filtered(line, above, step, how)
            above = line
        return out

    passes = [(0, 0, 1, 1)]
    if interlaced:  # Adam7: first row and column, steps
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
        passes += [(0, 1, 2, 2), (1, 0, 2, 1)]
    body = b"".join(rows(values[r::down, c::across]) for r, c, down, across in passes if width > c)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if key is not None:
        content += chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    return content + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def filtered(line, above, step, how):
    """Return a row filtered as the PNG specification says: none, sub, up, average or Paeth."""
    out = bytearray()
    for at, value in enumerate(line):
        left = line[at - step] if at >= step else 0
        corner = above[at - step] if at >= step else 0
        up = above[at]
        guess = left + up - corner
        paeth = min((left, up, corner), key=lambda near: abs(guess - near))
        out.append((value - (0, left, up, (left + up) // 2, paeth)[how]) & 255)
    return bytes(out)


def tiff(values, *, order="<", extra=None, planes=1, kind=1, orientation=None, at_end=False):
    """Write an uncompressed TIFF of one strip by hand."""
    height, width, channels = values.shape
    bits = values.dtype.itemsize * 8
    laid = values if planes == 1 else values.transpose(2, 0, 1)
    pixels = laid.astype(values.dtype.newbyteorder(order)).tobytes()
    strips = 1 if planes == 1 else channels
    tags = {256: [width], 257: [height], 258: [bits] * channels, 259: [1]}
    tags |= {262: [2 if channels > 2 else 1], 273: [0] * strips, 277: [channels], 278: [height]}
    tags |= {279: [len(pixels) // strips] * strips, 284: [planes], 339: [kind] * channels}
    tags |= {338: [extra]} if extra is not None else {}
    tags |= {274: [orientation]} if orientation is not None else {}
    kinds = {273: "I", 279: "I"}
    packed = {t: struct.pack(order + kinds.get(t, "H") * len(v), *v) for t, v in tags.items()}
    start = 8 + len(pixels) if at_end else 8
    beyond = start + 2 + 12 * len(tags) + 4
    if not at_end:
        room = sum(len(content) for content in packed.values() if len(content) > 4)
        where = beyond + room
    else:
        where = 8
    step = len(pixels) // strips
    packed[273] = struct.pack(order + "I" * strips, *(where + step * i for i in range(strips)))
    entries, rest = b"", b""
    for tag, content in sorted(packed.items()):
        letter = kinds.get(tag, "H")
        count = len(content) // struct.calcsize(letter)
        entries += struct.pack(order + "HHI", tag, {"H": 3, "I": 4}[letter], count)
        if len(content) <= 4:
            entries += content.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", beyond + len(rest))
            rest += content
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4) + rest
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    return head + (pixels + directory if at_end else directory + pixels)


# ---------------------------------------------------------------- sixteen bits


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_png_of_every_kind(channels, dtype, interlaced):
    values = random(channels, dtype, 11, 9)
    for filters in ((0,), (1, 2, 3, 4)):
        content = png(values, filters=filters, interlaced=interlaced)
        assert np.array_equal(decoded(content).pixels, rgba(values))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour_of_sixteen_bits(channels):
    values = random(channels)
    values[2, 3] ^= 1  # one step beside the key: told apart by the low byte alone
    key = values[2, 3].copy()
    values[4, 4] = key ^ 1
    want = rgba(values)
    want[2, 3, 3] = 0
    assert np.array_equal(decoded(png(values, key=tuple(key))).pixels, want)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("channels", "extra"), [(1, None), (3, None), (4, 2)])
@pytest.mark.parametrize("at_end", [False, True])
def test_tiff_of_sixteen_bits(order, channels, extra, at_end):
    values = random(channels)
    content = tiff(values, order=order, extra=extra, at_end=at_end)
    assert np.array_equal(decoded(content).pixels, rgba(values))


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_that_is_multiplied_by_its_alpha(order):
    straight = random(4)
    straight[..., 3] |= 0x4000
    multiplied = straight.copy()
    multiplied[..., :3] = (straight[..., :3] * (straight[..., 3:] / 65535)).round()
    actual = decoded(tiff(multiplied, order=order, extra=1)).pixels.astype(int)
    assert np.abs(actual - straight).max() <= 2  # what multiplying has rounded off


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff_of_sixteen_bits(compression):
    """What libtiff hands on in the machine's own byte order; grey alone can Pillow write."""
    values = random(1)
    file = io.BytesIO()
    Image.fromarray(values[..., 0]).save(file, "TIFF", compression=compression)
    assert np.array_equal(decoded(file.getvalue()).pixels, rgba(values))


@pytest.mark.parametrize(
    ("values", "changes", "words"),
    [
        (random(3).astype(np.float32), {"kind": 3}, "floating-point"),
        (random(1, np.uint32), {}, "32 bits"),
        (random(2), {"extra": 2}, "gray with alpha"),
        (random(3), {"planes": 2}, "a plane for each channel"),
    ],
)
def test_tiff_that_is_not_read_says_why(values, changes, words):
    with pytest.raises(RequestError, match=words):
        decoded(tiff(values, **changes))


def test_sixteen_bits_of_a_larger_image_are_rounded_and_averaged():
    values = np.full((40, 64, 3), 0x10FF, np.uint16)
    actual = decoded(png(values))
    assert actual.size == (64, 40)
    file = ImageFile("a", np.frombuffer(png(values), np.uint8))
    image = read_image(file, longest=32)
    assert image.shape == (20, 32, 4)
    color = image[..., :3]
    assert float(color.min()) == float(color.max()) == pytest.approx(0x11 / 255)


# ---------------------------------------------------------------- eight bits and fewer


def saved(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "TGA"])
def test_rgba_of_every_format(file_format):
    values = random(4, np.uint8)
    values[..., 3] |= 1
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = saved(Image.fromarray(values), file_format, **options)
    assert np.array_equal(decoded(content).pixels, values)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "CMYK", "YCbCr"])
def test_modes_of_tiff_and_png(mode):
    values = np.repeat(np.repeat(np.uint8([[0, 255], [255, 0]]), 4, 0), 4, 1)
    image = Image.fromarray(values).convert(mode)
    content = saved(image, "PNG" if mode in ("LA", "P") else "TIFF")
    assert np.array_equal(decoded(content).pixels, rgba(values[..., None]))


def test_palettes_with_one_transparent_colour_and_with_many():
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    one = decoded(saved(image, "PNG", transparency=1)).pixels
    assert one[0, :, 3].tolist() == [255, 0, 255]
    many = decoded(saved(image, "PNG", transparency=bytes([0, 128, 255]))).pixels
    assert many[0, :, 3].tolist() == [0, 128, 255]
    assert many[0, :, :3].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_jpeg_of_cmyk_is_not_inverted():
    color = Image.new("RGB", (16, 16), (200, 40, 40))
    actual = decoded(saved(color.convert("CMYK"), "JPEG", quality=95)).pixels
    assert np.abs(actual[..., :3].astype(int) - (200, 40, 40)).max() <= 6


def test_bitmaps_of_32_bits_keep_their_alpha():
    values = random(4, np.uint8)
    content = bytearray(saved(Image.fromarray(values), "BMP"))
    struct.pack_into("<I", content, 30, 0)  # as Blender writes them: nothing says that it is alpha
    header = struct.unpack_from("<I", content, 10)[0]
    plain = content[:14] + struct.pack("<I", 40) + content[18:54] + content[header:]
    struct.pack_into("<I", plain, 10, 54)
    assert np.array_equal(decoded(bytes(plain)).pixels, values)
    plain[54 + 3 :: 4] = bytes(len(plain[54 + 3 :: 4]))
    assert (decoded(bytes(plain)).pixels[..., 3] == 255).all()


def test_a_jpeg_whose_header_comes_late(tmp_path):
    content = saved(Image.new("RGB", (20, 10), (9, 9, 9)), "JPEG")
    segment = b"\xff\xe9" + struct.pack(">H", 65_000) + bytes(64_998)
    (tmp_path / "a.jpg").write_bytes(content[:2] + segment * 9 + content[2:])
    assert read_image(tmp_path / "a.jpg").shape == (10, 20, 4)


# ---------------------------------------------------------------- orientation


def turned(orientation):
    """Return 3 x 2 pixels that are upright, and the same as a camera stores them."""
    straight = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    return straight, as_stored(straight, orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_what_pillow_makes_of_it(orientation):
    from PIL import ImageOps

    straight, stored = turned(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.open(io.BytesIO(saved(Image.fromarray(stored), "PNG", exif=exif)))
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), straight)
    assert np.array_equal(upright(stored, orientation), straight)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF", "TIFF16"])
def test_an_image_is_turned_when_asked_and_else_as_stored(orientation, file_format, tmp_path):
    straight, stored = turned(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    if file_format == "TIFF16":
        content = tiff(stored.astype(np.uint16)[..., None] * 257, orientation=orientation)
    elif file_format == "WEBP":
        content = saved(Image.fromarray(stored).convert("RGB"), "WEBP", lossless=True, exif=exif)
    else:
        content = saved(Image.fromarray(stored), file_format, exif=exif)
    path = tmp_path / "a"
    path.write_bytes(content)
    whole = np.float32(255)
    assert np.array_equal(read_image(path)[..., 0], stored / whole)
    assert np.array_equal(read_image(path, turned=True)[..., 0], straight / whole)
    assert decode(ImageFile(str(path)), longest=64).size == stored.shape[::-1]


def test_garbled_tags_count_as_none():
    for exif in (
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\x01\x03\0\1\0\0\0\x63\0\0\0",
    ):
        content = saved(Image.new("RGB", (4, 3)), "JPEG", exif=exif)
        assert decoded(content).orientation == 1


# ---------------------------------------------------------------- formats that are not allowed


def test_the_trap_works(ghostscript, tmp_path):
    (tmp_path / "a.png").write_bytes(ghostscript.content)
    with pytest.raises(OSError, match=r"."):
        Image.open(tmp_path / "a.png").load()
    assert ghostscript.started


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".eps", ".gif", ""])
def test_postscript_starts_no_process(ghostscript, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(ghostscript.content)
    for read in (read_image, lambda path: read_mask(path, (8, 8))):
        with pytest.raises(RequestError, match=r"not a readable image.*PNG, JPEG, WebP, TIFF"):
            read(path)
    assert not ghostscript.started
