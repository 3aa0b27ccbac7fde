"""The contract between Blender and the worker: requests, events, framing, version.

Blender's side and the worker's share this file, so it imports numpy and the standard library alone.
A message is one of the frozen dataclasses below; `wire` turns it into a frame according to its
fields, and `channel` carries frames.
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
from .shows import Exhibit as Exhibit
from .shows import ShowSpec as ShowSpec
from .wire import ProtocolError as ProtocolError
from .wire import Registry

PROTOCOL_VERSION = 4
CODE_FILE = ".safetensors"  # suffix of a code's file


# ---------------------------------------------------------------- parts


@dataclass(frozen=True)
class ImageFile:
    """An image file that the worker reads, so that all callers get equal pixels.

    path : absolute; only a name if `encoded` holds the bytes
    encoded : (N,) uint8, the bytes of an image file packed in a .blend; None: read `path`
    mask : path of a mask image, used instead of the alpha; empty: none
    """

    path: str
    encoded: np.ndarray | None = None
    mask: str = ""


@dataclass(frozen=True)
class ViewData:
    """An image and its camera.

    image : (H, W, 4) uint8 or float32, sRGB, straight alpha, row 0 at the top; None: `file`
    camera : posed in the world; None when unknown
    name : the view's name in messages (the camera's name in Blender)
    file : the image's file, instead of `image`
    mirrored : flip the image left-right, top-bottom before applying the camera
    mask : (H, W) uint8 of the image's proportions, used instead of the alpha; None: no such mask
    depth : absolute path of a depth map of the whole image, along the camera's axis; empty: none
    depth_scale : world units of a depth of 1 in a file of whole numbers
    """

    image: np.ndarray | None
    camera: CameraData | None
    name: str
    file: ImageFile | None = None
    mirrored: tuple[bool, bool] = (False, False)
    mask: np.ndarray | None = None
    depth: str = ""
    depth_scale: float = 1.0


@dataclass(frozen=True)
class Background:
    """How to find the background of an opaque image, and what to correct in the mask.

    mode : "alpha" (keep the image's alpha), "auto" (from the image's border; by a network, where
        that is not plain), "object" (by the network in any case), "corner" (the colour of its
        corners) or "color"
    color : sRGB of the background, for "color"
    tolerance : distance in sRGB below which a pixel is background
    largest : keep only the largest piece of the mask, whatever it comes from
    fill_holes : fill its holes
    """

    mode: str = "alpha"
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    tolerance: float = 0.1
    largest: bool = False
    fill_holes: bool = False


@dataclass(frozen=True)
class MeshData:
    """A mesh from Blender: `vertices`, (V, 3) float32, and `faces`, (F, 3) int32,
    counter-clockwise seen from outside."""

    vertices: np.ndarray
    faces: np.ndarray


# ---------------------------------------------------------------- requests, Blender to worker


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
class Blend:
    """Mesh what lies between results; answered as `Remesh` is.

    sources : names of kept results; or paths of codes, which end with `CODE_FILE`
    weights : of each source; their sum is 1, and below 0 and above 1 they extrapolate
    options : of the method's decoding, such as the `time` of a moving shape
    keep : name under which the worker keeps the new result; empty: not kept
    weights_file : of the network of codes in files, as `Reconstruct.weights`
    """

    job: str
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    resolution: int = 128
    level: float | None = None
    color: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    keep: str = ""
    weights_file: str | None = None


@dataclass(frozen=True)
class Show:
    """Show what is inside a kept result; answered by `Exhibit`s, then `Finished`.

    what : name of a `ShowSpec` of its method; `options` are its
    level : of the surface, as in `Remesh`
    """

    job: str
    keep: str
    what: str
    options: dict[str, Any] = field(default_factory=dict)
    resolution: int = 128
    level: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Morph:
    """Mesh the steps between two results; answered by an `Exhibit` each, then `Finished`.

    The stats of `Finished` say "one_topology", and for it "off" and "flipped"; see
    `shows.morphing.Morph`.

    sources : two, as in `Blend`
    factors : 0 is the first object, 1 the second
    way : "auto", "vertices" (one topology) or "meshes"
    """

    job: str
    sources: tuple[str, ...]
    factors: tuple[float, ...]
    resolution: int = 128
    level: float | None = None
    way: str = "auto"
    weights_file: str | None = None


@dataclass(frozen=True)
class SaveCode:
    """Write the code of a kept result to a file; answered by `Finished`."""

    job: str
    keep: str
    path: str


@dataclass(frozen=True)
class EstimateVolume:
    """Ask for the object's place and front; answered by `VolumeEstimate`.

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
class RefineCameras:
    """Ask for cameras near the views' whose silhouettes agree better; answered by `CamerasFound`.

    focal : whether a factor of all focal lengths is found too
    """

    job: str
    views: tuple[ViewData, ...]
    background: Background = Background()
    cures: tuple[str, ...] = ()
    focal: bool = True


@dataclass(frozen=True)
class FindCameras:
    """Ask for the cameras of images, which have none; answered by `CamerasFound`.

    way : how the images were taken, one of `camera_estimates.WAYS`
    views : in the order in which they were taken
    step : degrees between two images of a turntable; None: they go once around
    focal : focal length in widths of the image; None: from the file, else it is found too
    side : the object's longest side in the world that the cameras are posed in
    center : of the object there; None: above the origin, on the ground
    """

    job: str
    way: str
    views: tuple[ViewData, ...]
    background: Background = Background()
    step: float | None = None
    focal: float | None = None
    side: float = 2.0
    center: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class FindMasks:
    """Ask for the views' masks, before any reconstruction; answered by `MasksFound`."""

    job: str
    views: tuple[ViewData, ...]
    background: Background = Background()


