"""Files of codes that no network made: other shapes, numbers without sense, facts exchanged."""

import random
from pathlib import Path
from typing import Any

import torch
from levelform.backend.contract import protocol
from levelform.backend.contract.image_files import image_file
from levelform.backend.reconstructors import WEIGHTS_FOLDER
from levelform.backend.reconstructors.storage import read_tensors, write_tensors
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from torch import Tensor

from .counts import Counts

METHODS = ("tdgn", "deep-meta-functionals", "occupancy-network", "disn", "levelform")
IMAGE = WEIGHTS_FOLDER.parent / "sample" / "chair" / "images"
VALUES = (None, -1, 1e300, "x", [], {}, True, 10**18, [[1]], "max")


def codes(folder: Path, *, cases: int, seed: int = 0) -> Counts:
    """Blend results with garbled files of codes, at a low resolution."""
    counts = Counts("codes in files", limit=20.0)
    draw = random.Random(seed)
    session = Session()
    good = {method: _good(session, method, folder) for method in METHODS}
    path = folder / "hostile.safetensors"
    for index in range(cases):
        method = METHODS[index % len(METHODS)]
        tensors, header, _ = read_tensors(good[method])
        _spoil(dict(tensors), header, draw, path)
        counts.attempt(method, lambda: _decode(session, path))
    return counts


def _good(session: Session, method: str, folder: Path) -> Path:
    """Return the file of an honest code."""
    image = sorted(IMAGE.glob("*.png"))[0]
    views = (protocol.ViewData(None, None, "view", image_file(image)),)
    request = protocol.Reconstruct("job", method, views, resolution=32, keep=method)
    list(session.reconstruct(request, Ticket()))
    path = folder / f"{method}.safetensors"
    list(session.save_code(protocol.SaveCode("job", method, str(path)), Ticket()))
    return path


def _decode(session: Session, path: Path) -> None:
    list(session.blend(protocol.Blend("job", (str(path),), (1.0,), resolution=32), Ticket()))


def _spoil(
    tensors: dict[str, Tensor], header: dict[str, Any], draw: random.Random, path: Path
) -> None:
    """Write a code with one to three things wrong."""
    for _ in range(draw.choice([1, 1, 3])):
        name = draw.choice([*tensors, None, None]) if tensors else None
        if name is None:
            place = draw.choice([header, header["meta"] if isinstance(header.get("meta"), dict)
                                 else header])  # fmt: skip
            if place:
                key = draw.choice(list(place))
                if draw.random() < 0.3:
                    del place[key]
                else:
                    place[key] = draw.choice(VALUES)
            continue
        tensor = tensors[name]
        tensors[name] = draw.choice(_versions(tensor)).contiguous().clone()
        if draw.random() < 0.2:
            del tensors[name]
    write_tensors(path, tensors, header)


def _versions(tensor: Tensor) -> list[Tensor]:
    """Return a tensor in other shapes, of other numbers, of other types."""
    odd = (
        torch.full(tensor.shape, float("nan")) if tensor.is_floating_point() else tensor.long() - 7
    )
    return [
        tensor[:1], tensor[..., :1], tensor[:0], tensor[None], tensor.flatten(), torch.zeros(()),
        torch.cat([tensor, tensor]), odd, tensor.double() * 1e6, tensor.to(torch.int64),
        tensor.to(torch.float16),
    ]  # fmt: skip
