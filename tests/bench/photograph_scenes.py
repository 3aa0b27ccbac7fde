"""Textured scenes with known cameras, rendered by Cycles: photographs for a structure-from-motion.

    python tests/bench/photograph_scenes.py PROPS OUT [--only room turntable ...]

PROPS is a folder of glTF objects. Each scene becomes a folder of OUT: `images`, `masks` (not beside
the images, so that nobody finds them without being told), and `truth.json` with the cameras, the
object's box and whether its cameras can be found. The sun has no size and light does not bounce, so
few samples give no noise.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from levelform.backend.contract.cameras import CameraData, to_frame
from levelform.backend.data.meshes import mend, read_asset
from mathutils import Matrix

WIDTH, HEIGHT = 640, 480
SAMPLES = 8


@dataclass(frozen=True)
class Scene:
    """A scene.

    Attributes
    ----------
    prop : path of the object below the folder of props
    surroundings : "room" (textured table and walls), "table" (a plain table) or "none"
    textured : whether the object has a texture
    by_hand : whether the cameras go around by hand; else in equal steps, as on a turntable
    views : their number
    focal : in widths of the image
    distance : of the cameras, in metres; the object's longest side is one metre
    found : whether cameras are expected; else a refusal
    """

    prop: str
    surroundings: str = "room"
    textured: bool = True
    by_hand: bool = True
    views: int = 24
    focal: float = 0.83
    distance: float = 1.9
    found: bool = True


SCENES = {
    "room": Scene("base-meshes/viking_bog_chair.glb"),
    "room_birdhouse": Scene("base-meshes/birdhouse.glb"),
    "room_bucket": Scene("base-meshes/mop_bucket.glb"),
    "plain_object": Scene("base-meshes/viking_bog_chair.glb", textured=False),
    "turntable": Scene(
        "base-meshes/birdhouse.glb", "none", by_hand=False, focal=1.39, distance=3.0
    ),
    "turntable_12": Scene(
        "base-meshes/birdhouse.glb",
        "none",
        by_hand=False,
        views=12,
        focal=1.39,
        distance=3.0,
        found=False,
    ),
    "plain": Scene("base-meshes/mop_bucket.glb", "table", textured=False, views=12, found=False),
}


def poses(scene: Scene, middle: float, seed: int) -> list[np.ndarray]:
    """Return (4, 4) world_from_camera of each view, in Blender's axes.

    By hand: the distance varies by 10 %, the elevation by 8 degrees about 24, the target by 8 cm,
    roll by 3 degrees and azimuth by 2.3. Else: equal steps at 18 degrees.
    """
    rng = np.random.default_rng(seed)
    by_hand = float(scene.by_hand)
    result = []
    for index in range(scene.views):
        azimuth = math.radians(360 * index / scene.views + by_hand * rng.uniform(-2.3, 2.3))
        elevation = math.radians(18 + by_hand * (6 + rng.uniform(-8, 8)))
        distance = scene.distance * (1 + by_hand * rng.uniform(-0.1, 0.1))
        target = np.array([0, 0, middle]) + by_hand * rng.uniform(-0.08, 0.08, 3)
        roll = math.radians(by_hand * rng.uniform(-3, 3))
        back = np.array(
            [
                math.sin(azimuth) * math.cos(elevation),
                -math.cos(azimuth) * math.cos(elevation),
                math.sin(elevation),
            ]
        )
        right = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
        up = np.cross(back, right)
        c, s = math.cos(roll), math.sin(roll)
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack([c * right + s * up, c * up - s * right, back], axis=1)
        matrix[:3, 3] = target + back * distance
        result.append(matrix)
    return result


def set_up(scene: Scene) -> bpy.types.Scene:
    """Empty Blender's file; return its scene with a sun, a camera and the render's settings."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    stage = bpy.context.scene
    stage.render.engine = "CYCLES"
    stage.cycles.samples = SAMPLES
    stage.cycles.use_denoising = False
    stage.cycles.max_bounces = 0
    stage.render.resolution_x, stage.render.resolution_y = WIDTH, HEIGHT
    stage.view_settings.view_transform = "Standard"
    stage.render.film_transparent = True
    stage.render.image_settings.color_mode = "RGBA"
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.angle = 1.6, 0.0
    sun.rotation_euler = (0.5, 0.3, 0.0)
    stage.collection.objects.link(sun)
    stage.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    stage.camera.data.sensor_width, stage.camera.data.lens = 36.0, 36.0 * scene.focal
    stage.collection.objects.link(stage.camera)
    return stage


