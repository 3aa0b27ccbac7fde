"""Training pictures by Blender: objects to RGBA, depth, normals and albedo, with their cameras.

Each object is rendered in a scene of its own, so that nothing of the user's changes. The layout is
the one that `levelform dataset render` writes and `levelform dataset convert --from renders` reads:

    OUT/<name>/transforms.json, 000.png, 000_depth.npy, 000_normal.png, 000_albedo.png, 001.png...

`transforms.json` is written last: a folder that has one is finished and is skipped by the next run.
From a terminal: `python -m levelform.addon.dataset_render SOURCE OUT [--engine cycles]`.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ..backend.errors import LevelformError, RequestError, WorkError
from .scene.exr import read_exr, write_png

OBJECT_SIDE = 1.8  # longest side of the object's box in the volume, see the design's conventions
FAR = 1e9  # Blender's depth of nothing is 1e10
SENSOR = 32.0  # mm


@dataclass(frozen=True)
class Range:
    """Where cameras stand: degrees; distances in diagonals ("side": longest sides) of the box."""

    elevation: tuple[float, float]
    distance: tuple[float, float]
    focal: float = 35 / 32  # in widths of the picture
    side: bool = False


# The same names and numbers as the fast renderer's.
RANGES = {
    "r2n2": Range((25, 30), (0.65 * 1.75, 1.75)),
    "disn": Range((20, 30), (0.65 * 1.75, 1.75)),
    "uclid-net": Range((20, 30), (0.65 * 1.75, 1.75)),
    "haene": Range((-20, 30), (0.65 * 1.75, 1.75)),
    "sdf-srn": Range((30, 30), (2.732, 2.732), 1.8660254037844388, side=True),
    "free": Range((-20, 80), (0.8 * 1.75, 2.2 * 1.75)),
}


@dataclass(frozen=True)
class Target:
    """A shape to render: its name, and how to get its objects (imported ones are removed after)."""

    name: str
    load: Callable[[], list[bpy.types.Object]]
    owned: bool = False


@dataclass(frozen=True)
class Settings:
    """How to render; `samples` are Cycles' or EEVEE's a pixel."""

    engine: str = "cycles"
    views: int = 8
    size: int = 128
    cameras: str = "r2n2"
    seed: int = 0
    samples: int = 32


@dataclass(frozen=True)
class Rendered:
    """One step of the work: view `view` of target `index` of `count`; or why it was skipped."""

    name: str
    index: int
    count: int
    view: int
    skipped: str = ""


def targets_of_collection(collection: bpy.types.Collection) -> list[Target]:
    """Return the mesh objects of a collection, one target each, by their names."""
    names = [o.name for o in collection.all_objects if o.type == "MESH"]
    return [Target(_safe(name), lambda name=name: [bpy.data.objects[name]]) for name in names]


def targets_of_folder(folder: Path) -> list[Target]:
    """Return the mesh files below a folder (or one file); each is imported when its turn comes."""
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    root = folder.parent if folder.is_file() else folder
    return [
        Target(
            _safe(path.relative_to(root).with_suffix("").as_posix()), _importer(path), owned=True
        )
        for path in files
        if path.suffix.lower() in IMPORTERS
    ]


def render_dataset(
    targets: Sequence[Target], out: str | Path, settings: Settings | None = None
) -> Iterator[Rendered]:
    """Render every target into its folder below `out`; yields after each view.

    Closing the generator stops the work; the scene is put back and the shape in the making is
    started again by the next run.

    Raises
    ------
    RequestError
        If there is nothing to render, or no such range of cameras or engine.
    WorkError
        If a picture can't be written.
    """
    settings = settings or Settings()
    if not targets:
        raise RequestError("There is nothing to render.", "Choose a collection that holds meshes.")
    if settings.cameras not in RANGES:
        raise RequestError(
            f"There is no range of cameras {settings.cameras!r}.", f"One of {', '.join(RANGES)}."
        )
    for index, target in enumerate(targets):
        folder = Path(out) / target.name
        if (folder / "transforms.json").exists():
            yield Rendered(target.name, index, len(targets), -1, "finished before")
            continue
        try:
            for view in _render_target(target, folder, settings):
                yield Rendered(target.name, index, len(targets), view)
        except RequestError as error:
            yield Rendered(target.name, index, len(targets), -1, error.message)
        except OSError as error:
            raise WorkError(
                f"The pictures of {target.name} could not be written: {error.strerror or error}.",
                "Free some space and run it again: what is finished is kept.",
            ) from error


def _render_target(target: Target, folder: Path, settings: Settings) -> Iterator[int]:
    """Render one target in a scene of its own; its `transforms.json` comes last."""
    objects = target.load()
    scene = bpy.data.scenes.new("Levelform dataset")
    try:
        for item in objects:
            scene.collection.objects.link(item)
        lower, upper = _box(scene, objects)
        world = _world_from_volume(lower, upper)
        stage = _Stage(scene, settings)
        rng = np.random.default_rng([settings.seed, *target.name.encode()])
        folder.mkdir(parents=True, exist_ok=True)
        frames = []
        for view in range(settings.views):
            pose, focal = _camera(RANGES[settings.cameras], rng, upper - lower, world)
            frames.append(stage.shoot(folder, view, pose, focal, rng))
            yield view
        content = {"world_from_volume": world.tolist(), "frames": frames}
        partial = folder / ".transforms.json.part"
        partial.write_text(json.dumps(content, indent=1) + "\n")
        os.replace(partial, folder / "transforms.json")
    finally:
        _clear(scene, objects if target.owned else [])


class _Stage:
    """A scene set up for one picture after another: camera, sun, surroundings, passes."""

    def __init__(self, scene: bpy.types.Scene, settings: Settings) -> None:
        self.scene, self.size = scene, settings.size
        self.camera = bpy.data.objects.new("Levelform", bpy.data.cameras.new("Levelform"))
        self.sun = bpy.data.objects.new("Levelform", bpy.data.lights.new("Levelform", "SUN"))
        for item in (self.camera, self.sun):
            scene.collection.objects.link(item)
        scene.camera = self.camera
        scene.world = bpy.data.worlds.new("Levelform")
        _light_up(scene.world)
        _set_engine(scene, settings)
        render = scene.render
        render.resolution_x = render.resolution_y = settings.size
        render.resolution_percentage = 100
        render.film_transparent = True
        render.use_compositing = render.use_sequencer = False
        layer = scene.view_layers[0]
        layer.use_pass_z = layer.use_pass_normal = layer.use_pass_diffuse_color = True
        image = render.image_settings
        if hasattr(image, "media_type"):  # Blender 5.0
            image.media_type = "MULTI_LAYER_IMAGE"
        image.file_format, image.color_depth = "OPEN_EXR_MULTILAYER", "32"
        image.exr_codec = "NONE"

    def shoot(
        self, folder: Path, view: int, pose: np.ndarray, focal: float, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Render one view, write its pictures, and return its frame of `transforms.json`."""
        lens = self.camera.data
        lens.type, lens.sensor_fit, lens.sensor_width = "PERSP", "HORIZONTAL", SENSOR
        lens.lens = focal * SENSOR
        distance = float(np.linalg.norm(pose[:3, 3]))
        lens.clip_start, lens.clip_end = distance * 1e-3, distance * 1e3
        self.camera.matrix_world = Matrix(pose.tolist())
        self.sun.data.energy = rng.uniform(2.0, 4.0)
        self.sun.rotation_euler = (rng.uniform(0.2, 1.0), 0.0, rng.uniform(0, 2 * math.pi))
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "view.exr"
            self.scene.render.filepath = str(path)
            bpy.ops.render.render(scene=self.scene.name, write_still=True)
            channels = read_exr(path)
        frame = _write_pictures(folder, f"{view:03d}", channels)
        pixels = focal * self.size
        half = self.size / 2
        size = {"w": self.size, "h": self.size}
        return frame | {
            "fl_x": pixels,
            "fl_y": pixels,
            "cx": half,
            "cy": half,
            **size,
            "camera_model": "PINHOLE",
            "transform_matrix": pose.tolist(),
        }


