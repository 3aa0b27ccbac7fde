"""Reads NumPy's files: one kind of error for whatever can be wrong with them."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from tokenize import TokenError

import numpy as np

# What np.load lets through for damaged files: of zip, of the header's text, of sizes without sense.
_DAMAGE = (
    zipfile.BadZipFile, TokenError, SyntaxError, EOFError, KeyError, TypeError, IndexError,
    OverflowError, MemoryError, NotImplementedError, RuntimeError,
)  # fmt: skip


def read_npy(path: str | PathLike[str]) -> np.ndarray:
    """Return the array of a .npy file.

    Raises
    ------
    ValueError
        If the file is damaged, or holds anything else.
    OSError
        If it can't be read.
    """
    with _one_kind_of_error():
        values = np.load(path, allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise ValueError("it holds several arrays")
    return values


def read_npz(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file by name; errors as in `read_npy`."""
    with _one_kind_of_error():
        arrays = np.load(path, allow_pickle=False)
        if isinstance(arrays, np.ndarray):
            raise ValueError("it holds one array alone")
        with arrays:
            return {name: arrays[name] for name in arrays.files}


@contextmanager
def _one_kind_of_error() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
