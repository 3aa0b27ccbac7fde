"""`transforms.json`: each spelling of a camera, and error messages."""

import json
import math
import unicodedata

import numpy as np
import pytest
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.cameras import Distortion
from levelform.backend.contract.errors import RequestError
from levelform.backend.contract.words import choose_views
from PIL import Image


def first(folder):
    return read_posed_images(folder).frames[0].camera


DROP_INTRINSICS = dict.fromkeys(("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_model"), "drop")


@pytest.mark.parametrize(
    ("shared", "frame"),
    [
        ({}, {"camera_model": "SIMPLE_PINHOLE"}),
        ({}, {"camera_model": "opencv"}),
        ({}, {"camera_model": " Pinhole "}),
        ({}, {"camera_model": None}),
        ({"camera_model": None}, {"camera_model": "drop"}),
        ({}, {"k1": None, "k2": 0, "p1": "0.0", "is_fisheye": False}),
        ({}, {"w": "48", "h": "36", "fl_x": "60"}),
        ({"w": 48, "h": 36}, {"w": None, "h": None}),
        ({}, {"w": "drop", "h": "drop"}),
        ({}, {"w": 48.0, "h": 36.0}),
        ({"aabb_scale": 16}, {"depth_file_path": None}),
        ({"fl_x": 7.0, "applied_transform": [[1, 0, 0, 0]] * 3}, {}),
    ],
)
def test_spellings_of_one_camera(write, cameras, shared, frame):
    posed = read_posed_images(write(frames={0: frame}, **shared))
    made, data = posed.frames[0].camera, cameras[0]
    np.testing.assert_array_equal(made.transform_matrix, data.transform_matrix)
    assert vars(made) | {"transform_matrix": 0} == vars(data) | {"transform_matrix": 0}
    assert posed.remarks == ()


def test_angles_stand_for_focal_lengths(write):
    turn = {"camera_angle_x": 2 * math.atan(0.5), **DROP_INTRINSICS}
    camera = first(write(frames={0: turn}))
    assert (camera.fl_x, camera.fl_y) == (pytest.approx(48), pytest.approx(48))
    assert (camera.cx, camera.cy, camera.w, camera.h) == (24, 18, 48, 36)
    camera = first(write(frames={0: {**turn, "camera_angle_y": 2 * math.atan(0.25)}}))
    assert (camera.fl_x, camera.fl_y) == (pytest.approx(48), pytest.approx(72))
    camera = first(write(frames={0: {**DROP_INTRINSICS, "x_fov": 90}}))
    assert camera.fl_x == pytest.approx(24)


def test_an_orthographic_camera_has_blenders_scale(write):
    intrinsics = {**DROP_INTRINSICS, "camera_model": "orthographic", "ortho_scale": 4.0}
    camera = first(write(frames={0: intrinsics}))
    assert (camera.fl_x, camera.fl_y, camera.camera_model) == (12, 12, "ORTHOGRAPHIC")


