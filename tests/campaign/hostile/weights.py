"""Weights that are consistent (right hash) and senseless, and checkpoints that are garbled."""

import copy
import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from levelform.backend.contract import protocol
from levelform.backend.reconstructors import (
    WEIGHTS_FOLDER,
    can_import,
    import_checkpoint,
    load_reconstructor,
    methods,
)
from levelform.backend.reconstructors.storage import content_hash
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from safetensors import safe_open
from safetensors.torch import save_file

from .counts import Counts

VALUES = (
    float("nan"), float("inf"), -1, 0, 1, 2, 3, 1e9, 10**9, 10**400, 1e300, -1e300, 0.5, "x", "",
    None, [], {}, [1] * 1000, [[1]], [float("nan")] * 3, True, False, 65536, -0.0, 1e-300, 63,
)  # fmt: skip
BAD_FRAMES = (
    None, [], 3, "x", [[1, 2], [3]], np.zeros((4, 4)).tolist(), (np.eye(4) * 1e300).tolist(),
    np.full((4, 4), 1e-200).tolist(), np.diag([1, 1, -1, 1]).tolist(), np.eye(3).tolist(),
    np.diag([1, 2, 1, 1]).tolist(), [[float("nan")] * 4] * 4, [["1"] * 4] * 4, {"a": 1},
)  # fmt: skip
FACTS = (None, 3, "x", [], [1], {"parts": None}, {"parts": {"engine": {}}}, {"parts": {"main": 3}},
         {"parts": {}}, {"parts": [1]}, {"level": [1]}, {"a": {"b": {}}})  # fmt: skip


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Return the tensors and the header of a file of weights."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["levelform"])


def write(path: Path, tensors: dict[str, torch.Tensor], text: str) -> None:
    """Write a file of weights whose hash is right."""
    save_file(tensors, path, {"levelform": text, "sha256": content_hash(tensors, text)})


def texts(header: dict, draw: random.Random) -> Iterator[tuple[str, str]]:
    """Yield names and texts of senseless headers without end."""
    whole = json.dumps(header)
    kinds = [_entry, _entry, _entry, _framing, _missing, _frame, _facts, _top, _garbled]
    while True:
        kind = draw.choice(kinds)
        yield kind(copy.deepcopy(header), whole, draw)