def material(name: str, color: tuple[float, float, float], scale: float) -> bpy.types.Material:
    """Return a material that glows a little; `scale` 0 is plain, else the size of its pattern."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    nodes.clear()
    output, added = nodes.new("ShaderNodeOutputMaterial"), nodes.new("ShaderNodeAddShader")
    glow, diffuse = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeBsdfDiffuse")
    glow.inputs["Strength"].default_value = 0.45
    links.new(glow.outputs[0], added.inputs[0])
    links.new(diffuse.outputs[0], added.inputs[1])
    links.new(added.outputs[0], output.inputs[0])
    if not scale:
        for shader in (glow, diffuse):
            shader.inputs["Color"].default_value = (*color, 1.0)
        return made
    place, noise = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeTexNoise")
    ramp = nodes.new("ShaderNodeValToRGB")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = 12.0
    noise.inputs["Roughness"].default_value = 0.8
    dark, light = ramp.color_ramp.elements
    dark.position, light.position = 0.4, 0.62
    dark.color = (*(0.15 * c for c in color), 1.0)
    light.color = (*color, 1.0)
    links.new(place.outputs["Object"], noise.inputs["Vector"])
    links.new(noise.outputs[0], ramp.inputs[0])
    for shader in (glow, diffuse):
        links.new(ramp.outputs[0], shader.inputs["Color"])
    return made


def add_mesh(name: str, vertices: np.ndarray, faces: np.ndarray, paint: bpy.types.Material) -> None:
    """Add a mesh with a material to the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    mesh.materials.append(paint)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new(name, mesh))


def add_surroundings(kind: str) -> None:
    """Add a table at the height 0, and walls around it."""
    if kind == "none":
        return
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    quad = np.array([[0, 1, 2, 3]])
    pattern = 4.0 if kind == "room" else 0.0
    add_mesh("table", corners * 1.1, quad, material("table", (0.7, 0.5, 0.3), pattern))
    if kind != "room":
        return
    walls = np.array([[x, y, z] for z in (-1, 2.2) for y in (-4, 4) for x in (-4, 4)], float)
    sides = np.array([[0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6], [0, 2, 3, 1]])
    add_mesh("walls", walls, sides, material("walls", (0.6, 0.65, 0.75), 1.1))


def add_object(path: Path, textured: bool) -> np.ndarray:
    """Add the object, standing on the table, one metre long; return its box, (2, 3)."""
    mesh = mend(read_asset(path).mesh)[0]
    lower, upper = mesh.vertices.min(0), mesh.vertices.max(0)
    scale = 1 / float((upper - lower).max())
    foot = np.array([(lower[0] + upper[0]) / 2, (lower[1] + upper[1]) / 2, lower[2]])
    vertices = (mesh.vertices - foot) * scale
    paint = material("object", (0.8, 0.35, 0.3), 7.0 if textured else 0.0)
    add_mesh("object", vertices, mesh.faces, paint)
    return np.stack([vertices.min(0), vertices.max(0)])


def render(path: Path) -> None:
    """Render the scene into a PNG file."""
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def flatten(path: Path, mask: Path) -> None:
    """Put an image with alpha on plain grey, and keep its alpha as a mask."""
    from PIL import Image

    image = Image.open(path).convert("RGBA")
    image.getchannel("A").save(mask)
    plain = Image.new("RGBA", image.size, (150, 150, 150, 255))
    plain.alpha_composite(image)
    plain.convert("RGB").save(path)


def make(scene: Scene, props: Path, out: Path) -> None:
    """Render a scene into the folder `out`."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "silhouettes").mkdir(exist_ok=True)
    stage = set_up(scene)
    add_surroundings(scene.surroundings)
    box = add_object(props / scene.prop, scene.textured)
    around = [o for o in stage.objects if o.name in ("table", "walls")]
    frames = []
    focal = WIDTH * scene.focal
    for index, pose in enumerate(poses(scene, float(box[:, 2].mean()), seed=3)):
        stage.camera.matrix_world = Matrix(pose)
        image = out / "images" / f"{index:03d}.png"
        mask = out / "silhouettes" / image.name
        render(image)
        flatten(image, mask)
        if around:
            for item in around:
                item.hide_render = True
            render(mask)
            flatten(mask, mask.with_suffix(".alpha.png"))
            mask.with_suffix(".alpha.png").replace(mask)
            for item in around:
                item.hide_render = False
        camera = CameraData(pose, focal, focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)
        frames.append({"file_path": f"images/{image.name}", **to_frame(camera)})
    told = {"box": box.tolist(), "found": scene.found, "frames": frames}
    (out / "truth.json").write_text(json.dumps(told, indent=1))


def main() -> None:
    """Render what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("props", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", choices=SCENES, default=list(SCENES))
    args = parser.parse_args()
    for name in args.only:
        if not (args.out / name / "truth.json").exists():
            make(SCENES[name], args.props, args.out / name)


if __name__ == "__main__":
    main()