@dataclass(frozen=True)
class PlaceDrawings:
    """Ask for a camera file of drawings; answered by `Finished`, whose stats have its path `out`.

    paths : one sheet, or an image for each side
    out : the file of cameras to write; the drawings go into a folder beside it
    names : sides, see `drawings.SIDES`; empty: by position, or by the files' names
    side : the object's longest side
    """

    job: str
    paths: tuple[str, ...]
    out: str
    names: tuple[str, ...] = ()
    side: float = 1.8
    background: Background = Background("auto")


@dataclass(frozen=True)
class PlacePhotographs:
    """Ask for a camera file of photographs; answered as `PlaceDrawings`.

    paths : a folder, a video, or images
    out : the file of cameras to write
    frames_folder : where frames of a video go; empty: beside `out`
    masks : "auto", "use" or "ignore", see `photographs.find_cameras`
    distortion : find the lens distortion too
    side : the object's longest side
    frames : number of frames taken from a video
    """

    job: str
    paths: tuple[str, ...]
    out: str
    frames_folder: str = ""
    masks: str = "auto"
    distortion: bool = True
    side: float = 1.8
    frames: int = 36
    seed: int = 0


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
class Cancel:
    """Stop a job, or take it out of the queue; answered by `Cancelled`."""

    job: str


@dataclass(frozen=True)
class FinishEarly:
    """Stop improving a job's result and keep it; answered by the job's own final event.

    Has no effect on a job whose method does not improve its result.
    """

    job: str


@dataclass(frozen=True)
class Forget:
    """Drop a kept field; answered by `Status`."""

    keep: str


@dataclass(frozen=True)
class KeepAtMost:
    """Set the memory limit of kept fields in bytes; answered by `Status`."""

    bytes: int


@dataclass(frozen=True)
class Unload:
    """Drop all fields, codes and networks and free their memory; answered by `Status`."""


@dataclass(frozen=True)
class Ping:
    """Ask for a sign of life; answered by `Pong` at once, even during a job."""

    number: int


@dataclass(frozen=True)
class Share:
    """Limit the number of threads while other work needs the processor; 0: all."""

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
    """The progress of a job; see `ticket.Step`."""

    job: str
    stage: str
    index: int
    count: int
    fraction: float
    overall: float


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
class ViewCheck:
    """Whether a view agrees with the others and with the result.

    name : the view's
    residual : pixels of 224 by which its outline misses the others' silhouettes; None: unknown
    covered : fraction of its silhouette that the result covers; None before there is a result
    iou : IoU of its silhouette and the result's; None before there is a result
    remark : a sentence about a disagreement; empty if it agrees
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
    sentence : description for a person
    residual : the largest residual of a view after it
    """

    name: str
    sentence: str
    residual: float


@dataclass(frozen=True)
class ViewsChecked:
    """A check of each view, in order, and changes that would make views agree, best first.

    Ends a `CheckViews`; in a `Reconstruct` job it comes before the meshes. `remark` says in one or
    two sentences what is wrong and what helps; empty if views agree. `notes` mention unexpected
    ways in which images were read.
    """

    job: str
    views: tuple[ViewCheck, ...]
    cures: tuple[Cure, ...] = ()
    remark: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CamerasFound:
    """The answer to `RefineCameras` and `FindCameras`.

    cameras : one for each view, posed in the world, of its image as stored; None: not found
    facts : the `--json` facts, see `camera_estimates`
    world_from_volume : (4, 4) float64 volume around the object; None: unknown
    """

    job: str
    cameras: tuple[CameraData | None, ...]
    facts: dict[str, Any]
    world_from_volume: np.ndarray | None = None


@dataclass(frozen=True)
class FoundMask:
    """The mask of one view.

    name : of the view
    mask : (H, W) uint8, row 0 at the top, at most 2048 pixels along the longer side
    shown : (h, w, 3) uint8, the image with the mask's outline, small, for a panel
    source : "file", "alpha", "background" or "network"
    doubt : a clause about why it may be wrong; empty: no doubt
    """

    name: str
    mask: np.ndarray
    shown: np.ndarray
    source: str
    doubt: str = ""


@dataclass(frozen=True)
class MasksFound:
    """The masks of a `FindMasks`, in order of its views; `notes` as in `ViewsChecked`."""

    job: str
    masks: tuple[FoundMask, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Each vertex's distance from the reference; the numbers are in `Finished`.

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
    """The job is done; `stats` are the `--json` facts (method, weights, views, faces, ...)."""

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
    """The description of a method for the panel; see `reconstructors.base.MethodSpec`.

    options : its own named options; `options.PIPELINE` come in addition
    level_unit : "distance" or "probability", see `levels.LEVEL_UNITS`
    improves : its result improves while shown; see `FinishEarly`, `Remesh.improve`
    shows : what it can show beside its mesh, see `Show`
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
    shows: tuple[ShowSpec, ...] = ()


@dataclass(frozen=True)
class Methods:
    """The methods that the worker can run.

    problems : a sentence about each of the user's own methods that failed to load
    """

    methods: tuple[MethodInfo, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pong:
    """The answer to `Ping`, with its number."""

    number: int


@dataclass(frozen=True)
class Status:
    """The worker's resident memory in bytes, names of kept fields, and loaded methods.

    kept_bytes : memory of the kept fields
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
    Blend,
    Show,
    Morph,
    SaveCode,
    EstimateVolume,
    CheckViews,
    RefineCameras,
    FindCameras,
    FindMasks,
    PlaceDrawings,
    PlacePhotographs,
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
    CamerasFound,
    MasksFound,
    Evaluation,
    Painted,
    Exhibit,
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
