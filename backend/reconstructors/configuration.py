"""What every configuration of a method is, and the check of one that a file holds.

A file of weights comes from anywhere, and its header says how large a network to build and how to
run it. Each entry is checked by its declared type, choices and range before anything is built, so
that a senseless header ends in a sentence, and never in a network that can't run.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from ..contract.errors import RequestError
from ..images.framing import Framing

Ranges = Mapping[str, tuple[float, float]]
"""Least and greatest value of entries, by name."""

SIZE: tuple[float, float] = (1, 16384)
"""Range of an integer that declares none: channels, widths, lengths of a code."""
COUNT: tuple[float, float] = (1, 64)
"""Range of layers, blocks and steps; and the most entries of a list."""
WEIGHT: tuple[float, float] = (0.0, 1e6)
"""Range of a float that declares none: weights of losses, lengths in the volume's units."""

FRAMING_RANGES: Ranges = {
    "size": (8, 1024),
    "focal": (0.05, 100.0),
    "near": (1e-3, 1e4),
    "far": (1e-3, 1e4),
    "margin": (0.0, 0.45),
}


@dataclass(frozen=True)
class Configuration:
    """What every configuration has; each method adds its sizes, the paper's as defaults.

    Attributes
    ----------
    ranges : of entries for which those of their type, `SIZE` and `WEIGHT`, do not fit; of a list,
        the range of each item
    lengths : how many items a list has, where any other number makes no network
    """

    ranges: ClassVar[Ranges] = {}
    lengths: ClassVar[Mapping[str, int]] = {}

    framing: Framing

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-able numbers, words and lists."""
        return json.loads(json.dumps(_stored(self)))

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what `to_json` wrote.

        Raises
        ------
        RequestError
            If an entry is unknown or missing (it is another method's or another version's), or
            holds what makes no sense.
        """
        entries = _entries(cls, data, "The weights' configuration", cls.ranges)
        configuration = cls(**entries)
        configuration.check()
        return configuration

    def check(self) -> None:
        """Refuse a configuration that no network can be built from or run with.

        Raises
        ------
        RequestError
            Names the entry, what it holds, and what it may hold.
        """
        check_entries(self, self.ranges)
        check_entries(self.framing, FRAMING_RANGES, prefix="framing.")
        _check_order(self.framing.near, self.framing.far, "framing.near", "framing.far")
        for name, length in self.lengths.items():
            if len(getattr(self, name)) != length:
                raise _senseless(name, list(getattr(self, name)), f"a list of {length} numbers")

    def check_order(self, near: str, far: str) -> None:
        """Refuse a configuration whose entry `near` is not below its entry `far`."""
        if getattr(self, near) >= getattr(self, far):
            _check_order(getattr(self, near), getattr(self, far), near, far, strict=True)


def key_of(entry: dataclasses.Field[Any]) -> str:
    """Return the name of a field in files and on the command line; some fields have new names."""
    return entry.metadata.get("key", entry.name)


def _stored(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {key_of(f): _stored(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return value


def check_entries(value: Any, ranges: Ranges, *, prefix: str = "") -> None:
    """Check each entry of a dataclass by its declared type, choices and range."""
    hints = get_type_hints(type(value))
    for entry in dataclasses.fields(value):
        kind = hints[entry.name]
        if not dataclasses.is_dataclass(kind):
            limits = ranges.get(entry.name)
            _check_value(kind, getattr(value, entry.name), limits, f"{prefix}{key_of(entry)}")


def _entries(cls: type, data: Any, where: str, ranges: Ranges) -> dict[str, Any]:
    """Return JSON as keywords of a dataclass, refusing unknown, missing and mistyped entries."""
    if not isinstance(data, Mapping):
        raise RequestError(f"{where} is not a table of entries.", _HINT)
    hints = get_type_hints(cls)
    known = {key_of(entry): entry.name for entry in dataclasses.fields(cls)}
    required = {key_of(f) for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING}
    required |= {key for key, name in known.items() if dataclasses.is_dataclass(hints[name])}
    for names, what in (
        (data.keys() - known.keys(), "unknown"),
        (required - data.keys(), "missing"),
    ):
        if names:
            raise RequestError(
                f"{where} does not fit this version: the entry {min(names)!r} is {what}.", _HINT
            )
    entries = {}
    for key, value in data.items():
        name = known[key]
        kind = hints[name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            entries[name] = kind(**_entries(kind, value, f"{where}'s {key}", FRAMING_RANGES))
        else:
            value = tuple(value) if isinstance(value, list) else value
            _check_value(kind, value, ranges.get(name), key)
            entries[name] = value
    return entries


_HINT = "Use weights that this version of Levelform wrote."


def _check_value(kind: Any, value: Any, limits: tuple[float, float] | None, name: str) -> None:
    """Check one value by its declared type; `limits` None are those of the type."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind) or isinstance(value, bool):
            raise _senseless(name, value, f"one of {', '.join(map(str, get_args(kind)))}")
    elif get_origin(kind) in (Union, UnionType):
        if value is not None:
            (kind,) = (each for each in get_args(kind) if each is not type(None))
            _check_value(kind, value, limits, name)
    elif get_origin(kind) is tuple:
        _check_list(kind, value, limits, name)
    elif kind is bool:
        if not isinstance(value, bool):
            raise _senseless(name, value, "true or false")
    elif kind is int:
        _check_number(value, int, limits or SIZE, name)
    elif kind is float:
        _check_number(value, (int, float), limits or WEIGHT, name)
    elif not isinstance(value, kind):
        raise _senseless(name, value, f"a {kind.__name__}")


def _check_list(kind: Any, value: Any, limits: tuple[float, float] | None, name: str) -> None:
    if not isinstance(value, tuple) or not 1 <= len(value) <= COUNT[1]:
        raise _senseless(name, value, f"a list of 1 to {COUNT[1]:g} numbers")
    for index, item in enumerate(value):
        _check_value(get_args(kind)[0], item, limits, f"{name}[{index}]")


def _check_number(value: Any, kinds: Any, limits: tuple[float, float], name: str) -> None:
    lower, upper = limits
    whole = "a whole number" if kinds is int else "a number"
    if (
        isinstance(value, bool)
        or not isinstance(value, kinds)
        or not math.isfinite(float(value) if abs(value) < 1e300 else math.inf)
        or not lower <= value <= upper
    ):
        raise _senseless(name, value, f"{whole} from {lower:g} to {upper:g}")


def _check_order(near: float, far: float, first: str, last: str, *, strict: bool = False) -> None:
    if near > far or (strict and near == far):
        raise RequestError(f"The configuration has {first} {near:g} beyond {last} {far:g}.", _HINT)


def _senseless(name: str, value: Any, wanted: str) -> RequestError:
    seen = repr(value)
    seen = seen if len(seen) <= 60 else f"{seen[:57]}..."
    return RequestError(f"The configuration has {name} = {seen}, which is not {wanted}.", _HINT)
