"""Mesh a field coarse to fine, during a method's work and at its end."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..appearance.painter import NO_PHOTO
from ..contract import protocol
from ..contract.errors import WorkError
from ..contract.options import PIPELINE, default_of
from ..extraction import Cleanup, ExtractedMesh, stream
from ..fields import Field
from ..fields.hull import HullField
from ..geometry.views import View
from ..geometry.volume import Volume
from ..reconstructors import Code, Reconstructor
from ..silhouettes import Cured, Review
from ..ticket import Ticket
from .kept import Kept
from .stages import COLOR

DRAWN_FACES = 400_000  # maximum of the mesh drawn into the views
PREVIEW = 64  # maximum resolution of intermediate meshes


def mesh_kept(
    request: protocol.Reconstruct | protocol.Remesh, kept: Kept, ticket: Ticket, started: float
) -> Iterator[protocol.MeshUpdate | protocol.Finished]:
    """Mesh a field coarse to fine; yield its cost last."""
    options = request.options
    clean, mesh = (_of_stage(stage, options) for stage in ("clean", "mesh"))
    updates = stream(
        kept.field,
        request.resolution,
        **mesh,
        level=kept.field.level(request.level),
        box=kept.volume.box,
        ticket=ticket,
        color=False,
        cleanup=Cleanup(**clean),
        samples=kept.samples,
    )
    last = None
    for last in updates:
        if last.final and not len(last.mesh.faces):
            break
        plain = to_event(request.job, last, kept.volume, final=last.final and not request.color)
        yield plain  # at once: its colours take longer than the mesh
        if request.color and last.final:
            with ticket.stage(COLOR):
                last = _painted(last, kept, request.options, ticket)
            yield to_event(request.job, last, kept.volume)
    if last is None or not len(last.mesh.faces):
        raise WorkError(
            "The mesh has no faces: the volume contains no part of the object.",
            "Check the volume, the level, and the size of the smallest part.",
        )
    yield protocol.Finished(request.job, _stats(last, kept, started))


def shown_on_the_way(
    codes: Generator[Code, None, Code],
    model: Reconstructor,
    to_decode: Mapping[str, Any],
    request: protocol.Reconstruct | protocol.Remesh,
    volume: Volume,
    ticket: Ticket,
) -> Generator[protocol.MeshUpdate, None, Code]:
    """Return the last of a method's codes; yield the meshes of the earlier ones."""
    while True:
        try:
            newer = next(codes)
        except StopIteration as end:
            return end.value
        yield from _preview(request, model.decode(newer, **to_decode), volume, ticket)


def _preview(
    request: protocol.Reconstruct | protocol.Remesh, field: Field, volume: Volume, ticket: Ticket
) -> Iterator[protocol.MeshUpdate]:
    """Yield the mesh of an intermediate field, if it has one."""
    coarse = min(PREVIEW, request.resolution)
    updates = stream(
        field,
        coarse,
        first=coarse,
        level=field.level(request.level),
        box=volume.box,
        ticket=Ticket(cancelled=ticket.cancelled),
        color=request.color,
    )
    *_, last = updates
    if len(last.mesh.faces):
        yield to_event(request.job, last, volume, final=False)


def _painted(
    update: ExtractedMesh, kept: Kept, options: Mapping[str, Any], ticket: Ticket
) -> ExtractedMesh:
    """Colour the final mesh; add a remark if no colours are known."""
    mesh = kept.painter.paint(
        update.mesh,
        kept.field,
        ticket=ticket,
        **_of_stage("color", options),
    )
    stats = update.stats
    if mesh.colors is None:
        stats = replace(stats, remarks=(*stats.remarks, " ".join(NO_PHOTO)))
    return replace(update, mesh=mesh, stats=stats)


def _of_stage(stage: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pipeline's options of a stage, with defaults filled in."""
    names = [option.name for option in PIPELINE if option.stage == stage]
    return {name: options.get(name, default_of(name)) for name in names}


def to_draw(before: protocol.MeshUpdate | None, update: protocol.MeshUpdate) -> protocol.MeshUpdate:
    """Return the finer of two meshes, unless it takes too long to draw into every view."""
    return update if before is None or len(update.faces) <= DRAWN_FACES else before


def numbered(stats: Mapping[str, Any], cured: Cured) -> dict[str, Any]:
    """Return the estimated cameras with their views' numbers in the request."""
    if "cameras" not in stats:
        return {}
    return {"cameras": [{**c, "view": cured.numbers[c["view"]]} for c in stats["cameras"]]}


def fit_to_views(
    review: Review,
    views: Sequence[View],
    mesh: protocol.MeshUpdate,
    kept: Kept,
    placement: protocol.Placement,
    ticket: Ticket,
) -> dict[str, Any]:
    """Return the `--json` facts about how a result fits its views."""
    return review.stats(
        views,
        mesh.vertices,
        mesh.faces,
        box=kept.volume.box,
        volume_from=placement.volume_from,
        hull=isinstance(kept.field, HullField),
        ticket=ticket,
    )


def to_event(
    job: str, update: ExtractedMesh, volume: Volume, *, final: bool | None = None
) -> protocol.MeshUpdate:
    """Return the event of an update; `final` instead of the update's own."""
    mesh = update.mesh
    return protocol.MeshUpdate(
        job,
        mesh.vertices,
        mesh.faces,
        mesh.normals,
        mesh.colors,
        volume.world_from_mesh,
        volume.scale,
        update.resolution,
        update.final if final is None else final,
        seen=mesh.seen,
    )


def _stats(last: ExtractedMesh, kept: Kept, started: float) -> dict[str, Any]:
    """Return the `--json` facts of a job."""
    stats = last.stats
    return {
        **kept.facts,
        "resolution": stats.resolution,
        "vertices": len(last.mesh.vertices),
        "faces": len(last.mesh.faces),
        "evaluations": stats.evaluations,
        "seconds": round(time.perf_counter() - started, 3),
        "watertight": stats.watertight,
        "level": round(kept.field.threshold_of(stats.level), 6),
        "search_complete": stats.search_complete,
        "rule": stats.rule,
        "remarks": [*kept.remarks, *stats.remarks],
    }
