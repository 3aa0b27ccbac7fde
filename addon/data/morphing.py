"""Between results: a live factor, keyframed morphs, means; the worker blends the codes."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import CODE_FILE, Blend, Morph
from ..jobs.requests import absolute, not_kept
from ..jobs.results import Added, Deleted, Replaced
from ..jobs.running import Running
from ..jobs.session import exhaust, live
from ..scene import meshes
from ..scene.exhibits import new_mesh
from ..scene.provenance import provenance_of
from ..scene.sequences import make_sequence
from .series import Steps, finished
from .showing import ShowResult, result_problem

BLEND = "levelform_blend"  # custom property: the kept results between which an object lies
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
    """Begin to mesh what lies between results.

    Parameters
    ----------
    into
        An object to refill; None adds one.
    ends
        What a new object remembers of both ends, see `BLEND`.

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
    added = Added(job, name, bpy.context.scene) if ends is None else Moving(job, name, ends)
    return live.begin(request, added, facts)


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
    """Begin to add an object between two results, whose factor can then be moved.

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
    """An object between two results, which remembers them."""

    label = "Blend"

    def __init__(self, job: str, name: str, ends: Mapping[str, Any]) -> None:
        super().__init__(job, name, bpy.context.scene)
        self._ends = dict(ends)

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Keep the object; store what it lies between."""
        added = super().finish(provenance)
        added[BLEND] = self._ends
        return added


def ends_of(target: bpy.types.Object | None) -> list[bpy.types.Object]:
    """Return the two results that an object lies between; empty if it does not or one is gone."""
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


# ---------------------------------------------------------------- keyframes


def morph(
    first: bpy.types.Object,
    second: bpy.types.Object,
    factors: Sequence[float] | int = 9,
    *,
    start: int = 1,
    end: int = 48,
    way: str = "auto",
    resolution: int = 128,
) -> bpy.types.Object:
    """Add an animated object that changes from one result to another.

    Parameters
    ----------
    factors
        The steps: 0 is the first object, 1 the second; or how many from 0 to 1.
    start, end
        Frames of the first and the last step.
    way
        "auto": shape keys if one topology is honest, else a mesh for each step; "vertices" or
        "meshes" force one of them.

    Raises
    ------
    RequestError
        If the results can't be blended.
    WorkError
        If the work failed; the scene is unchanged.
    """
    running = begin_morph(
        first, second, factors, start=start, end=end, way=way, resolution=resolution
    )
    exhaust(live.drive(running))
    assert isinstance(running.result, MorphResult)
    return running.result.added[0]


def begin_morph(
    first: bpy.types.Object,
    second: bpy.types.Object,
    factors: Sequence[float] | int,
    *,
    start: int,
    end: int,
    way: str = "auto",
    resolution: int = 128,
) -> Running:
    """Begin to add a morph; see `morph`.

    Raises
    ------
    RequestError
        As `morph`; nothing was begun.
    """
    problem = blend_problem(first, second)
    if problem:
        raise RequestError(problem)
    steps = list(np.linspace(0, 1, factors)) if isinstance(factors, int) else list(factors)
    if len(steps) < 2 or end <= start:
        raise RequestError(
            f"A morph of {len(steps)} steps from frame {start} to {end} does not move.",
            "Give two steps or more, and a later last frame.",
        )
    job = uuid.uuid4().hex
    request = Morph(job, keeps_of((first, second)), tuple(map(float, steps)), resolution, way=way)
    result = MorphResult(job, first, second, (start, end))
    return live.begin(request, result, {})


