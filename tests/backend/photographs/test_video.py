"""The sharpest frames of a video, evenly spread."""

import numpy as np
import pytest
from levelform.backend.contract.errors import RequestError
from levelform.backend.photographs import library as photo_library
from levelform.backend.photographs.video import is_video, sharpness, take_frames
from PIL import Image
from scipy.ndimage import gaussian_filter

COUNT, EACH = 5, 6


def test_blur_lowers_the_sharpness():
    image = np.random.default_rng(0).uniform(0, 255, (120, 160))
    values = [sharpness(gaussian_filter(image, sigma)) for sigma in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)


def test_videos_are_known_by_their_names():
    assert is_video("walk.MOV")
    assert not is_video("walk.png")


def test_without_the_library_a_person_is_told(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(photo_library.importlib, "import_module", missing)
    with pytest.raises(RequestError, match="av, which is not installed"):
        take_frames(tmp_path / "a.mp4", tmp_path / "frames")


@pytest.fixture
def video(tmp_path):
    """Return a video of which one frame in `EACH` is sharp and brighter than the one before it."""
    av = pytest.importorskip("av")
    rng = np.random.default_rng(0)
    path = tmp_path / "walk.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.bit_rate = 4_000_000
        for index in range(COUNT * EACH):
            noise = rng.uniform(-60, 60, (120, 160))
            sharp = index % EACH == 3
            pixels = 60 + 25 * (index // EACH) + (noise if sharp else gaussian_filter(noise, 3))
            frame = np.repeat(pixels[..., None], 3, 2).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_each_interval_gives_its_sharpest_frame(video, tmp_path):
    frames = take_frames(video, tmp_path / "frames", count=COUNT)
    assert [path.name for path in frames] == [f"{i + 1:04d}.png" for i in range(COUNT)]
    shown = [np.asarray(Image.open(path).convert("L"), np.float32) for path in frames]
    assert [round((image.mean() - 60) / 25) for image in shown] == list(range(COUNT))
    assert min(image.std() for image in shown) > 20  # blurred ones have less contrast


def test_videos_that_do_not_do_are_refused(video, tmp_path):
    with pytest.raises(RequestError, match="fewer than"):
        take_frames(video, tmp_path / "frames", count=COUNT * EACH + 1)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(RequestError, match="read as a video"):
        take_frames(tmp_path / "text.mp4", tmp_path / "frames")


def test_a_video_with_damaged_frames_is_refused(video, tmp_path):
    content = bytearray(video.read_bytes())
    content[content.find(b"esds")] = ord("x")  # the decoder's configuration is not found
    video.write_bytes(content)
    with pytest.raises(RequestError, match="can't be decoded after frame 0"):
        take_frames(video, tmp_path / "frames", count=COUNT)
