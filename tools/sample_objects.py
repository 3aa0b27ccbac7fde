"""The sample's objects, for `make_sample.py`: a modelled chair, and Blender's Suzanne."""

from collections.abc import Callable

import bpy  # before bmesh and mathutils, which it provides

# isort: split
import bmesh
from mathutils import Matrix, Vector


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
