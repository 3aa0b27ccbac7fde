"""Garbled files of every other kind: images, depth, cameras, ONNX, curves, measurements."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from levelform.backend.contract.camera_files import read_posed_images
from levelform.backend.data.meshes import read_asset
from levelform.backend.experiments.store import Store
from levelform.backend.images.depths import read_depth
from levelform.backend.images.onnx_file import read_initializers
from levelform.backend.images.reading import read_image, read_mask
from levelform.backend.reconstructors.code import Code
from levelform.backend.training.curves import CurveTable

from .counts import Counts
from .meshes import garbled

SIDE = 24
WORDS = ("nan", "1e400", "-1", "null", "true", '"x"', "[]", "{}", "99999999999999999999", "1e300")
Read = Callable[[Path], Any]


def inputs(folder: Path, *, cases: int, seed: int = 0) -> Counts:
    """Read garbled files of each kind in turn."""
    counts = Counts("other files", limit=10.0)
    draw = random.Random(seed)
    kinds = whole(folder)
    names = list(kinds)
    for index in range(cases):
        name = names[index % len(names)]
        content, read = kinds[name]
        bad = worded(content, draw) if name.endswith(".json") else garbled(content, draw)
        path = folder / f"hostile-{name}"
        path.write_bytes(bad)
        counts.attempt(name, lambda p=path, read=read: read(p))
    return counts


def whole(folder: Path) -> dict[str, tuple[bytes, Read]]:
    """Return a good file of each kind, and what reads it."""
    from PIL import Image

    kinds: dict[str, tuple[bytes, Read]] = {}
    ball = np.zeros((SIDE, SIDE, 4), np.uint8)
    ball[6:18, 6:18] = (200, 90, 40, 255)
    for suffix in ("png", "webp", "tif", "jpg", "bmp"):
        path = folder / f"good.{suffix}"
        Image.fromarray(ball[..., :3] if suffix in ("jpg", "bmp") else ball).save(path)
        kinds[f"image.{suffix}"] = (path.read_bytes(), read_image)
    kinds["mask.png"] = (kinds["image.png"][0], lambda path: read_mask(path, (SIDE, SIDE)))
    depth = np.linspace(1, 2, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    Image.fromarray((depth * 1000).astype(np.uint16)).save(folder / "depth.png")
    np.save(folder / "depth.npy", depth)
    for name in ("depth.png", "depth.npy"):
        kinds[name] = ((folder / name).read_bytes(), lambda path: read_depth(str(path)))
    kinds["depth.exr"] = (exr(depth), lambda path: read_depth(str(path)))
    kinds["transforms.json"] = (transforms(folder), read_posed_images)
    for name, content in tables(folder).items():
        kinds[name] = (content, READERS[name])
    kinds["mesh.npz"] = (mesh(folder / "mesh.npz"), read_asset)
    kinds["u2netp.onnx"] = (onnx(), read_initializers)
    code = Code("disn", {"features": torch.zeros(4, 8)}, {"views": 1})
    code.save(folder / "good.safetensors")
    kinds["code.safetensors"] = ((folder / "good.safetensors").read_bytes(), Code.load)
    return kinds


READERS: dict[str, Read] = {
    "cameras.xml": read_posed_images,
    "registration.csv": read_posed_images,
    "curve.csv": CurveTable,
    "measurements.jsonl": Store,
}


def tables(folder: Path) -> dict[str, bytes]:
    """Return cameras of Metashape and RealityScan, a training's curve, and measurements."""
    pose = " ".join(map(str, np.diag([1.0, 1.0, 1.0, 1.0]).ravel()))
    lens = '<resolution width="24" height="24"/><calibration><f>30</f><k1>0.1</k1></calibration>'
    cameras = "".join(
        f'<camera id="{n}" sensor_id="0" label="good"><transform>{pose}</transform></camera>'
        for n in range(2)
    )
    row = "good.png,1,2,3,30,80,0,36,0,0,0.01,0,0,0,0,0\n"
    return {
        "cameras.xml": '<?xml version="1.0" encoding="UTF-8"?><document><chunk><sensors>'
        f'<sensor id="0" type="frame">{lens}</sensor></sensors><cameras>{cameras}</cameras>'
        "</chunk></document>".encode(),
        "registration.csv": b"#name,x,y,alt,heading,pitch,roll,f,px,py,k1,k2,k3,k4,t1,t2\n"
        + row.encode(),
        "curve.csv": b"step,loss\n1,0.5\n2,0.4\n",
        "measurements.jsonl": b'{"of": {"shape": "a"}, "numbers": {"iou": 0.5}}\n',
    }


def worded(content: bytes, draw: random.Random) -> bytes:
    """Return JSON with one of its values exchanged, or its bytes garbled."""
    if draw.random() < 0.3:
        return garbled(content, draw)
    whole: Any = json.loads(content)
    place, key = whole, draw.choice(list(whole))
    while isinstance(place[key], dict | list) and place[key] and draw.random() < 0.8:
        place = place[key]
        key = draw.choice(list(place) if isinstance(place, dict) else range(len(place)))
    place[key] = "@@"
    return json.dumps(whole).replace('"@@"', draw.choice(WORDS)).encode()


def transforms(folder: Path) -> bytes:
    """Return a camera file of two images in the folder."""
    pose = np.eye(4)
    pose[2, 3] = 3
    frames = [
        {"file_path": f"good.{suffix}", "transform_matrix": pose.tolist(), "fl_x": 30.0}
        for suffix in ("png", "webp")
    ]
    volume = {"center": [0, 0, 0], "size": 2.0}
    return json.dumps({"w": SIDE, "h": SIDE, "frames": frames, "levelform": volume}).encode()


def mesh(path: Path) -> bytes:
    """Return a mesh of one triangle as .npz."""
    np.savez(path, vertices=np.eye(3, dtype=np.float32), faces=np.array([[0, 1, 2]], np.int32))
    return path.read_bytes()


def exr(depth: np.ndarray) -> bytes:
    """Return an OpenEXR file of one channel `Z`, compressed by ZIP line by line."""
    height, width = depth.shape

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        head = name.encode() + b"\0" + kind.encode() + b"\0"
        return head + struct.pack("<I", len(value)) + value

    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"".join(
        [
            attribute("channels", "chlist", b"Z\0" + struct.pack("<iB3xii", 2, 0, 1, 1) + b"\0"),
            attribute("compression", "compression", b"\x02"),
            attribute("dataWindow", "box2i", box),
            attribute("displayWindow", "box2i", box),
            attribute("lineOrder", "lineOrder", b"\0"),
            attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
            attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
            attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
        ]
    )
    start = struct.pack("<II", 20000630, 2) + header + b"\0"
    lines = []
    for row, values in enumerate(depth.astype("<f4")):
        raw = np.frombuffer(values.tobytes(), np.uint8)
        halves = np.concatenate([raw[::2], raw[1::2]]).astype(np.int16)
        coded = np.concatenate([halves[:1], (np.diff(halves) + 128) % 256]).astype(np.uint8)
        packed = zlib.compress(coded.tobytes())
        lines.append(struct.pack("<iI", row, len(packed)) + packed)
    places = np.cumsum([len(start) + 8 * height, *map(len, lines[:-1])]).astype("<u8")
    return start + places.tobytes() + b"".join(lines)


def onnx() -> bytes:
    """Return an ONNX model of one initialiser of 2 x 3 numbers."""

    def block(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    values = np.arange(6, dtype="<f4").tobytes()
    tensor = bytes([8, 2, 8, 3, 16, 1]) + block(8, b"weight") + block(9, values)
    return block(7, block(5, tensor))
