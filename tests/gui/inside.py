"""What happens in the window: runs inside Blender, step by step from a timer, as an artist would.

Each check is a generator that yields while Blender goes on drawing and the extension's own timer
does its work; nothing here drives a job. Rows go to `report.json` in `$LEVELFORM_GUI_OUT`.
"""

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import addon_utils
import bpy
import numpy as np
from mathutils import Quaternion

sys.path.insert(0, str(Path(__file__).parent))
import walk

OUT = Path(os.environ["LEVELFORM_GUI_OUT"])
CHECKOUT = Path(os.environ["LEVELFORM_CHECKOUT"])
SAMPLE = CHECKOUT / "assets" / "sample" / "suzanne" / "suzanne.blend"
STEP = 0.01  # seconds between two looks
ORBIT = 0.2  # seconds between two turns of the view
PATIENCE = 900.0  # seconds that anything may take
LIMIT_UPDATE, LIMIT_WAITING, LIMIT_CANCEL = 0.080, 0.010, 0.25  # seconds
BIG = 500_000  # triangles

Check = Iterator[None]
rows: list[dict[str, Any]] = []


def row(name: str, holds: bool, measured: str) -> None:
    rows.append({"name": name, "measured": measured, "holds": bool(holds)})
    print(rows[-1], flush=True)


# ---------------------------------------------------------------- the extension


def enable() -> Any:
    """Enable the extension, from the zip if there is one, else from the checkout."""
    archive = os.environ.get("LEVELFORM_ZIP")
    if archive:
        bpy.ops.extensions.package_install_files(
            filepath=archive, repo="user_default", enable_on_install=True
        )
        return sys.modules["bl_ext.user_default.levelform"]
    folder = OUT / "repository"
    folder.mkdir(exist_ok=True)
    link = folder / "levelform"
    if not link.exists():
        link.symlink_to(CHECKOUT)
    repositories = bpy.context.preferences.extensions.repos
    repositories.new(name="Checkout", module="checkout", custom_directory=str(folder))
    return addon_utils.enable("bl_ext.checkout.levelform", default_set=True)


@dataclass(frozen=True)
class Tick:
    """One tick of the extension's timer: its seconds, those of the processor, triangles shown."""

    seconds: float
    processor: float
    triangles: int

    def within(self, limit: float) -> bool:
        """Tell whether it was quick enough.

        Where other programs want more processors than there are, what they took is not counted.
        """
        crowded = os.getloadavg()[0] > (os.cpu_count() or 1)
        return (self.processor if crowded else self.seconds) <= limit

    def __str__(self) -> str:
        return f"{1e3 * self.seconds:.1f} ms ({1e3 * self.processor:.1f} of the processor)"


class Watch:
    """What the extension's timer did, and how often the viewport was drawn."""

    def __init__(self, live: Any) -> None:
        self.live = live
        self.ticks: list[Tick] = []
        self.levels: list[tuple[int, int]] = []  # resolution, redraws so far
        self.redraws = 0
        self._tick = live.tick
        live.tick = self.tick
        bpy.types.SpaceView3D.draw_handler_add(self.count, (), "WINDOW", "POST_PIXEL")

    def count(self) -> None:
        self.redraws += 1

    def tick(self) -> float | None:
        running = self.live.running
        before = running.result.shown if running else 0
        started, spent = time.perf_counter(), time.thread_time()
        again = self._tick()
        seconds, processor = time.perf_counter() - started, time.thread_time() - spent
        shown = running is not None and running.result.shown > before
        if shown:
            self.levels.append((running.result.last.resolution, self.redraws))
        triangles = len(running.result.last.faces) if shown else 0
        self.ticks.append(Tick(seconds, processor, triangles))
        return again

    def clear(self) -> None:
        self.ticks.clear()
        self.levels.clear()
        self.redraws = 0


# ---------------------------------------------------------------- an artist's hands


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def viewport() -> bpy.types.Area:
    return max(
        (area for area in window().screen.areas if area.type == "VIEW_3D"),
        key=lambda area: area.width * area.height,
    )


def hands() -> Any:
    """Return a context in which operators act as in the viewport."""
    area = viewport()
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window(), area=area, region=region)


