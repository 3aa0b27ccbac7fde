"""A file of cameras gives the same views, or the same refusal, from all four surfaces."""

import json
import unicodedata

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs import requests  # noqa: E402
from levelform.addon.scene import cameras as scene_cameras  # noqa: E402
from levelform.addon.scene import pixels  # noqa: E402
from levelform.addon.scene.views import scene_source  # noqa: E402
from levelform.backend.commands.reconstruct import read_sources  # noqa: E402
from levelform.backend.contract import distortion  # noqa: E402
from levelform.backend.contract.camera_files import read_posed_images  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from PIL import Image  # noqa: E402

pytestmark = pytest.mark.bpy

COUNT, SIZE = 3, 32


def pose(number):
    """world_from_camera of a camera on a circle that looks at the origin."""
    turn = 2 * np.pi * number / COUNT
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [np.cos(turn), 0, np.sin(turn)],
        [np.sin(turn), 0, -np.cos(turn)],
        [0, 1, 0],
    ]
    matrix[:3, 3] = 4 * matrix[:3, 2]
    return matrix


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for number in range(COUNT):
        pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
        pixels[8:24, 8:24] = (200, 100, 20 * number, 255)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(pixels[..., 3]).save(tmp_path / "masks" / f"m{number}.png")
    return tmp_path


def content():
    frames = [
        {"file_path": f"images/{number}.png", "transform_matrix": pose(number).tolist()}
        for number in range(COUNT)
    ]
    return {"fl_x": 48.0, "fl_y": 48.0, "cx": 16.0, "cy": 16.0, "w": 32, "h": 32, "frames": frames}


def every(**words):
    """Return a change of every frame; {} in a word is the frame's number."""

    def change(made):
        for number, frame in enumerate(made["frames"]):
            frame.update({k: v.format(number) for k, v in words.items()})

    return change


def table(*drop, **words):
    """Return a change of the table: keys to leave out, and words."""

    def change(made):
        for key in drop:
            made.pop(key)
        made.update(words)

    return change


def one(**words):
    """Return a change of the second frame."""
    return lambda made: made["frames"][1].update(words)


def posed(matrix):
    return lambda made: made["frames"][1].update(transform_matrix=(pose(1) @ matrix).tolist())


def far(made):
    for frame in made["frames"]:
        moved = np.array(frame["transform_matrix"])
        moved[:3, 3] += (500_000, 4_600_000, 300)
        frame["transform_matrix"] = moved.tolist()


SHEAR = np.eye(4)
SHEAR[0, 1] = 0.1
NFD = unicodedata.normalize("NFD", "Ö")
VARIANTS = {
    "as it is": table(),
    "simple pinhole": table(camera_model="SIMPLE_PINHOLE"),
    "lower case": table(camera_model="opencv"),
    "null": table(camera_model=None, k1=None),
    "in quotes": table(w="32", h="32", fl_x="48"),
    "without size": table("w", "h"),
    "angle alone": table("w", "h", "cx", "cy", "fl_x", "fl_y", camera_angle_x=0.65),
    "orthographic": table("fl_x", "fl_y", camera_model="ORTHOGRAPHIC", ortho_scale=3.0),
    "own intrinsics": one(fl_x=50, cx=15),
    "distorted": table(camera_model="OPENCV", k1=-0.1, k2=0.02, p1=0.001, p2=0.001),
    "rational": table(camera_model="OPENCV", k1=0.1, k4=0.1, k5=0.01, k6=0.0),
    "k4 alone": table(camera_model="OPENCV", k4=0.1),
    "fisheye": table(camera_model="OPENCV_FISHEYE", k1=0.1),
    "instant-ngp's fisheye": table(is_fisheye=True, k1=0.1),
    "simple radial": table(camera_model="SIMPLE_RADIAL", k1=0.1),
    "instant-ngp's scene": table(scale=0.33, offset=[0.5, 0.5, 0.5], aabb_scale=16),
    "aabb": table(aabb=[[-1, -1, -1], [1, 1, 1]]),
    "a volume": table(world_from_volume=np.diag([2.0, 2, 2, 1]).tolist()),
    "masks": every(mask_path="masks/m{}.png"),
    "depth": every(depth_file_path="depth/{}.npy"),
    "no suffix": every(file_path="./images/{}"),
    "capitals": every(file_path="IMAGES/{}.PNG"),
    "drive letter": every(file_path="C:\\set\\images\\{}.png"),
    "another machine": every(file_path="/home/a/set/images/{}.png"),
    "scaled poses": posed(np.diag([3.0, 3, 3, 1])),
    "twice": one(file_path="images/0.png", transform_matrix=pose(0).tolist()),
    "one image twice": one(file_path="images/0.png"),
    "map coordinates": far,
    "mirrored pose": posed(np.diag([1.0, 1, -1, 1])),
    "uneven pose": posed(np.diag([1.0, 2, 1, 1])),
    "sheared pose": posed(SHEAR),
    "not finite": posed(np.full((4, 4), np.nan)),
    "text": one(cx="abc"),
    "a list": table(k1=[0, 0]),
    "negative": table(fl_x=-1),
    "unknown model": table(camera_model="EQUIRECTANGULAR"),
    "long name": one(file_path="images/" + "a" * 300 + ".png"),
    "missing image": one(file_path="images/gone.png"),
    "missing mask": one(mask_path="masks/gone.png"),
    "no image named": lambda made: made["frames"][1].pop("file_path"),
    "no frames": table(frames=[]),
    "garbled volume": table(world_from_volume=[1, 2]),
}


def terminal(folder, _puppet):
    source = read_sources([str(folder)], None)
    return source.views, source.volume(None), source.volume_from, source


