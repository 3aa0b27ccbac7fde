"""One image or folder gives the worker the same view, to the bit, from all four surfaces."""

import json
from contextlib import suppress
from dataclasses import fields

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
import torch  # noqa: E402
from levelform.addon import api  # noqa: E402
from levelform.addon.commands import cli  # noqa: E402
from levelform.addon.jobs import requests  # noqa: E402
from levelform.addon.scene.views import scene_source  # noqa: E402
from levelform.backend import cli as terminal  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402
from levelform.backend.contract.protocol import Background  # noqa: E402
from levelform.backend.images import to_view  # noqa: E402
from levelform.backend.images.decoding import as_stored  # noqa: E402
from levelform.backend.session import Session  # noqa: E402
from PIL import Image  # noqa: E402

pytestmark = pytest.mark.bpy

HEIGHT, WIDTH = 36, 48


class CapturedError(Exception):
    """Ends a surface's work once its request is known."""


@pytest.fixture
def surfaces(puppet, monkeypatch, tmp_path):
    """Return what each surface asks the worker, by its name, for a file or folder."""
    asked = {}

    def capture(name):
        def keep(request, *_, **__):
            asked[name] = request
            raise CapturedError

        return keep

    def call(name, function, *args):
        monkeypatch.setattr(puppet, "submit", capture(name))
        monkeypatch.setattr(Session, "reconstruct", lambda _, request, __: capture(name)(request))
        with suppress(CapturedError):  # the terminal says it in a line
            function(*args)
        assert name in asked

    def run(source, prepare=lambda image: None):
        posed = source.is_dir()
        out = str(tmp_path / "mesh.ply")
        words = ["reconstruct", str(source)]
        call("terminal", terminal.main, [*words, "-o", out])
        call("--command", cli.main, words)
        call("api", lambda: api.reconstruct(cameras=source) if posed else api.reconstruct(source))
        chosen = bpy.context.scene.levelform
        chosen.source, chosen.path = ("FILES", str(source)) if posed else ("IMAGE", "")
        if not posed:
            chosen.image = bpy.data.images.load(str(source))
            prepare(chosen.image)
        call("panel", requests.begin_scene, bpy.context)
        return asked

    return run


def views(request):
    return [to_view(view, Background()) for view in request.views]


def check_equal(asked):
    """Compare the views of all surfaces to the bit; return the terminal's."""
    expected = views(asked["terminal"])
    assert set(asked) == {"terminal", "--command", "api", "panel"}
    for name, request in asked.items():
        actual = views(request)
        assert len(actual) == len(expected)
        for view, other in zip(actual, expected, strict=True):
            assert torch.equal(view.image, other.image), name
            assert (view.camera is None) == (other.camera is None)
            if view.camera is not None and other.camera is not None:
                for entry in fields(view.camera):
                    ours, theirs = (getattr(c, entry.name) for c in (view.camera, other.camera))
                    assert np.array_equal(ours, theirs), (name, entry.name)
    return expected


def random(channels, dtype=np.uint8, height=HEIGHT, width=WIDTH):
    values = np.random.default_rng(0).random((height, width, channels))
    return (values * np.iinfo(dtype).max).astype(dtype)


def save_16_bits(path, values):
    """Have Blender write RGBA of 16 bits, as an artist would."""
    height, width = values.shape[:2]
    image = bpy.data.images.new("Made", width, height, alpha=True, float_buffer=True)
    image.pixels.foreach_set((values[::-1] / np.float32(65535)).ravel())
    settings = bpy.context.scene.render.image_settings
    bpy.context.scene.view_settings.view_transform = "Raw"
    settings.file_format = {".png": "PNG", ".tif": "TIFF"}[path.suffix]
    settings.color_mode, settings.color_depth = "RGBA", "16"
    image.save_render(str(path), scene=bpy.context.scene)
    bpy.data.images.remove(image)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.tga"])
@pytest.mark.parametrize("channels", [3, 4])
def test_every_format(surfaces, tmp_path, name, channels):
    if channels == 4 and name.endswith("jpg"):
        pytest.skip("JPEG has no alpha")
    Image.fromarray(random(channels)).save(tmp_path / name)
    (view,) = check_equal(surfaces(tmp_path / name))
    assert view.image.shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_every_mode(surfaces, tmp_path, mode):
    image = Image.fromarray(random(1, np.uint16 if mode == "I;16" else np.uint8)[..., 0])
    image = image if mode == "I;16" else image.convert("RGB").convert(mode)
    suffix = "jpg" if mode == "CMYK" else "png"
    image.save(tmp_path / f"a.{suffix}")
    check_equal(surfaces(tmp_path / f"a.{suffix}"))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("colorspace", ["sRGB", "Non-Color", "Linear Rec.709"])
def test_sixteen_bits_in_every_colour_space(surfaces, tmp_path, suffix, colorspace):
    values = random(4, np.uint16)
    values[..., 3] |= 0x8000
    save_16_bits(tmp_path / f"a{suffix}", values)

    def prepare(image):
        image.colorspace_settings.name = colorspace

    (view,) = check_equal(surfaces(tmp_path / f"a{suffix}", prepare))
    distinct = len(torch.unique(view.image[..., 0]))
    assert distinct > 1000  # bits beyond the eighth are there


