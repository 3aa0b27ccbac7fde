"""THE contract between Blender and the worker: requests, events, framing, version.

Blender's side and the worker's share this file, so it imports numpy and the standard library alone.
A message is one of the frozen dataclasses below; `wire` turns it into a frame, as its fields
declare, and `channel` carries the frames.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .channel import Channel
from .channel import ChannelClosedError as ChannelClosedError
from .channel import Connection as Connection
from .wire import ProtocolError as ProtocolError
from .wire import Registry

PROTOCOL_VERSION = 1


# ---------------------------------------------------------------- parts


@dataclass(frozen=True)
class CameraData:
    """A camera as a frame of `transforms.json`: Blender's axes (x right, y up, looking along -z).

    `transform_matrix` is world_from_camera, (4, 4) float64. `fl_x fl_y cx cy` are pixels, measured
    from the top left corner; for `ORTHOGRAPHIC`, `fl_x fl_y` are pixels per world unit.
    """

    transform_matrix: np.ndarray
    fl_x: float
    fl_y: float
    cx: float
    cy: float
    w: int
    h: int
    camera_model: str = "PINHOLE"


@dataclass(frozen=True)
class ViewData:
    """A picture and its camera.

    image : (H, W, 4) uint8 or float32, sRGB, straight alpha, row 0 at the top
    camera : posed in the world; None when unknown
    name : what to call the view in a message (the camera's name in Blender)
    """

    image: np.ndarray
    camera: CameraData | None
    name: str


@dataclass(frozen=True)
class Background:
    """What to treat as background in a picture whose alpha is full everywhere.

    mode : "alpha" (the picture's alpha as it is), "auto" (what is seen along its border), "corner"
        (the colour of its corners) or "color"
    color : sRGB of the background, for "color"
    tolerance : distance in sRGB below which a pixel is background
    """

    mode: str = "alpha"
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tolerance: float = 0.1


@dataclass(frozen=True)
class MeshData:
    """A mesh that Blender sends: `vertices`, (V, 3) float32, and `faces`, (F, 3) int32, which are
    counter-clockwise seen from outside."""

    vertices: np.ndarray
    faces: np.ndarray


# ---------------------------------------------------------------- requests, Blender to worker


@dataclass(frozen=True)
class Reconstruct:
    """Reconstruct one object; answered by Progress and MeshUpdate, then one of the three ends.

    job : the name of this job in every event about it
    world_from_volume : (4, 4) float64; the volume is its cube [-1, 1]^3. Scale may differ by axis
        (the box then is narrower than the cube); shear is refused
    level : the user's threshold, see `Field.level`; None is the method's default
    keep : name under which the worker keeps the field, for `Remesh`; empty: not kept
    options : further options of the method and of the extraction, by name
    """

    job: str
    method: str
    views: tuple[ViewData, ...]
    world_from_volume: np.ndarray
    resolution: int = 128
    level: float | None = None
    weights: str | None = None
    color: bool = True
    seed: int = 0
    device: str = "auto"
    background: Background = Background()
    keep: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Remesh:
    """Mesh a kept field again, at another resolution or level, without running the method."""

    job: str
    keep: str
    resolution: int = 128
    level: float | None = None
    color: bool = True
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EstimateVolume:
    """Ask where the object stands, by axes and silhouettes; answered by `VolumeEstimate`."""

    job: str
    views: tuple[ViewData, ...]
    background: Background = Background()


@dataclass(frozen=True)
class Evaluate:
    """Ask how near a mesh is to a reference; answered by Progress, `Evaluation` and `Finished`.

    prediction, reference : in one frame, of any scale
    protocol : what is measured and how, see `metrics.PROTOCOLS`
    seed : of the points that are drawn
    """

    job: str
    prediction: MeshData
    reference: MeshData
    protocol: str = "levelform"
    seed: int = 0


@dataclass(frozen=True)
class Cancel:
    """Stop a job, or take it out of the queue; answered by `Cancelled`."""

    job: str


@dataclass(frozen=True)
class Forget:
    """Drop a kept field."""

    keep: str


@dataclass(frozen=True)
class Unload:
    """Drop every field, code and network, and give the memory back; answered by `Status`."""


@dataclass(frozen=True)
class ListMethods:
    """Ask for `Methods`."""


@dataclass(frozen=True)
class Shutdown:
    """End the worker."""


# ---------------------------------------------------------------- events, worker to Blender


@dataclass(frozen=True)
class Ready:
    """The worker has started and imported its libraries."""

    pid: int
    python: str
    torch: str
    numpy: str
    devices: tuple[str, ...]
    threads: int


@dataclass(frozen=True)
class Progress:
    """Where a job stands; see `ticket.Step`."""

    job: str
    stage: str
    index: int
    count: int
    fraction: float
    overall: float


@dataclass(frozen=True)
class MeshUpdate:
    """The whole mesh as known so far, to be shown in place of the one before.

    vertices : (V, 3) float32, volume frame of the *cube* (see `scale`)
    faces : (F, 3) int32, counter-clockwise seen from outside
    normals : (V, 3) float32 or None
    colors : (V, 4) float32, linear RGBA, or None
    world_from_mesh : (4, 4) float64 rigid; put it on the object
    scale : factor for the vertices, so that the object itself keeps the scale 1
    resolution : cells along the longest side of the box at the finest part
    final : the last mesh of the job
    edges : (E, 2) int32, every edge once, or None
    corner_edges : (3 F,) int32, the edge from each triangle's corner to its next one, or None. With
        both, Blender need not look for the edges itself, which is most of its time for a mesh
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


@dataclass(frozen=True)
class VolumeEstimate:
    """A volume that holds what every view sees; `world_from_volume` is a (4, 4) similarity."""

    job: str
    world_from_volume: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """How far each vertex of the prediction is from the reference; the numbers are in `Finished`.

    distances : (V,) float32, positive outside the reference, in the unit of the meshes
    """

    job: str
    distances: np.ndarray


@dataclass(frozen=True)
class Finished:
    """The job is done; `stats` is what `--json` prints (method, weights, views, faces, ...)."""

    job: str
    stats: dict[str, Any]


@dataclass(frozen=True)
class Cancelled:
    """The job was stopped by the user."""

    job: str


@dataclass(frozen=True)
class Failed:
    """The job failed: a sentence for the artist, what to do, and the traceback for the log."""

    job: str
    message: str
    hint: str = ""
    detail: str = ""


@dataclass(frozen=True)
class MethodInfo:
    """What the panel needs to know of a method; see `reconstructors.base.MethodSpec`.

    `options` are the names of its own, beside `fusion` and `camera`.
    """

    name: str
    title: str
    paper: str
    summary: str
    needs_camera: bool
    estimates_camera: bool
    min_views: int
    max_views: int | None
    needs_weights: bool
    weights: tuple[str, ...]
    fusions: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Methods:
    """The methods that the worker can run."""

    methods: tuple[MethodInfo, ...]


@dataclass(frozen=True)
class Status:
    """What the worker holds: resident memory in bytes, names of kept fields, loaded methods."""

    memory: int
    kept: tuple[str, ...]
    loaded: tuple[str, ...]


# ---------------------------------------------------------------- the channel

_REQUESTS = (
    Reconstruct,
    Remesh,
    EstimateVolume,
    Evaluate,
    Cancel,
    Forget,
    Unload,
    ListMethods,
    Shutdown,
)
_EVENTS = (
    Ready,
    Progress,
    MeshUpdate,
    VolumeEstimate,
    Evaluation,
    Finished,
    Cancelled,
    Failed,
    Methods,
    Status,
)
REQUESTS = {kind.__name__: kind for kind in _REQUESTS}
EVENTS = {kind.__name__: kind for kind in _EVENTS}


def open_channel(connection: Connection, *, receives: Registry) -> Channel:
    """Return a channel over an authenticated connection, which it then owns.

    `receives` is `EVENTS` in Blender and `REQUESTS` in the worker: nothing else is accepted.
    """
    return Channel(connection, receives, version=PROTOCOL_VERSION)
