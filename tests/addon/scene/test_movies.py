"""Frames of a movie: the right one, whatever frame the scene is at, and nothing left behind."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from levelform.addon.scene import movies, pixels  # noqa: E402
from levelform.backend.contract.errors import RequestError  # noqa: E402

pytestmark = pytest.mark.bpy
COUNT, WIDTH, HEIGHT = 8, 64, 48


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    """A movie of 30 frames a second; frame n has a red bar of 8 n pixels on the left."""
    folder = tmp_path_factory.mktemp("movie")
    scene = bpy.data.scenes.new("Writer")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for index in range(COUNT):
        shown = np.zeros((HEIGHT, WIDTH, 4), np.float32)
        shown[..., 3], shown[:, : 8 * (index + 1), 0] = 1.0, 0.8
        image = bpy.data.images.new("frame", WIDTH, HEIGHT)
        image.pixels.foreach_set(shown.ravel())
        image.filepath_raw, image.file_format = str(folder / f"{index}.png"), "PNG"
        image.save()
        strip = strips.new_image("s", image.filepath, channel=index + 1, frame_start=index + 1)
        strip.frame_final_duration = 50
    render, output = scene.render, scene.render.image_settings
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    render.fps, scene.frame_start, scene.frame_end = 30, 1, COUNT
    scene.view_settings.view_transform = "Standard"
    if hasattr(output, "media_type"):
        output.media_type = "VIDEO"
    output.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "LOSSLESS"
    render.filepath, render.use_file_extension = str(folder / "movie.mp4"), False
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    return str(folder / "movie.mp4")


def bar(shown):
    """Return which frame an image is of."""
    assert shown.shape == (HEIGHT, WIDTH, 4)
    assert shown.dtype == np.uint8
    return int((shown[HEIGHT // 2, :, 0] > 100).sum()) // 8


@pytest.mark.parametrize("now", [1, 5, 40, -3])
def test_each_frame_is_the_one_asked_for(movie, now):
    image = bpy.data.images.load(movie)
    bpy.context.scene.frame_set(now)
    read = [bar(movies.read_frame(image, n, pixels.read_file)) for n in (0, 1, 2, 5, 8, 99)]
    assert read == [1, 1, 2, 5, 8, 8]
    assert bpy.context.scene.frame_current == now


def test_nothing_is_left_behind(movie):
    image = bpy.data.images.load(movie)
    before = len(bpy.data.scenes), {result.name for result in bpy.data.images}
    movies.read_frame(image, 3, pixels.read_file)
    left = {result.name for result in bpy.data.images if result.type != "RENDER_RESULT"}
    assert (len(bpy.data.scenes), left) == before


def test_a_movie_is_the_image_of_its_frame(movie):
    image = bpy.data.images.load(movie)
    assert pixels.known_size(image, 3) == (WIDTH, HEIGHT)
    assert bar(pixels.content_of(image, 3)) == 3
    with pytest.raises(RequestError, match="is a movie"):
        pixels.content_of(image)


def test_a_movie_that_is_gone_or_broken_is_refused(movie, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no movie")
    image = bpy.data.images.load(movie)
    image.filepath = str(broken)
    with pytest.raises(RequestError, match="not a movie that Blender can read"):
        movies.check(image)
    broken.unlink()
    with pytest.raises(RequestError, match="does not exist"):
        movies.check(image)
