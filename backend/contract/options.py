"""Declared options: their names, kinds, ranges and effects.

A method declares its own in its `MethodSpec`; `PIPELINE` holds the options of meshing, common to
all methods. The panel draws them, `levelform methods` lists them, and the terminal, `--command`,
`api` and the worker check values by the same `read_options`, so that an error reads the same
everywhere.
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from .errors import RequestError

WORDS_FOR_TRUE = ("true", "yes", "on", "1")
WORDS_FOR_FALSE = ("false", "no", "off", "0")
FINEST = 1024  # cells along the longest side of the volume
COARSEST = 8


@dataclass(frozen=True)
class Option:
    """A named option.

    Attributes
    ----------
    name : as it is typed
    kind : "bool", "int", "float", "choice" or "text"
    default : the value if not given; None: the option is off, and None may be given
    help : one clause for the artist
    minimum, maximum : of a number, both included; None: no limit
    choices : the words of a "choice"
    stage : "method", or the part of the pipeline that it changes: "views", "field", "mesh", "clean"
        or "color"
    """

    name: str
    kind: str
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    stage: str = "method"

    @property
    def allowed(self) -> str:
        """The allowed values in words: "yes or no", "a whole number from 2 to 64"."""
        if self.kind == "bool":
            words = "yes or no"
        elif self.kind == "choice":
            words = one_of(self.choices)
        elif self.kind == "text":
            words = "text"
        else:
            noun = "a whole number" if self.kind == "int" else "a number"
            words = f"{noun}{_range(self.minimum, self.maximum)}"
        return f"{words}, or none" if self.default is None else words

    def read(self, value: Any, subject: str = "") -> Any:
        """Return a value of the option's kind from a typed value or from a word.

        `subject` names the option in the message; empty: its name.

        Raises
        ------
        RequestError
            If it has another kind, is outside the range, or is not a choice.
        """
        if self.default is None and (value is None or _word(value) in ("none", "")):
            return None
        plain = value.item() if isinstance(value, np.generic) else value
        result = _READERS[self.kind](self, plain)
        if result is None:
            raise RequestError(
                f"{subject or self.name} is {self.allowed}, not {plain!r}.",
                f"The default is {self.shown}.",
            )
        return result

    @property
    def shown(self) -> str:
        """The default as a person would type it."""
        return show(self.default)


def show(value: Any) -> str:
    """Return a value as a person would type it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def one_of(words: Sequence[str]) -> str:
    """Return "a", "a or b", "a, b or c"."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _range(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" from {minimum:.15g} to {maximum:.15g}"
    if minimum is not None:
        return f" of {minimum:.15g} or more"
    return "" if maximum is None else f" of at most {maximum:.15g}"


def _word(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else "?"


def _bool(_option: Option, value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value) if isinstance(value, int) else _word(value)
    return True if word in WORDS_FOR_TRUE else False if word in WORDS_FOR_FALSE else None


def _int(option: Option, value: Any) -> int | None:
    number = _number(value)
    if number is None or number != int(number):
        return None
    exact = int(value) if isinstance(value, Integral) else int(number)
    return exact if _within(option, exact) else None


def _float(option: Option, value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and _within(option, number) else None


def _number(value: Any) -> float | None:
    """Return a finite number, also from a word; None if it is anything else."""
    if isinstance(value, bool) or not isinstance(value, str | Real):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _within(option: Option, number: float) -> bool:
    low = -math.inf if option.minimum is None else option.minimum
    high = math.inf if option.maximum is None else option.maximum
    return low <= number <= high


def _choice(option: Option, value: Any) -> str | None:
    return _word(value) if _word(value) in option.choices else None


def _text(_option: Option, value: Any) -> str | None:
    return value if isinstance(value, str) else None


_READERS = {"bool": _bool, "int": _int, "float": _float, "choice": _choice, "text": _text}

PIPELINE = (
    Option(
        "refine",
        "bool",
        False,
        "first move cameras that are a little off until the silhouettes agree",
        stage="views",
    ),
    Option(
        "hull",
        "bool",
        None,
        "keep the result inside the visual hull: cut away what the silhouettes rule out; by "
        "default where several images have cameras",
        stage="field",
    ),
    Option(
        "match",
        "bool",
        None,
        "adjust the result of one image without a camera to its mask; by default where both "
        "silhouettes nearly agree",
        stage="field",
    ),
    Option(
        "min_component",
        "float",
        0.1,
        "drop loose pieces whose area is below this fraction of the largest piece's; 0 keeps all",
        0.0,
        1.0,
        stage="clean",
    ),
    Option("fill_voids", "bool", False, "fill closed hollows inside the object", stage="clean"),
    Option(
        "max_faces",
        "int",
        None,
        "simplify the mesh to about this many triangles",
        4,
        None,
        stage="clean",
    ),
    Option(
        "first",
        "int",
        32,
        "cells along the longest side of the first, coarse mesh",
        1,
        FINEST,
        stage="mesh",
    ),
    Option(
        "guaranteed",
        "bool",
        False,
        "prove that the search missed no cell with a sign change",
        stage="mesh",
    ),
    Option("dense", "bool", False, "evaluate every cell: slow, and misses nothing", stage="mesh"),
    Option(
        "own_colors",
        "bool",
        False,
        "color the mesh as the method predicts, where it predicts colors, not as the images show",
        stage="color",
    ),
)
REMESH = tuple(option for option in PIPELINE if option.stage in ("mesh", "clean", "color"))


def default_of(name: str) -> Any:
    """Return the default of a pipeline option."""
    return next(option.default for option in PIPELINE if option.name == name)


# ---------------------------------------------------------------- several at once


def read_options(
    given: Mapping[str, Any],
    declared: Iterable[Option],
    *,
    owner: str,
    elsewhere: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the given options, each read by its declaration.

    Parameters
    ----------
    given
        Values, or words for them, by name.
    owner
        The owner of the declared options, as the subject of a sentence.
    elsewhere
        Other owners of options, by option name.

    Raises
    ------
    RequestError
        If a name is not declared, or its declaration does not allow a value.
    """
    known = {option.name: option for option in declared}
    for name in given:
        if name not in known:
            raise _unknown(name, known, owner, (elsewhere or {}).get(name, ""))
    return {name: known[name].read(value) for name, value in given.items()}


def read_known(given: Mapping[str, Any], declared: Iterable[Option]) -> dict[str, Any]:
    """Read the declared options among the given ones; return the others unchanged.

    For callers that do not know all declarations yet.

    Raises
    ------
    RequestError
        If a declaration does not allow a value.
    """
    known = {option.name: option for option in declared}
    return {n: known[n].read(value) if n in known else value for n, value in given.items()}


def _unknown(name: str, known: Mapping[str, Option], owner: str, other: str) -> RequestError:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    message = f"{owner} has no option {name!r}"
    message += f"; it is one of {other}'s." if other and not near else "."
    listed = f"The options are {', '.join(sorted(known))}."
    return RequestError(message, f"Did you mean {near[0]}? {listed}" if near else listed)


def option_lines(options: Sequence[Option], indent: str = "    ") -> list[str]:
    """Return a line of text for each option: its name, what may be given, its default, its help."""
    width = max((len(option.name) for option in options), default=0)
    return [
        f"{indent}{option.name:<{width}}  {option.allowed} (default: {option.shown}): {option.help}"
        for option in options
    ]