class MorphResult(ShowResult):
    """A morph: adds one object with shape keys, or with a mesh for each step."""

    label = "Morph"

    def __init__(
        self,
        job: str,
        first: bpy.types.Object,
        second: bpy.types.Object,
        frames: tuple[int, int],
    ) -> None:
        super().__init__(job, first, bpy.context.scene, "morph")
        self._name = f"{first.name} to {second.name}"
        self._frames = frames

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Add the animated object; return it."""
        target = self.object
        if target is None or not self.exhibits:
            raise Deleted
        one = bool(provenance.get("one_topology"))
        added = (self._with_keys if one else self._with_meshes)()
        target.users_collection[0].objects.link(added)
        meshes.place_at(added, self.exhibits[0].world_from_mesh)
        added["levelform_morph"] = {
            "one_topology": one,
            **{name: provenance[name] for name in ("factors", "off", "flipped")},
        }
        self.added.append(added)
        return added

    def _with_meshes(self) -> bpy.types.Object:
        """Return an object that shows a mesh for each step, evenly over the frames."""
        made = [new_mesh(f"{self._name} {step.name}", step) for step in self.exhibits]
        added = bpy.data.objects.new(self._name, made[0])
        start, end = self._frames
        every = max(1, (end - start + 1) // len(made))
        make_sequence(added, made, [step.name for step in self.exhibits], start=start, every=every)
        return added

    def _with_keys(self) -> bpy.types.Object:
        """Return an object with an absolute shape key for each step, keyed over the frames."""
        made = new_mesh(self._name, self.exhibits[0])
        added = bpy.data.objects.new(self._name, made)
        for step in self.exhibits:
            key: Any = added.shape_key_add(name=step.name, from_mix=False)
            assert step.vertices is not None  # a step is a mesh
            places = np.ascontiguousarray(step.vertices * step.scale, np.float32)
            key.data.foreach_set("co", places.ravel())
        keys: Any = made.shape_keys
        keys.use_relative = False
        blocks = keys.key_blocks
        for frame, block in zip(self._frames, (blocks[0], blocks[-1]), strict=True):
            keys.eval_time = block.frame
            keys.keyframe_insert("eval_time", frame=frame)
        return added


def animate(
    target: bpy.types.Object,
    moments: Sequence[float] | int = 17,
    *,
    start: int = 1,
    every: int = 2,
    resolution: int = 64,
) -> bpy.types.Object:
    """Add the moving shape of a result whose weights know time, as an animated object.

    Parameters
    ----------
    target
        A result of weights of four coordinates (Deep Meta Functionals).
    moments
        Times from -1 to 1, or how many of them.
    start, every
        First frame, and frames a moment.

    Raises
    ------
    RequestError
        If the weights know still shapes only.
    """
    times = moments_of(moments)
    return finished(animation_steps(target, times, start=start, every=every, resolution=resolution))


def moments_of(moments: Sequence[float] | int) -> list[float]:
    """Return the times from -1 to 1, given as such or as their number."""
    return list(np.linspace(-1, 1, moments)) if isinstance(moments, int) else list(moments)


def animation_steps(
    target: bpy.types.Object, times: Sequence[float], *, start: int, every: int, resolution: int
) -> Steps:
    """Yield a job for each moment of a moving shape, and return the animated object.

    Raises
    ------
    RequestError
        If the object is not a result, or there is no moment.
    """
    problem = result_problem(target)
    if problem:
        raise RequestError(problem)
    if not times:
        raise RequestError("There is no moment to show.", "Give one or more, from -1 to 1.")
    shown: bpy.types.Object | None = None
    made: list[bpy.types.Mesh] = []
    done = False
    try:
        for time in times:
            step = yield begin_blend(
                (target,), (1.0,), resolution=resolution, name=f"{target.name} in time",
                options={"time": float(time)},
            )  # fmt: skip
            made.append(step.data)
            if shown is None:
                shown = step
            else:
                bpy.data.objects.remove(step)
        assert shown is not None  # there is a moment
        labels = [f"t = {time:.2f}" for time in times]
        make_sequence(shown, made, labels, start=start, every=every)
        done = True
        return shown
    finally:
        if not done:
            _remove(shown, made)


def _remove(shown: bpy.types.Object | None, made: Sequence[bpy.types.Mesh]) -> None:
    """Remove what an animation that did not finish has made."""
    if shown is not None:
        bpy.data.objects.remove(shown)
    for mesh in made:
        bpy.data.meshes.remove(mesh)
