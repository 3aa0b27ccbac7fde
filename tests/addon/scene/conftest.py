"""Readable twins and small makers for the tests of the scene."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from levelform.backend.contract.protocol import CameraData


@pytest.fixture(scope="session")
def project() -> Callable[[CameraData, np.ndarray], np.ndarray]:
    """Return the definition of `CameraData`: points, (N, 3) world, to pixels, (N, 2), y down."""

    def project(camera: CameraData, points: np.ndarray) -> np.ndarray:
        pose = np.asarray(camera.transform_matrix, np.float64)
        right, up, back = ((points - pose[:3, 3]) @ pose[:3, i] for i in range(3))
        depth = 1.0 if camera.camera_model == "ORTHOGRAPHIC" else -back
        return np.stack(
            [camera.cx + camera.fl_x * right / depth, camera.cy - camera.fl_y * up / depth], -1
        )

    return project


@pytest.fixture
def add_scene_camera() -> Callable:
    """Return a maker of cameras: a type and the data's settings to a linked object."""
    bpy = pytest.importorskip("bpy")

    def add(kind: str = "PERSP", name: str = "Camera", **settings: object):
        data = bpy.data.cameras.new(name)
        data.type = kind
        for key, value in settings.items():
            setattr(data, key, value)
        camera_object = bpy.data.objects.new(name, data)
        bpy.context.scene.collection.objects.link(camera_object)
        return camera_object

    return add


@pytest.fixture
def add_image() -> Callable:
    """Return a maker of generated images from (H, W, 4) values, row 0 at the top."""
    bpy = pytest.importorskip("bpy")

    def add(values: np.ndarray, name: str = "Picture", *, is_float: bool = False):
        height, width = values.shape[:2]
        image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=is_float)
        flat = values.astype(np.float32)[::-1].reshape(-1)
        image.pixels.foreach_set(flat if is_float else flat / 255.0)
        return image

    return add


def random_pixels(height=4, width=6, seed=0):
    """Random bytes, (H, W, 4), some of them transparent."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    values[0, 0, 3], values[-1, -1, 3] = 0, 255
    return values


def save(image, path, file_format="PNG"):
    image.filepath_raw, image.file_format = str(path), file_format
    image.save()
    return str(path)


def write_png(path, width, height):
    """A black image, one bit a pixel, by hand: Blender could not hold a large one."""

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
    import bpy

    return bpy.context.evaluated_depsgraph_get()