def orbit() -> None:
    """Turn the view a little, which draws it again."""
    view = viewport().spaces.active.region_3d
    view.view_rotation = Quaternion((0, 0, 1), 0.01) @ view.view_rotation
    viewport().tag_redraw()


def press(key: str) -> None:
    area = viewport()
    for value in ("PRESS", "RELEASE"):
        window().event_simulate(
            type=key, value=value, x=area.x + area.width // 3, y=area.y + area.height // 2
        )


def reconstruct(preset: str) -> None:
    bpy.context.scene.levelform.method = "visual-hull"
    bpy.context.scene.levelform.preset = preset
    with hands():
        bpy.ops.levelform.reconstruct("INVOKE_DEFAULT")


def inventory() -> dict[str, list[str]]:
    kinds = ("objects", "meshes", "materials", "collections", "images", "cameras")
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in kinds}


def until(condition: Callable[[], bool], *, orbiting: bool = False) -> Check:
    """Wait for something, looking every step."""
    started = turned = time.monotonic()
    while not condition():
        now = time.monotonic()
        if now > started + PATIENCE:
            raise TimeoutError("waited too long")
        if orbiting and now > turned + ORBIT:
            turned = now
            orbit()
        yield


def results() -> list[bpy.types.Object]:
    return [thing for thing in bpy.data.objects if hasattr(thing.get("levelform"), "to_dict")]


# ---------------------------------------------------------------- checks


