"""Make the sample in `assets/sample`: two objects, each seen by eight cameras.

    python tools/make_sample.py [--out assets/sample] [--samples 32] [--only chair]

Needs the `bpy` wheel of Blender 4.2, the oldest supported version, since it can't open files saved
by 5.0; takes minutes on one core. For each object it writes

    images/0.png ..   Cycles renders, 512 x 512, transparent background
    transforms.json   the cameras in nerfstudio's and instant-ngp's format, and `world_from_volume`
    NAME.blend        a scene with these cameras, each with its image as background image
    truth.npz         ground truth: `vertices` and `faces` in the volume's frame, closed parts

`sample_objects.py` models the objects.
"""

import argparse
import json
import math
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy  # before bmesh and mathutils, which it provides

# isort: split
import numpy as np
from levelform.addon.scene import cameras
from levelform.backend.contract.protocol import CameraData
from mathutils import Euler, Matrix, Vector
from sample_objects import OBJECTS

SIDE = 512  # pixels
OBJECT_SIDE = 1.8  # the object's longest side in the volume, of 2
FRAME_FRACTION = 0.96  # of the image's side, for the ball that a camera frames
SEED = 7


@dataclass(frozen=True)
class Shot:
    """A camera: degrees around (0 in front) and above the object; focal length in mm."""

    azimuth: float
    elevation: float
    lens: float
    shift: tuple[float, float] = (0.0, 0.0)


# Spread over the sphere; axis-aligned from the sides, where outlines are most informative; two
# lenses are shifted.
SHOTS = (
    Shot(-14, 2, 50),
    Shot(98, 4, 85),
    Shot(-165, -14, 60),
    Shot(-97, -2, 70),
    Shot(118, 58, 50, (0.04, -0.03)),
    Shot(-120, 60, 55),
    Shot(-58, 34, 45, (-0.05, 0.02)),
    Shot(35, -30, 50),
)


# ---------------------------------------------------------------- scene


def empty_scene(samples: int) -> bpy.types.Scene:
    """Return a scene without objects that renders with Cycles over transparency."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.seed = SEED
    scene.cycles.use_denoising = True
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("Studio")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    sky = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    sky.inputs["Color"].default_value = (0.60, 0.66, 0.75, 1.0)
    sky.inputs["Strength"].default_value = 0.45
    return scene


def add_lights(scene: bpy.types.Scene, middle: Vector, size: float) -> None:
    """Light a studio: a warm key from the left, a cool fill, a rim behind and a glow below."""
    lamps = (
        ("Key", (-1.4, -2.0, 2.2), 2.0, 75, (1.0, 0.93, 0.84)),
        ("Fill", (2.4, -1.2, 0.8), 2.5, 26, (0.80, 0.90, 1.0)),
        ("Rim", (0.8, 2.4, 1.9), 1.6, 36, (1.0, 0.97, 0.92)),
        ("Floor", (-0.4, 0.3, -2.4), 2.5, 24, (1.0, 0.90, 0.80)),
    )
    for name, place, side, power, color in lamps:
        lamp = bpy.data.lights.new(name, "AREA")
        lamp.size, lamp.energy, lamp.color = side * size, power * size**2, color
        lamp_object = bpy.data.objects.new(name, lamp)
        scene.collection.objects.link(lamp_object)
        offset = Vector(place) * size
        turn = (-offset).to_track_quat("-Z", "Y")
        lamp_object.matrix_world = Matrix.LocRotScale(middle + offset, turn, None)


def geometry(parts: list[bpy.types.Object]) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts as rendered: (V, 3) float64 world and (F, 3) int32."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    vertices, faces, count = [], [], 0
    for part in parts:
        mesh = part.evaluated_get(depsgraph).to_mesh()
        mesh.calc_loop_triangles()
        points = np.zeros(3 * len(mesh.vertices), np.float32)
        mesh.vertices.foreach_get("co", points)
        corners = np.zeros(3 * len(mesh.loop_triangles), np.int32)
        mesh.loop_triangles.foreach_get("vertices", corners)
        matrix = np.array(part.matrix_world, np.float64)
        vertices.append(points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
        faces.append(corners.reshape(-1, 3) + count)
        count += len(vertices[-1])
    return np.concatenate(vertices), np.concatenate(faces)


def stand_on_floor(parts: list[bpy.types.Object]) -> None:
    """Centre the parts' bounding box above the origin, with its bottom at z = 0."""
    vertices, _ = geometry(parts)
    lower, upper = vertices.min(0), vertices.max(0)
    offset = Vector((*(-(lower + upper)[:2] / 2), -lower[2]))
    for part in parts:
        part.location += offset
    bpy.context.view_layer.update()


def volume_of(vertices: np.ndarray) -> np.ndarray:
    """Return world_from_volume, (4, 4): the vertices' box centred, its longest side 1.8."""
    lower, upper = vertices.min(0), vertices.max(0)
    matrix = np.eye(4)
    matrix[:3, :3] *= (upper - lower).max() / OBJECT_SIDE
    matrix[:3, 3] = (lower + upper) / 2
    return matrix


