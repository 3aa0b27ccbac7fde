"""Training images by Blender: objects to RGBA, depth, normals and albedo, with their cameras.

Each object is rendered in a scene of its own, which is there during a step alone, so that nothing
of the user's changes. The layout is the one that `levelform dataset render` writes and `levelform
dataset convert --from renders` reads, and the cameras are the same:

    OUT/<name>/transforms.json, 000.png, 000_depth.npy, 000_normal.png, 000_albedo.png, 001.png...

`transforms.json` is written last: a folder that has one is finished and is skipped by the next run.
From a terminal: `python -m levelform.addon.data.dataset_render SOURCE OUT [--engine cycles]`.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.contract.camera_ranges import (
    LONGEST_SIDE,
    WORDS,
    in_world,
    sample_camera_data,
    seed_of,
)
from ...backend.contract.cameras import to_frame
from ...backend.contract.errors import LevelformError, RequestError, WorkError
from ..scene.passes import PASSES, write_images
from ..scene.studio import ENGINES as ENGINES
from ..scene.studio import Studio, check_engine, nothing_kept

FINISHED = "transforms.json"  # in the folder of a shape
SETTINGS = "render.json"  # in the folder of them all
HOLD = 5.0  # seconds of rendering before the scene is given back, where nobody waits for it


@dataclass(frozen=True)
class Target:
    """A shape to render: its name, and how to get its objects; called with the studio active."""

    name: str
    load: Callable[[], list[bpy.types.Object]]


@dataclass(frozen=True)
class RenderSettings:
    """How to render.

    Attributes
    ----------
    engine : "cycles" or "eevee"
    views : images of each shape
    size : pixels along a side
    cameras : the range that they are drawn from, one of `camera_ranges.WORDS`
    seed : of everything that is drawn
    samples : Cycles' or EEVEE's, a pixel
    passes : which of `PASSES` to write beside each image
    """

    engine: str = "cycles"
    views: int = 8
    size: int = 128
    cameras: str = "r2n2"
    seed: int = 0
    samples: int = 32
    passes: tuple[str, ...] = PASSES

    def check(self) -> None:
        """Raise `RequestError` if this can't be rendered."""
        if self.cameras not in WORDS:
            raise RequestError(
                f"There is no range of cameras {self.cameras!r}.", f"One of {', '.join(WORDS)}."
            )
        if strays := set(self.passes) - set(PASSES):
            raise RequestError(f"There is no pass {min(strays)!r}.", f"One of {', '.join(PASSES)}.")
        if min(self.views, self.size, self.samples) < 1:
            raise RequestError("Views, size and samples must be above zero.")
        check_engine(self.engine)


@dataclass(frozen=True)
class RenderStep:
    """One step of the work: so many views of target `index` of `count` are there; or why none."""

    name: str
    index: int
    count: int
    views: int
    skipped: str = ""

    def progress(self, views: int) -> float:
        """Return how far the work is, 0 to 1, where each target gets so many views."""
        fraction = 1.0 if self.skipped else self.views / views
        return (self.index + fraction) / self.count


@dataclass
class Outcome:
    """What came of a run.

    Attributes
    ----------
    out : the folder of the images
    views : of each shape
    done : shapes rendered now
    before : shapes that were finished before
    skipped : why each of the others was left out
    ended : "finished" or "stopped"; empty while it runs
    """

    out: str
    views: int
    done: int = 0
    before: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
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
        """Return what the command prints of it."""
        return {
            "out": self.out,
            "shapes": self.done + self.before,
            "views": self.views,
            "skipped": self.skipped,
        }


def targets_of_collection(collection: bpy.types.Collection) -> list[Target]:
    """Return the mesh objects of a collection, one target each, by their names."""
    names = [found.name for found in collection.all_objects if found.type == "MESH"]
    return _targets((name, lambda name=name: [_object(name)]) for name in sorted(names))


def targets_of_folder(folder: str | Path) -> list[Target]:
    """Return the mesh files below a folder (or one file); each is imported when its turn comes.

    Raises
    ------
    RequestError
        If there is nothing of that name.
    """
    folder = Path(folder)
    if not folder.exists():
        raise RequestError(f"There is no folder {folder}.")
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    root = folder.parent if folder.is_file() else folder
    return _targets(
        (path.relative_to(root).with_suffix("").as_posix(), lambda path=path: _import(path))
        for path in files
        if path.suffix.lower() in IMPORTERS
    )


