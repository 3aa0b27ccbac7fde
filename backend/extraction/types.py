"""Types of the interface of extraction: clean-up options, updates, and statistics."""

from dataclasses import dataclass

from ..geometry.meshes import Mesh


@dataclass(frozen=True)
class Cleanup:
    """Clean-up of the final mesh; the defaults change nothing.

    Attributes
    ----------
    min_component
        Bodies with less than this fraction of the largest body's area are removed, with their
        voids.
    fill_voids
        Remove enclosed voids (closed surfaces facing into the solid).
    max_faces
        Decimate to about this many triangles at most; None: no decimation.
    """

    min_component: float = 0.0
    fill_voids: bool = False
    max_faces: int | None = None


@dataclass(frozen=True)
class ExtractionStats:
    """Cost of a mesh, how it was searched for, and what is guaranteed.

    Attributes
    ----------
    evaluations
        Points at which the field was evaluated to find the surface, without cached ones.
    vertex_evaluations
        Points at which it was evaluated for positions and normals of vertices.
    boxes
        Number of boxes passed to `Field.bounds`.
    forecast
        Expected final value of `evaluations` + `vertex_evaluations`.
    cells
        Number of active cells on the finest level so far.
    rule
        The coarse rule, in words.
    search_complete
        Whether it is proven that no cell with a sign change was missed.
    resolution
        Cells along the box's longest side.
    watertight
        Whether the mesh is closed: every directed edge has its opposite.
    level
        Value of the field on the surface.
    remarks
        Sentences for the artist: changes to the request, and what could not be done.
    """

    evaluations: int
    vertex_evaluations: int
    boxes: int
    forecast: int
    cells: int
    rule: str
    search_complete: bool
    resolution: int
    watertight: bool
    level: float
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeshBlock:
    """A slab of the last level: what is new in an update.

    Attributes
    ----------
    index, count : number of this slab, and of slabs
    lower, upper : corners of the part of the box that this slab finishes at full resolution
    mesh : the slab's own triangles; its border vertices coincide exactly with those of the
        neighbouring slabs
    """

    index: int
    count: int
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]
    mesh: Mesh


@dataclass(frozen=True)
class ExtractedMesh:
    """An intermediate or final mesh.

    Attributes
    ----------
    resolution : cells along the box's longest side at the finest part
    mesh : the whole mesh so far: finished slabs, completed by the previous level
    block : the new slab while the last level arrives in slabs; else None
    fraction : work done over forecast work; 1 only with the final mesh
    final : whether this is the last update
    stats : cost so far
    """

    resolution: int
    mesh: Mesh
    block: MeshBlock | None
    fraction: float
    final: bool
    stats: ExtractionStats
