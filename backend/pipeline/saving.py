"""Results in files: the code, or the state of a method that can continue.

A network's result is its code. A result of `fit` is the state of its optimiser with the images and
cameras, so the file contains everything needed to continue.
"""

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.protocol import ImageFile
from ..extraction import FieldSamples
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..geometry.volume import Volume
from ..images import decoding
from ..reconstructors import Code
from ..reconstructors.code_files import field_of_file
from .coloring import painter_of
from .kept import Improvable, Kept
from .networks import Networks

RESULT = "result"  # in a code's facts: volume, views and numbers of the result
IMAGE = "image."  # before the number of a view in the names of tensors
COMPRESSION = 4  # of the images


def saved_code(kept: Kept) -> Code:
    """Return the code of a result for its file.

    Raises
    ------
    RequestError
        If its method has nothing to save.
    """
    if kept.encoded is not None:
        return kept.encoded.code
    if kept.improvable is None:
        raise RequestError(
            f"A result of {kept.facts['method']} has no code to save.",
            "Reconstruct the object with one of the networks, or by `fit`.",
        )
    return _with_views(kept, kept.improvable)


def opened(path: str | Path, networks: Networks, device: str = "auto") -> Kept:
    """Return the result in a file of `saved_code`, ready to be meshed and improved.

    Raises
    ------
    RequestError
        If the file is missing or damaged, or its code can't be improved.
    """
    code = Code.load(path)
    kept = reopened(code, networks, path, device)
    if kept is None:
        raise RequestError(
            f"{Path(path).name} holds a code of {code.method}, which does not improve its results.",
            "Mesh it by `levelform morph`, or give a file that a fit was saved to.",
        )
    return kept


def reopened(code: Code, networks: Networks, path: str | Path, device: str = "auto") -> Kept | None:
    """Return the result of a code saved to continue; None for a network's code.

    Raises
    ------
    RequestError
        If the facts beside the code are damaged.
    """
    told = code.meta.get(RESULT)
    if told is None:
        return None
    tensors = {name: t for name, t in code.tensors.items() if not name.startswith(IMAGE)}
    facts = {name: value for name, value in code.meta.items() if name != RESULT}
    plain = replace(code, tensors=tensors, meta=facts)
    model = networks.load(code.method, None, device)
    field = field_of_file(model, plain, path)
    try:
        views = _views_in(code, told)
        known = {**told["facts"], "device": str(field.device)}
        known["world_from_volume"] = told["world_from_volume"]
        volume = Volume.from_matrix(np.array(told["world_from_volume"], np.float64))
        remarks = tuple(str(remark) for remark in told["remarks"])
        painter = painter_of(views, plain, {}, networks, device)
    except (
        KeyError,
        TypeError,
        ValueError,
        OSError,
        IndexError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
    ) as error:
        raise RequestError(
            f"The saved result {path} is damaged ({type(error).__name__}: {error}).",
            "Reconstruct the object again.",
        ) from error
    return Kept(field, volume, FieldSamples(), known, painter, Improvable(plain, views), remarks)


def _with_views(kept: Kept, state: Improvable) -> Code:
    images = {f"{IMAGE}{index}": _packed(view.image) for index, view in enumerate(state.views)}
    told = {
        "world_from_volume": _matrix(kept.volume).tolist(),
        "views": [_told(view) for view in state.views],
        "facts": dict(kept.facts),
        "remarks": [*kept.remarks],
    }
    meta = {**state.code.meta, RESULT: told}
    return replace(state.code, tensors={**state.code.tensors, **images}, meta=meta)


def _matrix(volume: Volume) -> np.ndarray:
    """Return (4, 4) the matrix that makes the same volume by `Volume.from_matrix`."""
    return volume.world_from_cube @ np.diag([*volume.box[1], 1.0])


def _told(view: View) -> dict[str, Any]:
    camera = None if view.camera is None else view.camera.to_transforms()
    return {"name": view.name, "camera": camera}


def _views_in(code: Code, told: Mapping[str, Any]) -> tuple[View, ...]:
    return tuple(
        View(
            _unpacked(code.tensors[f"{IMAGE}{index}"]),
            None if one["camera"] is None else Camera.from_transforms(one["camera"]),
            one["name"],
        )
        for index, one in enumerate(told["views"])
    )


def _packed(image: Tensor) -> Tensor:
    """Return the bytes, (N,) uint8, of an image's PNG."""
    from PIL import Image

    file = io.BytesIO()
    pixels = (image.cpu() * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    Image.fromarray(pixels).save(file, "PNG", compress_level=COMPRESSION)
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)


def _unpacked(png: Tensor) -> Tensor:
    """Return the image, (H, W, 4) floats, of a PNG's bytes."""
    with decoding.opened(ImageFile("a saved result's image", png.cpu().numpy())) as file:
        return torch.from_numpy(np.asarray(file.convert("RGBA"), np.float32) / 255)
