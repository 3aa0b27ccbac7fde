"""Make the objects of a batch one after the other, each exactly once despite interruptions.

A record beside each result lists its sources. If neither the sources nor the settings have changed,
the result is kept; otherwise it is made again. A result appears as a whole or not at all, and files
of other programs or sources are never overwritten.
"""

import json
import logging
import os
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .batch import RECORD_SUFFIX, BatchPlan, Item, files_of, name_items
from .errors import LevelformError, RequestError, WorkError
from .unexpected import internal_error

log = logging.getLogger(__name__)

VERSION = 1  # version of the records; results of another version are made again
DONE, KEPT, FAILED = "done", "kept", "failed"


@dataclass(frozen=True)
class Made:
    """The outcome of making one object.

    Attributes
    ----------
    stats : the `--json` facts of a single job
    files : further files that were read, such as the images of a .blend
    """

    stats: dict[str, Any]
    files: tuple[str, ...] = ()


# Makes an item's mesh and writes it to a path; the title is "Model 2 of 5".
Make = Callable[[Item, Path, str], Made]


class Shelf:
    """A folder of results, and the records beside them.

    Parameters
    ----------
    folder
        Created if missing.
    suffix
        Of the results: ".glb".

    Raises
    ------
    RequestError
        If the folder can't be made or written to.
    """

    def __init__(self, folder: str | os.PathLike[str], suffix: str) -> None:
        self.folder = Path(os.path.abspath(os.path.expanduser(folder)))
        self.suffix = suffix
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = os.listdir(self.folder)
        except OSError as error:
            raise RequestError(
                f"The folder {self.folder} can't be made ({error.strerror or error}).",
                "Choose another folder for the results.",
            ) from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise RequestError(
                f"{self.folder} can't be written to: permission denied.", "Choose another folder."
            )
        self._names = {_key(name) for name in names}

    def place(self, name: str) -> Path:
        """Return the path of the result with that name."""
        return self.folder / f"{name}{self.suffix}"

    def owner(self, item: Item, name: str) -> bool | None:
        """Return who owns a name, for `name_items`: this item (True), another (False) or nobody."""
        target = self.place(name)
        if _key(self.record_path(name).name) in self._names:
            record = self.read(name)
            if record is not None:
                return _is_of(record, item)
        return False if _key(target.name) in self._names else None

    def record_path(self, name: str) -> Path:
        """Return the path of a result's record."""
        return self.folder / f"{name}{self.suffix}{RECORD_SUFFIX}"

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a result's record; None if it is missing or unreadable."""
        try:
            record = json.loads(self.record_path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) else None

    def kept(self, item: Item, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the stats of an item's result if it exists and nothing has changed."""
        record = self.read(item.name)
        if record is None or record.get("version") != VERSION:
            return None
        if _size(self.place(item.name)) != record.get("bytes"):
            return None
        files = record.get("files")
        if not isinstance(files, dict) or record.get("settings") != _plain(settings):
            return None
        base = _base(item)
        read = [base / name for name in files]  # an absolute name stays unchanged
        same = stamps([*files_of(item), *read], base) == files
        return record.get("stats", {}) if same else None

    def put(
        self, item: Item, partial: Path, made: Made, before: dict[str, Any], settings: Any
    ) -> None:
        """Move a finished file into its place, after its record.

        A record without a result is harmless; a result without a record would belong to nobody.
        """
        base = _base(item)
        record = {
            "version": VERSION,
            "source": str(item.source),
            "settings": _plain(settings),
            "files": {**stamps(map(Path, made.files), base), **before},
            "bytes": partial.stat().st_size,
            "stats": _plain(made.stats),
        }
        path = self.record_path(item.name)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            draft.write_text(json.dumps(record, indent=1), encoding="utf-8")
            os.replace(draft, path)
            os.replace(partial, self.place(item.name))
        finally:
            draft.unlink(missing_ok=True)


def run_batch(
    plan: BatchPlan,
    shelf: Shelf,
    make: Make,
    settings: Mapping[str, Any],
    *,
    part: str | None = None,
    again: bool = False,
) -> Iterator[dict[str, Any]]:
    """Make the missing objects of a plan; a failed object does not stop the others.

    Parameters
    ----------
    make
        Writes one object's mesh to a given path, whose suffix is the result's.
    settings
        All settings that affect a result; a change makes all results again.
    part
        As `BatchPlan.part`; names are those of the whole plan, whatever the part.
    again
        Make all objects, even existing ones.

    Yields
    ------
    A line for each object: `source`, `out`, `object`, `state` ("done", "kept" or "failed"),
    `number`, `count`, and its stats, or `error` and `hint`. The last line counts them: `count`,
    `done`, `kept`, `failed`, `left_out`, `seconds`, and `status`, the exit status.
    """
    started = time.monotonic()
    items = name_items(plan, shelf.owner)
    items = items.part(part).items
    counts = {DONE: 0, KEPT: 0, FAILED: 0}
    for number, item in enumerate(items, 1):
        line: dict[str, Any] = {
            "object": item.name,
            "state": KEPT,
            "number": number,
            "count": len(items),
            "source": str(item.source),
            "out": str(shelf.place(item.name)),
        }
        stats = None if again else shelf.kept(item, settings)
        if stats is None:
            try:
                title = f"Model {number} of {len(items)}"
                stats = _make(item, shelf, make, settings, title)
                line["state"] = DONE
            except Exception as error:
                log.debug("%s failed", item.source, exc_info=True)
                if not isinstance(error, LevelformError):
                    error = internal_error(error, "Report it, with the image or file.")
                stats = {"error": error.message, "hint": error.hint}
                line |= {"state": FAILED, "out": None}
        counts[line["state"]] += 1
        yield {**line, **{key: value for key, value in stats.items() if key not in line}}
    yield {
        "count": len(items),
        **counts,
        "left_out": plan.left_out,
        "seconds": round(time.monotonic() - started, 3),
        "status": int(counts[FAILED] > 0),
    }


def _make(
    item: Item, shelf: Shelf, make: Make, settings: Mapping[str, Any], title: str
) -> dict[str, Any]:
    """Make one object beside its place, then move it there."""
    before = stamps(
        files_of(item), _base(item)
    )  # a file that changes during the work counts as changed
    partial = shelf.folder / f".{item.name}.{os.getpid()}.part{shelf.suffix}"
    try:
        made = make(item, partial, title)
        shelf.put(item, partial, made, before, settings)
    except OSError as error:
        raise WorkError(
            f"{shelf.place(item.name)} could not be written ({error.strerror or error}).",
            "Free some space, or choose another folder.",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return _plain(made.stats)


# ---------------------------------------------------------------- what a result was made from


def stamps(files: Any, base: Path) -> dict[str, list[int] | None]:
    """Return size and time of each file, by path relative to `base`; None if missing."""
    return {_name(path, base): _stamp(path) for path in sorted(files)}


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _name(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def _base(item: Item) -> Path:
    """Return the root of an item's relative file names, so that the folder can be moved."""
    return item.source if item.source.is_dir() else item.source.parent


def _is_of(record: Mapping[str, Any], item: Item) -> bool:
    """Return whether a record is of this item: same path, or same files mounted elsewhere."""
    source = str(record.get("source", ""))
    if source == str(item.source) or os.path.exists(source):
        return source == str(item.source)
    own = stamps(files_of(item), _base(item))
    files = record.get("files")
    return isinstance(files, dict) and own.items() <= files.items()


def _key(name: str) -> str:
    """Return a key that is equal for names that some file system treats as equal."""
    return unicodedata.normalize("NFC", name).casefold()


def _size(path: Path) -> int | None:
    stamp = _stamp(path)
    return stamp[0] if stamp else None


def _plain(value: Any) -> Any:
    """Return a value as it is after a round trip through JSON."""
    return json.loads(json.dumps(value, default=_as_json))


def _as_json(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)
