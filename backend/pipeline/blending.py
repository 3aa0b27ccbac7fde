"""Jobs on the codes of results: blend, show, save."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ..appearance.painter import Painter
from ..contract import protocol
from ..contract.errors import RequestError
from ..contract.options import read_options
from ..contract.protocol import CODE_FILE
from ..contract.settings import check_resolution
from ..extraction import FieldSamples
from ..fields import Field
from ..fields.intersection import Intersection
from ..geometry.volume import Volume
from ..geometry.writing import check_place
from ..reconstructors import Code, Reconstructor, keyword_names
from ..reconstructors.code_files import field_of_file
from ..reconstructors.finishing import finished
from ..shows import Subject, shown
from ..shows.morphing import WAYS, Between, Way, morphed
from ..ticket import Ticket
from .kept import Encoded, Kept, KeptResults
from .meshing import mesh_kept
from .networks import Networks
from .saving import reopened, saved_code
from .stages import MAKE, MESH, stages_again

OF_IMAGES = ("cameras", "silhouette_iou", "adjusted", "compared")  # facts of a result's images
SUM_ERROR = 1e-3  # tolerance of the weights' sum, which should be 1


def encoded_of(kept: Kept) -> Encoded:
    """Return the code of a result.

    Raises
    ------
    RequestError
        If its method has no code.
    """
    if kept.encoded is None:
        raise RequestError(
            f"A result of {kept.facts['method']} has no code to blend, show or save.",
            "Reconstruct the object with one of the networks.",
        )
    return kept.encoded


def model_of(networks: Networks, kept: Kept) -> Reconstructor:
    """Return the network that made a result."""
    return networks.load(kept.facts["method"], encoded_of(kept).weights, kept.facts["device"])


def blended(networks: Networks, results: KeptResults, request: protocol.Blend) -> Kept:
    """Return the result between several: kept ones, and codes in files.

    One result alone, with the weight 1, is decoded again with other options, and keeps its colours
    and its hull; one of a fit is as it was saved. With the `time` of a moving shape it has no hull,
    see `_in_time`. Between several nothing is known of colours.

    Raises
    ------
    RequestError
        If the weights' sum is not 1, or the codes can't be blended.
    """
    _check_weights(request)
    known = [_source(networks, results, name, request.weights_file) for name in request.sources]
    if len(known) == 1 and "time" in request.options:
        known = [_in_time(networks, known[0], request.weights_file)]
    first = known[0]
    if len(known) == 1 and first.encoded is None and first.improvable is not None:
        return first  # the state of a fit, to go on from
    model = model_of(networks, first)
    codes = [encoded_of(kept).code for kept in known]
    _check_networks(known)
    code = model.blend(codes, request.weights) if len(codes) > 1 else codes[0]
    given = read_options(request.options, model.spec.options, owner=model.spec.title)
    names = keyword_names(model.decode)
    options = {**encoded_of(first).options, **given}
    field = model.decode(code, **{n: v for n, v in options.items() if n in names})
    views = encoded_of(first).views
    alone = len(known) == 1
    hull = first.field.hull if alone and isinstance(first.field, Intersection) else None
    field = finished(model, field, views if alone else views[:1], hull)
    return replace(
        first,
        field=field,
        samples=FieldSamples(),
        painter=first.painter if alone else Painter([], []),
        facts={
            **_own_facts(first),
            "level_unit": field.level_unit.name,
            "blend": [*request.weights],
        },
        remarks=first.remarks if alone else (),
        encoded=Encoded(code, views if alone else (), encoded_of(first).weights, options),
        improvable=None,
    )


def _in_time(networks: Networks, kept: Kept, weights: str | None) -> Kept:
    """Return a result whose network knows time, where there is one.

    Weights of still shapes know none; `weights` of moving ones then see its first image, which
    shows the beginning. The hull of the beginning does not limit later moments.
    """
    still = replace(kept, field=_without_hull(kept.field))
    encoded = encoded_of(kept)
    model = model_of(networks, kept)
    if model.knows_time:
        return still
    if not encoded.views or weights is None:
        return kept
    other = networks.load(model.spec.name, weights, kept.facts["device"])
    views = encoded.views[:1]
    code = other.encode(views)
    return replace(
        still,
        facts={**kept.facts, "weights": str(other.weights)},
        encoded=Encoded(code, views, weights, encoded.options),
    )


def _without_hull(field: Field) -> Field:
    """Return a field without the hull that limits it."""
    return field.field if isinstance(field, Intersection) else field


def _own_facts(kept: Kept) -> dict[str, Any]:
    """Return a result's facts but those of its images, such as the camera that suits its mesh."""
    return {name: fact for name, fact in kept.facts.items() if name not in OF_IMAGES}


def _check_weights(request: protocol.Blend) -> None:
    if not request.sources or len(request.sources) != len(request.weights):
        raise RequestError(
            f"There are {len(request.sources)} results and {len(request.weights)} weights.",
            "Give one weight for each result.",
        )
    if abs(sum(request.weights) - 1) > SUM_ERROR:
        raise RequestError(
            f"The weights' sum is {sum(request.weights):g}.", "Give weights whose sum is 1."
        )