def _write_pictures(folder: Path, stem: str, channels: dict[str, np.ndarray]) -> dict[str, str]:
    """Write what one render gave; return the frame's paths."""

    def stack(name: str, letters: str) -> np.ndarray:
        return np.stack([_channel(channels, f"{name}.{letter}") for letter in letters], -1)

    combined = stack("Combined", "RGBA")
    alpha = combined[..., 3:].clip(0, 1)
    color = combined[..., :3] / np.maximum(alpha, 1e-6)  # Blender's alpha is premultiplied
    rgba = np.concatenate([_srgb(color), alpha], -1)
    solid = alpha[..., 0] > 0
    depth = next(v for k, v in channels.items() if k.rpartition(".")[0].endswith("Depth"))
    depth = np.where(solid & (depth < FAR), depth, 0).astype(np.float32)
    normal = stack("Normal", "XYZ")
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    normal = np.where(
        (length > 1e-6) & (depth > 0)[..., None], normal / np.maximum(length, 1e-6), 0
    )
    albedo = _srgb(stack("DiffCol" if _has(channels, "DiffCol") else "Diffuse Color", "RGB"))
    names = {
        "file_path": f"{stem}.png",
        "depth_file_path": f"{stem}_depth.npy",
        "normal_file_path": f"{stem}_normal.png",
        "albedo_file_path": f"{stem}_albedo.png",
    }
    write_png(folder / names["file_path"], np.round(rgba * 255).astype(np.uint8))
    np.save(folder / names["depth_file_path"], depth, allow_pickle=False)
    write_png(folder / names["normal_file_path"], np.round(normal * 127 + 128).astype(np.uint8))
    write_png(folder / names["albedo_file_path"], np.round(albedo * 255).astype(np.uint8))
    return names


