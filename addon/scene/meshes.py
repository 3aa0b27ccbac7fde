"""Fast conversion of arrays to Blender meshes, refilled in place as the mesh is refined.

All data goes through `foreach_set` on attributes: at half a million triangles this is an order of
magnitude faster than `from_pydata`, with the same result. A mesh is refilled rather than replaced,
so that its object, materials, modifiers and custom properties stay.
"""

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.errors import WorkError
from ...backend.contract.protocol import MeshUpdate

COLOR_ATTRIBUTE = "Color"
NORMAL_ATTRIBUTE = "field_normal"
SEEN_ATTRIBUTE = "seen"  # 1 where images show the colour, 0 where it is filled in
CORNER_ATTRIBUTE = ".corner_vert"  # Blender's own: each corner's vertex
EDGE_ATTRIBUTE = ".edge_verts"  # each edge's two vertices
CORNER_EDGE_ATTRIBUTE = ".corner_edge"  # the edge that follows each corner
MATERIAL = "Levelform Color"
_FARTHEST = 1e30  # beyond it single precision ends soon


def new_object(
    name: str, update: MeshUpdate, collection: bpy.types.Collection | None = None
) -> bpy.types.Object:
    """Add an object with the update's mesh, smooth shaded, and a material displaying its colours.

    Parameters
    ----------
    collection
        Where to link the object; the context's collection if None.

    Raises
    ------
    WorkError
        If the mesh has indices out of range or non-finite numbers; nothing is added.
    """
    mesh = new_mesh(name, update)
    mesh_object = bpy.data.objects.new(name, mesh)
    (collection or bpy.context.collection).objects.link(mesh_object)
    place(mesh_object, update)
    return mesh_object


def new_mesh(name: str, update: MeshUpdate) -> bpy.types.Mesh:
    """Return a new mesh of an update, with a material displaying its colours.

    Raises
    ------
    WorkError
        As `new_object`; nothing is added.
    """
    check(update)
    mesh = bpy.data.meshes.new(name)
    _fill(mesh, update)
    if update.colors is not None:
        mesh.materials.append(color_material())
    return mesh


def refill(mesh_object: bpy.types.Object, update: MeshUpdate) -> bool:
    """Replace the object's mesh data by the update's; materials, modifiers and transform stay.

    Returns
    -------
    False, with nothing changed, while the mesh has shape keys or is being edited (an object that
    uses it is in any mode other than Object Mode): try again later.

    Raises
    ------
    WorkError
        As `new_object`; nothing is changed.
    """
    mesh = mesh_object.data
    if not isinstance(mesh, bpy.types.Mesh):
        raise TypeError(f"{mesh_object.name} is not a mesh")
    if mesh_object.mode != "OBJECT" or mesh.is_editmode or mesh.shape_keys is not None:
        return False
    check(update)
    mesh.clear_geometry()
    _fill(mesh, update)
    return True


def place(mesh_object: bpy.types.Object, update: MeshUpdate) -> None:
    """Place the object at the update's volume."""
    mesh_object.matrix_world = Matrix(np.asarray(update.world_from_mesh).tolist())


def check(update: MeshUpdate) -> None:
    """Raise `WorkError` if the mesh is invalid in Blender; faster than its own `validate`."""
    vertices, faces = update.vertices, update.faces
    _check_shapes(update)
    if not np.isfinite(vertices).all() or not np.isfinite(update.world_from_mesh).all():
        raise WorkError("The mesh has non-finite vertices.", "Report this.")
    _check_reach(update)
    if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
        raise WorkError(
            f"The mesh has triangles that exceed its {len(vertices)} vertices.",
            "Report this.",
        )
    edges, corner_edges = update.edges, update.corner_edges
    if edges is None or corner_edges is None or not len(edges):
        return
    if (
        len(corner_edges) != 3 * len(faces)
        or not 0 <= edges.min() <= edges.max() < len(vertices)
        or not 0 <= corner_edges.min() <= corner_edges.max() < len(edges)
    ):
        raise WorkError("The mesh has edges that do not belong to its triangles.", "Report this.")


def _check_shapes(update: MeshUpdate) -> None:
    """Refuse arrays of a wrong shape or data type."""
    count, corners = len(update.vertices), 3 * len(update.faces)
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "vertices": ((count, 3), "f"),
        "faces": ((len(update.faces), 3), "i"),
        "normals": ((count, 3), "f"),
        "colors": ((count, 4), "f"),
        "seen": ((count,), "f"),
        "world_from_mesh": ((4, 4), "f"),
        "edges": ((0 if update.edges is None else len(update.edges), 2), "i"),
        "corner_edges": ((corners,), "i"),
    }
    for name, (shape, kind) in expected.items():
        array = getattr(update, name)
        if array is not None and (array.shape != shape or array.dtype.kind != kind):
            raise WorkError(
                f"The mesh's {name} are {array.shape} {array.dtype}, not {shape}.", "Report this."
            )