def render_dataset(
    targets: Sequence[Target],
    out: str | Path,
    settings: RenderSettings | None = None,
    *,
    hold: float = HOLD,
) -> Iterator[RenderStep]:
    """Render every target into its folder below `out`, step by step.

    Between two steps Blender's data is as it was before. Closing the generator stops the work; the
    shape in the making is started again by the next run.

    Parameters
    ----------
    hold
        Seconds that a step may take, about; it renders one view at least, and goes on as long as it
        took to load the shape.

    Raises
    ------
    RequestError
        If there is nothing to render, the settings can't be had, or `out` holds what was rendered
        with others.
    WorkError
        If Blender can't render, or an image can't be written.
    """
    settings = settings or RenderSettings()
    if not targets:
        raise RequestError(
            "There is nothing to render.", "Choose a collection, or a folder, that holds meshes."
        )
    settings.check()
    with _told(out):
        _claim(Path(out), settings)
    for index, target in enumerate(targets):
        folder = Path(out) / target.name
        if (folder / FINISHED).exists():
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
    """Render one target, yielding how many views are there; its `transforms.json` comes last."""
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
    """Render views into `frames` for about `hold` seconds; end the target with the last one."""
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
        _write_json(folder / FINISHED, {"world_from_volume": world.tolist(), "frames": frames})


def _world_from_volume(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    scale = float((upper - lower).max()) / LONGEST_SIDE
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = (lower + upper) / 2
    return matrix


# ---------------------------------------------------------------- where it goes


@contextmanager
def _told(place: str | Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise WorkError(
            f"{place} could not be written: {error.strerror or error}.",
            "Choose another folder or free some space; what is finished is kept.",
        ) from error


def _claim(out: Path, settings: RenderSettings) -> None:
    """Note the settings in the folder; refuse one that holds what was rendered with others."""
    path, ours = out / SETTINGS, json.loads(json.dumps(asdict(settings)))
    if path.exists():
        try:
            theirs = json.loads(path.read_text())
        except ValueError:
            theirs = {}
        if theirs != ours:
            other = [name for name in ours if theirs.get(name) != ours[name]]
            raise RequestError(
                f"{out} holds images with other settings ({', '.join(other)}).",
                "Choose another folder, or render with the same settings to go on.",
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    _write_json(path, ours)


def _write_json(path: Path, content: Any) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)


# ---------------------------------------------------------------- where it comes from


def _targets(named: Iterable[tuple[str, Callable[[], list[bpy.types.Object]]]]) -> list[Target]:
    """Return targets whose names are folders below `out`, each another."""
    targets, taken = [], set()
    for name, load in named:
        plain = safe = _safe(name)
        number = 1
        while safe.casefold() in taken:
            number += 1
            safe = f"{plain}_{number}"
        taken.add(safe.casefold())
        targets.append(Target(safe, load))
    return targets


def _safe(name: str) -> str:
    """Return a name as a path that leads nowhere else; odd letters are `_`."""
    parts = ("".join(c if c.isalnum() or c in "._+-" else "_" for c in p) for p in name.split("/"))
    return "/".join(part for part in parts if part.strip(".")) or "_"


def _object(name: str) -> bpy.types.Object:
    found = bpy.data.objects.get(name)
    if found is None:
        raise RequestError(f"{name} is gone.")
    if found.hide_render:
        raise RequestError(f"{name} is hidden in renders.")
    return found


def _import(path: Path) -> list[bpy.types.Object]:
    before = {found.session_uid for found in bpy.data.objects}
    try:
        IMPORTERS[path.suffix.lower()](filepath=str(path))
    except RuntimeError as error:
        raise RequestError(f"{path.name} can't be imported: {str(error).strip()}.") from error
    objects = [found for found in bpy.data.objects if found.session_uid not in before]
    if not any(found.type == "MESH" for found in objects):
        raise RequestError(f"{path.name} holds no mesh.")
    return objects


IMPORTERS: dict[str, Callable[..., Any]] = {
    ".glb": lambda **k: bpy.ops.import_scene.gltf(**k),
    ".gltf": lambda **k: bpy.ops.import_scene.gltf(**k),
    ".obj": lambda **k: bpy.ops.wm.obj_import(**k),
    ".ply": lambda **k: bpy.ops.wm.ply_import(**k),
    ".stl": lambda **k: bpy.ops.wm.stl_import(**k),
}


# ---------------------------------------------------------------- from a terminal


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
        outcome = Outcome(out, settings.views)
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
