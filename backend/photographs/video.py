"""Take the sharpest frames of a video, evenly spread over its length."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import RequestError
from ..contract.photographs import FRAMES
from ..geometry.writing import written_whole
from ..ticket import Ticket
from .library import video_library

SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts", ".mpg", ".mpeg")
LOOKS = 8  # frames compared in each interval
LOCAL = {"protocol_whitelist": "file"}  # a playlist disguised as a video reaches no network
SMALL = 480  # pixels of the longer side for measuring sharpness


def is_video(path: str | Path) -> bool:
    """Return whether a file's name is that of a video."""
    return Path(path).suffix.lower() in SUFFIXES


def take_frames(
    video: str | Path, folder: str | Path, *, count: int = FRAMES, ticket: Ticket | None = None
) -> list[Path]:
    """Write the sharpest frame of each of `count` intervals of a video; return the images.

    Parameters
    ----------
    folder : for the images, `0001.png` and so on; made if it is missing

    Raises
    ------
    RequestError
        If the library is missing, the file is not a readable video, or it has too few frames.
    """
    from PIL import Image

    ticket = ticket or Ticket()
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    length = _length(video)
    if length < count:
        raise RequestError(
            f"{video} has {length} frames, fewer than the {count} to be taken.",
            "Take fewer frames, or a longer video.",
        )
    paths: list[Path] = []
    best: tuple[float, Any] | None = None
    step = max(length // (count * LOOKS), 1)
    for index, frame in _frames(video):
        number = index * count // length
        if number > len(paths):
            paths.append(_save(best, place, len(paths), Image))
            best = None
            ticket.advance(len(paths) / count)
        if index % step == 0 or best is None:
            score = sharpness(frame.reformat(format="gray").to_ndarray())
            if best is None or score > best[0]:
                best = score, frame
    if best is not None and len(paths) < count:
        paths.append(_save(best, place, len(paths), Image))
    return paths


def sharpness(gray: np.ndarray) -> float:
    """Return the variance of the Laplacian of an image, (H, W), at a size of `SMALL` pixels."""
    step = max(round(max(gray.shape) / SMALL), 1)
    height, width = (side // step * step for side in gray.shape)
    blocks = gray[:height, :width].astype(np.float32)
    small = blocks.reshape(height // step, step, width // step, step).mean((1, 3))
    inner = small[1:-1, 1:-1]
    around = small[:-2, 1:-1] + small[2:, 1:-1] + small[1:-1, :-2] + small[1:-1, 2:]
    return float((around - 4 * inner).var())


def _save(best: tuple[float, Any] | None, folder: Path, index: int, library: Any) -> Path:
    assert best is not None  # every interval has a frame
    path = folder / f"{index + 1:04d}.png"
    pixels = best[1].reformat(format="rgb24").to_ndarray()
    with written_whole(path) as partial:
        library.fromarray(pixels).save(partial, "PNG", compress_level=1)
    return path


def _length(video: str | Path) -> int:
    """Return the number of frames: from the header, else counted."""
    with _opened(video) as container:
        stream = container.streams.video[0]
        if stream.frames:
            return int(stream.frames)
    return sum(1 for _ in _frames(video))


def _frames(video: str | Path) -> Iterator[tuple[int, Any]]:
    """Yield each frame with its number."""
    number = 0
    with _opened(video) as container:
        try:
            for number, frame in enumerate(container.decode(video=0)):
                yield number, frame
        except (OSError, ValueError, video_library().FFmpegError) as error:
            raise RequestError(
                f"{video} can't be decoded after frame {number} ({error}).",
                "Convert it to MP4 (H.264), or cut the damaged part off.",
            ) from error


def _opened(video: str | Path) -> Any:
    """Return an open video with at least one stream of images."""
    library = video_library()
    try:
        container = library.open(str(video), options=LOCAL)
    except (OSError, ValueError) as error:  # FFmpeg's errors are among these
        raise RequestError(
            f"{video} can't be read as a video ({error}).", "Convert it to MP4 (H.264)."
        ) from error
    if not container.streams.video:
        container.close()
        raise RequestError(f"{video} has no images.", "Name a video.")
    return container
