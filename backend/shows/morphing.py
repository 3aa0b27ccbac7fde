"""A morph between two objects: a mesh for each factor, with one topology if that is accurate.

Codes are blended (Deep Meta figures 4 and 5, TDGN figure 4, DISN figure 10), and each blend is a
field. Where vertices of the first mesh can follow the surface, all steps share its faces, so that
Blender can use shape keys; where they can't, each step has a mesh of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError, WorkError
from ..contract.options import show as words
from ..contract.shows import Exhibit
from ..extraction import extract
from ..fields import Field
from ..geometry.meshes import Mesh
from ..reconstructors import Code, Reconstructor
from ..reconstructors.finishing import finished
from ..ticket import Ticket
from .subject import mesh_exhibit

Way = Literal["auto", "vertices", "meshes"]
WAYS = ("auto", "vertices", "meshes")
FACTORS = (-0.2, 1.2)  # outside it, a network's output has little to do with either object
NEWTON_STEPS = 6
LONGEST_STEP = 0.04  # of a vertex, volume units
DIFFERENCE = 2e-3  # of the numerical gradient, volume units
BETWEEN = 0.05  # greatest change of the factor between two steps of the tracking
OFF, FLIPPED = 0.01, 0.05  # limits of an accurate morph: volume units, fraction of the faces


@dataclass(frozen=True)
class MorphSteps:
    """The steps of a morph.

    Attributes
    ----------
    exhibits : one for each factor, with steps 0, 1, ...
    one_topology : all have the same faces
    off : greatest distance of a vertex from its surface, over 99 % of them; volume units
    flipped : greatest fraction of faces that face inwards
    """

    exhibits: tuple[Exhibit, ...]
    one_topology: bool
    off: float = 0.0
    flipped: float = 0.0


@dataclass(frozen=True)
class Between:
    """The fields between two objects.

    Attributes
    ----------
    model : of both codes
    first, second : codes
    threshold : the user's level; None: the method's own
    """

    model: Reconstructor
    first: Code
    second: Code
    threshold: float | None = None

    def field(self, factor: float) -> tuple[Field, float]:
        """Return the field at a factor, and the level of its surface."""
        code = self.model.blend((self.first, self.second), (1.0 - factor, factor))
        field = finished(self.model, self.model.decode(code), (), None)
        return field, field.level(self.threshold)


def check_factors(factors: Sequence[float]) -> list[float]:
    """Return the factors; refuse an empty list, and factors far beyond both objects.

    Raises
    ------
    RequestError
        If there is none, or one is out of range.
    """
    if not factors:
        raise RequestError("No factor is given.", "Give some, such as 0 0.25 0.5 0.75 1.")
    low, high = FACTORS
    for factor in factors:
        if not low <= factor <= high:
            raise RequestError(
                f"The factor {words(factor)} is outside {low:g} to {high:g}.",
                "0 is the first object, 1 the second.",
            )
    return [float(factor) for factor in factors]


def morphed(
    between: Between,
    factors: Sequence[float],
    *,
    resolution: int = 128,
    way: Way = "auto",
    ticket: Ticket | None = None,
) -> MorphSteps:
    """Return a mesh for each factor.

    Parameters
    ----------
    factors
        From -0.2 to 1.2.
    way
        "vertices": one topology, even if inaccurate; "meshes": one mesh each; "auto": one
        topology if at most 5 % of the faces flip and the vertices stay on the surface.

    Raises
    ------
    RequestError
        If the codes can't be blended, or a factor is out of range.
    WorkError
        If a step has no surface.
    """
    factors, ticket = check_factors(factors), ticket or Ticket()
    if way != "meshes":
        tracked = _tracked(between, factors, resolution, ticket)
        if way == "vertices" or (tracked.off <= OFF and tracked.flipped <= FLIPPED):
            return tracked
    exhibits = []
    for step, factor in enumerate(factors):
        ticket.advance(step / len(factors))
        mesh = _mesh_at(between, factor, resolution, ticket)
        exhibits.append(_exhibit(mesh, factor, step))
    return MorphSteps(tuple(exhibits), one_topology=False)


def _exhibit(mesh: Mesh, factor: float, step: int) -> Exhibit:
    name = f"factor {words(round(factor, 4))}"
    return mesh_exhibit(name, mesh.vertices, mesh.faces, step=step)


def _mesh_at(between: Between, factor: float, resolution: int, ticket: Ticket) -> Mesh:
    field, level = between.field(factor)
    try:
        mesh = extract(field, resolution, level=level, color=False, ticket=ticket)
    except RequestError:
        mesh = Mesh.empty()
    if not len(mesh.faces):
        raise WorkError(
            f"At the factor {words(factor)} there is no surface.",
            "Choose factors nearer to 0 or 1, or another level.",
        )
    return mesh


def _tracked(
    between: Between, factors: Sequence[float], resolution: int, ticket: Ticket
) -> MorphSteps:
    """Return the steps on the topology of the middle factor, which is near both ends."""
    order = np.argsort(factors)
    middle = int(order[len(order) // 2])
    mesh = _mesh_at(between, factors[middle], resolution, ticket)
    start = torch.from_numpy(mesh.vertices)
    places: dict[int, Tensor] = {middle: start}
    off = flipped = 0.0
    position = int(np.flatnonzero(order == middle)[0])
    for side in (order[position + 1 :], order[:position][::-1]):
        at, vertices = factors[middle], start
        for count, index in enumerate(side):
            ticket.advance(count / max(len(factors), 1))
            vertices = _follow(between, vertices, at, factors[index])
            at = factors[index]
            places[int(index)] = vertices
            own_off, own_flipped = _honesty(between, at, vertices, mesh.faces)
            off, flipped = max(off, own_off), max(flipped, own_flipped)
    exhibits = tuple(
        _exhibit(Mesh(places[step].numpy(), mesh.faces), factor, step)
        for step, factor in enumerate(factors)
    )
    return MorphSteps(exhibits, True, off, flipped)


def _follow(between: Between, vertices: Tensor, start: float, end: float) -> Tensor:
    """Return vertices, (V, 3), moved with the surface from one factor to another."""
    count = max(1, round(abs(end - start) / BETWEEN))
    for factor in np.linspace(start, end, count + 1)[1:]:
        field, level = between.field(float(factor))
        vertices = project(field, vertices, level)
    return vertices


@torch.no_grad()
def project(evaluate: Callable[[Tensor], Tensor], points: Tensor, level: float) -> Tensor:
    """Return points, (N, 3), moved along the gradient to a level of the field."""
    for _ in range(NEWTON_STEPS):
        values, gradient = _with_gradient(evaluate, points)
        square = gradient.square().sum(1, keepdim=True).clamp_min(1e-12)
        step = -(values - level)[:, None] * gradient / square
        length = step.norm(dim=1, keepdim=True).clamp_min(1e-12)
        points = points + step * (LONGEST_STEP / length).clamp(max=1.0)
    return points


def _with_gradient(evaluate: Callable[[Tensor], Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    """Return values, (N,), and gradients by central differences, (N, 3)."""
    steps = DIFFERENCE * torch.eye(3)
    rises = [evaluate(points + step) - evaluate(points - step) for step in steps.to(points)]
    return evaluate(points), torch.stack(rises, 1) / (2 * DIFFERENCE)


def _honesty(
    between: Between, factor: float, vertices: Tensor, faces: np.ndarray
) -> tuple[float, float]:
    """Return the vertices' distance from the surface, and the fraction of faces facing inwards."""
    field, level = between.field(factor)
    values, gradient = _with_gradient(field, vertices)
    distance = (values - level).abs() / gradient.norm(dim=1).clamp_min(1e-6)
    corners = vertices[torch.from_numpy(faces).long()]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = gradient[torch.from_numpy(faces).long()].sum(1)  # fields rise outwards
    return float(distance.quantile(0.99)), float(((normals * outward).sum(1) < 0).float().mean())
