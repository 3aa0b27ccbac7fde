"""Surfaces by Blender's tools: UVs, fewer triangles, quads.

Each is made on a temporary copy, and returned as plain arrays, so that an undo in between does no
harm.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import radians
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.errors import WorkError
from .windows import in_window

UV_LAYER = "UVMap"
UNWRAP_ANGLE = radians(66)  # between faces of one chart; Smart UV Project's own default
MARGIN = 4  # texels between charts
LEAST_QUADS = 0.9  # fraction of the faces that QuadriFlow must have made quads
VOXELS = (160, 110, 80)  # along the longest side, for remeshing a mesh that QuadriFlow refuses
LARGE = 1000.0  # size of the mesh for QuadriFlow
SHORTEST = 1e-3  # edges shorter than this are dissolved, in a mesh of that size
MOST_OFF = 3.0  # maximum ratio of the requested and the actual number of quads


@dataclass(frozen=True)
class MeshSurface:
    """A mesh as plain arrays, with or without UVs.

    Attributes
    ----------
    vertices : (V, 3) float32, in the object's frame
    corners : (L,) int32, the vertex of each corner of each face
    starts : (P,) int32, the first corner of each face
    triangles : (T, 3) int32, vertices of the triangles that the faces split into
    triangle_corners : (T, 3) int32, their corners
    uvs : (L, 2) float32, or None
    """

    vertices: np.ndarray
    corners: np.ndarray
    starts: np.ndarray
    triangles: np.ndarray
    triangle_corners: np.ndarray
    uvs: np.ndarray | None = None


def surface_of(
    target: bpy.types.Object,
    *,
    quads: int | None = None,
    most: int | None = None,
    texture: int | None = None,
) -> MeshSurface:
    """Return the surface of a mesh object, without its modifiers, as changed by Blender.

    Parameters
    ----------
    quads : target number of quads, for QuadriFlow
    most : triangles; a mesh of more is simplified first
    texture : pixels a side of the texture to unwrap it for

    Raises
    ------
    WorkError
        If QuadriFlow made no quads, or nothing could be unwrapped.
    """
    with in_window(), _copy_of(target) as copy:
        if quads is not None:
            _make_quads(copy, quads)
        elif most is not None:
            _simplify(copy, most)
        uvs = _unwrap(copy, texture) if texture is not None else None
        return _arrays(copy.data, uvs)


def fill_mesh(mesh: bpy.types.Mesh, surface: MeshSurface) -> None:
    """Give a mesh without geometry the faces of a surface, smooth shaded."""
    mesh.vertices.add(len(surface.vertices))
    mesh.loops.add(len(surface.corners))
    mesh.polygons.add(len(surface.starts))
    mesh.vertices.foreach_set("co", surface.vertices.ravel())
    mesh.loops.foreach_set("vertex_index", surface.corners)
    mesh.polygons.foreach_set("loop_start", surface.starts)
    mesh.update(calc_edges=True)


def fill_uvs(mesh: bpy.types.Mesh, uvs: np.ndarray) -> None:
    """Store UVs, (L, 2), in the mesh's own layer, and make it the one that is shown."""
    layer = mesh.uv_layers.get(UV_LAYER) or mesh.uv_layers.new(name=UV_LAYER, do_init=False)
    layer.uv.foreach_set("vector", np.ascontiguousarray(uvs, np.float32).ravel())
    mesh.uv_layers.active = layer
    layer.active_render = True


# ---------------------------------------------------------------- on the copy


def _make_quads(copy: bpy.types.Object, count: int) -> None:
    """Rebuild the copy of quads; QuadriFlow says nothing where it fails, so look.

    It refuses edges shorter than 0.0001 and edges of more than two faces. So the copy is made large
    meanwhile, its shortest edges are dissolved, and where that is not enough it is rebuilt of
    voxels.
    """
    mesh = copy.data
    before = len(mesh.polygons)
    size = max(max(copy.dimensions), 1e-12)
    mesh.transform(Matrix.Scale(LARGE / size, 4))
    _dissolve_shortest(mesh)
    seen = _quadriflow(copy, count)
    for voxels in VOXELS:  # coarser ones close what touches at an edge
        if not seen:
            break
        copy.data.remesh_voxel_size = LARGE / voxels
        bpy.ops.object.voxel_remesh()
        seen = _quadriflow(copy, count)
    if seen:
        raise WorkError(
            f"QuadriFlow made no quads of the mesh's {before} faces: {seen}.",
            "Close its holes (a Remesh modifier, applied, does), or ask for another number of "
            "quads.",
        )
    copy.data.transform(Matrix.Scale(size / LARGE, 4))