class Checks:
    def __init__(self, live: Any, watch: Watch, protocol: Any) -> None:
        self.live, self.watch, self.protocol = live, watch, protocol
        self.worker: int | None = None

    def idle(self) -> bool:
        return self.live.running is None

    def shown(self, count: int = 1) -> bool:
        return self.idle() or self.live.running.result.shown >= count

    def object(self) -> bpy.types.Object:
        return self.live.running.result.object

    def to_the_end(self) -> Check:
        yield from until(self.idle)

    # ------------------------------------------------------------ in order

    def appears_and_sharpens(self) -> Check:
        """Levels appear one after the other while the window keeps drawing; undo takes it back."""
        before = inventory()
        reconstruct("FINE")
        yield from until(lambda: self.live.running.job.state == "running")
        self.watch.clear()
        yield from until(self.idle, orbiting=True)
        levels, ticks = list(self.watch.levels), list(self.watch.ticks)
        resolutions = [resolution for resolution, _ in levels]
        row("levels appear", len(set(resolutions)) >= 3, f"{resolutions}")
        steps = [b[1] - a[1] for a, b in pairwise(levels) if a[0] != b[0]]
        row("the window draws between levels", min(steps, default=0) >= 1, f"{steps} redraws")
        waiting = [tick for tick in ticks if not tick.triangles]
        quick = all(tick.within(LIMIT_WAITING) for tick in waiting)
        worst = max(waiting, key=lambda tick: tick.processor)
        row("ticks while waiting", quick, f"the worst of {len(waiting)}: {worst}")
        updates = [tick for tick in ticks if tick.triangles]
        quick = all(tick.within(LIMIT_UPDATE) for tick in updates)
        text = ", ".join(f"{tick.triangles:,} in {tick}" for tick in updates)
        row("ticks that show a mesh", quick, text)
        self.worker = self.live.jobs.ready.pid
        yield from self.undo_and_redo(before)

    def undo_and_redo(self, before: dict[str, list[str]]) -> Check:
        made = inventory()
        with hands():
            bpy.ops.ed.undo()
        yield
        undone = inventory()
        with hands():
            bpy.ops.ed.redo()
        yield
        holds = undone["objects"] == before["objects"] and inventory() == made
        row("undo removes the result, redo brings it back", holds, f"{results()[0].name}")
        with hands():
            bpy.ops.ed.undo()
        yield

    def big_update(self) -> Check:
        """A mesh of half a million triangles in one tick."""
        reconstruct("ULTRA")
        yield from until(lambda: self.live.running.job.state == "running")
        side = int((BIG / 2) ** 0.5) + 1
        grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, side)] * 2), -1).reshape(-1, 2)
        corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1, 1)
        quads = corner + np.array([0, 1, side + 1, side])
        faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
        package = self.protocol.__name__.removesuffix(".contract.protocol")
        edges = importlib.import_module(f"{package}.geometry.meshes").mesh_edges(faces)
        times = []
        for height in (0.0, 0.5, 1.0):
            vertices = np.insert(grid, 2, height, axis=1).astype(np.float32)
            ones = np.ones((len(vertices), 4), np.float32)
            update = self.protocol.MeshUpdate(
                "", vertices, faces, vertices, ones, np.eye(4), 1.0, 512, False, *edges
            )
            self.watch.clear()
            self.live.running.result.offer(update)
            yield from until(lambda: any(t.triangles == len(faces) for t in self.watch.ticks))
            times.append(next(t for t in self.watch.ticks if t.triangles == len(faces)))
            yield from until(
                lambda seen=self.watch.redraws: self.watch.redraws > seen, orbiting=True
            )
        quick = any(tick.within(LIMIT_UPDATE) for tick in times)
        name = f"a tick that shows {len(faces):,} triangles"
        row(name, quick, ", ".join(map(str, times)))
        self.live.cancel()
        yield from self.to_the_end()

    def escape(self) -> Check:
        """Esc stops the worker's job, and nothing of it is left."""
        before = inventory()
        times = []
        for _ in range(2):
            reconstruct("ULTRA")
            yield from until(self.shown)
            job = self.live.running.job
            pressed = time.monotonic()
            press("ESC")
            yield from until(lambda job=job: job.cancelled_at is not None)
            # From here on without drawing, which would count Blender's redraws as the worker's.
            while not self.idle():
                self.live.tick()
            times.append((job.cancelled_at - pressed, job.ended_at - job.cancelled_at))
        text = ", ".join(f"{1e3 * a:.0f} + {1e3 * b:.0f} ms" for a, b in times)
        holds = max(stop for _, stop in times) <= LIMIT_CANCEL and job.state == "cancelled"
        row("Esc stops the job (until heard + until stopped)", holds, text)
        row("a cancelled job leaves the scene as it was", inventory() == before, "compared by name")

    def deletion(self) -> Check:
        before = inventory()
        reconstruct("ULTRA")
        yield from until(self.shown)
        job, made = self.live.running.job, self.object()
        with hands():
            bpy.ops.object.select_all(action="DESELECT")
            made.select_set(True)
            bpy.ops.object.delete()
        yield from self.to_the_end()
        left = inventory()["objects"] == before["objects"]
        row("deleting the object stops its job", left and job.state == "cancelled", job.state.value)

    def renaming_and_edit_mode(self) -> Check:
        reconstruct("BALANCED")
        yield from until(self.shown)
        made = self.object()
        made.name, made.data.name = "Renamed", "Renamed mesh"
        with hands():
            window().view_layer.objects.active = made
            bpy.ops.object.mode_set(mode="EDIT")
        yield from until(lambda: self.live.running.job.ended)
        first = len(bpy.data.objects["Renamed"].data.polygons)
        for _ in range(10):
            yield
        held = self.live.running is not None
        with hands():
            bpy.ops.object.mode_set(mode="OBJECT")
        yield from self.to_the_end()
        last = len(bpy.data.objects["Renamed"].data.polygons)
        measured = f"{first:,} triangles while editing, {last:,} afterwards"
        row("renaming and Edit Mode are survived", held and last > first, measured)
        bpy.data.objects.remove(bpy.data.objects["Renamed"])

    def undo_meanwhile(self) -> Check:
        """An undo of something else takes the half-made mesh along; it comes back."""
        camera = next(thing for thing in bpy.data.objects if thing.type == "CAMERA")
        with hands():
            camera.location.x += 1.0
            bpy.ops.ed.undo_push(message="Move")
        reconstruct("BALANCED")
        yield from until(self.shown)
        with hands():
            bpy.ops.ed.undo()
        yield from self.to_the_end()
        made = results()
        measured = f"{len(made[0].data.polygons):,} triangles" if made else "gone"
        row("an undo during a job is survived", len(made) == 1, measured)
        for thing in made:
            bpy.data.objects.remove(thing)

    def file_load(self) -> Check:
        reconstruct("ULTRA")
        yield from until(self.shown)
        job = self.live.running.job
        with hands():
            bpy.ops.wm.open_mainfile(filepath=str(SAMPLE))
        yield from until(lambda: job.ended)
        for _ in range(20):
            yield
        clean = self.idle() and not results() and self.live.failure is None
        row("loading a file during a job is survived", clean, job.state.value)

    def portrait(self) -> Check:
        """The panel and the mesh, for a person to look at."""
        yield from open_tab()
        reconstruct("BALANCED")
        yield from self.to_the_end()
        area = viewport()
        area.spaces.active.shading.color_type = "VERTEX"
        with hands():
            bpy.ops.view3d.view_selected()
        seen = self.watch.redraws
        yield from until(lambda: self.watch.redraws > seen + 3, orbiting=True)
        path = OUT / "window.png"
        yield from photograph(path)
        image = bpy.data.images.load(str(path))
        pixels = np.array(image.pixels[:]).reshape(-1, image.channels)[:, :3]
        bpy.data.images.remove(image)
        row("an image of the window", pixels.std() > 0.02, str(path))


