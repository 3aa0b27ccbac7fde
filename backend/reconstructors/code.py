"""The code of an object: what `encode` returns and `decode` takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import RequestError
from .storage import read_tensors, write_tensors


@dataclass(frozen=True)
class Code:
    """What `encode` makes of the views of one object; decoding needs nothing else.

    Attributes
    ----------
    method : name of the method that made it
    tensors : numbers by name; floating-point tensors can be averaged and blended
    meta : JSON-able facts that the method needs to decode (sizes, names)
    fixed : names of tensors that are never blended: cameras, and whatever depends on them pixel by
        pixel
    """

    method: str
    tensors: Mapping[str, Tensor]
    meta: Mapping[str, Any] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()

    def to(self, device: torch.device | str) -> "Code":
        """Return the code on another device."""
        return replace(self, tensors={name: t.to(device) for name, t in self.tensors.items()})

    def lerp(self, other: "Code", weight: float) -> "Code":
        """Return `(1 - weight) * self + weight * other`, exactly this code if both are equal.

        Raises
        ------
        RequestError
            As `blend`.
        """
        self._check_blend(other)
        blended = {
            name: torch.lerp(t, other.tensors[name].to(t), weight)
            for name, t in self.tensors.items()
            if t.is_floating_point() and name not in self.fixed
        }
        return replace(self, tensors={**self.tensors, **blended})

    @staticmethod
    def blend(codes: Sequence["Code"], weights: Sequence[float]) -> "Code":
        """Return the weighted sum of codes; integers and fixed tensors are the first code's.

        Parameters
        ----------
        codes
            One or more.
        weights
            Their sum is 1; below 0 and above 1 they extrapolate.

        Raises
        ------
        RequestError
            If the codes are of different methods or shapes, or of different cameras: half of one
            camera's matrix and half of another's is not a camera.
        """
        first, *others = codes
        for other in others:
            first._check_blend(other)
        blended = {
            name: sum(
                (
                    weight * code.tensors[name].to(t)
                    for code, weight in zip(codes, weights, strict=True)
                ),
                torch.zeros_like(t),
            )
            for name, t in first.tensors.items()
            if t.is_floating_point() and name not in first.fixed
        }
        return replace(first, tensors={**first.tensors, **blended})

    def _check_blend(self, other: "Code") -> None:
        """Refuse a code that can't be blended with this one."""
        shapes = {name: t.shape for name, t in self.tensors.items()}
        if self.method != other.method or shapes != {n: t.shape for n, t in other.tensors.items()}:
            raise RequestError(
                f"A {self.method} code and a {other.method} code of other shape can't be blended.",
                "Encode both objects with the same method and weights.",
            )
        if self._of_views() != other._of_views() or not all(
            torch.equal(self.tensors[name], other.tensors[name].to(self.tensors[name]))
            for name in self.fixed
        ):
            raise RequestError(
                "Codes of different cameras can't be blended.",
                "Encode both from the same cameras, or by a method whose codes have none: "
                "Deep Meta Functionals, Training Data Generating Networks, Occupancy Network.",
            )

    def _of_views(self) -> tuple[frozenset[str], str]:
        """Return what two codes must share to be blended, beside their fixed tensors."""
        return self.fixed, json.dumps(self.meta, sort_keys=True)

    @staticmethod
    def average(codes: Sequence["Code"]) -> "Code":
        """Return the mean of codes of one method and shape; integers are the first code's."""
        if not codes:
            raise RequestError("No codes were given to average.", "Give one or more.")
        mean = codes[0]
        for count, code in enumerate(codes[1:], start=2):
            mean = mean.lerp(code, 1.0 / count)
        return mean

    def save(self, path: str | Path) -> None:
        """Write the code as a safetensors file."""
        header = {"kind": "code", "method": self.method, "meta": dict(self.meta)}
        header["fixed"] = sorted(self.fixed)
        write_tensors(path, self.tensors, header)

    @classmethod
    def load(cls, path: str | Path) -> "Code":
        """Read what `save` wrote.

        Raises
        ------
        RequestError
            If the file is missing, damaged, or holds something else.
        """
        tensors, header, _ = read_tensors(path)
        if header.get("kind") != "code":
            raise RequestError(
                f"{path} holds {header.get('kind', 'something else')}, not a code.",
                "Choose a file that Levelform saved as a code.",
            )
        method, meta, fixed = header.get("method"), header.get("meta"), header.get("fixed", [])
        named = isinstance(fixed, list) and all(isinstance(name, str) for name in fixed)
        if not isinstance(method, str) or not isinstance(meta, dict) or not named:
            raise RequestError(f"{path} is damaged: its header is not a code's.", "Save it again.")
        if any(t.isnan().any() for t in tensors.values() if t.is_floating_point()):
            raise RequestError(
                f"{path} is damaged: it has values that are not numbers.", "Save it again."
            )
        return cls(method, tensors, meta, frozenset(fixed))