def add_camera(
    scene: bpy.types.Scene, shot: Shot, index: int, middle: np.ndarray, radius: float
) -> CameraData:
    """Add a shot's camera, just far enough to frame a ball around the middle; return its data."""
    data = bpy.data.cameras.new(f"Camera {index}")
    data.lens = shot.lens
    data.shift_x, data.shift_y = shot.shift
    camera = bpy.data.objects.new(data.name, data)
    scene.collection.objects.link(camera)
    azimuth, elevation = math.radians(shot.azimuth), math.radians(shot.elevation)
    turn = Euler((math.pi / 2 - elevation, 0.0, azimuth))
    width = data.sensor_width / data.lens  # of the frame at distance 1
    distance = radius * math.hypot(1.0, 2.0 / (FRAME_FRACTION * width))
    # With a shifted lens, the optical axis misses the middle of the image.
    aside = distance * width * np.array(shot.shift)
    place = np.array(turn.to_matrix()) @ [-aside[0], -aside[1], distance]
    camera.matrix_world = Matrix.LocRotScale(Vector(middle + place), turn, None)
    return cameras.render_camera(camera, scene, bpy.context.evaluated_depsgraph_get())


# ---------------------------------------------------------------- files


def render(scene: bpy.types.Scene, camera: bpy.types.Object, path: Path) -> None:
    """Render from a camera into an 8-bit PNG."""
    scene.camera = camera
    output = scene.render.image_settings
    output.file_format, output.color_mode, output.color_depth = "PNG", "RGBA", "8"
    output.compression = 100
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def write_transforms(path: Path, frames: list[CameraData], world_from_volume: np.ndarray) -> None:
    """Write the cameras; keys shared by all are at the top level."""
    shared = {"camera_model": "PINHOLE", "w": SIDE, "h": SIDE}
    listed = [
        {
            "file_path": f"images/{index}.png",
            **{key: round(getattr(frame, key), 6) for key in ("fl_x", "fl_y", "cx", "cy")},
            "transform_matrix": np.asarray(frame.transform_matrix).round(8).tolist(),
        }
        for index, frame in enumerate(frames)
    ]
    content = {**shared, "world_from_volume": world_from_volume.tolist(), "frames": listed}
    path.write_text(json.dumps(content, indent=1) + "\n")


def save_scene(
    path: Path, scene: bpy.types.Scene, parts: list[bpy.types.Object], names: list[str]
) -> None:
    """Save the cameras with their images, and the lights, without the object."""
    for part in parts:
        bpy.data.objects.remove(part)
    bpy.data.images.remove(bpy.data.images["Render Result"])
    for index, name in enumerate(names):
        data = bpy.data.objects[name].data
        image = bpy.data.images.load(str(path.parent / "images" / f"{index}.png"))
        background = data.background_images.new()
        background.image, background.frame_method, background.alpha = image, "FIT", 1.0
        data.show_background_images = True
        data.display_size = 0.25
    scene.camera = bpy.data.objects[names[0]]
    scene.render.filepath = "//render.png"
    bpy.context.preferences.filepaths.save_version = 0  # no backup file
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True, relative_remap=False)
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)


def make(name: str, folder: Path, samples: int) -> None:
    """Make the sample of one object in a folder."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    scene = empty_scene(samples)
    parts = OBJECTS[name]()
    stand_on_floor(parts)
    vertices, faces = geometry(parts)
    world_from_volume = volume_of(vertices)
    scale, middle = world_from_volume[0, 0], world_from_volume[:3, 3]
    add_lights(scene, Vector(middle), float(scale))
    # The ball inscribed in the volume, or larger if the object reaches into its corners.
    radius = max(float(scale), float(np.linalg.norm(vertices - middle, axis=1).max()))
    frames = [add_camera(scene, shot, i, middle, radius) for i, shot in enumerate(SHOTS)]
    names = [f"Camera {i}" for i in range(len(SHOTS))]
    for index, camera_name in enumerate(names):
        render(scene, bpy.data.objects[camera_name], folder / "images" / f"{index}.png")
    write_transforms(folder / "transforms.json", frames, world_from_volume)
    truth = ((vertices - middle) / scale).astype(np.float32)
    np.savez_compressed(folder / "truth.npz", vertices=truth, faces=faces.astype(np.int32))
    save_scene(folder / f"{name}.blend", scene, parts, names)


def main() -> None:
    """Make the whole sample, or one object, and put it in place once it is complete."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("assets/sample"))
    parser.add_argument("--samples", type=int, default=32, help="samples per pixel")
    parser.add_argument("--only", choices=OBJECTS)
    arguments = parser.parse_args()
    if bpy.app.version[:2] != (4, 2):
        parser.error(
            f"needs bpy 4.2, whose files every later Blender opens, not {bpy.app.version_string}"
        )
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name in [arguments.only] if arguments.only else list(OBJECTS):
        with tempfile.TemporaryDirectory(prefix="levelform-") as folder:
            made = Path(folder) / name
            make(name, made, arguments.samples)
            shutil.rmtree(out / name, ignore_errors=True)
            shutil.move(made, out / name)


if __name__ == "__main__":
    main()