def _has(channels: dict[str, np.ndarray], name: str) -> bool:
    return any(f".{name}." in f".{key}" for key in channels)


def _channel(channels: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return a pass's channel whatever the view layer is called."""
    for key, values in channels.items():
        if key == name or key.endswith(f".{name}"):
            return values
    raise WorkError(f"Blender's render has no channel {name}.", f"It has {', '.join(channels)}.")


def _srgb(linear: np.ndarray) -> np.ndarray:
    linear = linear.clip(0, 1)
    curve = 1.055 * np.power(linear, 1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve)


def _camera(
    chosen: Range, rng: np.random.Generator, extents: np.ndarray, world: np.ndarray
) -> tuple[np.ndarray, float]:
    """Draw a camera; return its pose (4, 4), Blender's axes and world, and its focal length."""
    azimuth = rng.uniform(0, 2 * math.pi)
    elevation = math.radians(rng.uniform(*chosen.elevation))
    unit = float(extents.max() if chosen.side else np.linalg.norm(extents))
    distance = unit * rng.uniform(*chosen.distance)
    back = np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            -math.cos(azimuth) * math.cos(elevation),
            math.sin(elevation),
        ]
    )
    right = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(back, right), back], 1)
    pose[:3, 3] = world[:3, 3] + distance * back
    return pose, chosen.focal


