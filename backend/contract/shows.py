"""What a method has to show beside its mesh: a list for menus, and what is sent.

A show is one figure of a paper: coloured patches, a training set, rendered images. `ShowSpec` says
what can be asked for, `Exhibit` is one thing of the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import RequestError
from .options import Option, read_options


@dataclass(frozen=True)
class ShowSpec:
    """Something that a method can show of a result.

    Attributes
    ----------
    name : as it is typed
    title : as a menu shows it
    help : one clause for the artist, with the paper's figure
    options : what may be given by name
    """

    name: str
    title: str
    help: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Exhibit:
    """One thing that is shown: a mesh, points, or an image.

    Attributes
    ----------
    job : the job that it belongs to; empty outside the worker
    name : its own, such as "Jacobian norm"
    vertices : (V, 3) float32, volume frame of the cube (see `scale`); None of an image
    faces : (F, 3) int32; None of points
    colors : (V, 4) float32, linear RGBA
    value_names : names of the columns of `values`
    values : (V, K) float32, numbers of each vertex
    image : (N,) uint8, the bytes of a PNG file
    place : how many object widths beside the object it stands
    step : its number in a sequence, of which one mesh is visible at a time; below 0: not in one
    world_from_mesh, scale : as in `MeshUpdate`
    """

    job: str
    name: str
    vertices: np.ndarray | None = None
    faces: np.ndarray | None = None
    colors: np.ndarray | None = None
    value_names: tuple[str, ...] = ()
    values: np.ndarray | None = None
    image: np.ndarray | None = None
    place: int = 0
    step: int = -1
    world_from_mesh: np.ndarray | None = None
    scale: float = 1.0


def find_show(specs: tuple[ShowSpec, ...], what: str, owner: str) -> ShowSpec:
    """Return a show by its name; `owner` is the method, for the sentence.

    Raises
    ------
    RequestError
        If the method does not have it.
    """
    for spec in specs:
        if spec.name == what:
            return spec
    raise RequestError(
        f"{owner} can't show {what!r}.",
        f"Choose one of {', '.join(spec.name for spec in specs)}.",
    )


def read_show_options(spec: ShowSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a show, those that are not given by their default.

    Raises
    ------
    RequestError
        If a name or a value is not allowed.
    """
    read = read_options(given, spec.options, owner=spec.title)
    return {option.name: read.get(option.name, option.default) for option in spec.options}
