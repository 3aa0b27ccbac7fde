"""The contract between Blender and the worker: requests, events, version.

Both sides share this package, so it imports numpy and the standard library alone. A message is one
of the frozen dataclasses of its modules, one module a subject, each request beside its answer;
`wire` turns a message into a frame according to its fields, and `channel` carries frames.
"""

from ..cameras import CameraData as CameraData
from ..channel import Channel
from ..channel import ChannelClosedError as ChannelClosedError
from ..channel import Connection as Connection
from ..channel import Garbled as Garbled
from ..options import Option as Option
from ..shows import Exhibit as Exhibit
from ..shows import ShowSpec as ShowSpec
from ..wire import ProtocolError as ProtocolError
from ..wire import Registry
from .camera_estimates import (
    CameraEstimates,
    FindCameras,
    PlaceDrawings,
    PlacePhotographs,
    RefineCameras,
)
from .codes import Blend, Morph, SaveCode, Show
from .jobs import Cancel, Cancelled, Failed, FinishEarly, Finished, Progress
from .parts import Background as Background
from .parts import ImageFile as ImageFile
from .parts import MeshData as MeshData
from .parts import ViewData as ViewData
from .process import (
    Forget,
    KeepAtMost,
    ListMethods,
    Methods,
    Ping,
    Pong,
    Ready,
    Share,
    Shutdown,
    Status,
    Unload,
)
from .process import MethodInfo as MethodInfo
from .reconstruction import (
    EstimateVolume,
    Evaluate,
    Evaluation,
    MeshUpdate,
    Paint,
    Painted,
    Placed,
    Reconstruct,
    Remesh,
    VolumeEstimate,
)
from .reconstruction import Placement as Placement
from .views import CheckViews, FindMasks, ViewMasks, ViewsChecked
from .views import Cure as Cure
from .views import ViewCheck as ViewCheck
from .views import ViewMask as ViewMask

PROTOCOL_VERSION = 5
CODE_FILE = ".safetensors"  # suffix of a code's file

# What Blender may send, and what the worker may.
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
    CameraEstimates,
    ViewMasks,
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
