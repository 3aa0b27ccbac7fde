"""The volume: the cube to reconstruct in, shown as an Empty with the object's box and front.

The Empty's cube is the volume. It has two children: the estimated bounding box of the object, and
an arrow along the volume's -Y, the direction of the object's front. Rotating the arrow rotates the
front. They are not rendered, and are ordinary objects, so that undo and files preserve them.
"""

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.contract.drawings import SIZE
from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Placement

VOLUME_NAME, FRONT_NAME, BOX_NAME = "Levelform Volume", "Levelform Front", "Levelform Object"
PLACEMENT = "levelform_placement"  # custom property of the Empty: what is known of its place
ROLE = "levelform_role"  # custom property of the children: "front" or "box"
SHEAR_TOLERANCE = 1e-4
# A single-arrow Empty points along its own +Z: this rotates it to the volume's -Y.
_ARROW = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, -1.0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])


def add_volume(
    matrix: np.ndarray, scene: bpy.types.Scene, *, box: np.ndarray | None = None
) -> bpy.types.Object:
    """Add an Empty to the scene whose cube is the volume, (4, 4) world_from_volume.

    Parameters
    ----------
    box : (2, 3) corners of the object in the volume's frame; None: unknown and not displayed
    """
    empty = bpy.data.objects.new(VOLUME_NAME, None)
    empty.empty_display_type = "CUBE"
    empty.empty_display_size = 1.0  # the cube is drawn from -1 to 1
    scene.collection.objects.link(empty)
    set_volume(empty, matrix, box=box)
    return empty


def set_volume(
    empty: bpy.types.Object, matrix: np.ndarray, *, box: np.ndarray | None = None
) -> None:
    """Move an Empty so that its cube is the volume, and reset its arrow to -Y."""
    size = np.diag([empty.empty_display_size] * 3 + [1.0])
    empty.matrix_world = Matrix((np.asarray(matrix, np.float64) @ np.linalg.inv(size)).tolist())
    arrow = _child(empty, "front") or _add_child(empty, "front", FRONT_NAME, "SINGLE_ARROW")
    arrow.empty_display_size = 0.5 * empty.empty_display_size
    arrow.matrix_parent_inverse = Matrix()
    arrow.matrix_basis = Matrix((size @ _ARROW @ np.linalg.inv(size)).tolist())
    shown = _child(empty, "box")
    if box is None:
        if shown is not None:
            bpy.data.objects.remove(shown)
        return
    shown = shown or _add_child(empty, "box", BOX_NAME, "CUBE")
    shown.empty_display_size = 1.0
    shown.hide_select = True
    shown.matrix_parent_inverse = Matrix()
    lower, upper = np.asarray(box, np.float64) * empty.empty_display_size
    place = np.diag([*np.maximum((upper - lower) / 2, 1e-6), 1.0])
    place[:3, 3] = (lower + upper) / 2
    shown.matrix_basis = Matrix(place.tolist())


def show_placement(placement: Placement, scene: bpy.types.Scene) -> bpy.types.Object:
    """Set the scene's volume to that of a placement; add an Empty if there is none."""
    settings = scene.levelform
    empty = settings.volume
    if empty is None or not empty.users_scene:
        empty = add_volume(placement.world_from_volume, scene, box=placement.box)
        settings.volume = empty
    else:
        set_volume(empty, placement.world_from_volume, box=placement.box)
    return empty


def remember_placement(empty: bpy.types.Object, placement: Placement) -> None:
    """Store on an Empty what is known of its placement, until it is moved."""
    empty[PLACEMENT] = {
        "volume_from": placement.volume_from,
        "front_from": placement.front_from,
        "front_certainty": placement.front_certainty,
        "remarks": list(placement.remarks),
        "pose": _pose(empty),
    }


def remarks_of(empty: bpy.types.Object | None) -> list[str]:
    """Return the remarks about an Empty's placement; none once it or its arrow was moved."""
    stored = empty.get(PLACEMENT) if empty is not None else None
    if empty is None or not hasattr(stored, "to_dict"):
        return []
    facts, pose = stored.to_dict(), _pose(empty)
    before = facts.get("pose", [])
    still = len(before) == len(pose) and np.allclose(before, pose, atol=1e-5)
    return list(facts["remarks"]) if still else []


