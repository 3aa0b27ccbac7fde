"""Make the sample in `assets/sample`: two objects, each seen by eight cameras.

    python tools/make_sample.py [--out assets/sample] [--samples 32] [--only chair]

Needs the `bpy` wheel of Blender 4.2, the oldest supported version, since it can't open files saved
by 5.0; takes minutes on one core. For each object it writes

    images/0.png ..   Cycles renders, 512 x 512, transparent background
    transforms.json   the cameras in nerfstudio's and instant-ngp's format, and `world_from_volume`
    NAME.blend        a scene with these cameras, each with its image as background image
    truth.npz         ground truth: `vertices` and `faces` in the volume's frame, closed parts

The chair is modelled below; Suzanne is Blender's own primitive.
"""

import argparse
import json
import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy  # before bmesh and mathutils, which it provides

# isort: split
import bmesh
import numpy as np
from levelform.addon.scene import cameras
from levelform.backend.contract.protocol import CameraData
from mathutils import Euler, Matrix, Vector

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


# Spread over the sphere; axis-aligned from the sides, whose outline is most informative; two
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


# ---------------------------------------------------------------- objects


def suzanne() -> list[bpy.types.Object]:
    """Return Suzanne, her eye sockets and eyes closed, subdivided."""
    bpy.ops.mesh.primitive_monkey_add()
    head = bpy.context.object
    mesh = bmesh.new()
    mesh.from_mesh(head.data)
    # The mesh is open at the sockets and behind the eyes; close it, so that "inside" is defined.
    bmesh.ops.holes_fill(mesh, edges=mesh.edges, sides=0)
    eyes = _small_islands(mesh)
    for face in mesh.faces:
        face.material_index = int(face in eyes)
    mesh.to_mesh(head.data)
    mesh.free()
    head.data.shade_smooth()
    head.modifiers.new("Subdivision", "SUBSURF").render_levels = 2
    head.modifiers[0].levels = 2
    head.data.materials.append(_glaze())
    head.data.materials.append(_material("Eyes", (0.03, 0.016, 0.012), roughness=0.15))
    return [head]


def _small_islands(mesh: bmesh.types.BMesh) -> set[bmesh.types.BMFace]:
    """Return the faces of all connected components but the largest."""
    left, islands = set(mesh.faces), []
    while left:
        island, edge_of = set(), [left.pop()]
        while edge_of:
            face = edge_of.pop()
            island.add(face)
            near = {other for edge in face.edges for other in edge.link_faces} & left
            left -= near
            edge_of += near
        islands.append(island)
    largest = max(islands, key=len)
    return set().union(*(island for island in islands if island is not largest))


def chair() -> list[bpy.types.Object]:
    """Return a chair, 0.9 m tall: splayed legs, stretchers, a slatted back and a cushion."""
    oak = _oak()
    parts = []

    def beam(start, end, size, *, bevel=0.006) -> None:
        parts.append(_beam(Vector(start), Vector(end), size, bevel, oak))

    leg, top = 0.225, 0.195  # half the stance at the floor and at the seat
    for x in (-1, 1):
        beam((x * leg, -leg, 0), (x * top, -top, 0.43), (0.054, 0.054))
        # The back leg continues as the leaning post of the back.
        beam((x * leg, leg + 0.02, 0), (x * top, top, 0.45), (0.054, 0.054))
        beam((x * top, top, 0.42), (x * top * 0.98, top + 0.075, 0.9), (0.054, 0.050))
        beam((x * 0.216, -0.216, 0.14), (x * 0.216, 0.226, 0.14), (0.034, 0.046))
    beam((-0.214, 0, 0.14), (0.214, 0, 0.14), (0.034, 0.046))
    beam((-0.23, 0, 0.435), (0.23, 0, 0.435), (0.45, 0.036), bevel=0.012)
    for z, height in ((0.86, 0.075), (0.545, 0.05)):
        y = top + 0.075 * (z - 0.42) / 0.48
        beam((-top, y, z), (top, y, z), (0.03, height))
    for x in (-0.098, 0.0, 0.098):
        low, high = (top + 0.075 * (z - 0.42) / 0.48 for z in (0.545, 0.86))
        beam((x, low, 0.545), (x, high, 0.86), (0.052, 0.028), bevel=0.004)
    parts.append(_cushion())
    return parts


