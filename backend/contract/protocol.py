"""THE contract between Blender and the worker: requests, events, framing, version.

Blender's side and the worker's share this file, so it imports numpy and the standard library alone.
A message is one of the frozen dataclasses below; `wire` turns it into a frame, as its fields
declare, and `channel` carries the frames.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .cameras import CameraData as CameraData
from .channel import Channel
from .channel import ChannelClosedError as ChannelClosedError
from .channel import Connection as Connection
from .channel import Garbled as Garbled
from .options import Option as Option
from .wire import ProtocolError as ProtocolError
from .wire import Registry

PROTOCOL_VERSION = 3


# ---------------------------------------------------------------- parts


@dataclass(frozen=True)
class ImageFile:
    """An image that the worker reads itself, so that it is the same whoever asks.

    path : absolute; what to call it where `encoded` holds its bytes
    encoded : (N,) uint8, the bytes of an image file that a .blend packs; None: read `path`
    mask : path of an image that says where the object is, instead of the alpha; empty: none
    """

    path: str
    encoded: np.ndarray | None = None
    mask: str = ""


@dataclass(frozen=True)
class ViewData:
    """An image and its camera.

    image : (H, W, 4) uint8 or float32, sRGB, straight alpha, row 0 at the top; None: `file`
    camera : posed in the world; None when unknown
    name : what to call the view in a message (the camera's name in Blender)
    file : where the image is, instead of `image`
    mirrored : flip the image left-right, top-bottom before the camera sees it
    """

    image: np.ndarray | None
    camera: CameraData | None
    name: str
    file: ImageFile | None = None
    mirrored: tuple[bool, bool] = (False, False)


@dataclass(frozen=True)
class Background:
    """What to treat as background in an image whose alpha is full everywhere.

    mode : "alpha" (the image's alpha as it is), "auto" (what is seen along its border), "corner"
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
        (the box then is narrower than the cube); shear is refused. None: where the views see it
    volume_from : who said `world_from_volume`: "user" or "file"
    front : degrees about the world's +Z from -Y to where the object's front looks, for a volume
        that is estimated; None: what the method needs is found from the images
    cures : what to do about views that disagree, by the names of `Cure`
    world_offset : local origin of the views' world in their file's, see `PosedFiles`
    remarks : sentences about the source that belong to the result's
    level : the user's threshold, in the method's `level_unit`; None is the method's default
    keep : name under which the worker keeps the field, for `Remesh`; empty: not kept
    options : further options of the method and of the pipeline, by name; values or words for them
    texture, quads : what whoever asks makes of the finished mesh, see `Settings`; no matter of the
        worker's
    fuse : images that all lack cameras show one object; without it several of them are refused
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
    background: Background = Background()
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
    """Ask where the object stands and where its front looks; answered by `VolumeEstimate`.

    front : as in `Reconstruct`
    cures : as in `Reconstruct`
    """

    job: str
    views: tuple[ViewData, ...]
    background: Background = Background()
    front: float | None = None
    cures: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckViews:
    """Ask whether the views agree, before any reconstruction; answered by `ViewsChecked`."""

    job: str
    views: tuple[ViewData, ...]
    background: Background = Background()
    cures: tuple[str, ...] = ()


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
class FinishEarly:
    """Stop improving a job's result and keep what there is; answered by the job's own end.

    A job whose method does not improve its result goes on as it was.
    """

    job: str


@dataclass(frozen=True)
class Forget:
    """Drop a kept field; answered by `Status`."""

    keep: str


@dataclass(frozen=True)
class KeepAtMost:
    """Let kept fields hold so many bytes together; answered by `Status`."""

    bytes: int


@dataclass(frozen=True)
class Unload:
    """Drop every field, code and network, and give the memory back; answered by `Status`."""


@dataclass(frozen=True)
class Ping:
    """Ask for a sign of life; answered by `Pong` at once, whatever the worker is at."""

    number: int


@dataclass(frozen=True)
class Share:
    """Compute on at most so many threads, as something else needs the processor; 0: on all."""

    threads: int


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
    seen : (V,) float32, 1 where images say the colour, 0 where it is filled in, or None
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
    seen: np.ndarray | None = None


@dataclass(frozen=True)
class Placement:
    """Where the object stands and where its front looks.

    world_from_volume : (4, 4) float64, a similarity where it was estimated; the object's front
        looks along the volume's -Y
    volume_from : who says so: "user", "file", "estimate" (the views) or "unit" (nobody, no camera)
    box : (2, 3) float64 lower and upper corner of the object, volume frame; None: unknown
    front_from : "user", "file", "found" (the views' votes) or "undecided"; empty: nobody asked
    front_certainty : 0 to 1, of a front that was found
    remarks : sentences about what may be wrong
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
    """Where a `Reconstruct` job looks for the object; comes before its meshes."""

    job: str
    placement: Placement


@dataclass(frozen=True)
class ViewCheck:
    """Whether a view agrees with the others and with the result.

    name : the view's
    residual : pixels of 224 by which its outline misses the others' silhouettes; None: not known
    covered : share of its silhouette that the result covers; None before there is a result
    iou : IoU of its silhouette and the result's; None before there is a result
    remark : a sentence where something is wrong; empty: it agrees
    """

    name: str
    residual: float | None = None
    covered: float | None = None
    iou: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class Cure:
    """A change that makes the views agree.

    name : for `Reconstruct.cures`, such as "leave-out=3", "swap=2,5" or "convention=opencv"
    sentence : what it does, for a person
    residual : the largest residual of a view after it
    """

    name: str
    sentence: str
    residual: float


@dataclass(frozen=True)
class ViewsChecked:
    """Whether the views agree, each in its order, and what would make them agree, best first.

    Ends a `CheckViews`; in a `Reconstruct` job it comes before the meshes. `remark` says in a
    sentence or two what is wrong and what helps; empty: nothing is. `notes` tell how images were
    read, where that may surprise.
    """

    job: str
    views: tuple[ViewCheck, ...]
    cures: tuple[Cure, ...] = ()
    remark: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """How far each vertex of the prediction is from the reference; the numbers are in `Finished`.

    distances : (V,) float32, positive outside the reference, in the unit of the meshes
    """

    job: str
    distances: np.ndarray


@dataclass(frozen=True)
class Painted:
    """What the images say of the mesh of a `Paint`.

    colors : (V, 4) float32, linear RGBA of its vertices
    seen : (V,) float32, 1 where images say the colour, 0 where it is filled in
    texture : (N,) uint8, the bytes of a PNG file, or None
    """

    job: str
    colors: np.ndarray
    seen: np.ndarray
    texture: np.ndarray | None = None


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
    """The job failed: a sentence for the artist, what to do, and the traceback for the log.

    status : the command's exit status: 1 the work failed, 2 the request was wrong
    """

    job: str
    message: str
    hint: str = ""
    detail: str = ""
    status: int = 1


@dataclass(frozen=True)
class MethodInfo:
    """What the panel needs to know of a method; see `reconstructors.base.MethodSpec`.

    options : those of its own that can be given by name; `options.PIPELINE` come beside them
    level_unit : "distance" or "probability", see `levels.LEVEL_UNITS`
    improves : its result gets better while it is shown; see `FinishEarly`, `Remesh.improve`
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
    options: tuple[Option, ...] = ()
    level_unit: str = "distance"
    improves: bool = False


@dataclass(frozen=True)
class Methods:
    """The methods that the worker can run.

    problems : a sentence about each of the user's own that could not be loaded
    """

    methods: tuple[MethodInfo, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pong:
    """The answer to `Ping`, with its number."""

    number: int


@dataclass(frozen=True)
class Status:
    """What the worker holds: resident memory in bytes, names of kept fields, loaded methods.

    kept_bytes : what the kept fields hold together
    """

    memory: int
    kept: tuple[str, ...]
    loaded: tuple[str, ...]
    kept_bytes: int = 0


# ---------------------------------------------------------------- the channel

_REQUESTS = (
    Reconstruct,
    Remesh,
    Paint,
    EstimateVolume,
    CheckViews,
    Evaluate,
    Cancel,
    FinishEarly,
    Forget,
    KeepAtMost,
    Unload,
    Ping,
    Share,
    ListMethods,
    Shutdown,
)
_EVENTS = (
    Ready,
    Progress,
    MeshUpdate,
    VolumeEstimate,
    Placed,
    ViewsChecked,
    Evaluation,
    Painted,
    Finished,
    Cancelled,
    Failed,
    Methods,
    Pong,
    Status,
)
REQUESTS = {kind.__name__: kind for kind in _REQUESTS}
EVENTS = {kind.__name__: kind for kind in _EVENTS}


def open_channel(connection: Connection, *, receives: Registry) -> Channel:
    """Return a channel over an authenticated connection, which it then owns.

    `receives` is `EVENTS` in Blender and `REQUESTS` in the worker: nothing else is accepted.
    """
    return Channel(connection, receives, version=PROTOCOL_VERSION)
