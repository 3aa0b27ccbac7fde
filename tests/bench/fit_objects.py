"""Objects to fit: rendered by Cycles from cameras as an artist would place them.

    python tests/bench/fit_objects.py PROPS OUT

PROPS is a folder of glTF objects (below it the paths of `OBJECTS`). Every object becomes a folder
of OUT as `assets/sample` has them: `transforms.json`, `images`, `ground_truth.npz`. The first eight
views go once around at changing elevations, so that openings are seen; sixteen more follow where
`--views 24` asks for them. `--unseen` makes those that the bundled networks were not trained with.
"""

import argparse
import json
import math
import zlib
from pathlib import Path

import bpy
import numpy as np
from levelform.backend.contract.cameras import CameraData, to_frame
from levelform.backend.data.meshes import mend, read_asset
from levelform.backend.geometry.frames import OBJECT_SIDE
from levelform.backend.geometry.meshes import Mesh
from mathutils import Matrix

OBJECTS = (
    "base-meshes/coffee_cup.glb",
    "base-meshes/mop_bucket.glb",
    "base-meshes/viking_bog_chair.glb",
    "base-meshes/cartwheel.glb",
    "base-meshes/wine_bottle.glb",
    "base-meshes/rustic_wood_hand_basket.glb",
    "base-meshes/dining_chair_02.glb",
    "base-meshes/wooden_bowl_01.glb",
    "quaternius-furniture-pack/armchair.glb",
    "quaternius-furniture-pack/officechair.glb",
    "quaternius-furniture-pack/lamp.glb",
    "quaternius-holiday-pack/snowman.glb",
    "kenney/mug-1.glb",
    "quaternius-furniture-pack/table.glb",
)
UNSEEN = (  # the bundled networks never saw these in training
    "base-meshes/fruit_bowl_01.glb",
    "base-meshes/cardboard_produce_tray.glb",
    "base-meshes/small_plastic_chair.glb",
    "base-meshes/iron_brazier_03.glb",
    "base-meshes/flower_pot.glb",
    "base-meshes/cake_stand.glb",
    "base-meshes/wood_barrel.glb",
    "base-meshes/wooden_produce_crate.glb",
    "quaternius-furniture-pack/armchair.glb",
    "quaternius-furniture-pack/officechair.glb",
    "quaternius-furniture-pack/lamp.glb",
    "quaternius-furniture-pack/table.glb",
)
ELEVATIONS = (12.0, 40.0, 20.0, 58.0, 12.0, 40.0, 20.0, 58.0)  # degrees, once around
FOCAL = 1.39  # focal length in widths of the image
MARGIN = 1.06  # how much wider than the object's sphere the image is


def pose(azimuth: float, elevation: float, distance: float) -> np.ndarray:
    """Return (4, 4) world_from_camera, Blender's axes, looking at the origin; angles in degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    right = np.array([math.cos(a), math.sin(a), 0.0])
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    matrix[:3, 3] = back * distance
    return matrix


def poses(count: int, reach: float) -> list[np.ndarray]:
    """Return `count` poses around a sphere of radius `reach` about the origin."""
    distance = MARGIN * reach / math.sin(math.atan(0.5 / FOCAL))
    first = [pose(45.0 * i + 17.0, e, distance) for i, e in enumerate(ELEVATIONS)]
    turn = 180.0 * (3.0 - math.sqrt(5.0))
    more = [
        pose(turn * i, math.degrees(math.asin(-0.25 + 1.2 * (i + 0.5) / 16)), distance)
        for i in range(max(count - len(first), 0))
    ]
    return [*first, *more][:count]


def truth_of(path: Path) -> tuple[Mesh, np.ndarray, float]:
    """Return the mended mesh in the volume's frame, and the centre and scale that put it there."""
    mesh = mend(read_asset(path).mesh)[0]
    lower, upper = (
        extreme(mesh.vertices[mesh.faces].reshape(-1, 3), 0) for extreme in (np.min, np.max)
    )
    centre, scale = (lower + upper) / 2, OBJECT_SIDE / float((upper - lower).max())
    return Mesh((mesh.vertices - centre) * scale, mesh.faces, None), centre, scale