@pytest.mark.parametrize("colorspace", ["sRGB", "Non-Color"])
def test_a_packed_image_is_its_file(surfaces, tmp_path, colorspace):
    values = random(4, np.uint16)
    save_16_bits(tmp_path / "a.png", values)

    def prepare(image):
        image.colorspace_settings.name = colorspace
        image.pack()

    asked = surfaces(tmp_path / "a.png", prepare)
    assert asked["panel"].views[0].file.encoded is not None
    check_equal(asked)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_photograph_is_upright_everywhere(surfaces, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.repeat(np.repeat(random(3, np.uint8, 6, 8), 8, 0), 8, 1)
    stored = Image.fromarray(as_stored(upright, orientation))
    stored.save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=exif)
    (view,) = check_equal(surfaces(tmp_path / "a.jpg"))
    actual = view.image[..., :3].numpy() * 255
    assert np.abs(actual - upright.astype(float)).mean() < 4


def test_a_mask_beside_the_image(surfaces, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[5:20, 7:30] = 255
    Image.fromarray(random(4)).save(tmp_path / "a.png")
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    (view,) = check_equal(surfaces(tmp_path / "a.png"))
    assert np.array_equal(view.image[..., 3].numpy() * 255, mask)


def test_an_image_larger_than_is_useful(surfaces, tmp_path):
    Image.fromarray(random(4, np.uint8, 60, 2300)).save(tmp_path / "a.png")
    (view,) = check_equal(surfaces(tmp_path / "a.png"))
    assert view.image.shape == (53, 2048, 4)


@pytest.fixture
def folder(tmp_path):
    """A folder with posed images of several kinds: 8 and 16 bits, a tag, a mask, another size."""
    place = tmp_path / "posed"
    place.mkdir()
    Image.fromarray(random(4)).save(place / "a.png")
    save_16_bits(place / "b.png", random(4, np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(random(3)).save(place / "c.jpg", exif=exif)
    Image.fromarray(random(4, np.uint8, 2 * HEIGHT, 2 * WIDTH)).save(place / "d.png")
    Image.new("L", (WIDTH, HEIGHT), 200).save(place / "d_mask.png")
    frames = []
    for number, name in enumerate(["a.png", "b.png", "c.jpg", "d.png"]):
        pose = np.eye(4)
        pose[:3, 3] = (0.1, 0.7 / 3, 4 + number)
        frames.append({"file_path": name, "transform_matrix": pose.tolist()})
    numbers = {"fl_x": 80.7, "fl_y": 81.3, "cx": 23.9, "cy": 17.7, "w": WIDTH, "h": HEIGHT}
    (place / "transforms.json").write_text(json.dumps({**numbers, "frames": frames}))
    return place


def test_a_folder_of_posed_images(surfaces, folder):
    actual = check_equal(surfaces(folder))
    assert [view.name for view in actual] == ["a.png", "b.png", "c.jpg", "d.png"]
    assert float(actual[3].image[..., 3].max()) == pytest.approx(200 / 255)


def test_cameras_that_were_added_from_a_folder(surfaces, folder):
    """The images to the bit; the cameras to what Blender's own numbers hold."""
    asked = surfaces(folder)
    api.add_cameras(folder)
    bpy.context.view_layer.update()
    for data, expected in zip(
        scene_source(bpy.context.scene).views, views(asked["terminal"]), strict=True
    ):
        view = to_view(data, Background())
        assert torch.equal(view.image, expected.image)
        assert (view.camera.width, view.camera.height) == (
            expected.camera.width,
            expected.camera.height,
        )
        for name in ("fx", "fy", "cx", "cy"):
            ours, theirs = getattr(view.camera, name), getattr(expected.camera, name)
            assert ours == pytest.approx(theirs, rel=1e-5)


# ---------------------------------------------------------------- equal refusals


def bad_files(folder):
    """Write files that can't be used; return them with words of why."""
    (folder / "empty.png").touch()
    (folder / "words.png").write_text("these are words")
    (folder / "radiance.png").write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 3 +X 4\n")
    Image.new("RGB", (4, 3)).save(folder / "a.gif")
    Image.new("RGBA", (64, 64)).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:60])
    return {
        "gone.png": "gone.png does not exist",
        "empty.png": "is empty",
        "words.png": "is not a readable image",
        "radiance.png": "in the format HDR",
        "a.gif": "is not a readable image",
    }


def test_files_that_cannot_be_used_are_refused_in_the_same_words(puppet, tmp_path, capfd):
    for name, words in bad_files(tmp_path).items():
        path = tmp_path / name
        with pytest.raises(RequestError, match=words) as refusal:
            api.reconstruct(path)
        said = " ".join(str(refusal.value).split())
        capfd.readouterr()
        assert cli.main(["reconstruct", str(path)]) == 2
        assert said in capfd.readouterr().err
        assert terminal.main(["reconstruct", str(path), "-o", str(tmp_path / "a.ply")]) == 2
        assert said in capfd.readouterr().err
    assert not puppet.submitted