def _quadriflow(copy: bpy.types.Object, count: int) -> str:
    """Run QuadriFlow; return what went wrong in a clause, empty if it made the quads."""
    try:
        answer = bpy.ops.object.quadriflow_remesh(
            use_mesh_symmetry=False,
            use_preserve_sharp=False,
            use_preserve_boundary=False,
            smooth_normals=True,
            mode="FACES",
            target_faces=count,
            seed=0,
        )
    except RuntimeError as error:  # what an operator that reports an error raises
        return str(error).strip().rstrip(".")
    sizes = np.zeros(len(copy.data.polygons), np.int32)
    copy.data.polygons.foreach_get("loop_total", sizes)
    quads = int((sizes == 4).sum())
    if "FINISHED" not in answer or quads < LEAST_QUADS * len(sizes) or not quads:
        return f"{quads} of {len(sizes)} faces are quads"
    near = count / MOST_OFF <= len(sizes) <= count * MOST_OFF
    return "" if near else f"there are {len(sizes)} quads, not about {count}"


def _dissolve_shortest(mesh: bpy.types.Mesh) -> None:
    """Dissolve edges and faces without extent."""
    edited = bmesh.new()
    try:
        edited.from_mesh(mesh)
        bmesh.ops.dissolve_degenerate(edited, dist=SHORTEST, edges=edited.edges)
        bmesh.ops.triangulate(edited, faces=edited.faces)
        edited.to_mesh(mesh)
    finally:
        edited.free()
    mesh.update()


def _simplify(copy: bpy.types.Object, most: int) -> None:
    """Collapse edges of the copy until it has at most `most` triangles."""
    mesh = copy.data
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    if count <= most:
        return
    modifier = copy.modifiers.new("Decimate", "DECIMATE")
    modifier.ratio = most / count
    depsgraph = bpy.context.evaluated_depsgraph_get()
    smaller = bpy.data.meshes.new_from_object(
        copy.evaluated_get(depsgraph), preserve_all_data_layers=False, depsgraph=depsgraph
    )
    copy.modifiers.clear()
    copy.data = smaller
    bpy.data.meshes.remove(mesh)


def _unwrap(copy: bpy.types.Object, texture: int) -> np.ndarray:
    """Return (L, 2) UVs of the copy by Smart UV Project."""
    mesh = copy.data
    while mesh.uv_layers:
        mesh.uv_layers.remove(mesh.uv_layers[0])
    mesh.uv_layers.new(name=UV_LAYER)
    bpy.ops.object.mode_set(mode="EDIT")
    try:
        bpy.ops.mesh.reveal(select=False)
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(
            angle_limit=UNWRAP_ANGLE,
            margin_method="ADD",
            island_margin=MARGIN / texture,
            area_weight=0.0,
            correct_aspect=False,
            scale_to_bounds=False,
        )
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
    mesh = copy.data
    uvs = np.zeros((len(mesh.loops), 2), np.float32)
    mesh.uv_layers[UV_LAYER].uv.foreach_get("vector", uvs.ravel())
    if not len(uvs) or float(np.ptp(uvs)) == 0.0:
        raise WorkError("Blender could not unwrap the mesh.", "Check that it has faces.")
    return uvs.clip(0.0, 1.0)


def _arrays(mesh: bpy.types.Mesh, uvs: np.ndarray | None) -> MeshSurface:
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    vertices = np.zeros((len(mesh.vertices), 3), np.float32)
    corners = np.zeros(len(mesh.loops), np.int32)
    starts = np.zeros(len(mesh.polygons), np.int32)
    triangles = np.zeros((count, 3), np.int32)
    triangle_corners = np.zeros((count, 3), np.int32)
    mesh.vertices.foreach_get("co", vertices.ravel())
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.loop_triangles.foreach_get("vertices", triangles.ravel())
    mesh.loop_triangles.foreach_get("loops", triangle_corners.ravel())
    return MeshSurface(vertices, corners, starts, triangles, triangle_corners, uvs)


@contextmanager
def _copy_of(target: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """Give an object with a copy of the target's mesh, selected alone; put all back afterwards."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    selected = [known for known in layer.objects if known.select_get(view_layer=layer)]
    copy: Any = bpy.data.objects.new("Levelform copy", target.data.copy())
    bpy.context.scene.collection.objects.link(copy)
    try:
        for known in selected:
            known.select_set(False, view_layer=layer)
        copy.select_set(True, view_layer=layer)
        layer.objects.active = copy
        layer.update()
        yield copy
    finally:
        mesh = copy.data
        bpy.data.objects.remove(copy)
        bpy.data.meshes.remove(mesh)
        layer.objects.active = active
        for known in selected:
            known.select_set(True, view_layer=layer)
