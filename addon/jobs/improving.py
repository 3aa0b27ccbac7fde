"""Stop a method that improves its result while it is shown, or continue it."""

import bpy

from ...backend.contract.errors import RequestError
from .requests import begin_improve
from .session import exhaust, live


def improve(
    target: bpy.types.Object, *, time: str | None = None, steps: int | None = None
) -> bpy.types.Object:
    """Improve a reconstruction further, from where its method stopped; its mesh is replaced.

    Parameters
    ----------
    target
        An object that `reconstruct` made by a method that improves its results, such as `fit`.
    time, steps
        How long, as the method's options of these names; None: their defaults.

    Raises
    ------
    RequestError
        If its method does not improve results, or its mesh can't be replaced.
    WorkError
        If the worker no longer keeps the result; the mesh is unchanged.
    """
    given = {"time": time, "steps": steps}
    options = {name: value for name, value in given.items() if value is not None}
    return exhaust(live.drive(begin_improve(target, options)))


def stop() -> None:
    """Stop improving the running job's result, and keep it; `improve` continues it.

    For a script that drives `stream` itself, which then yields the last mesh.

    Raises
    ------
    RequestError
        If no running job improves its result.
    """
    if not live.improving:
        raise RequestError(
            "No running job improves its result.",
            'Start one by `stream(method="fit")` and call this between its events.',
        )
    live.finish_early()
