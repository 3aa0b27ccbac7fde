"""The public interface of extraction: `stream` coarse to fine, or `extract` at once."""

from collections.abc import Iterator

import numpy as np

from ..contract.errors import RequestError, WorkError
from ..contract.memory import is_out_of_memory
from ..fields import Field
from ..geometry.meshes import Mesh
from ..ticket import Ticket
from .cleanup import check_cleanup
from .grid import COARSEST, FINEST, Box, NestedGrid, round_up
from .run import DenseRun, Request, SparseRun
from .sampler import FieldEvaluator, FieldSamples
from .types import Cleanup, ExtractedMesh

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
) -> Iterator[ExtractedMesh]:
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
        Value of the field on the surface (see `Field.level` for users' thresholds).
    box
        (lower, upper) corners in the volume frame; None: the volume's cube. Cells are cubes, see
        `NestedGrid`.
    ticket
        Progress out, cancellation in; checked once per block of points.
    dense
        Evaluate every node of the grid and mesh with PyMCubes, which interpolates vertices
        linearly: the slow and simple reference. Sends one update.
    guaranteed
        Apply the field's bounds on all levels, which proves that no cell with a sign change is
        missed. If the field has none, `search_complete` in the stats stays false, with a remark.
    cap
        Close the mesh where the box cuts the solid; otherwise it stays open there.
    color, normals
        Whether to evaluate the field's colours, and its gradient for normals.
    cleanup
        Clean-up of the final mesh.
    samples
        A cache of field values, read and extended by this run.

    Raises
    ------
    RequestError
        If the request is invalid, or the level lies outside the field's range.
    WorkError
        If the field's values are unusable, or memory runs out.
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
    grid = NestedGrid.over(box)
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
    """Return the mesh of a field's level set, the last one of `stream`.

    See `stream` for the parameters.

    Raises
    ------
    RequestError, WorkError
        As in `stream`; also if `guaranteed` is set and this field has no bounds.
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
    """Return the level rounded to float32, the type of the values."""
    if not abs(level) <= np.finfo(np.float32).max:
        raise RequestError(
            f"The level must be a finite number, not {level}.", "Choose another one."
        )
    return float(np.float32(level))


def _in_memory(updates: Iterator[ExtractedMesh], resolution: int) -> Iterator[ExtractedMesh]:
    """Pass updates on; turn running out of memory into a `WorkError`."""
    try:
        yield from updates
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise WorkError(
            f"There is not enough memory for a mesh at resolution {resolution}.",
            f"Close other programs, or choose {max(COARSEST, resolution // 2)}.",
        ) from error
