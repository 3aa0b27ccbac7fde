"""Messages about kept results and codes: blends, morphs, exhibits, files."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Blend:
    """Mesh a blend of results; answered like `Remesh`.

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
    """Show the inside of a kept result; answered by `Exhibit`s, then `Finished`.

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
    `shows.morphing.MorphSteps`.

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
