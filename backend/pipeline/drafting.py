"""A first look at a job's object, before its volume is measured: a coarse hull."""

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..contract import protocol
from ..contract.errors import RequestError
from ..extraction import stream
from ..fields import Field
from ..geometry.views import View
from ..geometry.volume import Volume
from ..placing.box import rough_box
from ..reconstructors import find_method
from ..reconstructors.finishing import several_posed
from ..ticket import Ticket
from .meshing import to_event
from .networks import Networks
from .reading import in_volume

RESOLUTION = 32  # cells along the longest side
MARGIN = 1.05  # size of the volume, in rough boxes

log = logging.getLogger(__name__)


def first_look(
    request: protocol.Reconstruct, views: Sequence[View], networks: Networks, ticket: Ticket
) -> Iterator[protocol.MeshUpdate]:
    """Yield a coarse hull for a method that begins with one, unless a volume is given.

    Parameters
    ----------
    views : posed in the world
    """
    begins_with_hull = not find_method(request.method).spec.needs_weights
    if not begins_with_hull or request.world_from_volume is not None or not several_posed(views):
        return
    mesh = draft(request.job, views, lambda posed: networks.hull(posed, request.device), ticket)
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
    box = rough_box(views)
    if box is None:
        return None
    matrix = np.diag([*[MARGIN * float((box[1] - box[0]).max()) / 2] * 3, 1.0])
    matrix[:3, 3] = box.mean(0)
    volume = Volume.from_matrix(matrix)
    quiet = Ticket(cancelled=ticket.cancelled)
    try:
        field = hull(in_volume(views, volume))
        *_, mesh = stream(field, RESOLUTION, first=RESOLUTION, ticket=quiet, color=False)
    except RequestError as error:  # the job itself says so, if it matters
        log.info("no first look: %s", error.message)
        return None
    if not len(mesh.mesh.faces):
        return None
    return to_event(job, mesh, volume, final=False)
