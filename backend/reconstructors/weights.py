"""Where weights come from, and whether they fit a network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..contract.errors import RequestError


@dataclass(frozen=True)
class WeightsInfo:
    """Where a network's weights come from.

    Attributes
    ----------
    name : "bundled", "random", "" (none) or the name of the file
    hash : SHA-256 of their file, hexadecimal; empty when they have none
    training, results : what the file says of the data it was trained on, and how well it does
    """

    name: str = ""
    hash: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.hash[:12]}".strip()


def check_fit(
    own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, title: str, source: str
) -> None:
    """Refuse a state dict that does not fit a network's own, or is not finite.

    Parameters
    ----------
    own
        The network's state dict.
    tensors
        What should replace it.
    title, source
        What to call the method and the file in a message.

    Raises
    ------
    RequestError
        Names the first tensor that is missing, superfluous, of another shape or type, or holds
        numbers that are not finite.
    """
    problems = list(_misfits(own, tensors))
    if problems:
        raise RequestError(
            f"{source} does not fit {title}: {problems[0]}.",
            "Check the method and the configuration that the weights belong to.",
        )
    sick = [n for n, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]
    if sick:
        raise RequestError(
            f"{source} holds numbers that are not finite, in {sick[0]}.",
            "The training that made it diverged; use an earlier checkpoint.",
        )


def _misfits(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield what keeps a state dict from fitting, in words that follow the file's name."""
    for name in sorted(own.keys() - tensors.keys()):
        yield f"it lacks {name}"
    for name in sorted(tensors.keys() - own.keys()):
        yield f"it has no place for {name}"
    for name in sorted(own.keys() & tensors.keys()):
        wanted, given = own[name], tensors[name]
        if wanted.shape != given.shape:
            yield f"{name} is {tuple(given.shape)}, not {tuple(wanted.shape)}"
        elif wanted.is_floating_point() != given.is_floating_point():
            yield f"{name} is of {given.dtype}, not {wanted.dtype}"