def set_up(size: int, samples: int, seed: int) -> bpy.types.Scene:
    """Empty Blender's file and make a studio: a grey world, a sun, a camera, a clear film."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.seed = samples, seed
    scene.render.film_transparent = True
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("studio")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.45, 0.5, 0.55, 1)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.angle = 2.5, math.radians(10)
    rng = np.random.default_rng(seed)
    sun.rotation_euler = (rng.uniform(0.3, 0.9), 0.0, rng.uniform(0, 2 * math.pi))
    scene.collection.objects.link(sun)
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.camera.data.sensor_width, scene.camera.data.lens = 36.0, 36.0 * FOCAL
    scene.collection.objects.link(scene.camera)
    return scene


def bring_in(path: Path, centre: np.ndarray, scale: float, seed: int) -> None:
    """Import an object, move it into the volume and give it a material where it has none."""
    bpy.ops.import_scene.gltf(filepath=str(path))
    stand = bpy.data.objects.new("stand", None)
    bpy.context.scene.collection.objects.link(stand)
    for item in bpy.context.scene.objects:
        if item.parent is None and item.type in ("MESH", "EMPTY") and item is not stand:
            item.parent = stand
    stand.scale, stand.location = [scale] * 3, -centre * scale
    rng = np.random.default_rng(seed)
    paint = _paint(rng)
    for item in bpy.context.scene.objects:
        if item.type == "MESH" and (path.parent.name == "base-meshes" or not item.data.materials):
            item.data.materials.clear()
            item.data.materials.append(paint)


def _paint(rng: np.random.Generator) -> bpy.types.Material:
    """Return a random material, every other one with a pattern."""
    material = bpy.data.materials.new("paint")
    material.use_nodes = True
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    colors = rng.uniform(0.1, 0.8, (2, 3))
    shader.inputs["Base Color"].default_value = (*colors[0], 1.0)
    shader.inputs["Roughness"].default_value = rng.uniform(0.25, 0.7)
    if rng.random() < 0.5:
        noise = tree.nodes.new("ShaderNodeTexNoise")
        noise.inputs["Scale"].default_value = rng.uniform(3.0, 12.0)
        ramp = tree.nodes.new("ShaderNodeValToRGB")
        for element, color in zip(ramp.color_ramp.elements, colors, strict=True):
            element.color = (*color, 1.0)
        tree.links.new(noise.outputs[0], ramp.inputs[0])
        tree.links.new(ramp.outputs[0], shader.inputs["Base Color"])
    return material


def make(path: Path, out: Path, *, views: int, size: int, samples: int) -> None:
    """Render one object into the folder `out`."""
    seed = zlib.crc32(path.stem.encode()) % 1000
    ground_truth, centre, scale = truth_of(path)
    scene = set_up(size, samples, seed)
    bring_in(path, centre, scale, seed)
    (out / "images").mkdir(parents=True, exist_ok=True)
    frames = []
    reach = float(np.linalg.norm(ground_truth.vertices, axis=1).max())
    for index, matrix in enumerate(poses(views, reach)):
        scene.camera.matrix_world = Matrix(matrix)
        scene.render.filepath = str(out / "images" / f"{index}.png")
        bpy.ops.render.render(write_still=True)
        camera = CameraData(matrix, size * FOCAL, size * FOCAL, size / 2, size / 2, size, size)
        frames.append({"file_path": f"images/{index}.png", **to_frame(camera)})
    content = {"w": size, "h": size, "world_from_volume": np.eye(4).tolist(), "frames": frames}
    (out / "transforms.json").write_text(json.dumps(content, indent=1))
    np.savez_compressed(
        out / "truth.npz",
        vertices=ground_truth.vertices.astype(np.float32),
        faces=ground_truth.faces.astype(np.int32),
    )


def main() -> None:
    """Render what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("props", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--only", nargs="*", default=OBJECTS, help="paths below PROPS")
    parser.add_argument("--unseen", action="store_true", help="those that no network knows")
    args = parser.parse_args()
    for name in UNSEEN if args.unseen else args.only:
        out = args.out / Path(name).stem
        if not (out / "truth.npz").exists():
            make(args.props / name, out, views=args.views, size=args.size, samples=args.samples)


if __name__ == "__main__":
    main()
