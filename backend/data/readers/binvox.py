"""Read binvox files: run-length coded voxels, as 3D-R2N2 and Occupancy Networks publish them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...contract.errors import RequestError


@dataclass(frozen=True)
class Voxels:
    """A bool grid [x, y, z] over the cube with the lower corner `corner`, (3,), and side `side`."""

    grid: np.ndarray
    corner: np.ndarray
    side: float


def read_binvox(path: str | Path) -> Voxels:
    """Read a binvox file, version 1.

    In the file x varies slowest, then z, and y fastest.

    Raises
    ------
    RequestError
        If the file is missing, truncated or not binvox.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(
            f"{path} can't be read: {error.strerror}.", "Check its permissions."
        ) from error
    head, mark, data = content.partition(b"data\n")
    if not mark or not head.startswith(b"#binvox 1"):
        raise RequestError(f"{path} is not a binvox file.", "Download the data set again.")
    keys = {line.split()[0]: line.split()[1:] for line in head.decode("ascii").splitlines()[1:]}
    try:
        x, z, y = (int(word) for word in keys["dim"])
        corner = np.array([float(word) for word in keys["translate"]])
        side = float(keys["scale"][0])
    except (KeyError, ValueError, IndexError) as error:
        raise RequestError(
            f"The head of {path} is garbled: {error}.", "Download the file again."
        ) from error
    runs = np.frombuffer(data[: len(data) // 2 * 2], np.uint8).reshape(-1, 2)
    cells = np.repeat(runs[:, 0] > 0, runs[:, 1])
    if len(cells) != x * y * z:
        raise RequestError(
            f"{path} holds {len(cells)} cells instead of {x * y * z}.", "Download the file again."
        )
    return Voxels(cells.reshape(x, z, y).transpose(0, 2, 1), corner, side)