def _check_reach(update: MeshUpdate) -> None:
    """Refuse a scale and a position at which single precision can't represent the mesh."""
    reach = float(np.abs(update.vertices).max(initial=0.0)) * abs(update.scale)
    if not (0 < update.scale < _FARTHEST and reach < _FARTHEST):
        raise WorkError(
            f"The mesh's scale is {update.scale:g}, which collapses it.", "Report this."
        )
    if not np.abs(update.world_from_mesh).max() < _FARTHEST:
        raise WorkError("The mesh's position is not a finite number.", "Report this.")


def color_material() -> bpy.types.Material:
    """Return the shared material that displays the colour attribute; created on first use."""
    material = bpy.data.materials.get((MATERIAL, None))  # of this file, not of a linked one
    if material is not None:
        return material
    material = bpy.data.materials.new(MATERIAL)
    if material.node_tree is None:
        material.use_nodes = True  # from 5.0 on it always has nodes, and setting this would warn
    tree: Any = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = 0.7
    color = tree.nodes.new("ShaderNodeVertexColor")
    color.layer_name = COLOR_ATTRIBUTE
    color.location = (shader.location.x - 220, shader.location.y - 60)
    tree.links.new(color.outputs["Color"], shader.inputs["Base Color"])
    return material


# ---------------------------------------------------------------- attributes


def _fill(mesh: bpy.types.Mesh, update: MeshUpdate) -> None:
    """Fill a mesh that has no geometry."""
    if not len(update.vertices):
        return  # Blender keeps no attributes of an empty mesh
    count = len(update.faces)
    mesh.vertices.add(len(update.vertices))
    mesh.loops.add(3 * count)
    mesh.polygons.add(count)
    # Get the attributes after the last `add`, which may move them.
    vertices = update.vertices if update.scale == 1.0 else update.vertices * update.scale
    attributes: Any = mesh.attributes
    attributes["position"].data.foreach_set("vector", _flat(vertices, np.float32))
    corners = _flat(update.faces, np.int32)
    corner_vertices = attributes.get(CORNER_ATTRIBUTE)
    if corner_vertices is not None:
        corner_vertices.data.foreach_set("value", corners)
    else:  # the attribute is undocumented; this is the documented way, a hundred times slower
        mesh.loops.foreach_set("vertex_index", corners)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    known = _fill_edges(mesh, update)
    _touch(mesh)
    mesh.update(calc_edges=not known)
    if update.normals is not None:
        normals = attributes.new(NORMAL_ATTRIBUTE, "FLOAT_VECTOR", "POINT")
        normals.data.foreach_set("vector", _flat(update.normals, np.float32))
    if update.colors is not None:
        fill_colors(mesh, update.colors)
    if update.seen is not None:
        fill_seen(mesh, update.seen)


def _fill_edges(mesh: bpy.types.Mesh, update: MeshUpdate) -> bool:
    """Store the edges of the update; return false if Blender has to compute them."""
    if update.edges is None or update.corner_edges is None or not len(update.edges):
        return False
    mesh.edges.add(len(update.edges))
    attributes: Any = mesh.attributes
    edges, corner_edges = attributes.get(EDGE_ATTRIBUTE), attributes.get(CORNER_EDGE_ATTRIBUTE)
    if edges is None or corner_edges is None:
        return False
    edges.data.foreach_set("value", _flat(update.edges, np.int32))
    corner_edges.data.foreach_set("value", _flat(update.corner_edges, np.int32))
    return True


def fill_colors(mesh: bpy.types.Mesh, colors: np.ndarray) -> None:
    """Store linear RGBA per vertex, and make it the attribute that viewport and renders show."""
    attribute: Any = mesh.color_attributes.new(COLOR_ATTRIBUTE, "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", _flat(colors, np.float32))
    mesh.color_attributes.active_color_index = 0
    mesh.color_attributes.render_color_index = 0


def fill_seen(mesh: bpy.types.Mesh, seen: np.ndarray) -> None:
    """Store how well images show each vertex's colour."""
    known = mesh.attributes.get(SEEN_ATTRIBUTE)
    attribute: Any = known or mesh.attributes.new(SEEN_ATTRIBUTE, "FLOAT", "POINT")
    attribute.data.foreach_set("value", _flat(seen, np.float32))


def _touch(mesh: bpy.types.Mesh) -> None:
    """Write one vertex through the API: up to 5.0, attribute writes do not update the bounds."""
    first = mesh.vertices[0]
    first.co = first.co


def _flat(array: np.ndarray, dtype: type) -> np.ndarray:
    """Return the array flat and contiguous, which `foreach_set` takes without converting."""
    return np.ascontiguousarray(array, dtype).reshape(-1)