def photograph(path: Path) -> Check:
    """Have `run.py` take the image: Blender can't read its own window everywhere."""
    request = OUT / "photograph"
    request.with_suffix(".part").write_text(path.name)
    request.with_suffix(".part").rename(request)
    yield from until(lambda: not request.exists())
    if not path.exists():
        with hands():
            bpy.ops.screen.screenshot(filepath=str(path))


def open_tab() -> Check:
    """Show the sidebar with the Levelform tab; Blender lets tabs be chosen once they were drawn."""
    viewport().spaces.active.show_region_ui = True
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        sidebar = next(region for region in viewport().regions if region.type == "UI")
        try:
            sidebar.active_panel_category = "Levelform"
        except (AttributeError, TypeError):
            yield
        else:
            return
    raise TimeoutError("the tab could not be opened")


# ---------------------------------------------------------------- the script


def script() -> Check:
    bpy.context.preferences.view.show_splash = False
    started = time.monotonic()
    package = enable()
    zipped = time.monotonic() - started if os.environ.get("LEVELFORM_ZIP") else None
    live = sys.modules[f"{package.__name__}.addon.jobs.session"].live
    protocol = sys.modules[f"{package.__name__}.backend.contract.protocol"]
    with hands():
        bpy.ops.wm.open_mainfile(filepath=str(SAMPLE))
    yield
    yield from open_tab()
    checks, tour = Checks(live, Watch(live), protocol), None
    try:
        for check in (
            checks.appears_and_sharpens,
            checks.big_update,
            checks.escape,
            checks.deletion,
            checks.renaming_and_edit_mode,
            checks.undo_meanwhile,
            checks.file_load,
            checks.portrait,
        )[: 0 if os.environ.get("LEVELFORM_GUI_WALK") else None]:
            yield from guarded(check)
        tour = walk.Walk(
            walk.Hands(hands, until, photograph, open_tab, row),
            package.__name__,
            OUT,
            SAMPLE.parent / "images",
            zipped,
        )
        yield from guarded(tour.steps)
        checks.worker = checks.worker or live.jobs.ready.pid
    finally:
        report = {"rows": rows, "blender": bpy.app.version_string, "worker": checks.worker}
        report["walk"] = tour.table if tour is not None else []
        partial = OUT / "report.part"
        partial.write_text(json.dumps(report))
        partial.rename(OUT / "report.json")
        with hands():
            bpy.ops.wm.quit_blender()


def guarded(check: Callable[[], Check]) -> Check:
    """Run a check; what goes wrong in it fails a row and not the ones that follow."""
    try:
        yield from check()
    except Exception as error:
        traceback.print_exc()
        row(check.__name__.replace("_", " "), False, f"{type(error).__name__}: {error}")


steps = script()


def step() -> float | None:
    try:
        next(steps)
    except StopIteration:
        return None
    except Exception:
        traceback.print_exc()
        raise
    return STEP


bpy.app.timers.register(step, first_interval=1.0, persistent=True)
