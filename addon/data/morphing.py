"""Animated objects: morphs from one result to another, and moving shapes in time."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import bpy
import numpy as np

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Morph
from ..jobs.results import Deleted
from ..jobs.running import Running
from ..jobs.session import exhaust, live
from ..scene import gallery
from ..scene.exhibits import new_mesh
from ..scene.provenance import provenance_of
from ..scene.sequences import make_sequence
from .blending import begin_blend, blend_problem, keeps_of
from .series import Steps, finished
from .showing import ShowResult, result_problem, show_problem


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
        "auto": shape keys if one topology is accurate, else a mesh for each step; "vertices" or
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
        bpy.context.view_layer.update()
        added.matrix_world = target.matrix_world.copy()  # wherever the result was moved
        bpy.context.view_layer.update()
        gallery.hide_earlier(added, bpy.context.scene)
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
    weights_file: str | None = None,
) -> bpy.types.Object:
    """Add the moving shape of a result as an animated object.

    Parameters
    ----------
    target
        A result of a method with the option `time` (Deep Meta Functionals).
    moments
        Times from -1 to 1, or their number.
    start, every
        First frame, and frames per moment.
    weights_file
        Weights of moving shapes, where those of the result know still ones only; they see its first
        image, of the beginning of the motion.

    Raises
    ------
    RequestError
        If the weights have no time.
    """
    times = moments_of(moments)
    steps = animation_steps(
        target, times, start=start, every=every, resolution=resolution, weights_file=weights_file
    )
    return finished(steps)


def time_problem(target: bpy.types.Object | None) -> str:
    """Return why a result can't be animated in time, in a sentence; empty if it can."""
    problem = show_problem(target)
    if problem or not live.methods:
        return problem
    timed = [m for m in live.methods if any(option.name == "time" for option in m.options)]
    if provenance_of(target)["method"] in [info.name for info in timed]:
        return ""
    names = " or ".join(info.title for info in timed)
    return f"This method knows still shapes only. Reconstruct the object by {names}."


def weights_for(scene: bpy.types.Scene, target: bpy.types.Object) -> str | None:
    """Return the panel's file of weights if it is chosen for a result's method; else None."""
    chosen = scene.levelform
    if not chosen.weights or chosen.weights in chosen.variants:
        return None
    same = chosen.method == provenance_of(target)["method"]
    return bpy.path.abspath(chosen.weights) if same else None


def moments_of(moments: Sequence[float] | int) -> list[float]:
    """Return the times from -1 to 1, given directly or by their number."""
    return list(np.linspace(-1, 1, moments)) if isinstance(moments, int) else list(moments)


def animation_steps(
    target: bpy.types.Object,
    times: Sequence[float],
    *,
    start: int,
    every: int,
    resolution: int,
    weights_file: str | None = None,
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
        raise RequestError("No moment is given.", "Give one or more, from -1 to 1.")
    shown: bpy.types.Object | None = None
    made: list[bpy.types.Mesh] = []
    done = False
    try:
        for time in times:
            step = yield begin_blend(
                (target,), (1.0,), resolution=resolution, name=f"{target.name} in time",
                weights_file=weights_file, options={"time": float(time)},
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
    """Remove the objects and meshes of an unfinished animation."""
    if shown is not None:
        bpy.data.objects.remove(shown)
    for mesh in made:
        bpy.data.meshes.remove(mesh)
