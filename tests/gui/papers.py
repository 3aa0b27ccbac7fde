"""The panel's way to what the papers show, in a window: two results, morphs, shows, depth.

    LEVELFORM_GUI_OUT=DIR blender --python tests/gui/papers.py

The extension is installed. A file `esc` in DIR asks whoever started it to press that key in the
window; it goes on when the file is gone. Each step presses the panel's operator and waits while
Blender draws and the extension's own timer works; rows go to `papers.json` in DIR, with an image of
the window.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

OUT = Path(os.environ["LEVELFORM_GUI_OUT"])
IMAGES = Path(__file__).parents[2] / "assets" / "sample" / "chair" / "images"
MODULE = "bl_ext.user_default.levelform"
PATIENCE = float(os.environ.get("LEVELFORM_PATIENCE", "300"))
SHOWS = {
    "tdgn": ("training-set", "embedding", "cells"),
    "uclid-net": ("patches", "points", "voxels", "depth-grid", "depth-maps"),
    "deep-meta-functionals": ("jacobian", "silhouettes", "levels"),
    "disn": ("streams", "levels"),
    "sdf-srn": ("rendering", "levels"),
}
MOVING = os.environ.get("LEVELFORM_TIME_WEIGHTS", "")  # of moving shapes; bundled ones without
rows: list[dict[str, Any]] = []
Check = Iterator[None]


def row(name: str, holds: bool, measured: object = "") -> None:
    rows.append({"name": name, "holds": bool(holds), "measured": str(measured)})
    print(rows[-1], flush=True)
    (OUT / "papers.json").write_text(json.dumps(rows, indent=1))


def live() -> Any:
    return sys.modules[f"{MODULE}.addon.jobs.session"].live


def until(condition: Callable[[], Any]) -> Check:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("nothing happened")
        yield


def press(name: str, **options: Any) -> Check:
    """Press a button of the panel, and wait for its job."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        getattr(bpy.ops.levelform, name)("INVOKE_DEFAULT", **options)
    yield
    yield from until(lambda: live().running is None)


def select(target: bpy.types.Object) -> None:
    for one in bpy.context.view_layer.objects:
        one.select_set(one == target)
    bpy.context.view_layer.objects.active = target


def added(before: set[str]) -> list[bpy.types.Object]:
    return [one for one in bpy.data.objects if one.name not in before]


def result(method: str, image: str, found: list[bpy.types.Object], weights: str = "") -> Check:
    """Reconstruct one image by the panel; append the object to `found`."""
    settings, before = bpy.context.scene.levelform, {one.name for one in bpy.data.objects}
    settings.method, settings.source, settings.preset = method, "IMAGE", "CUSTOM"
    settings.custom_resolution = 32
    settings.weights = weights
    settings.image = bpy.data.images.load(str(IMAGES / image), check_existing=True)
    yield from press("reconstruct")
    made = [one for one in added(before) if one.type == "MESH"]
    row(f"{method} of {image}", len(made) == 1 and len(made[0].data.polygons) > 50, made)
    found += made


def vertices(target: bpy.types.Object) -> np.ndarray:
    values = np.zeros(3 * len(target.data.vertices), np.float32)
    target.data.vertices.foreach_get("co", values)
    return values


def blends(first: bpy.types.Object, second: bpy.types.Object) -> Check:
    """*Blend With*, its factor moved live, and *Keyframe Morph*."""
    before = {one.name for one in bpy.data.objects}
    select(first)
    bpy.context.scene.levelform_show.other = second
    yield from press("blend")
    made = added(before)
    row("a blend is added", bool(made), [f"{one.name} ({one.type})" for one in made])
    row("a blend adds no camera", all(one.type == "MESH" for one in made))
    blend = next(one for one in made if one.type == "MESH")
    for factor in (0.9, 1.2, -0.2):
        old = vertices(blend)
        blend.levelform_factor = factor

        def moved(old: np.ndarray = old) -> bool:
            return live().running is None and not np.array_equal(old, vertices(blend))

        yield from until(moved)
        row(f"the factor moved to {factor}", True, f"{len(blend.data.polygons)} faces")
    before = {one.name for one in bpy.data.objects}
    select(first)
    yield from press("morph", steps=3)
    made = added(before)
    keys = [one.data.shape_keys for one in made if one.type == "MESH"]
    row("a morph is animated", bool(made), f"{[one.name for one in made]} {keys}")


