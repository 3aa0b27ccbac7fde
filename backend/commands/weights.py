"""`levelform weights`: list weights that are fetched on request, get them, remove them."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..contract.errors import JobCancelled, RequestError
from ..contract.weights import (
    PUBLISHED,
    PublishedWeights,
    installed_weights,
    megabytes,
    weights_folder,
    weights_path,
)
from ..ticket import Ticket
from . import _matte, _watched

HELP = "get, list and remove weights that are fetched on request"
NAMES = (*PUBLISHED, _matte.NAME)
STAGES = {"Download": 6.0, "Check": 0.5}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `list`, `get` and `remove`."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verbs.add_parser("list", help="list them, with sizes and licenses")
    get = verbs.add_parser("get", help="fetch weights, or take them from a file")
    remove = verbs.add_parser("remove", help="delete fetched weights")
    for verb in (get, remove):
        verb.add_argument("name", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    get.add_argument("--file", metavar="FILE", help="take the authors' file from here instead")
    get.add_argument("--url", metavar="URL", help="fetch the same file from a mirror")
    get.add_argument("--sha256", metavar="HASH", help="expect this hash instead of the known one's")
    get.add_argument(
        "--precision",
        choices=("float16", "int8"),
        default="float16",
        help="of the stored matrices (default: float16); int8 takes half the space",
    )
    get.add_argument("--again", action="store_true", help="also if they are installed")
    _watched.add_arguments(get)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run the verb."""
    if args.verb == "list":
        return {"verb": "list", "folder": str(weights_folder()), "weights": _listed()}
    if args.verb == "remove":
        return {"verb": "remove", **_remove(args.name)}
    if args.name == _matte.NAME:
        return {"verb": "get", **_matte.get(args)}
    known = _known(args.name)
    try:
        with _watched.watched(args) as ticket:
            return {"verb": "get", "method": known.method, **_get(known, args, ticket)}
    except JobCancelled:
        return {"verb": "get", "method": known.method, "stopped": True}


def show(result: dict[str, Any]) -> None:
    """Print the outcome."""
    if result["verb"] == "list":
        lines = [_line(entry) for entry in result["weights"]]
        print("\n".join([*lines, f"folder: {result['folder']}"]))
    elif result["verb"] == "remove":
        print(f"{result['out']} was deleted ({megabytes(result['bytes'])})")
    elif result.get("stopped"):
        print("stopped; the same command goes on where it stopped")
    elif result.get("already"):
        print(f"{result['out']} is installed; get it anew with --again")
    else:
        _show_got(result)


def _line(entry: dict[str, Any]) -> str:
    state = f"installed: {entry['out']}" if entry["out"] else "not installed"
    return (
        f"{entry['method']}: {state}\n    {entry['file']}, {megabytes(entry['size'])}, "
        f"{entry['url']}\n    SHA-256 {entry['sha256']}\n    {entry['license']}, "
        f"{entry['authors']}\n    {entry['page']}"
    )


def _show_got(result: dict[str, Any]) -> None:
    kept = f", in {result['precision']}" if "precision" in result else ""
    print(f"{result['out']}: {megabytes(result['bytes'])}{kept}")
    for remark in result["remarks"]:
        print(remark)


def _listed() -> list[dict[str, Any]]:
    """Return what there is, each with the file where it is installed."""
    entries = []
    for known in PUBLISHED.values():
        path = installed_weights(known.method)
        entries.append({**asdict(known), "out": None if path is None else str(path)})
    return [*entries, _matte.listed()]


def _known(name: str) -> PublishedWeights:
    if name not in PUBLISHED:
        raise RequestError(
            f"Levelform can't fetch weights of {name!r}.", f"Choose one of {', '.join(NAMES)}."
        )
    return PUBLISHED[name]


def _remove(name: str) -> dict[str, Any]:
    path = _matte.installed() if name == _matte.NAME else installed_weights(_known(name).method)
    if path is None:
        raise RequestError(
            f"No weights of {name} are installed.",
            f"Fetch them with `levelform weights get {name}`.",
        )
    size = path.stat().st_size
    try:
        path.unlink()
    except OSError as error:
        raise RequestError(
            f"{path} can't be deleted: {error.strerror}.", "Close what uses it."
        ) from error
    return {"method": name, "out": str(path), "bytes": size}


# ---------------------------------------------------------------- getting


def _get(known: PublishedWeights, args: argparse.Namespace, ticket: Ticket) -> dict[str, Any]:
    """Fetch or take the authors' file, and store it for Levelform."""
    from ..contract.folder_lock import FolderLock
    from ..reconstructors.importing import STAGES as IMPORT_STAGES

    out = weights_path(known.method)
    if out.is_file() and not args.again:
        return {"out": str(out), "already": True}
    ticket.plan({**STAGES, **IMPORT_STAGES})
    _make(out.parent)
    with FolderLock(out.parent, "a download of weights"):
        if args.file:
            return _store(
                known, [Path(args.file)], out, args, ticket, _remarks(known, args, ticket)
            )
        original = _fetched(known, args, ticket)
        facts = _store(known, [original], out, args, ticket, [])
        original.unlink(missing_ok=True)
        return facts


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"The folder {folder} can't be made: {error.strerror}.",
            "Name another in $LEVELFORM_WEIGHTS.",
        ) from error


def _fetched(known: PublishedWeights, args: argparse.Namespace, ticket: Ticket) -> Path:
    """Describe and fetch the authors' file; return its path."""
    from ..downloads import Download, fetch

    sys.stderr.write(f"{known.sentence}\n")
    original = weights_folder() / f"{known.method}-{known.file}"
    download = Download(args.url or known.url, known.size, (args.sha256 or known.sha256).lower())
    with ticket.stage("Download"):
        fetch(download, original, ticket, more=known.needs)
    return original


def _remarks(known: PublishedWeights, args: argparse.Namespace, ticket: Ticket) -> list[str]:
    """Check that a chosen file is there; return a remark if its hash is not the known one."""
    from ..downloads import sha256_of

    path = Path(args.file)
    if not path.is_file():
        raise RequestError(f"The file {path} does not exist.", "Check the path.")
    with ticket.stage("Check"):
        actual = sha256_of(path, ticket)
    expected = (args.sha256 or known.sha256).lower()
    if actual == expected:
        return []
    if args.sha256:
        raise RequestError(
            f"{path} has the SHA-256 {actual}, not {expected}.", "Download it again."
        )
    return [f"The file is not the one that is known: its SHA-256 is {actual}, not {expected}."]


def _store(
    known: PublishedWeights,
    paths: Sequence[Path],
    out: Path,
    args: argparse.Namespace,
    ticket: Ticket,
    remarks: list[str],
) -> dict[str, Any]:
    """Turn the authors' file into weights of ours in their place."""
    from ..reconstructors import find_method
    from ..reconstructors.importing import FieldChange, import_weights

    cls = find_method(known.method)
    facts = import_weights(cls, paths, out, precision=args.precision, ticket=ticket)
    change = FieldChange(**facts["change"]).sentence
    return {**facts, "out": str(out), "remarks": [*remarks, f"On a test image, {change}."]}
