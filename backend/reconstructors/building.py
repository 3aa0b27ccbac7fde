"""Networks built as a file of weights says, within what the file itself holds.

A network is no larger than the tensors that fill it, so a header that asks for more is refused at
the first parameter beyond them, before memory is taken.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..contract.errors import RequestError

Network = TypeVar("Network")

_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full)
_SLACK = 4 << 20  # elements: grids and constants that no file stores
_DEPTH = 100  # of nested lists and tables in what a header tells; a network trained on others nests
_HINT = "Use weights that this version of Levelform wrote."


def build(
    cls: Callable[[Any], Network],
    configuration: Any,
    stored: Mapping[str, Tensor],
    *,
    source: str,
) -> Network:
    """Return a new network of a configuration.

    Parameters
    ----------
    configuration
        Checked by itself, see `Configuration.check`.
    stored
        The tensors that will fill it, by name.
    source
        What to call the file in a message.

    Raises
    ------
    RequestError
        If the network would be larger than the tensors, or its sizes do not go together.
    """
    with within(sum(tensor.numel() for tensor in stored.values()), source=source):
        return cls(configuration)


@contextmanager
def within(held: int, *, source: str) -> Iterator[None]:
    """Refuse networks with more than `held` numbers, and errors raised inside.

    Raises
    ------
    RequestError
        As `build` does.
    """
    try:
        with _Budget(2 * held + _SLACK):
            yield
    except _TooLargeError as error:
        raise RequestError(
            f"{source} asks for a network of more than {error.asked:,} numbers and holds {held:,}.",
            _HINT,
        ) from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        words = str(e).split("\n")[0].rstrip(".")[:200]
        raise RequestError(
            f"{source} holds what no network can be built from ({type(e).__name__}: {words}).",
            _HINT,
        ) from e


def check_facts(
    header: Mapping[str, Any], known: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a header says of training and results; `known` are the method's parts.

    Raises
    ------
    RequestError
        If one is not a table, nests too deep, or names a part that the method does not have.
    """
    training, results = (_table(header, name) for name in ("training", "results"))
    parts = training.get("parts", {})
    if not isinstance(parts, dict) or not all(isinstance(part, dict) for part in parts.values()):
        raise RequestError("The weights' parts are not a table of tables.", _HINT)
    strays = sorted(parts.keys() - set(known))
    if strays:
        raise RequestError(f"The method has no part {strays[0]!r}, which its weights name.", _HINT)
    strays = sorted(n for n, v in results.items() if isinstance(v, dict | list))
    if strays:
        raise RequestError(f"The weights' result {strays[0]!r} is not a number or a word.", _HINT)
    return training, results


def _table(header: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = header.get(name)
    if not isinstance(value, dict) or _too_deep(value):
        raise RequestError(f"The weights' {name} is not a table of plain values.", _HINT)
    return value


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEPTH):
        level = [
            item
            for each in level
            for item in (each.values() if isinstance(each, dict) else each)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


class _TooLargeError(Exception):
    def __init__(self, asked: int) -> None:
        super().__init__(asked)
        self.asked = asked


class _Budget(TorchFunctionMode):
    """Refuses to make tensors of more elements altogether than a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._asked = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _FACTORIES:
            self._asked += _elements(func, args)
            if self._asked > self._limit:
                raise _TooLargeError(self._asked)
        return func(*args, **(kwargs or {}))


def _elements(func: Any, args: tuple[Any, ...]) -> int:
    """Return how many elements a factory is asked for; sizes given by name count as none."""
    sizes = args[:1] if func is torch.full else args
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list | torch.Size):
        sizes = sizes[0]
    return math.prod(size for size in sizes if isinstance(size, int))
