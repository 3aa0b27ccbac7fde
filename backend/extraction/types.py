"""What extraction takes and gives: the clean-up asked for, a mesh on its way, and what it cost."""

from dataclasses import dataclass

from ..geometry.meshes import Mesh


@dataclass(frozen=True)
class Cleanup:
    """What to change in the last mesh; the defaults change nothing.

    Attributes
    ----------
    min_component
        Bodies whose area is below this share of the largest body's are dropped, with their voids.
    fill_voids
        Enclosed voids (closed surfaces seen from within the solid) are filled.
    max_faces
        The mesh is decimated to at most about this many triangles; None: as many as there are.
    """

    min_component: float = 0.0
    fill_voids: bool = False
    max_faces: int | None = None


@dataclass(frozen=True)
class ExtractionStats:
    """What a mesh cost, by which rule it was found, and what is proven of it.

    Attributes
    ----------
    evaluations
        Points at which the field was evaluated to find the surface; kept samples count nothing.
    vertex_evaluations
        Points at which it was evaluated to place vertices and to find their normals.
    boxes
        Boxes over which `Field.bounds` was asked.
    forecast
        What `evaluations` + `vertex_evaluations` are expected to be at the end.
    cells
        Cells of the finest level that the surface passes through, so far.
    rule
        How coarse cells were chosen, in words.
    search_complete
        It is proven that no cell of the grid whose corners differ in sign was missed.
    resolution
        Cells along the box's longest side.
    watertight
        The mesh is closed: each edge joins two triangles that run along it in opposite directions.
    level
        The value of the field that the surface has.
    remarks
        Sentences for the artist: what was changed in the request, what could not be done.
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
    index, count : which slab, of how many
    lower, upper : corners of the part of the box that is finished in full resolution with it
    mesh : the slab's own new triangles; its border vertices have the very coordinates of the
        neighbouring slab's
    """

    index: int
    count: int
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]
    mesh: Mesh


@dataclass(frozen=True)
class MeshUpdate:
    """A mesh on its way from coarse to fine.

    Attributes
    ----------
    resolution : cells along the box's longest side at the finest part
    mesh : the whole mesh as known so far, finished blocks together with the coarser rest
    block : the slab that is new, when the last level arrives in slabs; else None
    fraction : work done over work forecast; 1 only with the last mesh
    final : nothing follows
    stats : what it cost so far
    """

    resolution: int
    mesh: Mesh
    block: MeshBlock | None
    fraction: float
    final: bool
    stats: ExtractionStats
