"""The verbs of `levelform cameras`, one file each; a new file in this folder is a new verb.

A verb's file has the same four names as a command's, see `commands`; `run` returns one object.
"""

import argparse
import pkgutil
from importlib import import_module
from typing import Any, Protocol, cast

DEFAULT = "photos"  # the verb of `levelform cameras FOLDER`


class Verb(Protocol):
    """The contents of a verb's file."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, args: argparse.Namespace) -> dict[str, Any]: ...
    def show(self, result: dict[str, Any]) -> None: ...


def names() -> list[str]:
    """Return the verbs, sorted; files with a leading underscore are not verbs."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in modules if not name.startswith("_"))


def find(name: str) -> Verb:
    """Return a verb's file."""
    return cast(Verb, import_module(f"{__name__}.{name}"))
