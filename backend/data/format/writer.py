"""Write a data set shard by shard; finished shards survive any interruption."""

import hashlib
import json
from pathlib import Path
from typing import Any, Self

from ...contract.errors import RequestError, WorkError
from ...contract.folder_lock import FolderLock
from ...contract.render_layout import FINISHED
from ...geometry.writing import remove_partials, written_whole
from .record import Record
from .shards import read_header, write_shard

FORMAT = "levelform-dataset"
VERSION = 1
MANIFEST, SPLITS, SHARDS = "dataset.json", "splits.json", "shards"
SPLIT_NAMES = ("train", "val", "test")
AGAIN = "Run the command that made the data set again: it makes what is damaged anew."


class DatasetWriter:
    """Writes records into shards, and resumes interrupted runs.

    Use it as a context. Leaving it normally writes the last shard and the splits; an exception
    discards the incomplete shard, so that a resumed run writes the same bytes as an uninterrupted
    one.

    Parameters
    ----------
    root
        Folder of the data set; created if missing.
    provenance
        JSON: its origin (command, settings, seed, sources, licence). Only equal settings resume.
    shard_bytes, shard_shapes
        A shard is written when its arrays reach this size or it has this many shapes, which bounds
        the loss by an interruption.
    fractions
        Fractions of "val" and "test" among shapes without a split.
    seed
        Of the splits; the split of a shape depends only on the seed and its name.

    Raises
    ------
    RequestError
        If the folder holds a data set made with other settings, or another run writes to it.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        provenance: dict[str, Any],
        shard_bytes: int = 256 << 20,
        shard_shapes: int = 300,
        fractions: tuple[float, float] = (0.1, 0.1),
        seed: int = 0,
    ) -> None:
        self.root = Path(root)
        self._limit, self._most = shard_bytes, shard_shapes
        self._fractions, self._seed = fractions, seed
        self._provenance = json.loads(json.dumps(provenance))
        self._pending: list[Record] = []
        self._bytes = 0
        self._skips: dict[str, str] = {}
        make_folder(self.root / SHARDS)
        self._lock = FolderLock(self.root, "a run that makes a data set").acquire()
        for folder in (self.root, self.root / SHARDS):
            remove_partials(folder)
        self._manifest = self._resume()
        self.done = self._finished()  # ids that are finished: written or skipped
        self.queued: set[str] = set()

    def add(self, record: Record) -> None:
        """Add a shape; ids in `done` are ignored.

        Raises
        ------
        RequestError
            If the id was given before in this run, or its images differ in size from the others'.
        WorkError
            If writing fails.
        """
        if record.id in self.done:
            return
        if record.id in self.queued:
            raise RequestError(f"Two shapes have the name {record.id!r}.", "Rename one of them.")
        self._agree(record)
        self.queued.add(record.id)
        self._pending.append(record)
        self._bytes += sum(array.nbytes for array in record.arrays.values())
        if self._bytes >= self._limit or len(self._pending) >= self._most:
            self._flush()

    def skip(self, shape: str, reason: str) -> None:
        """Record why a shape is left out; it is not tried again."""
        if shape not in self.done:
            self._skips[shape] = reason

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._flush()
                self._write_splits()
                self._manifest["complete"] = True
                write_json(self.root / MANIFEST, self._manifest)
        finally:
            self._lock.release()

    def _resume(self) -> dict[str, Any]:
        """Return the existing manifest, or a new one."""
        path = self.root / MANIFEST
        if not path.exists():
            manifest: dict[str, Any] = {
                "format": FORMAT,
                "version": VERSION,
                "provenance": self._provenance,
                "arrays": {},
                "shards": [],
                "skipped": {},
                "complete": False,
            }
            write_json(path, manifest)
            return manifest
        manifest = read_manifest(self.root)
        if manifest["provenance"] != self._provenance:
            raise RequestError(
                f"{self.root} holds a data set that was made with other settings.",
                "Choose another folder, or the same settings to go on with it.",
            )
        return manifest

    def _finished(self) -> set[str]:
        """Return the ids in intact shards; a damaged shard and all later ones are rewritten."""
        ids = set(self._manifest["skipped"])
        for index, entry in enumerate(self._manifest["shards"]):
            try:
                path = self.root / SHARDS / entry["file"]
                header = read_header(path)
                if header.size != entry["bytes"] or file_sha256(path) != entry["sha256"]:
                    raise WorkError(
                        f"{entry['file']} is another file.", "Convert the data set again."
                    )
            except WorkError:
                del self._manifest["shards"][index:]
                self._manifest["complete"] = False
                break
            ids |= {shape.id for shape in header.shapes}
        return ids

    def _agree(self, record: Record) -> None:
        """Check that an array's trailing shape is the same in the whole data set."""
        for name, array in record.arrays.items():
            known = self._manifest["arrays"].setdefault(
                name, {"dtype": array.dtype.str, "shape": list(array.shape[1:])}
            )
            if known["shape"] != list(array.shape[1:]):
                raise RequestError(
                    f"{record.id}: {name} is {list(array.shape[1:])} a row, "
                    f"but {known['shape']} in the shapes before.",
                    "Give all images of a data set one size.",
                )

    def _flush(self) -> None:
        """Write pending records as a shard, then add it to the manifest."""
        if self._pending:
            path = self.root / SHARDS / f"{len(self._manifest['shards']):05d}.safetensors"
            write_shard(path, self._pending)
            self._manifest["shards"].append(
                {
                    "file": path.name,
                    "bytes": path.stat().st_size,
                    "sha256": file_sha256(path),
                    "head": read_header(path).head,
                    "shapes": len(self._pending),
                    "splits": {r.id: r.split for r in self._pending if r.split},
                }
            )
        self._manifest["skipped"].update(self._skips)
        self.done |= {record.id for record in self._pending} | set(self._skips)
        self._pending, self._skips, self._bytes = [], {}, 0
        write_json(self.root / MANIFEST, self._manifest)

    def _write_splits(self) -> None:
        splits: dict[str, list[str]] = {name: [] for name in SPLIT_NAMES}
        for entry in self._manifest["shards"]:
            for shape in read_header(self.root / SHARDS / entry["file"]).shapes:
                drawn = split_of(shape.id, fractions=self._fractions, seed=self._seed)
                splits.setdefault(entry["splits"].get(shape.id, drawn), []).append(shape.id)
        if not any(entry["splits"] for entry in self._manifest["shards"]):
            splits = filled_splits(splits, seed=self._seed)
        write_json(self.root / SPLITS, splits)