@pytest.mark.parametrize(
    ("intrinsics", "bent"),
    [
        (
            {"camera_model": "OPENCV", "k1": 0.1, "k2": 0.2, "p1": 0.3, "p2": 0.4},
            Distortion("OPENCV", (0.1, 0.2, 0, 0, 0, 0), (0.3, 0.4)),
        ),
        (
            {f"k{index}": index / 10 for index in range(1, 7)},
            Distortion("OPENCV", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
        ),
        (
            {"camera_model": "FULL_OPENCV", "k1": 0.1, "k4": 0.4},
            Distortion("OPENCV", (0.1, 0, 0, 0.4, 0, 0)),
        ),
        (
            {"camera_model": "OPENCV", "k1": 0.1, "k4": 0.4, "k5": 0},
            Distortion("OPENCV", (0.1, 0, 0, 0.4, 0, 0)),
        ),
        (
            {"camera_model": "OPENCV_FISHEYE", "k1": 0.1, "k4": 0.4},
            Distortion("OPENCV_FISHEYE", (0.1, 0, 0, 0.4)),
        ),
        ({"camera_model": "OPENCV_FISHEYE"}, Distortion("OPENCV_FISHEYE", (0, 0, 0, 0))),
        (
            {"is_fisheye": True, "camera_model": "drop", "k1": 0.1},
            Distortion("OPENCV_FISHEYE", (0.1, 0, 0, 0)),
        ),
        (
            {"camera_model": "simple_radial", "k1": 0.1},
            Distortion("OPENCV", (0.1, 0, 0, 0, 0, 0)),
        ),
        (
            {"camera_model": "RADIAL", "k1": 0.1, "k2": 0.2},
            Distortion("OPENCV", (0.1, 0.2, 0, 0, 0, 0)),
        ),
    ],
)
def test_distortions(write, intrinsics, bent):
    posed = read_posed_images(write(frames={0: intrinsics}))
    assert posed.frames[0].camera.distortion == bent
    assert posed.remarks == ()


def test_k4_alone_is_nerfstudios_and_says_so(write):
    posed = read_posed_images(write(frames={0: {"camera_model": "OPENCV", "k4": 0.4}}))
    assert posed.frames[0].camera.distortion == Distortion("BROWN", (0, 0, 0, 0.4))
    assert "coefficient of r^8" in posed.remarks[0]


MIRRORED = np.diag([1.0, 1, -1, 1]).tolist()


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"cx": "abc"}, r"cx of frame 1 \(images/a1\.png\) is not a number: 'abc'"),
        ({"k1": [0, 0]}, r"k1 of frame 1 .* is not a number: \[0, 0\]"),
        ({"fl_x": True}, "fl_x of frame 1 .* is not a number: True"),
        ({"fl_x": float("inf")}, "fl_x of frame 1 .* is not a number: inf"),
        ({"fl_y": -3}, "fl_y of frame 1 .* must be above zero, not -3"),
        ({"h": 0}, "h of frame 1 .* must be above zero, not 0"),
        ({"fl_x": "drop", "fl_y": "drop"}, "Frame 1 .* has no focal length"),
        ({"camera_model": "EQUIRECTANGULAR"}, "camera_model of frame 1 .* 'EQUIRECTANGULAR'"),
        ({"camera_model": 7}, "camera_model of frame 1 .* is 7, which is not supported"),
        ({"camera_model": "SIMPLE_RADIAL", "k2": 1}, "k2 of frame 1 .* a SIMPLE_RADIAL camera has"),
        ({"ftheta_p0": 1.5}, "Frame 1 .* has an F-theta camera"),
        ({"transform_matrix": "drop"}, "transform_matrix of frame 1 .* is missing"),
        ({"transform_matrix": [1, 2]}, "transform_matrix of frame 1 .* not 4x4 .* numbers but 2"),
        ({"transform_matrix": [["a"] * 4] * 4}, "transform_matrix of frame 1 .* something else"),
        ({"transform_matrix": [[float("nan")] * 4] * 4}, "transform_matrix of frame 1 .*finite"),
        ({"transform_matrix": MIRRORED}, "transform_matrix of frame 1 .* is mirrored: .* is -1"),
        ({"file_path": "images/" + "a" * 300 + ".png"}, "frame 1 .* is missing: its name has 304"),
        ({"file_path": "images/gone.png"}, r"The image images/gone\.png of frame 1 .* is missing"),
        ({"file_path": "  "}, "file_path of frame 1 .* is not a path"),
        ({"mask_path": 3}, "mask_path of frame 1 .* is not a path: 3"),
        ({"mask_path": "masks/no.png"}, r"masks/no\.png of frame 1 .* is missing"),
    ],
)
def test_what_is_wrong_is_told_with_frame_key_and_value(write, frame, words):
    with pytest.raises(RequestError, match=words):
        read_posed_images(write(frames={1: frame}))


def test_a_uniform_scale_is_taken_out(write, cameras):
    pose = cameras[0].transform_matrix.copy()
    pose[:3, :3] *= 33
    made = first(write(frames={0: {"transform_matrix": pose.tolist()}}))
    np.testing.assert_allclose(made.transform_matrix, cameras[0].transform_matrix, atol=1e-12)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks(write, encoding):
    assert len(read_posed_images(write(encoding=encoding)).frames) == 4


def paths(pattern):
    return {number: {"file_path": pattern.format(number)} for number in range(4)}


@pytest.mark.parametrize(
    ("pattern", "moved"),
    [
        ("./images/a{}", False),
        ("images\\a{}.png", False),
        ("images/a{}.PNG", False),
        ("IMAGES/A{}.png", False),
        ("C:\\set\\images\\a{}.png", True),
        ("d:/set/a{}.png", True),
        ("/home/someone/images/a{}.png", True),
        ("\\\\server\\share\\images\\a{}", True),
        ("../elsewhere/a{}.png", True),
        ("a{}.png", False),
    ],
)
def test_images_are_found_however_they_are_spelt(write, folder, pattern, moved):
    posed = read_posed_images(write(frames=paths(pattern)))
    assert [frame.path for frame in posed.frames] == [
        folder / "images" / f"a{number}.png" for number in range(4)
    ]
    assert [frame.name for frame in posed.frames] == [f"a{number}.png" for number in range(4)]
    assert len(posed.remarks) == moved
    if moved:
        assert f"were not there and were taken from {folder / 'images'}" in posed.remarks[0]


