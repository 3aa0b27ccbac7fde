"""OpenEXR by hand: files written here byte by byte come back; PNG against an independent reader."""

import struct
import zlib

import numpy as np
import pytest
from levelform.backend.contract.errors import WorkError

pytest.importorskip("bpy")
from levelform.addon.scene.exr import read_exr, write_png

Image = pytest.importorskip("PIL.Image")  # the independent reader; Blender ships none


def attribute(name, kind, data):
    return f"{name}\0{kind}\0".encode() + struct.pack("<I", len(data)) + data


def header(channels, width, height, compression=0):
    entries = b"".join(
        name.encode() + b"\0" + struct.pack("<IIII", kind, 0, 1, 1) for name, kind in channels
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    return b"".join(
        [
            attribute("channels", "chlist", entries + b"\0"),
            attribute("compression", "compression", bytes([compression])),
            attribute("dataWindow", "box2i", window),
            b"\0",
        ]
    )


def write(path, planes, *, parts=1, compression=0):
    """Write the planes, name -> (H, W), in so many parts."""
    names = sorted(planes)
    groups = [names[i::parts] for i in range(parts)]
    height, width = next(iter(planes.values())).shape
    kinds = {np.dtype("<f4"): 2, np.dtype("<f2"): 1}
    heads = [
        header([(n, kinds[planes[n].dtype]) for n in group], width, height, compression)
        for group in groups
    ]
    several = parts > 1
    content = struct.pack("<II", 20000630, 2 | (0x1000 if several else 0))
    content += b"".join(heads) + (b"\0" if several else b"")
    at = len(content) + 8 * height * parts
    table, body = b"", b""
    for part, group in enumerate(groups):
        for y in range(height):
            row = b"".join(planes[name][y].tobytes() for name in group)
            table += struct.pack("<Q", at + len(body))
            body += (struct.pack("<i", part) if several else b"") + struct.pack("<ii", y, len(row))
            body += row
    path.write_bytes(content + table + body)


@pytest.fixture
def planes():
    rng = np.random.default_rng(0)
    return {
        "Layer.Combined.A": rng.random((5, 7)).astype("<f4"),
        "Layer.Depth.Z": rng.random((5, 7)).astype("<f4") * 1e10,
        "Layer.Normal.X": rng.random((5, 7)).astype("<f2"),
    }


@pytest.mark.parametrize("parts", [1, 3])
def test_one_part_or_several_come_back(tmp_path, planes, parts):
    write(tmp_path / "a.exr", planes, parts=parts)
    result = read_exr(tmp_path / "a.exr")
    assert result.keys() == planes.keys()
    for name, plane in planes.items():
        np.testing.assert_array_equal(result[name], plane.astype(np.float32))


def zipped(data):
    """Compress a block as OpenEXR does."""
    plain = np.frombuffer(data, np.uint8)
    apart = np.concatenate([plain[::2], plain[1::2]]).astype(int)
    deltas = np.diff(apart, prepend=apart[:1]) + 128
    deltas[0] = apart[0]
    return zlib.compress((deltas & 0xFF).astype(np.uint8).tobytes())


@pytest.mark.parametrize(("compression", "lines"), [(2, 1), (3, 16)])
def test_zip_comes_back(tmp_path, compression, lines):
    plane = np.linspace(0, 3, 20 * 64, dtype="<f4").reshape(20, 64)
    content = struct.pack("<II", 20000630, 2) + header([("Z", 2)], 64, 20, compression)
    starts = range(0, 20, lines)
    at, table, body = len(content) + 8 * len(starts), b"", b""
    for y in starts:
        raw = plane[y : y + lines].tobytes()
        block = min(zipped(raw), raw, key=len)  # as it is where that is shorter
        table += struct.pack("<Q", at + len(body))
        body += struct.pack("<ii", y, len(block)) + block
    (tmp_path / "z.exr").write_bytes(content + table + body)
    np.testing.assert_array_equal(read_exr(tmp_path / "z.exr")["Z"], plane)


def test_other_files_are_refused(tmp_path, planes):
    write(tmp_path / "a.exr", planes, compression=4)
    with pytest.raises(WorkError, match="other than ZIP"):
        read_exr(tmp_path / "a.exr")
    write(tmp_path / "b.exr", planes)
    content = (tmp_path / "b.exr").read_bytes()
    (tmp_path / "b.exr").write_bytes(content[:-40])
    with pytest.raises(WorkError, match="can't be read"):
        read_exr(tmp_path / "b.exr")
    (tmp_path / "c.exr").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(WorkError, match="not an OpenEXR"):
        read_exr(tmp_path / "c.exr")


@pytest.mark.parametrize("channels", [3, 4])
def test_png_is_read_by_others(tmp_path, channels):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 13, channels), np.uint8)
    write_png(tmp_path / "a.png", pixels)
    with Image.open(tmp_path / "a.png") as file:
        np.testing.assert_array_equal(np.asarray(file), pixels)