def _box(scene: bpy.types.Scene, objects: list[bpy.types.Object]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the box around the evaluated meshes, world frame."""
    layer = scene.view_layers[0]
    layer.update()  # a scene that was never shown has no depsgraph before
    depsgraph = layer.depsgraph
    points = [np.zeros((0, 3))]
    for item in objects:
        if item.type != "MESH":
            continue
        mesh = item.evaluated_get(depsgraph).to_mesh()
        local = np.zeros(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", local)
        matrix = np.array(item.matrix_world)
        points.append(local.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
        item.evaluated_get(depsgraph).to_mesh_clear()
    every = np.concatenate(points)
    if len(every) == 0 or not np.isfinite(every).all() or np.ptp(every, axis=0).max() <= 0:
        raise RequestError("It has no mesh with a size.")
    return every.min(0), every.max(0)


def _world_from_volume(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    scale = float((upper - lower).max()) / OBJECT_SIDE
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = (lower + upper) / 2
    return matrix


def _light_up(world: bpy.types.World) -> None:
    if not world.node_tree:
        world.use_nodes = True
    shade = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    shade.inputs["Color"].default_value = (0.8, 0.85, 0.9, 1.0)
    shade.inputs["Strength"].default_value = 0.6


def _set_engine(scene: bpy.types.Scene, settings: Settings) -> None:
    """Choose the engine; EEVEE has two names across Blender's versions."""
    if settings.engine == "cycles":
        scene.render.engine = "CYCLES"
        scene.cycles.samples = settings.samples
        scene.cycles.use_denoising = False
        scene.cycles.seed = settings.seed
        return
    if settings.engine != "eevee":
        raise RequestError(f"There is no engine {settings.engine!r}.", "cycles or eevee.")
    known = scene.render.bl_rna.properties["engine"].enum_items.keys()
    names = [n for n in ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT") if n in known]
    scene.render.engine = names[-1] if names else "BLENDER_EEVEE"
    scene.eevee.taa_render_samples = settings.samples


def _clear(scene: bpy.types.Scene, owned: list[bpy.types.Object]) -> None:
    """Remove the scene with all that was made for it."""
    made = [o for o in scene.collection.objects if o.name.startswith("Levelform")] + owned
    for item in made:
        data = item.data
        bpy.data.objects.remove(item)
        if data is not None and data.users == 0:
            bpy.data.batch_remove([data])
    world = scene.world
    bpy.data.scenes.remove(scene)
    if world is not None and world.users == 0:
        bpy.data.worlds.remove(world)


# ---------------------------------------------------------------- files


def _import(path: Path, operator: Callable[..., Any]) -> list[bpy.types.Object]:
    before = set(bpy.data.objects)
    try:
        operator(filepath=str(path))
    except RuntimeError as error:
        raise RequestError(f"{path.name} can't be imported: {error}.") from error
    objects = [item for item in bpy.data.objects if item not in before]
    if not any(item.type == "MESH" for item in objects):
        raise RequestError(f"{path.name} holds no mesh.")
    for item in objects:  # they live in the dataset's own scene alone
        for collection in list(item.users_collection):
            collection.objects.unlink(item)
    return objects


IMPORTERS: dict[str, Callable[..., Any]] = {
    ".glb": lambda **k: bpy.ops.import_scene.gltf(**k),
    ".gltf": lambda **k: bpy.ops.import_scene.gltf(**k),
    ".obj": lambda **k: bpy.ops.wm.obj_import(**k),
    ".ply": lambda **k: bpy.ops.wm.ply_import(**k),
    ".stl": lambda **k: bpy.ops.wm.stl_import(**k),
}


def _importer(path: Path) -> Callable[[], list[bpy.types.Object]]:
    return lambda: _import(path, IMPORTERS[path.suffix.lower()])


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._+-/" else "_" for c in name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Render a folder of files; the last line of the output is a JSON object."""
    parser = argparse.ArgumentParser(prog="dataset_render", description=__doc__)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--engine", choices=("cycles", "eevee"), default="cycles")
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--cameras", default="r2n2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--limit", type=int)
    words = parser.parse_args(arguments)
    settings = Settings(
        words.engine, words.views, words.size, words.cameras, words.seed, words.samples
    )
    bpy.ops.wm.read_factory_settings(use_empty=True)
    done, skipped = set(), {}
    try:
        targets = targets_of_folder(Path(words.source))[: words.limit]
        for step in render_dataset(targets, words.out, settings):
            if step.skipped:
                skipped[step.name] = step.skipped
            else:
                done.add(step.name)
    except LevelformError as error:
        sys.stderr.write(f"levelform: {error}\n")
        return error.exit_status
    result = {"out": words.out, "shapes": len(done), "views": words.views, "skipped": skipped}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