def filled_splits(splits: dict[str, list[str]], *, seed: int = 0) -> dict[str, list[str]]:
    """Return drawn splits such that "train" and "val" are not empty, as training needs both.

    Only a data set of few shapes lacks one by chance. It takes the shape with the least hash from
    the largest split; a single shape is in both, so its validation only tells that it was learned.
    """
    splits = {name: list(names) for name, names in splits.items()}
    for wanted in ("train", "val"):
        giver = max(splits, key=lambda name: len(splits[name]))
        if splits[wanted] or not splits[giver]:
            continue
        moved = min(splits[giver], key=lambda shape: _hash(shape, seed))
        if sum(map(len, splits.values())) > 1:
            splits[giver].remove(moved)
        splits[wanted].append(moved)
    return splits


def split_of(shape: str, *, fractions: tuple[float, float] = (0.1, 0.1), seed: int = 0) -> str:
    """Return the split of a shape, by a hash of its name: "val" and "test" get the `fractions`."""
    value = _hash(shape, seed)
    if value < fractions[0]:
        return "val"
    return "test" if value < sum(fractions) else "train"


def _hash(shape: str, seed: int) -> float:
    """Return a number in [0, 1) that depends only on a shape's name and the seed."""
    digest = hashlib.blake2b(f"{seed}/{shape}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def read_manifest(root: Path) -> dict[str, Any]:
    """Return the manifest of a data set.

    Raises
    ------
    RequestError
        If there is none, or its version is unknown.
    """
    path = root / MANIFEST
    try:
        manifest = json.loads(path.read_text())
    except FileNotFoundError as error:
        rendered = any(root.glob(f"*/{FINISHED}"))
        hint = "Make one of its images: `levelform dataset convert --from renders`."
        raise RequestError(
            f"{root} is not a data set: it has no {MANIFEST}.",
            hint if rendered else "Name the folder that holds it.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise WorkError(
            f"{path} can't be read: {error}.",
            "Delete it and run the command that made the data set again.",
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise RequestError(
            f"{path} does not describe a data set of Levelform's.", "Choose another folder."
        )
    if manifest.get("version") != VERSION:
        raise RequestError(
            f"{path} has the version {manifest.get('version')}; known here is {VERSION}.",
            "Convert the data set again.",
        )
    if not _is_whole(manifest):
        raise WorkError(
            f"{path} is damaged: an entry is missing or of another kind.",
            "Delete it and run the command that made the data set again.",
        )
    return manifest


def _is_whole(manifest: dict[str, Any]) -> bool:
    """Whether a manifest has all entries, and every shard a plain file name."""
    kinds = {"arrays": dict, "shards": list, "skipped": dict, "complete": bool}
    if "provenance" not in manifest or not all(
        isinstance(manifest.get(name), kind) for name, kind in kinds.items()
    ):
        return False
    entry_kinds = {"file": str, "bytes": int, "sha256": str, "splits": dict}
    return all(
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), kind) for name, kind in entry_kinds.items())
        and Path(entry["file"]).name == entry["file"]
        for entry in manifest["shards"]
    )


def write_json(path: Path, value: Any) -> None:
    """Write JSON beside its target and move it into place."""
    with written_whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def make_folder(path: Path) -> None:
    """Create a folder and its parents."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"The folder {path} can't be made: {error.strerror}.",
            "Choose a folder that can be written to.",
        ) from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
