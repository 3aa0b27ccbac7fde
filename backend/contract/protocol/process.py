"""Messages about the worker itself: its start, memory, threads, methods, and end."""

from dataclasses import dataclass

from ..options import Option
from ..shows import ShowSpec


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
class MethodInfo:
    """The description of a method for the panel; see `reconstructors.base.MethodSpec`.

    options : its own named options; `options.PIPELINE` come in addition
    level_unit : "distance" or "probability", see `levels.LEVEL_UNITS`
    improves : its result improves while shown; see `FinishEarly`, `Remesh.improve`
    shows : its exhibits beside its mesh, see `Show`
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
