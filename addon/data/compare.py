"""Compare a mesh with a reference object: the worker measures, the object keeps the numbers.

What is compared is what is seen: both meshes with their modifiers, where they stand in the world.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Evaluate, Evaluation, MeshData
from ..jobs.results import Deleted, Handle, Result
from ..jobs.session import Running, live

COMPARISON = "levelform_comparison"  # custom property of the object: the numbers
DISTANCE = "levelform_distance"  # attribute of its vertices, world units, positive is outside
HEAT = "Distance"  # colour attribute: blue inside the reference, red outside
HEAT_REACH = 0.02  # of the reference's longest side; where the colours are full
DEFAULT_PROTOCOL = "levelform"


def compare_problem(target: bpy.types.Object | None, reference: bpy.types.Object | None) -> str:
    """Return why two objects can't be compared, in one sentence; empty if they can."""
    if live.running is not None:
        return "Wait for the job under way, or cancel it (Esc)."
    if target is None or target.type != "MESH":
        return "Select a mesh to compare."
    if reference is None:
        return "Pick the mesh to compare with."
    if reference == target:
        return "Pick another mesh than the selected one."
    if target.mode != "OBJECT" or reference.mode != "OBJECT":
        return "Leave Edit Mode first."
    if target.library is not None or target.data.library is not None:
        return f"{target.name} is linked from another file. Make it local first."
    return ""


def begin_compare(
    target: bpy.types.Object,
    reference: bpy.types.Object,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    seed: int = 0,
    heat: bool = True,
) -> Running:
    """Begin to compare an object with a reference.

    Parameters
    ----------
    protocol : what is measured and how: "levelform", or a method's name for its paper's numbers
    seed : of the points that are drawn
    heat : colour the object by its distances, beside writing them on its vertices

    Raises
    ------
    RequestError
        If these can't be compared; nothing was begun.
    """
    problem = compare_problem(target, reference)
    if problem:
        raise RequestError(problem)
    ground_truth, shape = _seen(reference), _seen(target)
    middle = (
        ground_truth[0].min(0) + ground_truth[0].max(0)
    ) / 2  # far from the origin float32 is coarse
    side = float(np.ptp(ground_truth[0], axis=0).max())
    job = uuid.uuid4().hex
    request = Evaluate(
        job,
        MeshData((shape[0] - middle).astype(np.float32), shape[1]),
        MeshData((ground_truth[0] - middle).astype(np.float32), ground_truth[1]),
        protocol,
        seed,
    )
    result = ComparisonResult(
        job, target, bpy.context.scene, reach=HEAT_REACH * side if heat else None
    )
    return live.begin(request, result, {"reference": reference.name, "side": side})


def comparison_of(target: bpy.types.Object | None) -> Any:
    """Return the numbers of an object's last comparison, a group of properties; None: no such."""
    stored = target.get(COMPARISON) if target is not None else None
    return stored if hasattr(stored, "to_dict") else None


class ComparisonResult(Result):
    """A comparison under way: it shows no mesh, and at its end writes numbers on the object."""

    label = "Compare"
    promise = "The numbers come in a moment"
    selects = False

    def __init__(
        self, job: str, target: bpy.types.Object, scene: bpy.types.Scene, *, reach: float | None
    ) -> None:
        super().__init__(job, scene)
        self._object = Handle.of(target)
        self._reach = reach
        self._distances: np.ndarray | None = None

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Write the numbers on the object, and the distances on its vertices."""
        found = self.object
        if found is None:
            raise Deleted
        found[COMPARISON] = dict(provenance)
        if self._distances is not None and len(found.data.vertices) == len(self._distances):
            _paint(found.data, self._distances, self._reach)
        return found

    def discard(self) -> None:
        """Leave all as it is: nothing was changed."""

    def _show(self, update: Evaluation) -> bool:
        self._distances = update.distances
        return True


# ---------------------------------------------------------------- meshes


def _seen(target: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Return an object's mesh with its modifiers: (V, 3) float64 world frame, (F, 3) int32."""
    evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    try:
        mesh.calc_loop_triangles()
        vertices = np.zeros((len(mesh.vertices), 3), np.float32)
        faces = np.zeros((len(mesh.loop_triangles), 3), np.int32)
        mesh.vertices.foreach_get("co", vertices.ravel())
        mesh.loop_triangles.foreach_get("vertices", faces.ravel())
    finally:
        evaluated.to_mesh_clear()
    if not len(faces):
        raise RequestError(f"{target.name} has no faces.", "Pick a mesh with a surface.")
    matrix = np.array(evaluated.matrix_world, np.float64)
    if np.linalg.det(matrix[:3, :3]) < 0:  # a mirrored object has its faces inside out
        faces = np.ascontiguousarray(faces[:, ::-1])
    return vertices @ matrix[:3, :3].T + matrix[:3, 3], faces


def _paint(mesh: bpy.types.Mesh, distances: np.ndarray, reach: float | None) -> None:
    """Write distances on the vertices, and as colours where `reach` says what is far."""
    attribute = mesh.attributes.get(DISTANCE)
    if attribute is None or attribute.domain != "POINT" or attribute.data_type != "FLOAT":
        if attribute is not None:
            mesh.attributes.remove(attribute)
        attribute = mesh.attributes.new(DISTANCE, "FLOAT", "POINT")
    attribute.data.foreach_set("value", np.ascontiguousarray(distances, np.float32))
    if reach is not None:
        colors = mesh.color_attributes.get(HEAT)
        if colors is None:
            colors = mesh.color_attributes.new(HEAT, "FLOAT_COLOR", "POINT")
        colors.data.foreach_set("color", heat(distances, reach).ravel())
        mesh.color_attributes.active_color = colors
    mesh.update()


def heat(distances: np.ndarray, reach: float) -> np.ndarray:
    """Return (V, 4) linear RGBA: white at 0, red at `reach` outside, blue at `reach` inside."""
    fraction = np.clip(np.nan_to_num(distances) / reach, -1.0, 1.0)[:, None]
    red, blue = np.array([0.75, 0.02, 0.02]), np.array([0.02, 0.09, 0.75])
    color = 1.0 - np.abs(fraction) * (1.0 - np.where(fraction > 0, red, blue))
    return np.concatenate([color, np.ones_like(fraction)], 1).astype(np.float32)
