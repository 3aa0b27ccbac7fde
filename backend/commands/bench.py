"""`levelform bench`: run benches of the checkout's tests/bench against their references."""

import argparse
import importlib.util
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from ..contract.errors import RequestError

HELP = "measure counts and times against references"
FOLDER = Path(__file__).parents[2] / "tests" / "bench"
PREFIX = "bench_"
KINDS = ("count", "time")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benches' names and the kinds of rows."""
    parser.add_argument("name", nargs="*", help="benches to run; none: list them")
    parser.add_argument("--kind", choices=KINDS, help="only counts, or only times; default: both")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return the rows of the requested benches, or the names of all."""
    known = names()
    if not args.name:
        return {"benches": known}
    for name in args.name:
        if name not in known:
            raise RequestError(f"There is no bench {name!r}.", f"Choose one of {', '.join(known)}.")
    kinds = (args.kind,) if args.kind else KINDS
    return {
        "rows": [asdict(row) for name in args.name for row in load(name).rows(kinds=kinds)],
    }


def show(result: dict[str, Any]) -> None:
    """Print the names, or one line per row."""
    if "benches" in result:
        print("\n".join(result["benches"]))
        return
    sys.path.insert(0, str(FOLDER))
    rows = importlib.import_module("rows")
    rows.print_rows([rows.Row(**row) for row in result["rows"]])


def names() -> list[str]:
    """Return the names of the benches in the checkout.

    Raises
    ------
    RequestError
        If this installation has none.
    """
    files = sorted(path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.py"))
    if not files:
        raise RequestError(
            "This installation has no benches: they are part of the repository.",
            "Run the command in a checkout that was installed with `pip install -e .`.",
        )
    return files


def load(name: str) -> ModuleType:
    """Return a bench's module, loaded from its file; benches import by plain name."""
    if str(FOLDER) not in sys.path:
        sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]
    path = FOLDER / f"{PREFIX}{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
