"""Messages about one object: from views to meshes, colours, a comparison with a reference."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .parts import KEEP_ALPHA, Background, MeshData, ViewData


@dataclass(frozen=True)
class Reconstruct:
    """Reconstruct one object; answered by Progress and MeshUpdate, then one of the three ends.

    job : the job's name in all its events
    world_from_volume : (4, 4) float64; the volume is its cube [-1, 1]^3. Scale may differ by axis
        (the box is then narrower than the cube); shear is refused. None: estimated from views
    volume_from : the source of `world_from_volume`: "user" or "file"
    front : degrees about the world's +Z from -Y to where the object's front looks, for a volume
        that is estimated; None: what the method needs is found from the images
    cures : changes to views that disagree, by the names of `Cure`
    world_offset : local origin of the views' world in their file's, see `PosedFiles`
    remarks : sentences about the source, added to the result's remarks
    level : the user's threshold, in the method's `level_unit`; None is the method's default
    keep : name under which the worker keeps the field, for `Remesh`; empty: not kept
    options : further options of method and pipeline by name, as values or words
    texture, quads : made of the finished mesh by the caller, not the worker; see `Settings`
    fuse : several images without cameras show one object; else they are refused
    """

    job: str
    method: str
    views: tuple[ViewData, ...]
    world_from_volume: np.ndarray | None = None
    resolution: int = 128
    level: float | None = None
    weights: str | None = None
    color: bool = True
    seed: int = 0
    device: str = "auto"
    background: Background = KEEP_ALPHA
    keep: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    volume_from: str = "user"
    front: float | None = None
    cures: tuple[str, ...] = ()
    world_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    remarks: tuple[str, ...] = ()
    fuse: bool = False
    texture: int | None = None
    quads: int | None = None


@dataclass(frozen=True)
class Remesh:
    """Mesh a kept field again, at another resolution or level, without running the method.

    improve : first go on where the method ended, for one that `improves`; its options say how long
    """

    job: str
    keep: str
    resolution: int = 128
    level: float | None = None
    color: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    improve: bool = False


@dataclass(frozen=True)
class Paint:
    """Colour a mesh of a kept result from its images; answered by `Painted`, then `Finished`.

    keep : name of the kept result
    mesh : in the frame of its object, whose scale is 1
    uvs : (F, 3, 2) float32 of the corners of its triangles, in [0, 1], v upwards; None: no texture
    size : pixels along a side of the texture
    """

    job: str
    keep: str
    mesh: MeshData
    uvs: np.ndarray | None = None
    size: int = 0


@dataclass(frozen=True)
class EstimateVolume:
    """Ask for the object's place and front; answered by `VolumeEstimate`.

    front : as in `Reconstruct`
    cures : as in `Reconstruct`
    """

    job: str
    views: tuple[ViewData, ...]
    background: Background = KEEP_ALPHA
    front: float | None = None
    cures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluate:
    """Compare a mesh with a reference; answered by Progress, `Evaluation` and `Finished`.

    prediction, reference : in one frame, of any scale
    protocol : measurements and their definitions, see `metrics.PROTOCOLS`
    seed : of the sampled points
    """

    job: str
    prediction: MeshData
    reference: MeshData
    protocol: str = "levelform"
    seed: int = 0


@dataclass(frozen=True)
class MeshUpdate:
    """The whole mesh so far, to replace the one before.

    vertices : (V, 3) float32, volume frame of the *cube* (see `scale`)
    faces : (F, 3) int32, counter-clockwise seen from outside
    normals : (V, 3) float32 or None
    colors : (V, 4) float32, linear RGBA, or None
    seen : (V,) float32, 1 where images show the colour, 0 where it is filled in, or None
    world_from_mesh : (4, 4) float64 rigid; the object's matrix
    scale : factor for the vertices, so that the object keeps scale 1
    resolution : cells along the longest side of the box at the finest part
    final : the last mesh of the job
    edges : (E, 2) int32, every edge once, or None
    corner_edges : (3 F,) int32, the edge from each triangle's corner to its next one, or None. With
        both, Blender need not compute the edges, which takes most of its time for a mesh
    """

    job: str
    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None
    colors: np.ndarray | None
    world_from_mesh: np.ndarray
    scale: float
    resolution: int
    final: bool
    edges: np.ndarray | None = None
    corner_edges: np.ndarray | None = None
    seen: np.ndarray | None = None


@dataclass(frozen=True)
class Placement:
    """The object's place and front.

    world_from_volume : (4, 4) float64, a similarity if estimated; the object faces the volume's
        -Y
    volume_from : its source: "user", "file", "estimate" (the views) or "unit" (nobody, no camera)
    box : (2, 3) float64 lower and upper corner of the object, volume frame; None: unknown
    front_from : "user", "file", "found" (the views' votes) or "undecided"; empty: not needed
    front_certainty : 0 to 1, of an estimated front
    remarks : sentences about possible faults
    """

    world_from_volume: np.ndarray
    volume_from: str
    box: np.ndarray | None = None
    front_from: str = ""
    front_certainty: float = 0.0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class VolumeEstimate:
    """The answer to `EstimateVolume`."""

    job: str
    placement: Placement


@dataclass(frozen=True)
class Placed:
    """The placement that a `Reconstruct` job uses; comes before its meshes, except a first look."""

    job: str
    placement: Placement


@dataclass(frozen=True)
class Painted:
    """Colours and texture of the mesh of a `Paint`.

    colors : (V, 4) float32, linear RGBA of its vertices
    seen : (V,) float32, 1 where images say the colour, 0 where it is filled in
    texture : (N,) uint8, the bytes of a PNG file, or None
    """

    job: str
    colors: np.ndarray
    seen: np.ndarray
    texture: np.ndarray | None = None


@dataclass(frozen=True)
class Evaluation:
    """Each vertex's distance from the reference; the numbers are in `Finished`.

    distances : (V,) float32, positive outside the reference, in the unit of the meshes
    """

    job: str
    distances: np.ndarray