def _pose(empty: bpy.types.Object) -> list[float]:
    """Return the numbers of an Empty's and its arrow's matrices."""
    arrow = _child(empty, "front")
    matrices = [empty.matrix_basis, *([arrow.matrix_basis] if arrow is not None else [])]
    return [number for matrix in matrices for row in matrix for number in row]


def place_of_object(
    scene: bpy.types.Scene,
) -> tuple[tuple[float, float, float] | None, float | None]:
    """Return the centre of the scene's volume and the side of an object in it; None without one."""
    empty = scene.levelform.volume
    if empty is None or not empty.users_scene:
        return None, None
    matrix = matrix_of(empty)
    x, y, z = matrix[:3, 3].tolist()
    return (x, y, z), SIZE * float(np.linalg.norm(matrix[:3, 0]))


def matrix_of(empty: bpy.types.Object) -> np.ndarray:
    """Return world_from_volume of an Empty's cube, (4, 4) float64, right-handed.

    It includes parents, constraints, animation and the display size. A mirrored Empty shows the
    same cube, so the mirroring is undone. If the arrow was rotated, the volume is rotated about its
    own Z so that its -Y is the arrow's direction.

    Raises
    ------
    RequestError
        If the matrix is not finite, flat along an axis, or sheared.
    """
    graph = bpy.context.evaluated_depsgraph_get()
    matrix = np.array(empty.evaluated_get(graph).matrix_world, np.float64)
    name = empty.name
    if not np.isfinite(matrix).all():
        raise RequestError(
            f"The position, rotation or scale of {name} is not a finite number.",
            "Clear its transform (Alt G, Alt R, Alt S) and check its constraints and drivers.",
        )
    matrix[:3, :3] *= empty.empty_display_size if empty.type == "EMPTY" else 1.0
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() < 1e-6 * max(lengths.max(), 1e-6):
        raise RequestError(f"{name} is flat: a scale of it is zero.", "Clear its scale (Alt S).")
    axes = matrix[:3, :3] / lengths
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise RequestError(
            f"{name} is sheared by an uneven scale of its parent.",
            "Apply the parent's scale (Ctrl A), or unparent the volume.",
        )
    if np.linalg.det(axes) < 0:
        matrix[:3, 0] *= -1
    arrow = _child(empty, "front")
    if arrow is not None:
        pointing = np.array(arrow.evaluated_get(graph).matrix_world, np.float64)[:3, 2]
        return facing(matrix, pointing)
    return matrix


def facing(matrix: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return a volume, (4, 4), rotated about its own Z until its -Y points along a direction.

    A direction along Z, or a non-finite one, has no effect. If the two sides across Z differ, a
    rotation by 90 degrees swaps them; any other makes both as long as the longer one.
    """
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    local = (matrix[:3, :3] / lengths).T @ direction
    if not np.isfinite(local).all() or np.hypot(local[0], local[1]) < 1e-3 * np.linalg.norm(local):
        return matrix
    angle = float(np.arctan2(local[0], -local[1]))
    if abs(angle) < 1e-4:
        return matrix
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    quarters = angle / (np.pi / 2)
    if abs(quarters - round(quarters)) < 1e-3:
        sides = lengths[[1, 0, 2]] if round(quarters) % 2 else lengths
    else:
        sides = np.array([lengths[:2].max(), lengths[:2].max(), lengths[2]])
    result = matrix.copy()
    result[:3, :3] = (matrix[:3, :3] / lengths) @ rotation * sides
    return result


def _child(empty: bpy.types.Object, role: str) -> bpy.types.Object | None:
    """Return the child with a role; None if it was deleted."""
    return next((child for child in empty.children if child.get(ROLE) == role), None)


def _add_child(empty: bpy.types.Object, role: str, name: str, display: str) -> bpy.types.Object:
    child = bpy.data.objects.new(name, None)
    child.empty_display_type = display  # pyright: ignore[reportAttributeAccessIssue]
    child[ROLE] = role
    child.parent = empty
    child.hide_render = True
    for collection in empty.users_collection:
        collection.objects.link(child)
    return child
