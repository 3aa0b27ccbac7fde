"""Facts about views before any reconstruction: volume, agreement, masks."""

from collections.abc import Iterator
from dataclasses import replace

from ..contract import protocol
from ..contract.image_files import LONGEST
from ..images import Notes
from ..placing.place import place
from ..silhouettes import Review, apply_cures
from ..ticket import Ticket
from .networks import Networks
from .reading import OUTLINE_SIDE, detected_masks, read_views, view_masks
from .stages import PREPARE


def volume_event(
    networks: Networks, request: protocol.EstimateVolume, ticket: Ticket
) -> protocol.VolumeEstimate:
    """Return the object's place, by all posed views, and its front."""
    ticket.plan({PREPARE: 1.0})
    with ticket.stage(PREPARE):
        views = apply_cures(read_views(request, ticket), request.cures).kept
        network = networks.camera_finder("auto") if request.front is None else None
        placement = place(views, network=network, front=request.front, ticket=ticket)
    return protocol.VolumeEstimate(request.job, placement)


def checked_events(
    request: protocol.CheckViews, ticket: Ticket
) -> Iterator[protocol.ViewMasks | protocol.ViewsChecked]:
    """Yield the detected masks, then whether the views agree, with cures."""
    ticket.plan({PREPARE: 1.0})
    with ticket.stage(PREPARE):
        notes = Notes()
        alone = len(request.views) == 1  # its mask is corrected by hand
        read = read_views(request, ticket, notes, longest=LONGEST if alone else OUTLINE_SIDE)
        yield from detected_masks(request.job, read, notes)
        event = Review(apply_cures(read, request.cures)).event(request.job)
    yield replace(event, notes=notes.remarks())


def masks_event(request: protocol.FindMasks, ticket: Ticket) -> protocol.ViewMasks:
    """Return the masks that a reconstruction of these views would use."""
    ticket.plan({PREPARE: 1.0})
    with ticket.stage(PREPARE):
        notes = Notes()
        views = read_views(request, ticket, notes)
    return protocol.ViewMasks(request.job, view_masks(views, notes), notes.remarks())
