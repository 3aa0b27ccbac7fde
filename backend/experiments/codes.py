"""Codes of many objects as one table, for t-SNE, retrieval and norms (TDGN appendix A.2)."""

from pathlib import Path

import numpy as np
import torch

from ..contract.errors import RequestError
from ..geometry.writing import written_whole
from ..reconstructors import Code


class CodeTable:
    """Rows of numbers with names and categories."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self._names: list[str] = []
        self._categories: list[str] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def size(self) -> int:
        """How many numbers a code has; 0 without rows."""
        return len(self._rows[0]) if self._rows else 0

    def add(self, name: str, category: str, code: Code) -> None:
        """Add an object.

        Raises
        ------
        RequestError
            If its code has another size than those before.
        """
        row = vector_of(code)
        if self._rows and len(row) != self.size:
            raise RequestError(
                f"The code of {name} has {len(row)} numbers, those before have {self.size}.",
                "Encode each object from the same number of images.",
            )
        self._rows.append(row)
        self._names.append(name)
        self._categories.append(category)

    def write(self, path: str | Path) -> None:
        """Write a .npz with `codes` (N, D) float32, `ids` and `categories`."""
        codes = np.stack(self._rows) if self._rows else np.zeros((0, 0), np.float32)
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file, codes=codes, ids=np.array(self._names), categories=np.array(self._categories)
            )


def vector_of(code: Code) -> np.ndarray:
    """Return what a code says of the object as one vector, (D,) float32.

    Tensors of vectors (embedding, lambda, latents, global features); where a code has none of
    these, all of its numbers. Cameras and weights of views are left out.
    """
    numbers = {
        name: tensor
        for name, tensor in sorted(code.tensors.items())
        if tensor.is_floating_point() and name not in code.fixed and name != "shares"
    }
    vectors = [tensor for tensor in numbers.values() if tensor.ndim <= 2]
    chosen = vectors or list(numbers.values())
    return torch.cat([tensor.flatten() for tensor in chosen]).float().cpu().numpy()
