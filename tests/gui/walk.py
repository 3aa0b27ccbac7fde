"""The first five minutes, step by step in a window: a picture of each, its clicks and seconds.

Runs inside Blender after the checks of `inside.py`. A step calls what a button calls, counts the
clicks that an artist needs for it, and waits until the window shows what it promises.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from setting_up import WHEELS, SettingUp

Check = Iterator[None]


@dataclass(frozen=True)
class Hands:
    """What `inside.py` lends: a context, waiting, photographs, the sidebar's tab, rows."""

    context: Callable[[], Any]
    until: Callable[..., Check]
    photograph: Callable[[Path], Check]
    open_tab: Callable[[], Check]
    row: Callable[[str, bool, str], None]


class Walk:
    """The way from an empty file to kept meshes.

    Parameters
    ----------
    module : name of the extension's package
    out : folder of the pictures
    zipped : seconds that the installation of the zip took; None: it was not installed
    """

    def __init__(
        self, hands: Hands, module: str, out: Path, images: Path, zipped: float | None = None
    ) -> None:
        self.hands, self.out, self.images = hands, out, images
        self.module = module
        self.live = sys.modules[f"{module}.addon.jobs.session"].live
        self.gallery = sys.modules[f"{module}.addon.scene.gallery"]
        self.setting_up = SettingUp(hands, module, out, self.photo)
        self.table: list[dict[str, Any]] = []
        if zipped is not None:  # dropped on the window, and confirmed
            self.table.append({"step": "zip", "clicks": 2, "seconds": round(zipped, 1)})

    def steps(self) -> Check:
        """Take every step, and keep the table."""
        for number, (name, clicks, step) in enumerate(self._plan(), 1):
            started = time.monotonic()
            yield from step()
            seconds = time.monotonic() - started
            yield from self._settle()
            yield from self.photo(f"{number}-{name.replace(' ', '-')}")
            self.table.append({"step": name, "clicks": clicks, "seconds": round(seconds, 1)})
        (self.out / "walk.json").write_text(json.dumps(self.table, indent=1))
        self.hands.row("the walk", True, f"{len(self.table)} steps, {self._total()}")

    def photo(self, name: str) -> Check:
        """Take a picture of the window."""
        path = self.out / f"walk-{name}.png"
        path.unlink(missing_ok=True)
        yield from self.hands.photograph(path)

    def _total(self) -> str:
        names = [entry["step"] for entry in self.table]
        until_kept = self.table[: names.index("first mesh") + 1]
        clicks = sum(entry["clicks"] for entry in until_kept)
        seconds = sum(entry["seconds"] for entry in until_kept)
        return f"first kept mesh after {clicks} clicks and {seconds:.0f} s"

    def _plan(self) -> list[tuple[str, int, Callable[[], Check]]]:
        return [
            ("start", 2, self.start),  # N, and the tab
            *([("install", 4, self.setting_up.install)] if WHEELS else []),  # a folder of wheels
            ("sample", 1, self.sample),
            ("first mesh", 1, self.first_mesh),
            ("several pictures", 2, self.several_pictures),
            ("queue and results", 3, self.results),
            ("look through a camera", 1, self.look_through),
            ("own cameras", 2, self.own_cameras),
            ("one picture", 3, self.one_picture),
            ("batch", 2, self.batch),
            ("training", 4, self.setting_up.train),
        ]

    # ------------------------------------------------------------ steps

    def start(self) -> Check:
        """A new file: the panel says where to begin."""
        with self.hands.context():
            bpy.ops.wm.read_homefile(use_factory_startup=True, load_ui=False)
        yield
        yield from self.hands.open_tab()

    def sample(self) -> Check:
        with self.hands.context():
            bpy.ops.levelform.open_sample("EXEC_DEFAULT")
        yield
        yield from self.hands.open_tab()
        assert len(self._cameras()) == 8

    def first_mesh(self) -> Check:
        """The first mesh of the outlines; the picture shows it before its colors are known."""
        self._settings().method = "visual-hull"
        self._press("reconstruct")
        yield from self.hands.until(self._shown)
        self._check_first()
        yield from self.photo("first-look")
        yield from self._idle()
        assert len(self._results()) == 1

    def several_pictures(self) -> Check:
        """The default for eight images with cameras improves while it is shown, and is kept."""
        self._settings().method = "auto"
        self._press("reconstruct")
        yield from self.hands.until(lambda: self._shown() and self.live.improving)
        until = time.monotonic() + 10.0
        while time.monotonic() < until and self.live.improving:
            yield
        if self.live.improving:
            self._press("finish_early")
        yield from self._idle()
        early = [thing for thing in self._results() if not self.gallery.is_shown(thing)]
        assert len(early) == 1  # the first one, hidden by this one

    def results(self) -> Check:
        """A draft, and the first result once more, which waits for it."""
        self._settings().method, self._settings().preset = "visual-hull", "DRAFT"
        first = self._results()[0].name
        self._press("reconstruct")
        self._press("run_again", name=first)
        assert len(self.live.waiting) == 1
        yield from self.hands.until(lambda: self.live.running is None and not self.live.waiting)
        assert len(self._results()) == 4

    def look_through(self) -> Check:
        render = bpy.context.scene.render
        before = (render.resolution_x, render.resolution_y)
        self._press("look_through", camera="Camera 0")
        yield from self._settle()
        self._press("look_through", camera="Camera 0")
        yield
        assert (render.resolution_x, render.resolution_y) == before
        self._press("look_through", camera="Camera 0")

    def own_cameras(self) -> Check:
        """Images dropped on as many cameras; the dialog shows the pairs first."""
        with self.hands.context():
            bpy.ops.levelform.look_through(camera="Camera 0")
            bpy.ops.levelform.drop_images(
                "EXEC_DEFAULT",
                directory=f"{self.images}/",
                files=[{"name": f"{number}.png"} for number in range(8)],
            )
        self._press("volume_from_cameras")
        assert self.live.running is not None  # a job: the window goes on
        yield from self._idle()
        assert self._settings().volume is not None
        self._press("reconstruct")
        yield from self._idle()

    def one_picture(self) -> Check:
        settings = self._settings()
        with self.hands.context():
            bpy.ops.levelform.start_from_images(
                "EXEC_DEFAULT",
                directory=f"{self.images}/",
                files=[{"name": "0.png"}],
                filepath=str(self.images / "0.png"),
            )
        settings.preset = "DRAFT"
        assert settings.source == "IMAGE"
        yield from self._idle()

    def batch(self) -> Check:
        """A folder of two images, an object each."""
        folder = self.out / "batch"
        folder.mkdir(exist_ok=True)
        for number in (0, 1):
            (folder / f"{number}.png").write_bytes((self.images / f"{number}.png").read_bytes())
        bpy.context.scene.levelform_batch.folder = str(folder)
        batch = sys.modules[self.live.__module__.replace("jobs.session", "data.batch_run")]
        self._press("batch")
        yield from self.hands.until(lambda: len(batch.batch_run.made) > 0)
        yield from self._settle()
        yield from self.photo("batch-runs")
        yield from self.hands.until(lambda: not batch.batch_run.running)
        assert len(batch.batch_run.made) == 2

    # ------------------------------------------------------------ what the window says

    def _check_first(self) -> None:
        running = self.live.running
        fraction = running.fraction if running is not None else 1.0
        name = "the first mesh comes in the first quarter of the job"
        self.hands.row(name, fraction <= 0.25, f"at {fraction:.0%}")

    def _press(self, operator: str, **words: Any) -> None:
        with self.hands.context():
            getattr(bpy.ops.levelform, operator)("INVOKE_DEFAULT", **words)

    def _idle(self) -> Check:
        yield from self.hands.until(lambda: self.live.running is None)
        assert self.live.failure is None, self.live.failure

    def _settle(self) -> Check:
        """Let Blender draw what changed."""
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            for area in bpy.context.window_manager.windows[0].screen.areas:
                area.tag_redraw()
            yield

    def _shown(self) -> bool:
        return self.live.running is None or self.live.running.result.shown > 0

    def _results(self) -> list[bpy.types.Object]:
        return self.gallery.results_of(bpy.context.scene)

    def _cameras(self) -> list[bpy.types.Object]:
        return [thing for thing in bpy.context.scene.objects if thing.type == "CAMERA"]

    def _settings(self) -> Any:
        return bpy.context.scene.levelform
