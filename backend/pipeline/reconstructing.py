"""The job itself: from views to meshes, coarse to fine; and meshing a kept result again."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..contract import protocol
from ..contract.default_method import method_for, reason
from ..contract.options import PIPELINE, read_options
from ..contract.settings import Settings, check_resolution
from ..geometry.views import View
from ..geometry.volume import Volume
from ..images import Notes
from ..placing.place import place
from ..reconstructors import find_method, methods
from ..reconstructors.corrections import corrected_views
from ..silhouettes import Review, apply_cures
from ..ticket import Ticket
from .choosing import Choice, choose, chooses, first_meshes
from .drafting import first_look
from .kept import KeptResults
from .making import improved, make
from .meshing import fit_to_views, mesh_kept, numbered, to_draw
from .mixed import without_unposed
from .networks import Networks, methods_here
from .reading import check_one_object, detected_masks, in_volume, read_views, with_source
from .refining import refined
from .stages import CHECK, COMPARE, MAKE, MESH, PREPARE, REFINE, stages_again, stages_of

FRONT_UNUSED = (
    "The front was given beside a volume, so it was not used: the object faces the volume's -Y."
)

Event = (
    protocol.ViewMasks
    | protocol.ViewsChecked
    | protocol.Placed
    | protocol.MeshUpdate
    | protocol.Finished
)


def reconstruct_job(
    networks: Networks, results: KeptResults, request: protocol.Reconstruct, ticket: Ticket
) -> Iterator[Event]:
    """Reconstruct a field from the views and mesh it; see `Session.reconstruct`."""
    started = time.perf_counter()
    why, choosing = reason(request.method, request.views), chooses(request)
    request = checked(request)
    ticket.plan(stages_of(request, choosing=choosing))
    check_one_object(request)
    notes, refinement = Notes(), dict[str, Any]()
    with ticket.stage(PREPARE):
        read = read_views(request, ticket, notes)
        yield from detected_masks(request.job, read, notes)
        cured = apply_cures(read, request.cures)
        cured, unused = without_unposed(cured, request.method, chosen=bool(why))
        why += unused
    if request.options.get("refine"):
        with ticket.stage(REFINE):
            cured, refinement["refined"] = refined(cured, ticket)
    review = Review(cured)
    yield review.event(request.job)
    yield from first_look(request, cured.kept, networks, ticket)
    choice: Choice | None = None
    if choosing:
        with ticket.stage(COMPARE):
            tried = choose(cured.kept[0], networks, request.device, ticket)
            choice = yield from first_meshes(request.job, tried)
        if choice is not None:
            request, why = replace(request, method=choice.name), (choice.why,)
    with review.explaining():
        placement = _placement(request, cured.kept, networks, ticket)
        volume = Volume.from_matrix(placement.world_from_volume)
        views = in_volume(cured.kept, volume)
    yield protocol.Placed(request.job, placement)
    with ticket.stage(MAKE):
        kept = yield from make(request, views, volume, networks, ticket, choice)
    with ticket.stage(MESH):
        shown: protocol.MeshUpdate | None = None
        for event in mesh_kept(request, kept, ticket, started):
            if isinstance(event, protocol.MeshUpdate):
                shown = to_draw(shown, event)
            else:
                assert shown is not None  # `mesh_kept` ends with a mesh or an error
                seen = corrected_views(views, kept.improvable and kept.improvable.code)
                with ticket.stage(CHECK):
                    fits = fit_to_views(review, seen, shown, kept, placement, ticket)
                stats = {**event.stats, **fits, "cured": [*request.cures], **refinement}
                stats["remarks"] = [*why, *fits["remarks"], *event.stats["remarks"]]
                stats = with_source(stats, request, placement, notes)
                stats.update(numbered(stats, cured))
                event = replace(event, stats=stats)
                if request.keep:  # only now: a failed job leaves an older result in place
                    results.keep(request.keep, kept)
            yield event


def remesh_job(
    networks: Networks, results: KeptResults, request: protocol.Remesh, ticket: Ticket
) -> Iterator[protocol.MeshUpdate | protocol.Finished]:
    """Mesh a kept field again; see `Session.remesh`."""
    started = time.perf_counter()
    kept = results[request.keep]
    spec = methods()[kept.facts["method"]].spec
    options = read_options(request.options, (*spec.options, *PIPELINE), owner=spec.title)
    request = replace(request, options=options, resolution=check_resolution(request.resolution))
    results.keep(request.keep, kept)  # most recently used, so dropped last
    ticket.plan(stages_again(request))
    if request.improve:
        with ticket.stage(MAKE):
            kept = yield from improved(request, kept, networks, ticket)
        results.keep(request.keep, kept)
    with ticket.stage(MESH):
        yield from mesh_kept(request, kept, ticket, started)


def checked(request: protocol.Reconstruct) -> protocol.Reconstruct:
    """Return the request with its method chosen and its options read, before any work."""
    chosen = Settings(
        method=method_for(request.method, request.views),
        weights=request.weights,
        resolution=request.resolution,
        level=request.level,
        background=request.background,
        color=request.color,
        seed=request.seed,
        options=request.options,
    ).check(methods_here().methods)
    return replace(
        request,
        method=chosen.method,
        resolution=chosen.resolution,
        level=chosen.level,
        color=chosen.color,
        seed=chosen.seed,
        options=dict(chosen.options),
    )


def _placement(
    request: protocol.Reconstruct, views: Sequence[View], networks: Networks, ticket: Ticket
) -> protocol.Placement:
    """Return the placement of a job: the given one, else an estimate from the views."""
    has_front = find_method(
        request.method
    ).spec.learned  # networks have learned objects that face -Y
    if request.world_from_volume is not None:
        source = request.volume_from
        return protocol.Placement(
            request.world_from_volume,
            source,
            front_from=source if has_front else "",
            front_certainty=float(has_front),
            remarks=() if request.front is None else (FRONT_UNUSED,),
        )
    if all(view.camera is None for view in views):
        return protocol.Placement(np.eye(4), "unit")
    network = networks.camera_finder(request.device) if has_front else None
    return place(views, network=network, front=request.front, ticket=ticket, say_cropped=False)
