"""Tensors with a header in one safetensors file: weights and codes.

The file's metadata holds the header as JSON and a SHA-256 over header and tensors, so that a
damaged file is refused and an object in Blender can name the exact weights that made it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..contract.errors import RequestError

Precision = Literal["float32", "float16", "int8"]

SCALE = "::scale"  # suffix of the name of a tensor that scales an int8 one

_HEADER_LIMIT = 4 << 20  # characters of JSON; the bundled weights' take some ten thousand
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.int8, torch.int32, torch.int64, torch.uint8, torch.bool)


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], header: dict[str, Any]) -> str:
    """Write a file beside its target and move it into place; return its hash."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(header, sort_keys=True)
    digest = content_hash(stored, text)
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.touch()
        mode = partial.stat().st_mode  # what the user's files have; the library's are private
        save_file(stored, partial, {"levelform": text, "sha256": digest})
        partial.chmod(mode)
        os.replace(partial, target)
    except (OSError, SafetensorError) as error:
        raise RequestError(
            f"{target} can't be written: {error}.", "Choose another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return digest


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """Return the tensors, the header and the hash of a file that `write_tensors` wrote.

    Raises
    ------
    RequestError
        If the file is missing, truncated, damaged, or not one of ours.
    """
    if not Path(path).is_file():
        raise RequestError(f"The file {path} does not exist.", "Check the path.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise RequestError(
            f"{path} is not a readable safetensors file: it is truncated or of another kind.",
            "Download or export it again; other checkpoints go through `levelform import`.",
        ) from error
    if "levelform" not in metadata:
        raise RequestError(
            f"{path} is a safetensors file, but not one of Levelform's.",
            "Turn a published checkpoint into one with `levelform import`.",
        )
    if content_hash(tensors, metadata["levelform"]) != metadata.get("sha256"):
        raise RequestError(f"{path} is damaged: its hash does not fit.", "Get the file again.")
    return tensors, _read_header(path, metadata["levelform"]), metadata["sha256"]


def read_header(path: str | Path) -> dict[str, Any]:
    """Return the header of a file that `write_tensors` wrote, without reading its tensors.

    Raises
    ------
    RequestError
        If the file is missing, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})["levelform"]
    except (SafetensorError, OSError, KeyError) as error:
        raise RequestError(
            f"{path} is not one of Levelform's files.",
            "Turn a published checkpoint into one with `levelform import`.",
        ) from error
    return _read_header(path, text)


def _read_header(path: str | Path, text: str) -> dict[str, Any]:
    """Return the header's JSON, refusing one that is not a table or is huge."""
    try:
        if len(text) > _HEADER_LIMIT:
            raise ValueError(f"it is longer than {_HEADER_LIMIT >> 20} MiB")
        header = json.loads(text)
        if not isinstance(header, dict):
            raise ValueError("it is not a table of entries")
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"The header of {path} can't be read: {error}.",
            "Use a file that this version of Levelform wrote.",
        ) from error
    return header


def content_hash(tensors: Mapping[str, Tensor], header: str) -> str:
    """Return the SHA-256, in hexadecimal, of a header and of tensors in order of their names."""
    digest = hashlib.sha256(header.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def pack(tensors: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    """Return tensors as they are stored.

    Matrices and kernels take the precision; vectors (biases, norms' statistics) stay float32.
    "int8" has one scale for each first index.
    """
    packed = {}
    for name, tensor in tensors.items():
        if precision == "float32" or not tensor.is_floating_point() or tensor.ndim < 2:
            packed[name] = tensor
        elif precision == "float16":
            packed[name] = tensor.half()
        else:
            scale = tensor.abs().flatten(1).amax(1).clamp(min=1e-12) / 127
            shaped = scale.reshape(-1, *[1] * (tensor.ndim - 1))
            packed[name] = (tensor / shaped).round().to(torch.int8)
            packed[name + SCALE] = scale.float()
    return packed


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return stored tensors in float32; integers that are no weights as they are.

    Raises
    ------
    RequestError
        See `check_stored`.
    """
    check_stored(tensors)
    unpacked = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE):
            continue
        if name + SCALE in tensors:
            scale = tensors[name + SCALE].float()
            tensor = tensor.float() * scale.reshape(-1, *[1] * (tensor.ndim - 1))
        unpacked[name] = tensor.float() if tensor.is_floating_point() else tensor
    return unpacked


def check_stored(tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that `pack` never makes.

    Raises
    ------
    RequestError
        If a tensor is of a kind that is never stored, or a scale fits no tensor.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in (*_FLOATS, *_INTEGERS):
            raise RequestError(
                f"{name} is of {tensor.dtype}, which no weights are stored as.",
                "Convert it to float32 or float16.",
            )
        if name.endswith(SCALE):
            scaled = name.removesuffix(SCALE)
            if scaled not in tensors:
                raise RequestError(
                    f"{name} scales a tensor that the file does not hold.",
                    "Download or save the weights again.",
                )
            _check_scale(scaled, tensors[scaled], tensor)


def _check_scale(name: str, tensor: Tensor, scale: Tensor) -> None:
    """Refuse a scale that is not one number for each first index of a tensor."""
    if tensor.ndim < 1 or scale.shape != tensor.shape[:1] or not scale.is_floating_point():
        raise RequestError(
            f"{name}{SCALE} is {tuple(scale.shape)} and scales {tuple(tensor.shape)}: "
            "one number for each first index belongs there.",
            "Download or save the weights again.",
        )
