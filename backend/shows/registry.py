"""Find the shows of a method: of its own module, and common ones."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from ..contract.shows import Exhibit, ShowSpec, find_show, read_show_options
from ..reconstructors import Reconstructor
from .subject import Subject

Show = Callable[..., Iterator[Exhibit]]


@dataclass(frozen=True)
class Registered:
    """A show, its function, and the methods that have it; none: all with weights."""

    spec: ShowSpec
    function: Show
    methods: tuple[str, ...] = ()


_KNOWN: list[Registered] = []


def show(spec: ShowSpec, *methods: str) -> Callable[[Show], Show]:
    """Register a function of a `Subject` and the options of `spec` as a show of `methods`."""

    def keep(function: Show) -> Show:
        _KNOWN.append(Registered(spec, function, methods))
        return function

    return keep


@cache
def _all() -> tuple[Registered, ...]:
    package = __name__.rpartition(".")[0]
    folder = import_module(package).__path__
    for module in sorted(module.name for module in pkgutil.iter_modules(folder)):
        import_module(f"{package}.{module}")
    return tuple(_KNOWN)


def _registered(cls: type[Reconstructor]) -> list[Registered]:
    name, learned = cls.spec.name, cls.spec.learned
    return [one for one in _all() if name in one.methods or (not one.methods and learned)]


def offered(cls: type[Reconstructor]) -> tuple[ShowSpec, ...]:
    """Return the shows of a method, its own figures first."""
    ordered = sorted(_registered(cls), key=lambda one: not one.methods)
    return tuple(one.spec for one in ordered)


def shown(subject: Subject, what: str, options: Mapping[str, Any]) -> Iterator[Exhibit]:
    """Yield the exhibits of a show.

    Raises
    ------
    RequestError
        If the method does not have it, an option is wrong, or these weights can't show it.
    """
    cls = type(subject.model)
    spec = find_show(offered(cls), what, cls.spec.title)
    chosen = read_show_options(spec, options)
    (function,) = (one.function for one in _registered(cls) if one.spec is spec)
    yield from function(subject, **chosen)
