"""A method's exhibits beside its mesh: a list for menus, and the messages.

A show is one figure of a paper: coloured patches, a training set, rendered images. `ShowSpec` says
what can be asked for, `Exhibit` is one thing of the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import RequestError
from .options import Option, read_options

POINT = 0.012  # radius of a drawn point, volume units; of many points smaller
FEW = 2000  # points drawn at that size
# An octahedron for each point.
CORNERS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
SIDES = np.array(
    [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
)


@dataclass(frozen=True)
class ShowSpec:
    """Something that a method can show of a result.

    Attributes
    ----------
    name : as it is typed
    title : as a menu shows it
    help : one clause for the artist, with the paper's figure
    options : its options by name
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
    step : its number in a sequence that shows one mesh at a time; below 0: not in one
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


def drawn_points(exhibit: Exhibit, radius: float = POINT) -> Exhibit:
    """Return points as an octahedron each, their colours and numbers repeated.

    `radius`, volume units, is that of few points; many are smaller.
    """
    assert exhibit.vertices is not None
    count = len(exhibit.vertices)
    radius = radius * min(1.0, (FEW / max(count, 1)) ** 0.5)
    vertices = (exhibit.vertices[:, None] + radius * CORNERS).reshape(-1, 3)
    faces = (6 * np.arange(count)[:, None, None] + SIDES).reshape(-1, 3)

    def repeated(table: np.ndarray | None) -> np.ndarray | None:
        return None if table is None else np.repeat(table, 6, axis=0)

    return replace(
        exhibit,
        vertices=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        colors=repeated(exhibit.colors),
        values=repeated(exhibit.values),
    )
