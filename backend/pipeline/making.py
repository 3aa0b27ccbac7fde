"""Make a method's code and field, and the data that a result keeps."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..contract import protocol
from ..contract.errors import RequestError
from ..contract.levels import LEVEL_UNITS
from ..extraction import FieldSamples
from ..fields import Field
from ..fields.hull import HullField
from ..fields.intersection import Intersection
from ..geometry.views import View
from ..geometry.volume import Volume
from ..reconstructors import Code, Reconstructor, keyword_names
from ..reconstructors.finishing import finished
from ..ticket import Ticket
from .choosing import Choice
from .coloring import painter_of
from .kept import Encoded, Improvable, Kept
from .meshing import shown_on_the_way
from .networks import Networks
from .reading import estimated_cameras, in_world, method_options
from .single_image import sighted_single


def make(
    request: protocol.Reconstruct,
    views: Sequence[View],
    volume: Volume,
    networks: Networks,
    ticket: Ticket,
    choice: Choice | None = None,
) -> Generator[protocol.MeshUpdate, None, Kept]:
    """Encode views and decode the code; intersect with the hull if requested.

    Yields meshes on the way.

    Parameters
    ----------
    views : posed in the volume's cube
    choice : of the method, with the image encoded and its camera fitted
    """
    model = networks.load(request.method, request.weights, request.device)
    if request.level is not None:
        LEVEL_UNITS[model.level_unit].check(request.level, model.spec.title)
    ticket.check()
    to_encode, to_decode = method_options(model, request, ticket)
    if choice is None:
        codes = model.codes(views, **to_encode)
        code = yield from shown_on_the_way(codes, model, to_decode, request, volume, ticket)
    else:
        code = choice.best.code
    ticket.check()
    field = model.decode(code, **to_decode)
    field = finished(model, field, views, networks.hull_wanted(request, model, views))
    facts = _facts(request, model, field, code, views)
    estimated = estimated_cameras(model, views)
    remarks = tuple(code.meta.get("remarks", ()))
    fitted = None
    if choice is not None:
        fitted = choice.best.fitted
        facts["compared"] = {name: round(iou, 3) for name, iou in choice.ious.items()}
    sight = sighted_single(request, model, field, views, networks, ticket, fitted)
    if sight is not None:
        field, estimated = sight.field, {0: sight.camera}
        facts |= {"silhouette_iou": round(sight.iou, 3), "adjusted": sight.adjusted}
        remarks += (sight.remark,)
    if estimated:
        facts["cameras"] = in_world(estimated, volume)
    return Kept(
        field,
        volume,
        FieldSamples(),
        facts,
        painter_of(views, code, estimated, networks, request.device),
        Improvable(code, tuple(views)) if model.spec.improves else None,
        remarks,
        _encoded(request, model, code, views, to_decode),
    )


def _facts(
    request: protocol.Reconstruct,
    model: Reconstructor,
    field: Field,
    code: Code,
    views: Sequence[View],
) -> dict[str, Any]:
    """Return the `--json` facts about the source of a field."""
    return {
        "method": request.method,
        "weights": str(model.weights),
        "views": len(views),
        "device": str(field.device),
        "hull": isinstance(field, HullField | Intersection),
        "level_unit": field.level_unit.name,
        "world_offset": [*request.world_offset],
        **code.meta.get("stats", {}),
    }


def _encoded(
    request: protocol.Reconstruct,
    model: Reconstructor,
    code: Code,
    views: Sequence[View],
    to_decode: Mapping[str, Any],
) -> Encoded | None:
    """Return the source of a network's result; None without a network."""
    if not model.spec.learned:
        return None
    plain = {k: v for k, v in to_decode.items() if k not in ("seed", "ticket")}
    return Encoded(code, tuple(views), request.weights, plain)


def improved(
    request: protocol.Remesh, kept: Kept, networks: Networks, ticket: Ticket
) -> Generator[protocol.MeshUpdate, None, Kept]:
    """Continue a kept result; yields meshes on the way.

    Raises
    ------
    RequestError
        If its method can't continue.
    """
    model = networks.load(kept.facts["method"], None, kept.facts["device"])
    if kept.improvable is None:
        raise RequestError(
            f"A result of {model.spec.title} can't be improved further.",
            "Choose a method that improves while it is shown, such as `fit`.",
        )
    own = {option.name for option in model.spec.options} & keyword_names(model.encode)
    given = {name: value for name, value in request.options.items() if name in own}
    before = kept.improvable
    codes = model.codes(before.views, **given, resume=before.code, ticket=ticket)
    code = yield from shown_on_the_way(codes, model, {}, request, kept.volume, ticket)
    field = model.decode(code)
    if isinstance(kept.field, Intersection):
        field = Intersection(field, networks.hull(before.views, kept.facts["device"]))
    return replace(
        kept,
        field=field,
        samples=FieldSamples(),
        facts={**kept.facts, **code.meta.get("stats", {})},
        painter=painter_of(before.views, code, {}, networks, kept.facts["device"]),
        improvable=replace(before, code=code),
    )
