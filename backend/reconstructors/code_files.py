"""Codes read from files: what no network made is refused before anything is built on it."""

from os import PathLike
from typing import TYPE_CHECKING

import torch

from ..contract.errors import LevelformError, RequestError
from .code import Code

if TYPE_CHECKING:
    from ..fields.field import Field
    from .base import Reconstructor

TRIED = 512  # points at which a field is tried
# What decoders raise for numbers, shapes and facts that are not those of a code of theirs.
_MISFITS = (
    RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError,
    ArithmeticError, NotImplementedError, MemoryError,
)  # fmt: skip


def field_of_file(model: "Reconstructor", code: Code, path: str | PathLike[str]) -> "Field":
    """Return the field of a file's code, tried at points of the volume.

    Raises
    ------
    RequestError
        If the code is another method's, or of other weights, or damaged.
    """
    model.check_code(code)
    points = torch.rand(TRIED, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    try:
        with torch.inference_mode():
            field = model.decode(code)
            values = field(points.to(field.device))
        fits = values.shape == (TRIED,) and not bool(values.isnan().any())
    except LevelformError:
        raise
    except _MISFITS as error:
        raise _misfit(path, f"{type(error).__name__}: {error}") from error
    if not fits:
        raise _misfit(path, "its field has values that are not numbers")
    return field


def _misfit(path: str | PathLike[str], why: str) -> RequestError:
    return RequestError(
        f"The code {path} does not fit these weights ({why.splitlines()[0][:200]}).",
        "Give the weights that made it, or save it again.",
    )
