"""`levelform bench`: run benches of the checkout's tests/bench against their references."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable
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
    parser.add_argument("--part", nargs="+", metavar="NAME", help="of benches that have parts")
    parser.add_argument(
        "--keep",
        metavar="FILE",
        type=Path,
        help="write each part's rows there as soon as they are measured (a line of JSON each); "
        "parts that are there already are not measured again",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Return the rows of the requested benches, or the names of all."""
    known = names()
    if not args.name:
        return {"benches": known}
    for name in args.name:
        if name not in known:
            raise RequestError(f"{name!r} is not a bench.", f"Choose one of {', '.join(known)}.")
    parts = {
        f"{name} {part}".rstrip(): measure
        for name in args.name
        for part, measure in parts_of(name, (args.kind,) if args.kind else KINDS).items()
        if not args.part or part in args.part
    }
    if args.part and not parts:
        raise RequestError(
            f"{', '.join(args.name)}: {' or '.join(map(repr, args.part))} is not a part.",
            "Leave --part out to measure all of them.",
        )
    kept = _kept(args.keep)
    rows: list[dict[str, Any]] = []
    for name, measure in parts.items():
        if name not in kept:
            kept[name] = [asdict(row) for row in measure()]
            _keep(args.keep, name, kept[name])
        rows += kept[name]
    return {"rows": rows}


def parts_of(name: str, kinds: tuple[str, ...]) -> dict[str, Callable[[], Iterable[Any]]]:
    """Return what of a bench can be measured alone: its parts, or all of it under an empty name."""
    module = load(name)
    parts = getattr(module, "parts", None)
    return parts(kinds) if parts else {"": lambda: module.rows(kinds=kinds)}


def _kept(path: Path | None) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that a file keeps, by part."""
    if path is None or not path.exists():
        return {}
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {line["part"]: line["rows"] for line in lines}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(
            f"{path} does not hold rows of a bench: {error}.", "Name a new file."
        ) from None


def _keep(path: Path | None, part: str, rows: list[dict[str, Any]]) -> None:
    """Append a part's rows to a file."""
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"part": part, "rows": rows}) + "\n")


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