def shows(target: bpy.types.Object, method: str) -> Check:
    """Every entry of the *Show* menu that is listed above."""
    for what in SHOWS[method]:
        before = {one.name for one in bpy.data.objects}
        images = {one.name for one in bpy.data.images}
        select(target)
        yield from press("show", what=what)
        new = [one.name for one in added(before)]
        new += [one.name for one in bpy.data.images if one.name not in images]
        row(f"{method} shows {what}", bool(new), new)


def in_time(target: bpy.types.Object) -> Check:
    """*Animate in Time*, while Blender stays usable."""
    before = {one.name for one in bpy.data.objects}
    select(target)
    yield from press("animate_time", moments=5, every=2)
    series = sys.modules[f"{MODULE}.addon.data.series"].series
    yield from until(lambda: not series.running)
    made = [one for one in added(before) if one.type == "MESH"]
    failure = live().failure
    measured = [one.name for one in made] or (failure and failure.message)
    row("a result is animated in time", len(made) == 1, measured)


def renders(out: Path) -> Check:
    """*Render Images* from three cameras while the viewport is drawn; Esc keeps the ones before."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 64
    scene.render.resolution_x = scene.render.resolution_y = 256
    bpy.ops.mesh.primitive_monkey_add()
    cameras = []
    for number in range(3):
        camera = bpy.data.objects.new(f"Render {number}", bpy.data.cameras.new("Render"))
        scene.collection.objects.link(camera)
        camera.location = (number - 1, -6, 0)
        camera.rotation_euler = (np.pi / 2, 0, (number - 1) / 6)
        cameras.append(camera)
    scene.levelform.source = "CAMERAS"
    bpy.context.view_layer.update()
    rendering = sys.modules[f"{MODULE}.addon.data.rendering"].rendering
    for stop in (False, True):
        for camera in cameras:
            camera.levelform_camera.image = None
        before = (scene.camera, scene.render.filepath)
        ticks, titles = 0, set()
        yield from press("render_pictures")
        began = rendering.running
        deadline = time.monotonic() + PATIENCE
        while rendering.running and time.monotonic() < deadline:
            ticks += 1
            titles.add(rendering.title)
            if stop and len(titles) == 2:
                (out / "esc").touch()
                yield from until(lambda: not (out / "esc").exists())
                stop = False
            yield
        there = [camera.levelform_camera.image is not None for camera in cameras]
        words = f"{there}, {ticks} ticks between, {sorted(titles)}"
        restored = (scene.camera, scene.render.filepath) == before
        if len(titles) == 3 and all(there):
            row("images are rendered in the window", began and ticks > 3 and restored, words)
        else:
            row("Esc keeps the images before", there[0] and not all(there) and restored, words)


def depth() -> Check:
    """*Render Images, With Depth*, of a cube that a new camera sees."""
    scene = bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "papers.blend"))
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.render.resolution_x = scene.render.resolution_y = 64
    camera = bpy.data.objects.new("View", bpy.data.cameras.new("View"))
    scene.collection.objects.link(camera)
    camera.location, camera.rotation_euler = (0, -6, 0), (np.pi / 2, 0, 0)
    bpy.context.view_layer.update()
    yield from press("render_pictures", depth=True)
    rendering = sys.modules[f"{MODULE}.addon.data.rendering"].rendering
    yield from until(lambda: not rendering.running)
    layered = sys.modules[f"{MODULE}.addon.scene.layered"]
    path = OUT / "papers" / "renders" / "View.exr"
    row("a render has its depth", layered.has_depth(str(path)), path)


def script() -> Check:
    bpy.context.preferences.view.show_splash = False
    for one in list(bpy.data.objects):
        bpy.data.objects.remove(one)
    yield
    yield from renders(OUT)
    for method in SHOWS:
        found: list[bpy.types.Object] = []
        yield from result(method, "0.png", found)
        if method == "tdgn":
            yield from result(method, "4.png", found)
            yield from blends(*found)
        yield from shows(found[0], method)
        if method == "deep-meta-functionals" and MOVING:
            yield from result(method, "0.png", moving := [], MOVING)
            yield from in_time(moving[0])
    yield from depth()
    bpy.ops.screen.screenshot(filepath=str(OUT / "papers.png"))


def main() -> None:
    steps = script()

    def step() -> float | None:
        try:
            next(steps)
        except StopIteration:
            row("all steps ran", True)
        except Exception:
            row("all steps ran", False, traceback.format_exc()[-900:])
        else:
            return 0.05
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(step, first_interval=2.0)


main()
