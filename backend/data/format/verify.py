"""Verify a whole data set: sizes, checksums, splits."""

from pathlib import Path
from typing import Any

from ...contract.errors import LevelformError
from ...ticket import Ticket
from .dataset import read_splits
from .shards import damaged, read_header
from .writer import SHARDS, file_sha256, read_manifest


def verify(root: str | Path, ticket: Ticket | None = None) -> dict[str, Any]:
    """Read every byte of a data set and return the problems found.

    Returns
    -------
    dict with `shapes`, `shards`, `bytes`, `complete`, and `problems`, a list of sentences
    """
    root, ticket = Path(root), ticket or Ticket()
    manifest = read_manifest(root)
    problems: list[str] = []
    seen: dict[str, str] = {}
    total = 0
    entries = manifest["shards"]
    for index, entry in enumerate(entries):
        ticket.advance(index / len(entries))
        path = root / SHARDS / entry["file"]
        try:
            header = read_header(path)
        except LevelformError as error:
            problems.append(error.message)
            continue
        total += header.size
        problems += _shard_problems(path, header, entry)
        for shape in header.shapes:
            if shape.id in seen:
                problems.append(f"{shape.id} is in {seen[shape.id]} and in {path.name}.")
            seen[shape.id] = path.name
    problems += _split_problems(root, set(seen))
    if not manifest["complete"]:
        problems.append("The data set is not finished.")
    return {
        "shapes": len(seen),
        "shards": len(entries),
        "bytes": total,
        "complete": bool(manifest["complete"]),
        "skipped": len(manifest["skipped"]),
        "problems": problems,
    }


def _shard_problems(path: Path, header: Any, entry: dict[str, Any]) -> list[str]:
    if header.size != entry["bytes"]:
        return [f"{path.name} has {header.size} bytes instead of {entry['bytes']}."]
    if file_sha256(path) == entry["sha256"]:
        return []
    arrays = damaged(path, header)
    where = f"in {', '.join(arrays)}" if arrays else "in its head"
    return [f"The checksum of {path.name} is wrong: bytes changed {where}."]


def _split_problems(root: Path, known: set[str]) -> list[str]:
    try:
        splits = read_splits(root)
    except LevelformError as error:
        return [error.message]
    problems, where = [], {}
    for split, names in splits.items():
        missing = sorted(set(names) - known)
        if missing:
            problems.append(
                f"The split {split!r} names {len(missing)} missing shapes, {missing[0]!r} first."
            )
        for name in names:
            if name in where:
                problems.append(f"{name} is in the splits {where[name]!r} and {split!r}.")
            where[name] = split
    return problems
