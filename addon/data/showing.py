"""Shows the inside of a result: asks the worker, and adds the exhibits beside the object."""

import uuid
from collections.abc import Mapping
from typing import Any

import bpy

from ...backend.contract.errors import RequestError
from ...backend.contract.protocol import Exhibit, SaveCode, Show, ShowSpec
from ...backend.contract.shows import find_show, read_show_options
from ..jobs.requests import absolute, not_kept, remesh_problem
from ..jobs.results import Checked, Deleted, Handle, MeshlessResult
from ..jobs.running import Running
from ..jobs.session import busy, exhaust, live
from ..scene.exhibits import add_exhibit, free_row, new_mesh
from ..scene.provenance import PROVENANCE, provenance_of
from ..scene.sequences import make_sequence

SHOWN = "levelform_shown"  # on what was added: the name of the show


def shows_of(target: bpy.types.Object | None) -> tuple[ShowSpec, ...]:
    """Return the shows of a result's method; empty if unknown."""
    facts = provenance_of(target)
    method = "" if facts is None else facts.get("method", "")
    return next((info.shows for info in live.methods if info.name == method), ())


def shows(result: bpy.types.Object) -> tuple[ShowSpec, ...]:
    """Return the shows of a result's method: names, titles, options.

    Raises
    ------
    WorkError
        If the backend can't be started.
    """
    live.ask_methods()
    return shows_of(result)


def show_problem(target: bpy.types.Object | None) -> str:
    """Return a sentence about why nothing can be shown of an object; empty if something can."""
    return result_problem(target) or not_kept(target)


def result_problem(target: bpy.types.Object | None) -> str:
    """Return a sentence about why an object is not a result to show; empty if it is.

    Whether its code is still kept is only known once the worker has answered.
    """
    return busy() or remesh_problem(target)


def show(
    result: bpy.types.Object,
    what: str,
    *,
    resolution: int = 128,
    seed: int = 0,
    **options: Any,
) -> list[bpy.types.Object]:
    """Show the inside of a result, as objects beside it.

    Parameters
    ----------
    result
        An object that `reconstruct` made.
    what
        Name of one of its method's shows, see `shows`; the others of its keywords are `options`.
    resolution
        Cells along the longest side of meshes.

    Returns
    -------
    The new objects; images are shown by Empties.

    Raises
    ------
    RequestError
        If the method has no such show, or an option is wrong.
    WorkError
        If the work failed; the scene is unchanged.
    """
    live.ask_methods()
    running = begin_show(result, what, options, resolution=resolution, seed=seed)
    exhaust(live.drive(running))
    assert isinstance(running.result, ShowResult)
    return running.result.added


def begin_show(
    target: bpy.types.Object,
    what: str,
    options: Mapping[str, Any],
    *,
    resolution: int = 128,
    seed: int = 0,
) -> Running:
    """Begin a show of a result.

    Raises
    ------
    RequestError
        As `show`; nothing was begun.
    """
    problem = result_problem(target)
    if problem:
        raise RequestError(problem)
    facts = target[PROVENANCE].to_dict()
    specs = shows_of(target)
    given = dict(options)
    if specs:
        spec = find_show(specs, what, facts.get("method", "The method"))
        given = read_show_options(spec, options)
    job = uuid.uuid4().hex
    request = Show(job, facts["keep"], what, given, resolution, seed=seed)
    return live.begin(request, ShowResult(job, target, bpy.context.scene, what), {})


class ShowResult(MeshlessResult):
    """A show: adds its exhibits at the end, and leaves the result as it is."""

    label = "Show"
    promise = "It will appear in a moment"

    def __init__(
        self, job: str, target: bpy.types.Object, scene: bpy.types.Scene, what: str
    ) -> None:
        super().__init__(job, scene)
        self._object = Handle.of(target)
        self._what = what
        self.added: list[bpy.types.Object] = []

    def finish(self, provenance: Mapping[str, Any]) -> bpy.types.Object:
        """Add the exhibits beside the result; return the result."""
        target = self.object
        if target is None:
            raise Deleted
        collection = target.users_collection[0]
        keep = target[PROVENANCE]["keep"]
        bpy.context.view_layer.update()  # where the result is now
        row = free_row(keep)
        nearest = min((e.place for e in self.exhibits if e.image is None), default=1)
        steps = [exhibit for exhibit in self.exhibits if exhibit.step >= 0]
        for exhibit in self.exhibits:
            if exhibit.step < 0:
                self.added.append(
                    add_exhibit(exhibit, target, collection, keep=keep, row=row, nearest=nearest)
                )
        if steps:
            self.added.append(
                add_steps(steps, target, collection, keep=keep, row=row, nearest=nearest)
            )
        for added in self.added:
            added[SHOWN] = self._what
        return target

    def discard(self) -> None:
        """Remove the added objects."""
        for added in self.added:
            data = added.data
            bpy.data.objects.remove(added)
            if isinstance(data, bpy.types.Mesh) and not data.users:
                bpy.data.meshes.remove(data)
        self.added = []


def add_steps(
    steps: list[Exhibit],
    beside: bpy.types.Object,
    collection: bpy.types.Collection,
    *,
    keep: str,
    row: int,
    nearest: int,
) -> bpy.types.Object:
    """Add one object for the steps of a sequence, which a slider chooses from."""
    first = add_exhibit(steps[0], beside, collection, keep=keep, row=row, nearest=nearest)
    others = [new_mesh(f"{beside.name} {step.name}", step) for step in steps[1:]]
    make_sequence(first, [first.data, *others], [step.name for step in steps])
    return first


def save_code(result: bpy.types.Object, path: str) -> str:
    """Write the code of a result to a file (.safetensors), for `blend` and the terminal.

    A fit's is the state of its optimisation with its images: `open_result` continues from it.

    Raises
    ------
    RequestError
        If the object is not a result, or the file can't be written.
    WorkError
        If its code is not kept any more.
    """
    running = begin_save_code(result, path)
    exhaust(live.drive(running))
    return running.job.stats["path"]


def begin_save_code(target: bpy.types.Object, path: str) -> Running:
    """Begin to write the code of a result."""
    problem = result_problem(target)
    if problem:
        raise RequestError(problem)
    job = uuid.uuid4().hex
    request = SaveCode(job, target[PROVENANCE].to_dict()["keep"], absolute(path))
    result = Checked(job, bpy.context.scene)
    return live.begin(request, result, {})
