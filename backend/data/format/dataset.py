"""Read a data set: arrays are memory-mapped and loaded on first use."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.errors import RequestError, WorkError
from .shards import ShardHeader, ShardShape, check_array, map_array, read_header
from .writer import AGAIN, MANIFEST, SHARDS, SPLITS, read_manifest

if TYPE_CHECKING:
    from ...geometry.cameras import Camera
    from ...geometry.views import View


class Shard:
    """A shard, opened on first use; its arrays are memory-mapped and read-only."""

    def __init__(self, path: Path, header: ShardHeader) -> None:
        self.path, self.header = path, header
        self._maps: dict[str, np.ndarray] = {}

    def array(self, name: str) -> np.ndarray:
        """Return the array `name` with the rows of all shapes of the shard.

        The first access reads it completely and verifies its checksum, so that nothing is trained
        on damaged data.

        Raises
        ------
        WorkError
            If its checksum does not match.
        """
        if name not in self._maps:
            check_array(self.path, self.header, name)
            self._maps[name] = map_array(self.path, self.header, name)
        return self._maps[name]


class StoredShape:
    """One shape of a data set: `id`, `category`, `info`, and its arrays by name."""

    def __init__(self, shard: Shard, entry: ShardShape) -> None:
        self._shard, self._entry = shard, entry
        self.id, self.category, self.info = entry.id, entry.category, entry.info

    def __contains__(self, name: str) -> bool:
        return name in self._entry.rows

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the array `name`, memory-mapped.

        Raises
        ------
        RequestError
            If the shape has no such array.
        """
        if name not in self._entry.rows:
            raise RequestError(
                f"The shape {self.id} has no {name}.", f"It has {', '.join(self._entry.rows)}."
            )
        start, stop = self._entry.rows[name]
        return self._shard.array(name)[start:stop]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its arrays."""
        return tuple(self._entry.rows)

    @property
    def view_count(self) -> int:
        """The number of its images."""
        start, stop = self._entry.rows.get("views.images", (0, 0))
        return stop - start

    def inside(self, points: str) -> np.ndarray:
        """Return (N,) bool: which points of the set `points` are inside."""
        if f"{points}.inside" in self:
            return self[f"{points}.inside"].astype(bool)
        return self[f"{points}.distance"] < 0

    def camera(self, index: int) -> "Camera":
        """Return the camera of an image, posed in the object frame."""
        from ...geometry.cameras import Camera

        fx, fy, cx, cy = self["views.intrinsics"][index].tolist()
        height, width = self["views.images"].shape[1:3]
        orthographic = "views.orthographic" in self and bool(self["views.orthographic"][index])
        pose = np.array(self["views.poses"][index])
        return Camera(pose, fx, fy, cx, cy, width, height, orthographic=orthographic)

    def view(self, index: int) -> "View":
        """Return an image with its camera, if it has one."""
        import torch

        from ...geometry.views import View

        image = torch.from_numpy(np.array(self["views.images"][index])).float() / 255
        camera = self.camera(index) if "views.poses" in self else None
        return View(image, camera, f"{self.id} #{index}")


class Dataset(Sequence[StoredShape]):
    """The shapes of a data set, or of one split of it.

    Parameters
    ----------
    root
        Folder of the data set.
    split
        "train", "val", "test", ...; None: all shapes.
    categories
        Only these; None: all.

    Raises
    ------
    RequestError
        If there is no data set, no such split, or the split names a shape that is not there.
    WorkError
        If a shard is missing, truncated or damaged at its head.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        *,
        categories: Sequence[str] | None = None,
    ) -> None:
        self.root = Path(root)
        self.manifest = read_manifest(self.root)
        self._all = dict(self._index())
        names = list(self._all) if split is None else self._names_of(split)
        shapes = (self._all[name] for name in names)
        self.shapes = [s for s in shapes if categories is None or s.category in categories]

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: int) -> StoredShape:  # type: ignore[override] - no slices
        return self.shapes[index]

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories of its shapes, sorted."""
        return tuple(sorted({shape.category for shape in self.shapes}))

    def find(self, shape: str) -> StoredShape:
        """Return the shape with the id `shape`."""
        if shape not in self._all:
            raise RequestError(
                f"The data set has no shape {shape!r}.",
                "`levelform dataset inspect` lists its shapes.",
            )
        return self._all[shape]

    def _index(self) -> Iterator[tuple[str, StoredShape]]:
        for entry in self.manifest["shards"]:
            path = self.root / SHARDS / entry["file"]
            header = read_header(path)
            if header.size != entry["bytes"]:
                raise WorkError(
                    f"The shard {path.name} has {header.size} bytes instead of {entry['bytes']}.",
                    AGAIN,
                )
            if entry.get("head", header.head) != header.head:
                raise WorkError(
                    f"The shard {path.name} is another one than {MANIFEST} says, or damaged.",
                    AGAIN,
                )
            shard = Shard(path, header)
            for shape in header.shapes:
                yield shape.id, StoredShape(shard, shape)

    def _names_of(self, split: str) -> list[str]:
        splits = read_splits(self.root)
        if split not in splits:
            raise RequestError(
                f"The data set has no split {split!r}.", f"It has {', '.join(splits)}."
            )
        missing = [name for name in splits[split] if name not in self._all]
        if missing:
            raise RequestError(
                f"The split {split!r} names {len(missing)} shapes that are not in the data set, "
                f"{missing[0]!r} first.",
                f"Correct {SPLITS}, or make the data set again.",
            )
        return splits[split]


def read_splits(root: str | Path) -> dict[str, list[str]]:
    """Return the splits of a data set: names of shapes by split.

    Raises
    ------
    RequestError
        If there is no such file, or it is not a table of lists of names.
    """
    path = Path(root) / SPLITS
    try:
        splits: Any = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise RequestError(
            f"{path} is missing: the data set is not finished.",
            "Run the command that makes it again; it goes on where it stopped.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} can't be read: {error}.", AGAIN) from error
    names = splits.values() if isinstance(splits, dict) else [None]
    if not all(isinstance(v, list) and all(isinstance(n, str) for n in v) for v in names):
        raise RequestError(f"{path} must hold lists of names by split.", AGAIN)
    return splits
