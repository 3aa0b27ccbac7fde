"""Between results: an object with a live factor, or a mean; the worker blends the codes."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import CODE_FILE, Blend
from ..jobs.requests import absolute, not_kept
from ..jobs.results import Added, Handle, Replaced
from ..jobs.running import Running
from ..jobs.session import exhaust, live
from ..scene import gallery
from ..scene.provenance import provenance_of
from .showing import result_problem

BLEND = "levelform_blend"  # custom property: the two kept results of a blend
LIVE_RESOLUTION = 64  # while the factor moves
FACTORS = (-0.2, 1.2)
Source = bpy.types.Object | str


def blend(
    sources: Sequence[Source],
    weights: Sequence[float] | None = None,
    *,
    resolution: int = 128,
    level: float | None = None,
    name: str = "Blend",
    weights_file: str | None = None,
    **options: Any,
) -> bpy.types.Object:
    """Add the object between several results: a morph's step, or a mean.

    Parameters
    ----------
    sources
        Objects that `reconstruct` made with one method and the same weights; or files of codes.
    weights
        Their sum is 1; below 0 and above 1 they extrapolate. None: the mean.
    weights_file
        The network's weights, for files of codes.
    options
        Of the method's decoding, such as `time` for a moving shape.

    Raises
    ------
    RequestError
        If the results can't be blended.
    WorkError
        If a result is not kept any more, or the blend has no surface.
    """
    count = max(len(sources), 1)
    given = [1.0 / count] * len(sources) if weights is None else list(weights)
    running = begin_blend(
        sources, given, resolution=resolution, level=level, name=name,
        weights_file=weights_file, options=options,
    )  # fmt: skip
    return exhaust(live.drive(running))


def keeps_of(sources: Sequence[Source]) -> tuple[str, ...]:
    """Return the names under which the worker keeps results, and the paths of codes.

    Raises
    ------
    RequestError
        If an object is not a result whose code is kept.
    """
    names = []
    for source in sources:
        if isinstance(source, str):
            if not source.endswith(CODE_FILE):
                raise RequestError(
                    f"{source} is not a file of a code.", f"Its name ends with {CODE_FILE}."
                )
            names.append(absolute(source))
            continue
        facts = provenance_of(source)
        if facts is None or "keep" not in facts:
            raise RequestError(
                f"{source.name} was not made by Levelform.", "Choose results of one method."
            )
        names.append(facts["keep"])
    return tuple(names)


def begin_blend(
    sources: Sequence[Source],
    weights: Sequence[float],
    *,
    resolution: int = 128,
    level: float | None = None,
    name: str = "Blend",
    weights_file: str | None = None,
    options: Mapping[str, Any] | None = None,
    into: bpy.types.Object | None = None,
    ends: Mapping[str, Any] | None = None,
) -> Running:
    """Begin to mesh a blend of results.

    Parameters
    ----------
    into
        An object to refill; None adds one.
    ends
        What a new object stores about both results, see `BLEND`.

    Raises
    ------
    RequestError
        As `blend`; nothing was begun.
    """
    if live.running is not None:
        raise RequestError("Levelform is busy.", "Wait for the job, or cancel it (Esc).")
    keeps = keeps_of(sources)
    job = uuid.uuid4().hex
    request = Blend(
        job,
        keeps,
        tuple(float(weight) for weight in weights),
        resolution,
        level,
        options=dict(options or {}),
        keep=job,
        weights_file=weights_file,
    )
    first = sources[0]
    known = provenance_of(first).to_dict() if isinstance(first, bpy.types.Object) else {}
    facts = {**known, "keep": job, "blended": list(keeps), "weights_of_blend": [*weights]}
    if into is not None:
        return live.begin(request, Replaced(job, into, bpy.context.scene), facts)
    arrange = _like(first) if isinstance(first, bpy.types.Object) else None
    if ends is None:
        added = Added(job, name, bpy.context.scene, arrange=arrange)
    else:
        added = Moving(job, name, ends, arrange)
    return live.begin(request, added, facts)


def _like(first: bpy.types.Object) -> Callable[[bpy.types.Object], None]:
    """Return a function that moves a blend to where its first object is now."""
    handle = Handle.of(first)

    def arrange(made: bpy.types.Object) -> None:
        there = handle.find(bpy.data.objects)
        if there is None:
            return
        bpy.context.view_layer.update()
        made.matrix_world = there.matrix_world.copy()
        bpy.context.view_layer.update()
        gallery.hide_earlier(made, bpy.context.scene)

    return arrange


def morph_problem(first: bpy.types.Object | None, second: bpy.types.Object | None) -> str:
    """Return a sentence about why two objects can't be blended; empty if they can."""
    return blend_problem(first, second) or not_kept(first) or not_kept(second)


def blend_problem(first: bpy.types.Object | None, second: bpy.types.Object | None) -> str:
    """Return why two objects are not results of one network; empty if they are.

    Whether their codes are still kept is only known once the worker has answered.
    """
    problem = result_problem(first)
    if problem:
        return problem
    if second is None or second == first:
        return "Pick another result to blend with."
    facts, other = provenance_of(first), provenance_of(second)
    if other is None:
        return f"{second.name} was not made by Levelform."
    if (facts["method"], facts["weights"]) != (other.get("method"), other.get("weights")):
        return "Blend results of one method with the same weights."
    return ""


def begin_live(first: bpy.types.Object, second: bpy.types.Object, factor: float) -> Running:
    """Begin to add an object between two results; its factor can then be moved.

    Raises
    ------
    RequestError
        If they can't be blended; nothing was begun.
    """
    problem = blend_problem(first, second)
    if problem:
        raise RequestError(problem)
    ends = [provenance_of(end).to_dict()["keep"] for end in (first, second)]
    return begin_blend(
        (first, second),
        (1.0 - factor, factor),
        resolution=LIVE_RESOLUTION,
        name=f"{first.name} to {second.name}",
        ends={"ends": ends, "factor": factor},
    )


class Moving(Added):
    """An object between two results; it stores their names."""

    label = "Blend"

    def __init__(
        self,
        job: str,
        name: str,
        ends: Mapping[str, Any],
        arrange: Callable[[bpy.types.Object], object] | None = None,
    ) -> None:
        super().__init__(job, name, bpy.context.scene, arrange=arrange)
        self._ends = dict(ends)

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Keep the object; store its two results."""
        added = super().finish(provenance)
        added[BLEND] = self._ends
        return added


def ends_of(target: bpy.types.Object | None) -> list[bpy.types.Object]:
    """Return the two results of a blend; empty if the object is not one, or a result is gone."""
    stored = target.get(BLEND) if target is not None else None
    if not hasattr(stored, "to_dict"):
        return []
    kept = {
        facts["keep"]: other
        for other in bpy.data.objects
        if (facts := provenance_of(other)) is not None and "keep" in facts
    }
    names = stored.to_dict()["ends"] if stored is not None else []
    ends = [kept.get(name) for name in names]
    return [end for end in ends if end is not None] if all(ends) else []


def begin_move(target: bpy.types.Object, factor: float, resolution: int) -> Running:
    """Begin to mesh a blend at another factor, in its own object."""
    ends = ends_of(target)
    if len(ends) != 2:
        raise RequestError("The results of this blend are gone.", "Blend others.")
    target[BLEND]["factor"] = factor
    return begin_blend(ends, (1.0 - factor, factor), resolution=resolution, into=target)
