"""Extraction as the rest of Levelform sees it: `stream` coarse to fine, or `extract` at once."""

from collections.abc import Iterator

import numpy as np

from ..contract.errors import RequestError, WorkError
from ..contract.memory import is_out_of_memory
from ..fields import Field
from ..geometry.meshes import Mesh
from ..ticket import Ticket
from .cleanup import check_cleanup
from .grid import COARSEST, FINEST, Box, Grid, round_up
from .run import DenseRun, Request, SparseRun
from .sampler import FieldEvaluator, FieldSamples
from .types import Cleanup, MeshUpdate

_NO_CLEANUP = Cleanup()


def stream(
    field: Field,
    resolution: int = 256,
    *,
    first: int = COARSEST,
    level: float = 0.0,
    box: Box | None = None,
    ticket: Ticket | None = None,
    dense: bool = False,
    guaranteed: bool = False,
    cap: bool = True,
    color: bool = True,
    normals: bool = True,
    cleanup: Cleanup = _NO_CLEANUP,
    samples: FieldSamples | None = None,
) -> Iterator[MeshUpdate]:
    """Yield the mesh of a field's level set, coarse to fine; the last update is `final`.

    Parameters
    ----------
    field
        Negative inside; must be finite.
    resolution
        Cells along the box's longest side: 32, 64, ... 1024; others are rounded up, with a remark.
    first
        Resolution of the first mesh.
    level
        The value of the field that the surface has (see `Field.level` for users' thresholds).
    box
        (lower, upper) corners in the volume frame; None: the volume's cube. Cells are cubes, see
        `Grid`.
    ticket
        Carries progress out and the wish to stop in; asked once a block of points.
    dense
        Evaluate every node of the grid and use PyMCubes, with vertices interpolated linearly: slow,
        simple and right. One update, the last.
    guaranteed
        Prove that no cell whose corners differ in sign is missed, by the field's bounds on all
        levels. Where it has none, the stats say so: `search_complete` stays false and a remark
        tells why.
    cap
        Close the mesh where the solid is cut by the box; otherwise it stays open there.
    color, normals
        Whether to ask the field for colours, and for its slope as normals.
    cleanup
        What to change in the last mesh.
    samples
        Field samples kept from an earlier run, and by this one.

    Raises
    ------
    RequestError
        For an impossible request, and for a level that the field does not take.
    WorkError
        If the field's values can't be used, or memory runs out.
    """
    resolution, remark = round_up(resolution)
    first, _ = round_up(min(first, resolution), what="first resolution")
    request = Request(
        resolution=resolution,
        first=first,
        level=_checked_level(level),
        cap=cap,
        color=color,
        normals=normals,
        guaranteed=guaranteed,
        cleanup=check_cleanup(cleanup),
        remarks=(remark,) if remark else (),
    )
    grid = Grid.over(box)
    grid.margin(resolution)
    samples = FieldSamples() if samples is None else samples
    samples.claim(field, grid)
    sampler = FieldEvaluator(field, grid, samples, Ticket() if ticket is None else ticket)
    run = DenseRun(sampler, request) if dense else SparseRun(sampler, request)
    return _in_memory(run.updates(), resolution)


def extract(
    field: Field,
    resolution: int = 128,
    *,
    level: float = 0.0,
    box: Box | None = None,
    ticket: Ticket | None = None,
    dense: bool = False,
    guaranteed: bool = False,
    cap: bool = True,
    color: bool = True,
    normals: bool = True,
    cleanup: Cleanup = _NO_CLEANUP,
    samples: FieldSamples | None = None,
) -> Mesh:
    """Return the mesh of a field's level set: the last one that `stream` yields, without the
    others.

    See `stream` for the parameters.

    Raises
    ------
    RequestError, WorkError
        As `stream` does; also if `guaranteed` was asked for and can't be proven for this field.
    """
    updates = stream(
        field,
        resolution,
        first=FINEST,
        level=level,
        box=box,
        ticket=ticket,
        dense=dense,
        guaranteed=guaranteed,
        cap=cap,
        color=color,
        normals=normals,
        cleanup=cleanup,
        samples=samples,
    )
    update = next(update for update in updates if update.final)
    if guaranteed and not update.stats.search_complete:
        raise RequestError(update.stats.remarks[-1], "Dense extraction looks at every cell.")
    return update.mesh


def _checked_level(level: float) -> float:
    """Return the level as the float32 number that values are compared with."""
    if not abs(level) <= np.finfo(np.float32).max:
        raise RequestError(f"The level must be a finite number, not {level}.")
    return float(np.float32(level))


def _in_memory(updates: Iterator[MeshUpdate], resolution: int) -> Iterator[MeshUpdate]:
    """Pass updates on; say in a sentence when memory runs out."""
    try:
        yield from updates
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise WorkError(
            f"There is not enough memory for a mesh at resolution {resolution}.",
            f"Close other programs, or choose {max(COARSEST, resolution // 2)}.",
        ) from error