def test_capitals_on_disk(write, folder):
    for number in range(4):
        (folder / "images" / f"a{number}.png").rename(folder / "images" / f"a{number}.PNG")
    for pattern in ("images/a{}.png", "./images/a{}"):
        frames = read_posed_images(write(frames=paths(pattern))).frames
        assert [frame.name for frame in frames] == [f"a{number}.PNG" for number in range(4)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_unicode_forms(write, folder, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    Image.new("RGB", (48, 36)).save(folder / "images" / unicodedata.normalize(form, "Möbel.png"))
    named = f"images/{unicodedata.normalize(other, 'Möbel.png')}"
    path = read_posed_images(write(frames={0: {"file_path": named}})).frames[0].path
    assert path.name == unicodedata.normalize(form, "Möbel.png")


def test_the_exact_name_wins(write, folder):
    Image.new("RGB", (48, 36)).save(folder / "images" / "A0.png")
    frames = read_posed_images(write(frames={1: {"file_path": "images/A0.png"}})).frames
    assert [frame.name for frame in frames[:2]] == ["a0.png", "A0.png"]


def test_masks_are_found_beside_the_file(write, folder):
    (folder / "masks").mkdir()
    Image.new("L", (48, 36)).save(folder / "masks" / "0.png")
    posed = read_posed_images(write(frames={0: {"mask_path": "masks\\0.PNG"}}))
    assert posed.frames[0].mask == str(folder / "masks" / "0.png")
    assert views_of(posed)[0].file.mask == str(folder / "masks" / "0.png")


def test_doubles_count_once_and_one_image_with_two_cameras_is_told(write, cameras):
    again = {"file_path": "images/a0.png"}
    same = {**again, "transform_matrix": cameras[0].transform_matrix.tolist()}
    posed = read_posed_images(write(frames={2: same, 3: again}))
    assert [frame.name for frame in posed.frames] == ["a0.png", "a1.png", "a0.png"]
    assert posed.remarks == (
        "a0.png is listed twice with the same camera; it counts once.",
        "a0.png is listed with 2 different cameras.",
    )


def test_images_of_one_name_are_told_apart_by_their_folders(write, folder):
    (folder / "left").mkdir()
    (folder / "images" / "a3.png").rename(folder / "left" / "a0.png")
    frames = read_posed_images(write(frames={3: {"file_path": "left/a0.png"}})).frames
    assert [frame.name for frame in frames] == ["images/a0.png", "a1.png", "a2.png", "left/a0.png"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"scale": 0.5, "offset": [0.5, 0.5, 0.5], "aabb_scale": 1}, "scale, offset"),
        ({"aabb": [[-1, -1, -1], [1, 1, 1]]}, "aabb"),
    ],
)
def test_instant_ngps_scene_is_not_taken_for_the_object(write, words, named):
    posed = read_posed_images(write(**words))
    assert (posed.world_from_volume, posed.volume_from) == (None, "")
    assert posed.remarks[0].startswith(f"The file's {named} bounds instant-ngp's scene")


def test_levelforms_own_volume_is(write):
    volume = np.diag([2.0, 2, 2, 1])
    posed = read_posed_images(write(world_from_volume=volume.tolist(), aabb=[[0, 0, 0], [1, 1, 1]]))
    np.testing.assert_array_equal(posed.world_from_volume, volume)
    assert (posed.volume_from, posed.remarks) == ("file", ())
    with pytest.raises(RequestError, match=r"world_from_volume of .* is not 4x4 numbers but 2"):
        read_posed_images(write(world_from_volume=[1, 2]))


def test_frames_are_chosen_by_index_or_number(write):
    assert choose_views(5, None) == [0, 1, 2, 3, 4]
    assert choose_views(8, 4) == [0, 2, 4, 6]
    assert choose_views(3, [2, 0, 2]) == [2, 0]
    with pytest.raises(RequestError, match="View 3 does not exist: the views are 0 to 2"):
        choose_views(3, [0, 3])
    with pytest.raises(RequestError, match="9 views were asked for; there are 3"):
        choose_views(3, 9)
    missing = write(frames={1: {"file_path": "gone.png"}})
    chosen = read_posed_images(missing, choose=[0, 2]).frames
    assert [frame.name for frame in chosen] == ["a0.png", "a2.png"]


def test_the_bundled_samples_are_read_as_they_stand():
    from pathlib import Path

    import levelform

    for name in ("suzanne", "chair"):
        place = Path(levelform.__file__).parent / "assets" / "sample" / name
        content = json.loads((place / "transforms.json").read_text())
        posed = read_posed_images(place)
        assert (posed.remarks, posed.volume_from) == ((), "file")
        for frame, entry in zip(posed.frames, content["frames"], strict=True):
            stored = np.array(entry["transform_matrix"])
            np.testing.assert_allclose(frame.camera.transform_matrix, stored, atol=1e-7)