def _entry(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    name, value = draw.choice(sorted(header["configuration"])), draw.choice(VALUES)
    header["configuration"][name] = value
    return f"{name}={value!r:.40}", json.dumps(header)


def _framing(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    framing = header["configuration"]["framing"]
    name, value = draw.choice(sorted(framing)), draw.choice(VALUES)
    framing[name] = value
    return f"framing.{name}={value!r:.40}", json.dumps(header)


def _missing(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    table = draw.choice([header, header["configuration"], header["configuration"]["framing"]])
    name = draw.choice(sorted(table))
    if draw.random() < 0.5:
        del table[name]
    else:
        table["stray"] = draw.choice(VALUES)
    return f"without {name} or with a stray", json.dumps(header)


def _frame(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    header["frame"] = draw.choice(BAD_FRAMES)
    return f"frame={header['frame']!r:.40}", json.dumps(header)


def _facts(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    name = draw.choice(["training", "results"])
    header[name] = draw.choice(FACTS)
    return f"{name}={header[name]!r:.40}", json.dumps(header)


def _top(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    name = draw.choice(["kind", "method", "configuration"])
    header[name] = draw.choice(VALUES)
    return f"{name}={header[name]!r:.40}", json.dumps(header)


def _garbled(header: dict, whole: str, draw: random.Random) -> tuple[str, str]:
    cut = draw.randrange(len(whole))
    garbled = (
        whole[:cut],
        whole[:cut] + draw.choice('{}[]",:0e') + whole[cut + 1 :],
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 500 + "1" + "}" * 500,
        draw.choice(["3", "null", '"x"', "[]", "[1, 2]", "NaN"]),
        whole[:-1] + ', "pad": "' + "x" * (5 << 20) + '"}',
    )
    return "garbled text", draw.choice(garbled)


def damaged(tensors: dict, draw: random.Random) -> tuple[str, dict]:
    """Return the tensors with one of them changed."""
    names = sorted(tensors)
    name = draw.choice(names)
    old, changed = tensors[name], dict(tensors)
    kinds: list[tuple[str, Callable[[], torch.Tensor | None]]] = [
        ("left out", lambda: None),
        ("flat", lambda: old.reshape(-1)),
        ("empty", lambda: old.flatten()[:0].clone()),
        ("scalar", lambda: torch.tensor(1.0)),
        ("float64", lambda: old.double()),
        ("int32", lambda: old.int() if not old.is_complex() else old),
        ("bool", lambda: old.bool()),
        ("uint8", lambda: old.to(torch.uint8)),
        ("nan", lambda: torch.full(old.shape, float("nan"))),
        ("huge", lambda: torch.full(old.shape, 3e38)),
        ("negative", lambda: torch.full(old.shape, -1.0)),
        ("longer", lambda: torch.cat([old.reshape(-1), old.reshape(-1)])),
    ]
    kind, make = draw.choice(kinds)
    value = make()
    if value is None:
        del changed[name]
    else:
        changed[name] = value.contiguous()
    if draw.random() < 0.2:
        changed[f"{draw.choice(names)}{draw.choice(['::scale', '.stray'])}"] = torch.ones(3)
    return f"{name} {kind}", changed


def job(weights: str, method: str) -> None:
    """Use weights for a small job of one view."""
    image = np.zeros((64, 64, 4), np.uint8)
    image[16:48, 20:44] = (200, 100, 50, 255)
    pose = np.array([[1, 0, 0, 0], [0, 0, -1, -3.2], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)
    camera = protocol.CameraData(pose, 74.67, 74.67, 32.0, 32.0, 64, 64)
    request = protocol.Reconstruct(
        "job", method, (protocol.ViewData(image, camera, "view"),), np.eye(4), 32, weights=weights
    )
    for _ in Session().reconstruct(request, Ticket()):
        pass


def load(weights: str, method: str) -> None:
    """Load weights alone."""
    load_reconstructor(method, weights, "cpu")


def headers(folder: Path, *, cases: int, seed: int = 0, use: bool = True) -> Counts:
    """Try senseless headers of each bundled file, and tensors that do not fit theirs.

    What loads is used for a small job too, unless `use` is false.
    """
    counts = Counts("weights", limit=120.0)  # an honest job of UCLID-Net, beside others
    draw = random.Random(seed)
    files = [read(path) for path in sorted(WEIGHTS_FOLDER.glob("*.safetensors"))]
    attempt = job if use else load
    attempt("chair", "sdf-srn")  # torch looks at the processor once, with a process
    for index in range(cases):
        tensors, header = files[index % len(files)]
        if draw.random() < 0.8:
            name, text = next(texts(header, draw))
        else:
            name, tensors = damaged(tensors, draw)
            text = json.dumps(header)
        path = folder / "hostile.safetensors"
        try:
            write(path, tensors, text)
        except (TypeError, ValueError):  # the writer's own limits
            continue
        method = header["method"]
        counts.attempt(f"{method}: {name}", lambda p=path, m=method: attempt(str(p), m))
    return counts


# ---------------------------------------------------------------- published checkpoints


class Mark:
    """What leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return (open, (str(self._path), "w"))


def checkpoints(folder: Path, *, cases: int, seed: int = 0) -> Counts:
    """Try garbled and hostile PyTorch files through the import of every method that has one."""
    counts = Counts("checkpoints", limit=20.0)
    draw = random.Random(seed)
    mark, path = folder / "mark", folder / "hostile.pth"
    importing = [cls for cls in methods().values() if can_import(cls)]
    for index in range(cases):
        kind = draw.choice([_bomb, _flipped, _cut, _stretched, _squeezed, _nested, _unlike])
        path.write_bytes(kind(draw, mark))
        cls = importing[index % len(importing)]
        name = f"{cls.spec.name}: {kind.__name__}"
        counts.attempt(name, lambda c=cls: import_checkpoint(c, [path]))
        if mark.exists():
            counts.fault("executed", name)
            mark.unlink()
    return counts


NAMES = (
    "decoder.fc_p.weight", "encoder.fc.weight", "decoder.block0.fc_0.weight", "graph", "model",
    "encoder_2D.conv1.weight", "conv1x1_l4.weight", "conv1x1_l3.weight", "vgg_16/fc8/weights",
    "vgg_16/fc6/weights", "sdfprediction/fold1/conv1/weights", "2d_cnn_model/Input/weights",
    "2d_cnn_model/fully/w0/Matrix", "vgg_16/conv1/conv1_1/weights",
)  # fmt: skip


def _saved(content: object, *, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _likely(draw: random.Random) -> dict:
    """Return tensors under names that the importers look for, of odd shapes."""
    shapes = [(), (0,), (3,), (8, 3), (64, 3, 7, 7), (1, 1, 1, 1), (512, 8), (256, 256)]
    tensors = {name: torch.ones(draw.choice(shapes)) for name in NAMES if draw.random() < 0.8}
    for place in ("graph", "model"):
        if draw.random() < 0.5:
            tensors[place] = draw.choice([tensors.copy(), 3, "x", [1], None])
    return tensors


def _bomb(draw: random.Random, mark: Path) -> bytes:
    content = {"model": {"a": torch.ones(2)}, draw.choice(["epoch", "graph", "x"]): Mark(mark)}
    return _saved(content, zipped=draw.random() < 0.5)


def _flipped(draw: random.Random, mark: Path) -> bytes:
    data = bytearray(_saved(_likely(draw), zipped=draw.random() < 0.3))
    for _ in range(draw.randrange(1, 30)):
        data[draw.randrange(min(len(data), 2000))] = draw.randrange(256)
    return bytes(data)


def _cut(draw: random.Random, mark: Path) -> bytes:
    data = _saved(_likely(draw), zipped=draw.random() < 0.5)
    return data[: draw.randrange(len(data))]


def _stretched(draw: random.Random, mark: Path) -> bytes:
    tensors = _likely(draw)
    for name in draw.sample(NAMES, 4):
        tensors[name] = torch.ones(1).expand(draw.choice([(1 << 40,), (1 << 20, 1 << 20)]))
    return _saved({"model": tensors, "graph": tensors, **tensors})


def _squeezed(draw: random.Random, mark: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("archive/data.pkl", pickle.dumps({}, 2))
        packed.writestr("archive/version", "3")
        packed.writestr("archive/data/0", bytes(8 << 20))
    return out.getvalue()


def _nested(draw: random.Random, mark: Path) -> bytes:
    content: object = torch.ones(1)
    for _ in range(draw.choice([10, 200])):
        content = {draw.choice(NAMES): content}
    return _saved(content, zipped=False)


def _unlike(draw: random.Random, mark: Path) -> bytes:
    return _saved(_likely(draw))
