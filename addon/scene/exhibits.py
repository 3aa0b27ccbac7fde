"""A method's exhibits as objects and images of the scene."""

from itertools import count
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.protocol import Exhibit, MeshUpdate
from ...backend.contract.shows import drawn_points
from . import meshes
from .textures import packed_image

APART = 1.2  # object widths between neighbours of a row, and object depths between rows
FEW, FEW_RADIUS = 300, 0.035  # points that are drawn larger, and how large, volume units
BESIDE, ROW = "levelform_beside", "levelform_row"  # of a mesh: the result's kept name, its row


def free_row(keep: str) -> int:
    """Return the first row behind a result that no exhibit of it stands in; 0 is its own."""
    taken = {other[ROW] for other in bpy.data.objects if other.get(BESIDE) == keep}
    return next(row for row in count() if row not in taken)


def add_exhibit(
    exhibit: Exhibit,
    beside: bpy.types.Object,
    collection: bpy.types.Collection,
    *,
    keep: str = "",
    row: int = 0,
    nearest: int = 1,
) -> bpy.types.Object:
    """Add an exhibit beside a result; return its object.

    A mesh has numbers of its vertices as attributes; points are small octahedra with the same
    attributes; an image is an Empty that shows it. `row` is that of `free_row(keep)`, `nearest` the
    least place of the row: that exhibit stands next to the result.
    """
    name = f"{beside.name} {exhibit.name}"
    if exhibit.image is not None:
        return _add_image(name, exhibit, beside, collection)
    added = bpy.data.objects.new(name, new_mesh(name, exhibit))
    collection.objects.link(added)
    _place(added, exhibit.place - nearest + 1, beside, row)
    added[BESIDE], added[ROW] = keep, row
    return added


def new_mesh(name: str, exhibit: Exhibit) -> bpy.types.Mesh:
    """Return a new mesh of an exhibit, with its colours and its numbers.

    Raises
    ------
    WorkError
        If its arrays are invalid.
    """
    if exhibit.faces is None:
        few = exhibit.vertices is not None and len(exhibit.vertices) < FEW
        exhibit = drawn_points(exhibit, FEW_RADIUS) if few else drawn_points(exhibit)
    assert exhibit.vertices is not None
    assert exhibit.faces is not None
    update = MeshUpdate(
        exhibit.job,
        exhibit.vertices,
        exhibit.faces,
        None,
        exhibit.colors,
        np.eye(4),
        exhibit.scale,
        1,
        True,
    )
    mesh = meshes.new_mesh(name, update)
    if exhibit.values is not None:
        for column, label in enumerate(exhibit.value_names):
            attribute: Any = mesh.attributes.new(label, "FLOAT", "POINT")
            values = np.ascontiguousarray(exhibit.values[:, column], np.float32)
            attribute.data.foreach_set("value", values)
    return mesh


def _place(added: bpy.types.Object, place: int, beside: bpy.types.Object, row: int) -> None:
    """Place an object as the result, aside by its place in the row, and back by its row.

    An exhibit is in the frame of the result's mesh, wherever the result has been moved.
    """
    width, depth, _ = (APART * max(side, 1e-3) for side in beside.dimensions)
    translation = Matrix.Translation((width * place, depth * row, 0))
    added.matrix_world = translation @ beside.matrix_world


def _add_image(
    name: str,
    exhibit: Exhibit,
    beside: bpy.types.Object,
    collection: bpy.types.Collection,
) -> bpy.types.Object:
    """Add an Empty that shows an image upright above the object, facing its front."""
    assert exhibit.image is not None
    shown = bpy.data.objects.new(name, None)
    shown.empty_display_type = "IMAGE"
    shown.data = packed_image(name, exhibit.image)
    shown.empty_display_size = max(beside.dimensions.x, 1e-3)
    collection.objects.link(shown)
    neighbours = sum(
        other.type == "EMPTY" and other.empty_display_type == "IMAGE" and other != shown
        for other in collection.objects
        if other.name.startswith(f"{beside.name} ")
    )
    width = APART * max(beside.dimensions.x, 1e-3)
    up = beside.dimensions.z / 2 + width
    place = beside.matrix_world.translation
    shown.location = (place.x + width * neighbours, place.y, place.z + up)
    shown.rotation_euler = (np.pi / 2, 0.0, 0.0)
    return shown