def _beam(
    start: Vector, end: Vector, size: tuple[float, float], bevel: float, material
) -> bpy.types.Object:
    """Return a bevelled beam between two points; `size`: its section, y and z along +x."""
    along = end - start
    bpy.ops.mesh.primitive_cube_add(size=1.0)
    part = bpy.context.object
    part.data.transform(Matrix.Diagonal((along.length, *size, 1.0)))
    upright = abs(along.normalized().z) > 0.5
    # Upright beams keep their faces towards the front, lying ones keep theirs level.
    turn = along.to_track_quat("X", "Y" if upright else "Z")
    part.matrix_world = Matrix.LocRotScale((start + end) / 2, turn, None)
    rounding = part.modifiers.new("Bevel", "BEVEL")
    rounding.width, rounding.segments = bevel, 3
    part.data.materials.append(material)
    return part


def _cushion() -> bpy.types.Object:
    bpy.ops.mesh.primitive_cube_add(size=1.0)
    part = bpy.context.object
    part.data.transform(Matrix.Diagonal((0.39, 0.36, 0.055, 1.0)))
    part.location = (0, -0.025, 0.475)
    rounding = part.modifiers.new("Bevel", "BEVEL")
    rounding.width, rounding.segments = 0.024, 5
    part.modifiers.new("Subdivision", "SUBSURF").levels = 1
    part.data.shade_smooth()
    part.data.materials.append(_material("Cloth", (0.035, 0.20, 0.24), roughness=0.85))
    return part


OBJECTS: dict[str, Callable[[], list[bpy.types.Object]]] = {"suzanne": suzanne, "chair": chair}


# ---------------------------------------------------------------- materials


def _material(name: str, color: tuple[float, float, float], *, roughness: float):
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True
    shader = _shader(material)
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    return material


def _shader(material: bpy.types.Material) -> bpy.types.ShaderNode:
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def _ramp(material: bpy.types.Material, factor, stops) -> None:
    """Colour a material by a factor's output and (position, linear RGB) stops."""
    tree = material.node_tree
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    elements = ramp.color_ramp.elements
    while len(elements) < len(stops):
        elements.new(0.5)
    for element, (position, color) in zip(elements, stops, strict=True):
        element.position, element.color = position, (*color, 1.0)
    tree.links.new(factor, ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], _shader(material).inputs["Base Color"])


def _glaze() -> bpy.types.Material:
    """Return a ceramic glaze that runs from deep blue below over coral to cream above."""
    material = _material("Glaze", (1.0, 1.0, 1.0), roughness=0.33)
    tree = material.node_tree
    place = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(place.outputs["Generated"], split.inputs["Vector"])
    stops = (
        (0.10, (0.010, 0.045, 0.110)),
        (0.38, (0.020, 0.190, 0.230)),
        (0.62, (0.620, 0.160, 0.085)),
        (0.88, (0.830, 0.520, 0.260)),
    )
    _ramp(material, split.outputs["Z"], stops)
    return material


def _oak() -> bpy.types.Material:
    """Return oiled oak: rings of a stretched wave, along each beam's own length."""
    material = _material("Oak", (1.0, 1.0, 1.0), roughness=0.5)
    tree = material.node_tree
    place = tree.nodes.new("ShaderNodeTexCoord")
    stretch = tree.nodes.new("ShaderNodeMapping")
    stretch.inputs["Scale"].default_value = (1.2, 14.0, 14.0)
    grain = tree.nodes.new("ShaderNodeTexNoise")
    grain.inputs["Scale"].default_value = 3.0
    grain.inputs["Detail"].default_value = 3.0
    tree.links.new(place.outputs["Object"], stretch.inputs["Vector"])
    tree.links.new(stretch.outputs["Vector"], grain.inputs["Vector"])
    stops = (
        (0.30, (0.300, 0.130, 0.045)),
        (0.55, (0.560, 0.300, 0.120)),
        (0.8, (0.680, 0.420, 0.20)),
    )
    _ramp(material, grain.outputs[0], stops)
    return material


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
