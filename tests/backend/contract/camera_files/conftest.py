"""Eight cameras around an object, their images, and writers of each format that is read."""

import json
import struct

import numpy as np
import pytest
from levelform.backend.contract.cameras import CameraData, to_frame
from PIL import Image

WIDTH, HEIGHT = 48, 36


def camera(number: int, count: int = 4) -> CameraData:
    """A camera that looks at the origin from a circle, slightly from above."""
    turn = 2 * np.pi * number / count + 0.3
    back = np.array([np.sin(turn) * 0.9, -np.cos(turn) * 0.9, np.sqrt(1 - 0.81)])
    right = np.array([np.cos(turn), np.sin(turn), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(back, right), back], 1)
    pose[:3, 3] = 4 * back
    return CameraData(pose, 60.0, 61.0, 23.0, 19.0, WIDTH, HEIGHT)


@pytest.fixture
def cameras():
    return [camera(number) for number in range(4)]


@pytest.fixture
def folder(tmp_path):
    """A folder with four images, images/a0.png and on, 48 x 36."""
    (tmp_path / "images").mkdir()
    for number in range(4):
        image = Image.new("RGBA", (WIDTH, HEIGHT), (40 * number, 90, 10, 255))
        image.save(tmp_path / "images" / f"a{number}.png")
    return tmp_path


@pytest.fixture
def write(folder, cameras):
    """Return a writer of transforms.json: keywords change the table, `frames` each frame."""

    def write(name="transforms.json", frames=None, encoding="utf-8", **shared):
        listed = []
        for number, data in enumerate(cameras):
            frame = {"file_path": f"images/a{number}.png", **to_frame(data)}
            frame.update((frames or {}).get(number, {}))
            listed.append({key: value for key, value in frame.items() if value != "drop"})
        content = {**shared, "frames": listed}
        (folder / name).write_text(json.dumps(content), encoding=encoding)
        return folder

    return write


def opencv_pose(data: CameraData) -> np.ndarray:
    """world_from_camera with OpenCV's axes."""
    return data.transform_matrix * [1, -1, -1, 1]


def quaternion(rotation: np.ndarray) -> list[float]:
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return [w, x, y, z]


def write_colmap(place, cameras, *, binary, model=1, parameters=None):
    """Write COLMAP's cameras and images, one camera for all, with two points an image."""
    place.mkdir(parents=True)
    data = cameras[0]
    names = ["SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "OPENCV_FISHEYE"]
    values = parameters or [data.fl_x, data.fl_y, data.cx, data.cy]
    poses = [np.linalg.inv(opencv_pose(data)) for data in cameras]
    if binary:
        head = struct.pack("<QiiQQ", 1, 7, model, data.w, data.h)
        (place / "cameras.bin").write_bytes(head + struct.pack(f"<{len(values)}d", *values))
        content = struct.pack("<Q", len(poses))
        for number, pose in enumerate(poses):
            numbers = [*quaternion(pose[:3, :3]), *pose[:3, 3]]
            content += struct.pack("<i7di", number + 1, *numbers, 7)
            content += f"a{number}.png".encode() + b"\0" + struct.pack("<Q", 2)
            content += struct.pack("<ddqddq", 1, 2, -1, 3, 4, 5)
        (place / "images.bin").write_bytes(content)
        return
    words = " ".join(map(repr, values))
    (place / "cameras.txt").write_text(f"# list\n7 {names[model]} {data.w} {data.h} {words}\n")
    lines = ["# list"]
    for number, pose in enumerate(poses):
        numbers = " ".join(map(repr, map(float, [*quaternion(pose[:3, :3]), *pose[:3, 3]])))
        lines += [f"{number + 1} {numbers} 7 a{number}.png", "" if number == 1 else "1 2 -1 3 4 5"]
    (place / "images.txt").write_text("\n".join(lines) + "\n")
