"""Compares a mesh with a reference object: the worker measures, the object stores the metrics.

Both meshes are compared with their modifiers, in world coordinates.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Evaluate, Evaluation, MeshData
from ..jobs.results import Deleted, Handle, MeshlessResult
from ..jobs.running import Running
from ..jobs.session import busy, exhaust, live

COMPARISON = "levelform_comparison"  # custom property of the object: the metrics
DISTANCE = "levelform_distance"  # attribute of its vertices, world units, positive is outside
HEAT = "Distance"  # colour attribute: blue inside the reference, red outside
HEAT_REACH = 0.02  # fraction of the reference's longest side at which the colours saturate
DEFAULT_PROTOCOL = "levelform"


def compare_problem(target: bpy.types.Object | None, reference: bpy.types.Object | None) -> str:
    """Return a sentence about why two objects can't be compared; empty if they can."""
    if busy():
        return busy()
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


def compare(
    result: bpy.types.Object,
    reference: bpy.types.Object,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    seed: int = 0,
    heat: bool = True,
) -> dict[str, Any]:
    """Measure the distance of a mesh from a reference, both with modifiers, in world coordinates.

    Parameters
    ----------
    protocol
        "levelform": IoU, Chamfer distance, F-scores and normal consistency, lengths in percent of
        the reference's longest side; or a method's name: metrics as defined in its paper.
    heat
        Colour `result` by its distances: red is outside the reference, blue inside.

    Returns
    -------
    `metrics` by name, and the settings of the measurement; also stored in the custom property
    "levelform_comparison" of `result`. Each vertex's distance is stored in the attribute
    "levelform_distance" if modifiers do not change the vertices.

    Raises
    ------
    RequestError
        If these can't be compared.
    WorkError
        If the work failed or was cancelled; nothing was changed.
    """
    running = begin_compare(result, reference, protocol=protocol, seed=seed, heat=heat)
    return exhaust(live.drive(running))[COMPARISON].to_dict()


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
    protocol : the metrics: "levelform", or a method's name for those of its paper
    seed : seed of the sampled points
    heat : also colour the object by its distances

    Raises
    ------
    RequestError
        If they can't be compared; nothing was begun.
    """
    problem = compare_problem(target, reference)
    if problem:
        raise RequestError(problem)
    ground_truth, shape = _seen(reference), _seen(target)
    middle = (
        ground_truth[0].min(0) + ground_truth[0].max(0)
    ) / 2  # far from the origin, float32 is imprecise
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
    """Return an object's last comparison, a property group; None if there is none."""
    stored = target.get(COMPARISON) if target is not None else None
    return stored if hasattr(stored, "to_dict") else None


class ComparisonResult(MeshlessResult):
    """A comparison: shows no mesh, and finally stores the metrics on the object."""

    label = "Compare"
    promise = "The metrics will appear in a moment"

    def __init__(
        self, job: str, target: bpy.types.Object, scene: bpy.types.Scene, *, reach: float | None
    ) -> None:
        super().__init__(job, scene)
        self._object = Handle.of(target)
        self._reach = reach
        self._distances: np.ndarray | None = None

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Store the metrics on the object, and the distances on its vertices."""
        target = self.object
        if target is None:
            raise Deleted
        target[COMPARISON] = dict(provenance)
        if self._distances is not None and len(target.data.vertices) == len(self._distances):
            _paint(target.data, self._distances, self._reach)
        return target

    def _show(self, update: Evaluation) -> bool:
        self._distances = update.distances
        return True


# ---------------------------------------------------------------- meshes


def _seen(target: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Return an object's mesh with modifiers: (V, 3) float64 world frame, (F, 3) int32."""
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
    if np.linalg.det(matrix[:3, :3]) < 0:  # a mirrored object has inverted faces
        faces = np.ascontiguousarray(faces[:, ::-1])
    return vertices @ matrix[:3, :3].T + matrix[:3, 3], faces


def _paint(mesh: bpy.types.Mesh, distances: np.ndarray, reach: float | None) -> None:
    """Store distances on the vertices, and colours that saturate at `reach`."""
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
