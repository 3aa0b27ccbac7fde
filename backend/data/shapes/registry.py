"""Names of categories and the programs behind them."""

from collections.abc import Callable
from importlib import import_module

import numpy as np

from ...contract.errors import RequestError
from .build import Build
from .shape import Shape, normalized

Program = Callable[[Build], None]
AnimatedProgram = Callable[[Build, float], None]

_PROGRAMS: dict[str, Program] = {}
_ANIMATED: dict[str, AnimatedProgram] = {}


def category(name: str) -> Callable[[Program], Program]:
    """Register the program of a category, a function that makes random choices and adds parts."""

    def register(program: Program) -> Program:
        _PROGRAMS[name] = program
        return program

    return register


def animated(name: str) -> Callable[[AnimatedProgram], AnimatedProgram]:
    """Register a program that also takes the time, 0 to 1; choices do not depend on the time."""

    def register(program: AnimatedProgram) -> AnimatedProgram:
        _ANIMATED[name] = program
        return program

    return register


def categories() -> tuple[str, ...]:
    """Return the names of all categories, sorted.

    Raises
    ------
    RequestError
        If this installation has no programs; the extension's zip excludes them.
    """
    programs = f"{__package__}.programs"
    try:
        import_module(programs)
    except ModuleNotFoundError as error:
        if error.name != programs:
            raise
        raise RequestError(
            "This installation has no procedural shapes: they are part of the repository.",
            "Run the command in a checkout that was installed with `pip install -e .`.",
        ) from error
    return tuple(sorted(_PROGRAMS))


def animations() -> tuple[str, ...]:
    """Return the names of all animated shapes, sorted."""
    return tuple(sorted(_ANIMATED))


def known(name: str, names: tuple[str, ...], what: str) -> str:
    """Return `name` if it is among `names`; raise `RequestError` naming all of them otherwise."""
    if name not in names:
        raise RequestError(
            f"The {what} {name!r} does not exist.", f"Choose one of {', '.join(names)}."
        )
    return name


def generator(name: str, seed: int) -> np.random.Generator:
    """Return the generator of a shape, which depends only on the name and the seed."""
    return np.random.default_rng([*name.encode(), seed])


def sample_shape(name: str, seed: int) -> Shape:
    """Sample a shape of a category; the same seed gives the same bytes.

    Raises
    ------
    RequestError
        If the category does not exist.
    """
    build = build_of(name, seed)
    return normalized(name, build.parts, build.bodies)


def build_of(name: str, seed: int) -> Build:
    """Run a category's program; its parts are in the program's own units."""
    build = Build(generator(known(name, categories(), "category"), seed))
    _PROGRAMS[name](build)
    return build


def build_at(name: str, seed: int, time: float) -> Build:
    """Run an animated program at a time."""
    build = Build(generator(known(name, animations(), "animated shape"), seed))
    _ANIMATED[name](build, time)
    return build