def of_puppet(act):
    """Return a surface that submits a request to the worker on strings."""

    def surface(folder, puppet):
        puppet.waiting = [lambda: puppet.send(32), puppet.finish]
        act(folder)
        request = puppet.job.request
        return request.views, request.world_from_volume, request.volume_from, request

    return surface


def command(folder):
    status = cli.main(["reconstruct", str(folder), "--json"])
    if status:
        raise RequestError("the command line's")


def panel(folder):
    settings = bpy.context.scene.levelform
    settings.source, settings.path = "FILES", str(folder)
    requests.begin_scene(bpy.context)


SURFACES = {
    "api": of_puppet(lambda folder: api.reconstruct(cameras=folder)),
    "command": of_puppet(command),
    "panel": of_puppet(panel),
}


def told(surface, folder, puppet):
    """Return what a surface asks of the worker, comparable; or the sentence of its refusal."""
    try:
        views, volume, volume_from, request = surface(folder, puppet)
    except RequestError as error:
        return str(error)
    listed = [
        (view.name, vars(view.camera) | {"transform_matrix": 0}, view.file, view.image)
        for view in views
    ]
    numbers = np.array([view.camera.transform_matrix for view in views]).tobytes()
    where = None if volume is None else np.asarray(volume, np.float64).tobytes()
    return listed, numbers, where, volume_from, request.remarks, tuple(request.world_offset)


@pytest.mark.parametrize("variant", VARIANTS)
def test_four_surfaces_ask_for_the_same_or_refuse_in_the_same_words(puppet, folder, variant, capfd):
    made = content()
    VARIANTS[variant](made)
    (folder / "transforms.json").write_text(json.dumps(made))
    expected = told(terminal, folder, puppet)
    for name, surface in SURFACES.items():
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        answers = told(surface, folder, puppet)
        if name == "command" and isinstance(expected, str):
            assert isinstance(answers, str)
            assert expected in capfd.readouterr().err
        else:
            assert answers == expected, name


def test_there_are_refusals_and_views_among_the_variants(folder, puppet):
    refused = 0
    for change in VARIANTS.values():
        made = content()
        change(made)
        (folder / "transforms.json").write_text(json.dumps(made))
        refused += isinstance(told(terminal, folder, puppet), str)
    assert (refused, len(VARIANTS)) == (14, 42)


# ---------------------------------------------------------------- cameras of the scene


def write(folder, change):
    made = content()
    change(made)
    (folder / "transforms.json").write_text(json.dumps(made))
    return folder


def test_images_of_a_distorted_lens_become_packed_images_without(extension, folder):
    write(folder, table(camera_model="OPENCV", k1=-0.2, k2=0.02))
    added = api.add_cameras(folder)
    frame = read_posed_images(folder).frames[0]
    seen = distortion.undistorted_camera(frame.camera)
    image = added[0].data.background_images[0].image
    assert image.packed_file is not None
    assert tuple(image.size) == (seen.w, seen.h)
    file = np.asarray(Image.open(frame.path), np.float32) / 255
    expected, _ = distortion.undistorted_image(file, frame.camera)
    shown = pixels.read_pixels(image).astype(np.float32) / 255
    np.testing.assert_allclose(shown[..., 3], expected[..., 3], atol=2 / 255)
    solid = expected[..., 3] > 0.9
    np.testing.assert_allclose(shown[solid], expected[solid], atol=2 / 255)
    view = scene_source(bpy.context.scene).views[0]
    intrinsics = [view.camera.fl_x, view.camera.fl_y, view.camera.cx, view.camera.cy]
    assert intrinsics == pytest.approx([seen.fl_x, seen.fl_y, seen.cx, seen.cy], abs=1e-3)


def test_a_mask_that_the_file_names_becomes_the_alpha(extension, folder):
    for number in range(COUNT):
        Image.new("RGB", (SIZE, SIZE), (9, 9, 9)).save(folder / "images" / f"{number}.png")
    write(folder, every(mask_path="masks/m{}.png"))
    image = api.add_cameras(folder)[0].data.background_images[0].image
    alpha = pixels.read_pixels(image)[..., 3]
    np.testing.assert_array_equal(alpha, np.asarray(Image.open(folder / "masks" / "m0.png")))


def test_map_coordinates_are_added_about_a_local_origin_and_told(puppet, folder):
    write(folder, far)
    added = api.add_cameras(folder)
    offset = scene_cameras.world_offset(added)
    assert offset == (500_000, 4_600_000, 300)
    for number, camera in enumerate(added):
        expected = pose(number)
        np.testing.assert_allclose(np.array(camera.matrix_world), expected, atol=1e-5)
    puppet.waiting = [lambda: puppet.send(32), puppet.finish]
    api.reconstruct()
    assert puppet.job.request.world_offset == offset


def test_a_volume_in_numbers_counts_in_the_files_coordinates(puppet, folder):
    write(folder, far)
    puppet.waiting = [lambda: puppet.send(32), puppet.finish]
    words = "500001,4600002,303,4"
    assert cli.main(["reconstruct", str(folder), "--volume", words, "--json"]) == 0
    volume = puppet.job.request.world_from_volume
    assert volume.tolist() == [[2, 0, 0, 1], [0, 2, 0, 2], [0, 0, 2, 3], [0, 0, 0, 1]]


def test_a_file_that_cannot_be_used_leaves_the_scene_as_it_was(extension, folder):
    write(folder, table(camera_model="OPENCV", k1=-0.2))
    Image.new("RGB", (10, 30)).save(folder / "images" / "2.png")
    with pytest.raises(RequestError, match=r"2\.png: the image is 10 x 30, its camera is for 32"):
        api.add_cameras(folder)
    assert not bpy.data.images
    assert not bpy.data.cameras
