"""Renders training images in Blender: RGBA, depth, normals and albedo of objects, with cameras.

Each object is rendered in a temporary scene that exists only during a step, so that the user's data
is not changed. The layout and the cameras are those of `levelform dataset render`, which
`levelform dataset convert --from renders` reads:

    OUT/<name>/transforms.json, 000.png, 000_depth.npy, 000_normal.png, 000_albedo.png, 001.png...
    OUT/<name>/mesh.ply: the rendered surface, the source of labels in the conversion

`transforms.json` is written last: a folder that has one is finished, and the next run skips it.
From a terminal: `python -m levelform.addon.data.dataset_render SOURCE OUT [--engine cycles]`.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.camera_ranges import (
    LONGEST_SIDE,
    OWN,
    WORDS,
    in_world,
    sample_camera_data,
    seed_of,
)
from ...backend.contract.cameras import to_frame
from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ...backend.contract.render_layout import FINISHED, MESH
from ..scene.passes import PASSES, write_images
from ..scene.plain_ply import write_ply
from ..scene.studio import ENGINES as ENGINES
from ..scene.studio import Studio, check_engine, nothing_kept
from .dataset_targets import Target
from .dataset_targets import targets_of_collection as targets_of_collection
from .dataset_targets import targets_of_folder as targets_of_folder

SETTINGS = "render.json"  # in the parent folder
HOLD = 5.0  # seconds of rendering per step if no window waits for it


@dataclass(frozen=True)
class RenderSettings:
    """How to render.

    Attributes
    ----------
    engine : "cycles" or "eevee"
    views : images of each shape
    size : width and height in pixels
    cameras : range of random cameras, one of `camera_ranges.WORDS`
    seed : seed of all random numbers
    samples : samples per pixel
    passes : which of `PASSES` to write beside each image
    """

    engine: str = "cycles"
    views: int = 8
    size: int = 128
    cameras: str = OWN
    seed: int = 0
    samples: int = 32
    passes: tuple[str, ...] = PASSES

    def check(self) -> None:
        """Raise `RequestError` if a setting is invalid."""
        if self.cameras not in WORDS:
            known = f"Use one of {', '.join(WORDS)}."
            raise RequestError(f"{self.cameras!r} is not a range of cameras.", known)
        if strays := set(self.passes) - set(PASSES):
            passes = ", ".join(PASSES)
            raise RequestError(f"{min(strays)!r} is not a render pass.", f"Use some of {passes}.")
        if min(self.views, self.size, self.samples) < 1:
            raise RequestError(
                "Views, size and samples must be positive.", "Give numbers above zero."
            )
        check_engine(self.engine)


@dataclass(frozen=True)
class RenderStep:
    """One step: the finished views of target `index` of `count`, or why it was skipped."""

    name: str
    index: int
    count: int
    views: int
    skipped: str = ""

    def progress(self, views: int) -> float:
        """Return the progress, 0 to 1, for a number of views of each target."""
        fraction = 1.0 if self.skipped else self.views / views
        return (self.index + fraction) / self.count


@dataclass
class RenderOutcome:
    """The outcome of a run.

    Attributes
    ----------
    out : the folder of the images
    views : images of each shape
    done : number of shapes rendered in this run
    before : number of shapes finished earlier
    skipped : the reason for each of the other shapes
    labelled : number of shapes in the data set made of the images; 0 if none was made
    ended : "finished" or "stopped"; empty while it runs
    """

    out: str
    views: int
    done: int = 0
    before: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    labelled: int = 0
    ended: str = ""

    def take(self, step: RenderStep) -> None:
        """Count a step."""
        if step.skipped and step.views:
            self.before += 1
        elif step.skipped:
            self.skipped[step.name] = step.skipped
        elif step.views == self.views:
            self.done += 1

    def to_json(self) -> dict[str, Any]:
        """Return the outcome in the form that the command prints."""
        return {
            "out": self.out,
            "shapes": self.done + self.before,
            "views": self.views,
            "skipped": self.skipped,
        }


def render_dataset(
    targets: Sequence[Target],
    out: str | Path,
    settings: RenderSettings | None = None,
    *,
    hold: float = HOLD,
) -> Iterator[RenderStep]:
    """Render every target into its folder below `out`, step by step.

    Between two steps, Blender's data is unchanged. Closing the generator stops the work; the next
    run starts the unfinished shape again.

    Parameters
    ----------
    hold
        Approximate seconds of a step; it renders at least one view, and continues at least as long
        as loading the shape took.

    Raises
    ------
    RequestError
        If there is nothing to render, a setting is invalid, or `out` contains images rendered with
        other settings.
    WorkError
        If Blender can't render, or an image can't be written.
    """
    settings = settings or RenderSettings()
    if not targets:
        raise RequestError(
            "Nothing is chosen to render.", "Choose a collection or a folder with meshes."
        )
    settings.check()
    with _told(out):
        _claim(Path(out), settings)
    for index, target in enumerate(targets):
        folder = Path(out) / target.name
        if (folder / FINISHED).exists() and (folder / MESH).exists():
            yield RenderStep(target.name, index, len(targets), settings.views, "finished before")
            continue
        try:
            for views in _render_target(target, folder, settings, hold):
                yield RenderStep(target.name, index, len(targets), views)
        except RequestError as error:
            yield RenderStep(target.name, index, len(targets), 0, error.message)


def _render_target(
    target: Target, folder: Path, settings: RenderSettings, hold: float
) -> Iterator[int]:
    """Render one target, yielding the number of finished views; write `transforms.json` last."""
    frames: list[dict[str, Any]] = []
    while len(frames) < settings.views:
        with nothing_kept(), _told(folder):
            _render_some(target, folder, settings, hold, frames)
        yield len(frames)


def _render_some(
    target: Target,
    folder: Path,
    settings: RenderSettings,
    hold: float,
    frames: list[dict[str, Any]],
) -> None:
    """Render views into `frames` for about `hold` seconds; finish the target with the last one."""
    started = time.monotonic()
    studio = Studio(engine=settings.engine, samples=settings.samples, seed=settings.seed)
    with studio.active():
        objects = target.load()
    studio.place(objects)
    lower, upper = studio.box(objects)
    world = _world_from_volume(lower, upper)
    seed = seed_of(target.name, settings.seed)
    drawn = sample_camera_data(
        settings.cameras,
        settings.views,
        seed,
        size=settings.size,
        extents=(upper - lower) / world[0, 0],
    )
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + max(hold, time.monotonic() - started)
    for camera in drawn[len(frames) :]:
        placed = in_world(camera, world)
        studio.light(np.random.default_rng([seed, len(frames)]))
        away = np.linalg.norm(camera.transform_matrix[:3, 3]) * world[0, 0]
        reach = float(away + np.linalg.norm(upper - lower))
        channels = studio.shoot(placed, reach)
        stem, passes = f"{len(frames):03d}", settings.passes
        paths = write_images(folder, stem, channels, reach=reach, passes=passes)
        frames.append(paths | to_frame(placed))
        if time.monotonic() > until:
            break
    if len(frames) == settings.views:
        write_ply(folder / MESH, *studio.surface(objects))
        _write_json(folder / FINISHED, {"world_from_volume": world.tolist(), "frames": frames})


def _world_from_volume(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    scale = float((upper - lower).max()) / LONGEST_SIDE
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = (lower + upper) / 2
    return matrix


# ---------------------------------------------------------------- output


@contextmanager
def _told(place: str | Path) -> Iterator[None]:
    """Convert an error of the file system to a `WorkError`."""
    try:
        yield
    except OSError as error:
        raise WorkError(
            f"{place} could not be written: {error.strerror or error}.",
            "Choose another folder or free some space; finished shapes are kept.",
        ) from error


def _claim(out: Path, settings: RenderSettings) -> None:
    """Write the settings to the folder; refuse a folder with images of other settings."""
    path, ours = out / SETTINGS, json.loads(json.dumps(asdict(settings)))
    if path.exists():
        try:
            theirs = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError):
            theirs = {}
        if theirs != ours:
            known = theirs if isinstance(theirs, dict) else {}
            other = [name for name in ours if known.get(name) != ours[name]]
            raise RequestError(
                f"{out} contains images with other settings ({', '.join(other)}).",
                "Choose another folder, or render with the same settings to continue.",
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    _write_json(path, ours)


def _write_json(path: Path, content: Any) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)


# ---------------------------------------------------------------- the terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Render a folder of files; the last line of the output is a JSON object."""
    parser = argparse.ArgumentParser(prog="dataset_render", description=__doc__)
    parser.add_argument("source")
    parser.add_argument("out")
    for name, default in asdict(RenderSettings()).items():
        if name == "passes":
            parser.add_argument("--passes", nargs="*", default=default)
        else:
            parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--limit", type=int)
    words = vars(parser.parse_args(arguments))
    source, out, limit = words.pop("source"), words.pop("out"), words.pop("limit")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    try:
        settings = RenderSettings(**words | {"passes": tuple(words["passes"])})
        outcome = RenderOutcome(out, settings.views)
        for step in render_dataset(targets_of_folder(source)[:limit], out, settings):
            outcome.take(step)
    except LevelformError as error:
        answer = {"error": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps(answer) + "\n")
        return error.exit_status
    sys.stdout.write(json.dumps(outcome.to_json()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
