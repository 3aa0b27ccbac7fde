"""Options and output of `batch`, shared by the terminal and Blender."""

import argparse
import os
from dataclasses import MISSING, Field, fields
from typing import Any

from .batch_run import DONE, FAILED
from .errors import RequestError

HELP = "reconstruct mesh files from many images, folders or camera files, one object each"
DEFAULT_SUFFIX = ".glb"
_NOT_SETTINGS = ("job", "views", "keep")  # of a `Reconstruct`


def add_arguments(parser: argparse.ArgumentParser, *, scenes: bool) -> None:
    """Declare the sources and the options of a batch beyond those of a single job."""
    scene = ", .blend files" if scenes else ""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help=f"images, files of cameras{scene}, or folders: one with cameras is one object, any "
        "other gives one for each of its images and sub-folders (with --fuse: one of its images)",
    )
    parser.add_argument(
        "-o", "--out", required=True, metavar="FOLDER", help="folder for the mesh files"
    )
    parser.add_argument(
        "--suffix", default=DEFAULT_SUFFIX, help=f"format of the mesh files ({DEFAULT_SUFFIX})"
    )
    parser.add_argument(
        "--part", metavar="I/N", help="only the I-th of N equal parts, for several machines"
    )
    parser.add_argument("--again", action="store_true", help="also remake unchanged results")


def suffix_of(words: str) -> str:
    """Return a suffix in lower case, with its dot: "GLB" and ".glb" are ".glb".

    Raises
    ------
    RequestError
        If it is not a suffix.
    """
    suffix = f".{words.strip().lower().lstrip('.')}"
    if not suffix[1:].isalnum():
        raise RequestError(f"{words!r} is not a suffix of a file.", "Give one such as .glb.")
    return suffix


def settings_of(choices: Any, **more: Any) -> dict[str, Any]:
    """Return the values that a result depends on besides its source: all except defaults.

    Parameters
    ----------
    choices
        A dataclass of settings; a file of weights among them counts with its size and time.
    """
    given = dict(more)
    for entry in fields(choices):
        value = getattr(choices, entry.name)
        if entry.name not in _NOT_SETTINGS and repr(value) != repr(_default(entry)):
            given[entry.name] = value
    return stamped(given)


def stamped(given: dict[str, Any]) -> dict[str, Any]:
    """Return the given values; a weights file counts with its size and time."""
    given = {name: value for name, value in given.items() if value is not None}
    weights = given.get("weights")
    if weights and os.path.isfile(weights):
        status = os.stat(weights)
        given["weights_file"] = [status.st_size, status.st_mtime_ns]
    return given


def _default(entry: Field[Any]) -> Any:
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def in_words(line: dict[str, Any]) -> str:
    """Format a line of `run_batch` for a person."""
    if "state" not in line:
        return _summary(line)
    head = f"{line['number']}/{line['count']} {line['object']}"
    if line["state"] == FAILED:
        return f"{head}: {line['error']} {line['hint']}".rstrip()
    if line["state"] != DONE:
        return f"{head}: {line['out']} is there already"
    remarks = "".join(f"\n    {remark}" for remark in line.get("remarks", ()))
    return f"{head}: {line['out']}, {line['faces']} triangles, {line['seconds']:.1f} s{remarks}"


def _summary(line: dict[str, Any]) -> str:
    noun = "model" if line["count"] == 1 else "models"
    counts = f"{line['done']} made, {line['kept']} there already, {line['failed']} failed"
    left = [f"left out: {path}: {reason}" for path, reason in line["left_out"].items()]
    return "\n".join([*left, f"{line['count']} {noun}: {counts}, {line['seconds']:.1f} s"])
