"""The authors' published checkpoints, read without running anything that is in them.

PyTorch files load with tensors and plain values only; numpy's scalar numbers are let through,
because old training loops stored their best validation score as one. TensorFlow files go through
TensorFlow's own reader, an optional extra.
"""

import importlib
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import RequestError


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Return what a checkpoint holds: (nested) dictionaries of tensors and plain values.

    Parameters
    ----------
    path
        A PyTorch file, or the prefix or the `.index` file of a TensorFlow checkpoint, whose
        variables come back flat, by name.

    Raises
    ------
    RequestError
        If there is no such file, it is damaged, or it holds anything but tensors and plain values.
    """
    path = Path(path)
    index = path if path.suffix == ".index" else path.with_name(path.name + ".index")
    if index.is_file():
        return read_tensorflow(str(index)[: -len(".index")])
    if not path.is_file():
        raise RequestError(f"The file {path} does not exist.", "Check the path.")
    return read_torch(path)


def read_torch(path: Path) -> dict[str, Any]:
    """Return the dictionary in a PyTorch file, tensors on the CPU; see `read_checkpoint`."""
    try:
        _check_size(path)
        with torch.serialization.safe_globals(_numbers()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old file formats
            mapped = zipfile.is_zipfile(path)  # large files stay on the disk until they are read
            content = torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)
    except RequestError:
        raise
    except pickle.UnpicklingError as error:
        if "Unsupported global" in str(error) or "Unsupported class" in str(error):
            raise RequestError(
                f"{path} holds more than tensors and numbers, so it is not opened.",
                "Save its state dict alone, with torch.save(model.state_dict(), ...).",
            ) from error
        raise _unreadable(path) from error
    except Exception as error:  # a garbled pickle trips its reader over anything
        raise _unreadable(path) from error
    if not isinstance(content, Mapping):
        raise RequestError(
            f"{path} holds a {type(content).__name__}, not a state dict.",
            "Choose the file of the weights.",
        )
    _check_tensors(content, path)
    return dict(content)


def _check_size(path: Path) -> None:
    """Refuse an archive that unpacks to more than it is: torch stores without compression."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            held = sum(entry.file_size for entry in archive.infolist())
        if held > path.stat().st_size:
            raise RequestError(
                f"{path} unpacks to {held:,} bytes from {path.stat().st_size:,}, as no PyTorch "
                "checkpoint does.",
                "Download it again.",
            )


def _check_tensors(content: Any, path: Path) -> None:
    """Refuse tensors that are not plain numbers in memory, or show more than their file holds."""
    for value in tensors_in(content):
        plain = value.layout == torch.strided and not value.is_quantized
        plain = plain and not value.is_complex() and value.device.type == "cpu"
        if not plain or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise RequestError(
                f"{path} holds a tensor, {tuple(value.shape)}, that is not stored as it is.",
                "Save its state dict alone, with torch.save(model.state_dict(), ...).",
            )


def tensors_in(content: Any) -> list[Tensor]:
    """Return the tensors in nested tables and lists, each once."""
    waiting, seen, tensors = [content], set(), []
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set):
            waiting.extend(value)
        elif isinstance(value, Tensor):
            tensors.append(value)
    return tensors


def _unreadable(path: Path) -> RequestError:
    return RequestError(
        f"{path} is not a readable PyTorch checkpoint: it is truncated or of another kind.",
        "Download it again.",
    )


def _numbers() -> list[Any]:
    """Return what numpy's scalars need to be unpickled: constructors of numbers, nothing else."""
    scalar = importlib.import_module(
        "numpy.core.multiarray" if np.__version__ < "2" else "numpy._core.multiarray"
    ).scalar
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    kinds = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    return [*names, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


def read_tensorflow(prefix: str) -> dict[str, Tensor]:
    """Return the variables of a TensorFlow checkpoint by name; see `read_checkpoint`."""
    try:
        tensorflow = importlib.import_module("tensorflow")
    except ImportError as error:
        raise RequestError(
            f"{prefix} is a TensorFlow checkpoint, and TensorFlow is not installed.",
            "Install it beside Levelform: pip install 'levelform[tensorflow]'.",
        ) from error
    try:
        reader = tensorflow.train.load_checkpoint(prefix)
        names = reader.get_variable_to_shape_map()
        values = {name: np.asarray(reader.get_tensor(name)) for name in sorted(names)}
    except (ValueError, RuntimeError, tensorflow.errors.OpError) as error:
        raise RequestError(
            f"{prefix} is not a readable TensorFlow checkpoint: {error}.", "Download it again."
        ) from error
    numeric = {name: value for name, value in values.items() if value.dtype.kind in "fiub"}
    return {name: torch.from_numpy(np.array(value)) for name, value in numeric.items()}


def state_dict_in(checkpoint: Mapping[str, Any], *places: str) -> dict[str, Tensor]:
    """Return the state dict of a checkpoint: at the first of `places` that it has, else itself.

    Values that are no tensors are left out, and so is the prefix of `DataParallel`.
    """
    inner = next(
        (checkpoint[p] for p in places if isinstance(checkpoint.get(p), Mapping)), checkpoint
    )
    tensors = {
        name.removeprefix("module."): t for name, t in inner.items() if isinstance(t, Tensor)
    }
    if not tensors:
        raise RequestError("The checkpoint holds no tensors.", "Choose the file of the weights.")
    return tensors


def require(tensors: Mapping[str, Tensor], names: Iterator[str] | list[str], *, what: str) -> None:
    """Refuse a checkpoint that lacks one of the names that identify `what`."""
    missing = [name for name in names if name not in tensors]
    if missing:
        raise RequestError(
            f"This is not a checkpoint of {what}: it lacks {missing[0]}.",
            "Check that the method and the file belong together.",
        )
