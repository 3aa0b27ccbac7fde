"""Checks of a kept fit, whose numbers come from a file."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import RequestError
from .grid import NodeGrid

MOST_NODES = 1 << 24  # of a grid
MOST_STEPS = 10**9
AGAIN = "Fit the object again."


def damaged(what: str) -> RequestError:
    """Return the error for a kept fit with something wrong."""
    return RequestError(f"The kept fit is damaged: {what}.", AGAIN)


def check_grid(grid: NodeGrid) -> None:
    """Refuse a grid without extent, or too large for any fit.

    Raises
    ------
    RequestError
        If a number is not finite or out of range.
    """
    numbers = (*grid.lower, grid.spacing)
    if not all(math.isfinite(n) and abs(n) < 1e3 for n in numbers) or grid.spacing <= 0:
        raise damaged(f"its grid starts at {grid.lower} in steps of {grid.spacing}")
    if min(grid.shape) < 3 or grid.count > MOST_NODES:
        raise damaged(f"its grid has {' x '.join(map(str, grid.shape))} nodes")


def check_tensors(
    tensors: Mapping[str, Tensor],
    shapes: Mapping[str, tuple[int, ...]],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Refuse tensors that are missing, not finite, or of another shape or type.

    Raises
    ------
    RequestError
        With the tensor's name.
    """
    for name, shape in shapes.items():
        tensor = tensors.get(name)
        if tensor is None:
            raise damaged(f"{name} is missing")
        if tensor.shape != shape or tensor.dtype != dtype:
            raise damaged(f"{name} is {tuple(tensor.shape)} {tensor.dtype}, not {shape} {dtype}")
        if not torch.isfinite(tensor).all():
            raise damaged(f"{name} is not finite")


def check_nodes(active: Tensor | None, grid: NodeGrid) -> None:
    """Refuse a band whose nodes repeat or lie at the grid's border.

    Raises
    ------
    RequestError
        If the band is not one.
    """
    if active is None or active.dtype != torch.int64 or active.ndim != 1 or not len(active):
        raise damaged("its band is missing")
    margin = grid.strides[0]
    if int(active.min()) < margin or int(active.max()) >= grid.count - margin:
        raise damaged("its band leaves the grid")
    if len(active.unique()) != len(active):
        raise damaged("nodes of its band repeat")


def whole(facts: Mapping[str, Any], name: str, most: int = MOST_STEPS) -> int:
    """Return a count among the facts.

    Raises
    ------
    RequestError
        If it is missing, not whole, or outside 0 to `most`.
    """
    value = facts.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise damaged(f"{name} is {value!r}, not a whole number from 0 to {most}")
    return value


def number(facts: Mapping[str, Any], name: str, most: float = 1e9) -> float:
    """Return a number of at least 0 among the facts.

    Raises
    ------
    RequestError
        If it is missing, not a number, or outside 0 to `most`.
    """
    value = facts.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise damaged(f"{name} is {value!r}, not a number from 0 to {most:g}")
    return float(value)


def pairs(rows: Any, name: str) -> list[tuple[int, float]]:
    """Return rows of a step and a finite number.

    Raises
    ------
    RequestError
        If they are not such rows.
    """
    try:
        known = [(int(step), float(value)) for step, value in rows]
    except (TypeError, ValueError, OverflowError) as error:
        raise damaged(f"{name} is not a list of steps and numbers") from error
    if not all(math.isfinite(value) for _, value in known):
        raise damaged(f"{name} is not finite")
    return known


def counts(facts: Mapping[str, Any], name: str, length: int) -> Sequence[int]:
    """Return a list of that many counts among the facts.

    Raises
    ------
    RequestError
        If it is not one.
    """
    values = facts.get(name)
    if not isinstance(values, list) or len(values) != length:
        raise damaged(f"{name} is {values!r}, not {length} whole numbers")
    return [whole({name: value}, name) for value in values]
