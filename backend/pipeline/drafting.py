"""A first look at a job's object, before its volume is measured: a coarse mesh, roughly in place.

Of several posed views it is the hull of their small silhouettes; of one, what a quick network makes
of the image.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..contract import protocol
from ..contract.errors import RequestError
from ..extraction import stream
from ..fields import Field
from ..geometry.images import shrink
from ..geometry.views import View
from ..geometry.volume import Volume
from ..placing.box import rough_box
from ..placing.place import rough_place
from ..reconstructors import find_method
from ..reconstructors.finishing import finished, several_posed
from ..ticket import Ticket
from .meshing import to_event
from .networks import Networks
from .reading import in_volume, method_options

RESOLUTION = 32  # cells along the longest side
SIDE = 128  # pixels along the longer side of the silhouettes
MARGIN = 1.05  # size of the volume, in rough boxes
BOUNDING = 3  # views whose hull is like the object: that of two is far deeper
SMALL = 4_000_000  # parameters of a network that may see the image twice

log = logging.getLogger(__name__)


def first_look(
    request: protocol.Reconstruct, views: Sequence[View], networks: Networks, ticket: Ticket
) -> Iterator[protocol.MeshUpdate]:
    """Yield a coarse mesh, unless a volume is given, in which the job's own first mesh is early.

    Parameters
    ----------
    views : posed in the world
    """
    if request.world_from_volume is not None or request.options.get("camera") == "estimated":
        return
    spec = find_method(request.method).spec
    mesh = None
    if several_posed(views) and (not spec.needs_weights or len(views) >= BOUNDING):
        mesh = draft(request.job, views, lambda posed: networks.hull(posed, request.device), ticket)
    elif spec.quick and len(views) == 1 and views[0].camera is not None:
        mesh = _network_draft(request, views, networks, ticket)
    if mesh is not None:
        yield mesh


def draft(
    job: str, views: Sequence[View], hull: Callable[[Sequence[View]], Field], ticket: Ticket
) -> protocol.MeshUpdate | None:
    """Return a coarse mesh of the hull of posed views; None if they do not bound it.

    Parameters
    ----------
    views : posed in the world
    hull : returns the hull of views posed in a volume
    """
    views = [shrink(view, SIDE) for view in views]
    box = rough_box(views)
    if box is None:
        return None
    matrix = np.diag([*[MARGIN * float((box[1] - box[0]).max()) / 2] * 3, 1.0])
    matrix[:3, 3] = box.mean(0)
    volume = Volume.from_matrix(matrix)
    return _coarse(job, volume, lambda: hull(in_volume(views, volume)), ticket)


def _network_draft(
    request: protocol.Reconstruct, views: Sequence[View], networks: Networks, ticket: Ticket
) -> protocol.MeshUpdate | None:
    """Return a coarse mesh of what a small network makes of one posed view in a rough volume."""
    model = networks.load(request.method, request.weights, request.device)
    if sum(each.numel() for each in model.parameters()) > SMALL:
        return None
    matrix = None
    try:
        matrix = rough_place(views, networks.camera_finder(request.device))
    except RequestError as error:
        log.info("no first look: %s", error.message)
    if matrix is None:
        return None
    volume = Volume.from_matrix(matrix)

    def field() -> Field:
        posed = in_volume(views, volume)
        to_encode, to_decode = method_options(model, request, ticket)
        made = model.decode(model.encode(posed, **to_encode), **to_decode)
        return finished(model, made, posed, None)

    return _coarse(request.job, volume, field, ticket)


def _coarse(
    job: str, volume: Volume, make: Callable[[], Field], ticket: Ticket
) -> protocol.MeshUpdate | None:
    """Return the coarse mesh of a field in a volume; None if there is none."""
    quiet = Ticket(cancelled=ticket.cancelled)
    try:
        field = make()
        *_, mesh = stream(field, RESOLUTION, first=RESOLUTION, ticket=quiet, color=False)
    except RequestError as error:  # the job itself says so, if it matters
        log.info("no first look: %s", error.message)
        return None
    if not len(mesh.mesh.faces):
        return None
    return to_event(job, mesh, volume, final=False)