def _check_networks(known: Sequence[Kept]) -> None:
    """Refuse results of different weights: their codes mean different things."""
    names = {(kept.facts["method"], str(kept.facts["weights"])) for kept in known}
    if len(names) > 1:
        raise RequestError(
            f"The results were made by {' and '.join(sorted(' '.join(n) for n in names))}.",
            "Blend results of one method with the same weights.",
        )


def _source(networks: Networks, results: KeptResults, name: str, weights: str | None) -> Kept:
    """Return a kept result, or one made of a code's file."""
    if not name.endswith(CODE_FILE):
        return results[name]
    code = Code.load(name)
    kept = reopened(code, networks, name)
    if kept is not None:
        return kept
    model = networks.load(code.method, weights, "auto")
    field = field_of_file(model, code, name)
    facts = {
        "method": code.method,
        "weights": str(model.weights),
        "views": 0,
        "device": str(field.device),
        "hull": False,
        "level_unit": field.level_unit.name,
    }
    volume = Volume.from_matrix(np.eye(4))
    encoded = Encoded(code, (), weights, {})
    return Kept(field, volume, FieldSamples(), facts, Painter([], []), encoded=encoded)


# ---------------------------------------------------------------- jobs


def blend_job(
    networks: Networks, results: KeptResults, request: protocol.Blend, ticket: Ticket
) -> Iterator[protocol.MeshUpdate | protocol.Finished]:
    """Mesh the result between several; yields meshes coarse to fine, then Finished.

    Raises
    ------
    RequestError
        If a result is no longer kept, or they can't be blended.
    """
    started = time.perf_counter()
    resolution = check_resolution(request.resolution)
    color = request.color and len(request.sources) == 1
    again = protocol.Remesh(request.job, "", resolution, request.level, color)
    ticket.plan({MAKE: 1.0, **stages_again(again)})
    with ticket.stage(MAKE):
        kept = blended(networks, results, request)
    with ticket.stage(MESH):
        for event in mesh_kept(again, kept, ticket, started):
            if request.keep and isinstance(event, protocol.Finished):
                results.keep(request.keep, kept)
            yield event


def show_job(
    networks: Networks, results: KeptResults, request: protocol.Show, ticket: Ticket
) -> Iterator[protocol.Exhibit | protocol.Finished]:
    """Yield what a method has to show of a kept result, see `shows`, then Finished.

    Raises
    ------
    RequestError
        If nothing is kept under that name, or its method can't show that.
    """
    started = time.perf_counter()
    kept = results[request.keep]
    encoded = encoded_of(kept)
    ticket.plan({"Show": 1.0})
    with ticket.stage("Show"):
        subject = Subject(
            model=model_of(networks, kept),
            code=encoded.code,
            views=encoded.views,
            shape=kept.field,
            level=kept.field.level(request.level),
            resolution=check_resolution(request.resolution),
            seed=request.seed,
            ticket=ticket,
        )
        for exhibit in shown(subject, request.what, request.options):
            yield replace(
                exhibit,
                job=request.job,
                world_from_mesh=kept.volume.world_from_mesh,
                scale=kept.volume.scale,
            )
    seconds = round(time.perf_counter() - started, 3)
    yield protocol.Finished(request.job, {"show": request.what, "seconds": seconds})


def morph_job(
    networks: Networks, results: KeptResults, request: protocol.Morph, ticket: Ticket
) -> Iterator[protocol.Exhibit | protocol.Finished]:
    """Yield the steps between two results, in the place of the first, then Finished.

    Raises
    ------
    RequestError
        If a result is no longer kept, or they can't be blended.
    """
    started = time.perf_counter()
    if len(request.sources) != 2 or request.way not in WAYS:
        raise RequestError("A morph has two results.", f"Its way is one of {', '.join(WAYS)}.")
    known = [_source(networks, results, name, request.weights_file) for name in request.sources]
    _check_networks(known)
    first, second = (encoded_of(kept).code for kept in known)
    between = Between(model_of(networks, known[0]), first, second, request.level)
    ticket.plan({"Mesh": 1.0})
    with ticket.stage("Mesh"):
        made = morphed(
            between,
            request.factors,
            resolution=check_resolution(request.resolution),
            way=cast(Way, request.way),
            ticket=ticket,
        )
    volume = known[0].volume
    for exhibit in made.exhibits:
        yield replace(
            exhibit, job=request.job, world_from_mesh=volume.world_from_mesh, scale=volume.scale
        )
    stats = {
        "factors": [*request.factors],
        "one_topology": made.one_topology,
        "off": made.off,
        "flipped": made.flipped,
        "seconds": round(time.perf_counter() - started, 3),
    }
    yield protocol.Finished(request.job, stats)


def save_code_job(
    results: KeptResults, request: protocol.SaveCode, ticket: Ticket
) -> Iterator[protocol.Finished]:
    """Write the code of a kept result to a file, then yield Finished.

    Raises
    ------
    RequestError
        If nothing is kept under that name, it has no code, or the file can't be written.
    """
    code = saved_code(results[request.keep])
    check_place(request.path)
    ticket.check()
    code.save(request.path)
    yield protocol.Finished(request.job, {"path": request.path})
