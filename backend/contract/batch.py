"""Batches: the objects that the sources of one command make, and the names of their files.

A source is an image, a camera file, a .blend file or a folder. A folder with cameras is one object;
any other folder gives one object for each image, sub-folder and .blend file (a sub-folder is always
one object). The terminal, Blender's command line and scripts share this module; `batch_run` makes
the objects.
"""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from os import PathLike
from pathlib import Path

from .errors import RequestError
from .image_files import MASK_FOLDER, SUFFIXES, find_mask, list_images, natural_key

SCENE_SUFFIX = ".blend"
RECORD_SUFFIX = ".levelform.json"  # suffix of the record beside a result
CAMERA_SUFFIXES = (".json", ".xml", ".csv")
COLMAP_FILES = ("cameras.bin", "cameras.txt", "images.bin", "images.txt")
# Standard names of camera files; the name of their folder is more specific.
GENERIC_NAMES = ("transforms", "transforms_train", "cameras", "images", "meta_data")
LONGEST_NAME = 120  # bytes; file systems allow 255, and suffixes are added
_RESERVED = {  # reserved by Windows, with any suffix
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}


class ItemKind(StrEnum):
    """The kind of source of an object."""

    IMAGE = "image"  # one image without a camera
    IMAGES = "images"  # a folder of images of one object, without cameras
    CAMERAS = "cameras"  # a camera file, or a folder with one
    SCENE = "scene"  # a .blend whose cameras have images


@dataclass(frozen=True)
class Item:
    """One object of a batch.

    Attributes
    ----------
    kind : the kind of its source
    source : absolute path of the source
    name : of the object, and of its file without a suffix
    """

    kind: ItemKind
    source: Path
    name: str = ""


@dataclass(frozen=True)
class BatchPlan:
    """The objects of a batch, and the files left out.

    Attributes
    ----------
    items : in the order of the sources, each folder's in natural order
    left_out : reasons why files in a folder make no object, by path
    """

    items: tuple[Item, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    def part(self, words: str | None) -> "BatchPlan":
        """Return the part of one machine among several: "2/5" is the second of five.

        Items are dealt round-robin, so all parts together are the whole plan.

        Raises
        ------
        RequestError
            If the words do not name a part.
        """
        if words is None:
            return self
        number, count = parse_part(words)
        return BatchPlan(self.items[number - 1 :: count], self.left_out)


def parse_part(words: str) -> tuple[int, int]:
    """Parse "2/5" to a part and the number of parts.

    Raises
    ------
    RequestError
        If it is not two numbers, or the part does not exist.
    """
    numbers = re.fullmatch(r"(\d{1,6})/(\d{1,6})", words.strip())
    if numbers is None or not 1 <= int(numbers[1]) <= int(numbers[2]):
        raise RequestError(
            f"{words!r} is not a part of a batch.", "Give the second of five as 2/5."
        )
    return int(numbers[1]), int(numbers[2])


def find_items(
    sources: Sequence[str | PathLike[str]],
    *,
    out: str | PathLike[str] | None = None,
    scenes: bool,
    fuse: bool = False,
    find_cameras: Callable[[Path], Path | None],
) -> BatchPlan:
    """Return the objects that the sources make, still without names.

    Parameters
    ----------
    sources
        Paths; a repeated path makes one object.
    out
        Folder of the results, which is never a source; None: they are not written to files.
    scenes
        Whether this process can open .blend files.
    fuse
        Also treat a folder of images without cameras as one object.
    find_cameras
        Returns the camera file in a folder, or None.

    Raises
    ------
    RequestError
        If a source is missing or unusable, or no source makes an object.
    """
    place = None if out is None else Path(os.path.abspath(out))
    search = _Search(place, scenes, fuse, find_cameras)
    items: dict[Path, Item] = {}
    for source in sources:
        path = Path(os.path.abspath(os.path.expanduser(source)))
        for item in search.items_of(path):
            items.setdefault(item.source, item)
    if not items:
        raise RequestError(
            "The sources hold nothing to reconstruct.", "Name images, or folders of them."
        )
    return BatchPlan(tuple(items.values()), search.left_out)


def check_cameras(plan: BatchPlan, method: str, *, needs_camera: bool) -> None:
    """Refuse a plan without cameras for a method that needs them.

    Raises
    ------
    RequestError
        If the method needs cameras, and no source of the plan can have any.
    """
    bare = [item for item in plan.items if item.kind in (ItemKind.IMAGE, ItemKind.IMAGES)]
    if needs_camera and len(bare) == len(plan.items):
        raise RequestError(
            f"{method} needs a camera for every image, but none of these sources has one.",
            "Choose a method that needs no camera, such as levelform.",
        )


class _Search:
    """Searches sources for objects, and records the files that it leaves out."""

    def __init__(
        self,
        out: Path | None,
        scenes: bool,
        fuse: bool,
        find_cameras: Callable[[Path], Path | None],
    ) -> None:
        self._out = out
        self._scenes = scenes
        self._fuse = fuse
        self._find_cameras = find_cameras
        self.left_out: dict[str, str] = {}

    def items_of(self, path: Path) -> list[Item]:
        """Return the objects that one source makes."""
        if path.is_dir():
            items = self._of_folder(path)
            if not items:
                raise RequestError(
                    f"The folder {path} holds no images, no cameras and no folders of images.",
                    "Name another folder.",
                )
            return items
        if not path.exists():
            raise RequestError(f"{path} does not exist.", "Check the path.")
        suffix = path.suffix.lower()
        if suffix == SCENE_SUFFIX:
            if not self._scenes:
                raise RequestError(
                    f"{path} is a .blend file, which only Blender can open.",
                    "Use `blender --command levelform batch` with the same words.",
                )
            return [Item(ItemKind.SCENE, path)]
        if suffix in SUFFIXES:
            return [Item(ItemKind.IMAGE, path)]
        if suffix in CAMERA_SUFFIXES or path.name.lower() in COLMAP_FILES:
            own = path.stem.lower() in GENERIC_NAMES and self._find_cameras(path.parent) == path
            return [Item(ItemKind.CAMERAS, path.parent if own else path)]
        raise RequestError(
            f"{path} is not an image, a camera file or a .blend file.", "Leave it out."
        )

    def _of_folder(self, folder: Path) -> list[Item]:
        if self._find_cameras(folder) is not None:
            return [Item(ItemKind.CAMERAS, folder)]
        images = set(list_images(folder))
        if images and self._fuse:
            return [Item(ItemKind.IMAGES, folder)]
        items: list[Item] = []
        for path in sorted(folder.iterdir(), key=lambda entry: natural_key(entry.name)):
            if path in images:
                items.append(Item(ItemKind.IMAGE, path))
            elif path.is_dir():
                items += self._of_sub_folder(path)
            elif path.suffix.lower() == SCENE_SUFFIX:
                items += self._of_scene(path)
        return items

    def _of_sub_folder(self, folder: Path) -> list[Item]:
        if folder.name.startswith(".") or folder.name.lower() == MASK_FOLDER or folder == self._out:
            return []
        if self._find_cameras(folder) is not None:
            return [Item(ItemKind.CAMERAS, folder)]
        if list_images(folder):
            return [Item(ItemKind.IMAGES, folder)]
        self.left_out[str(folder)] = "It holds no images and no cameras."
        return []

    def _of_scene(self, path: Path) -> list[Item]:
        if self._scenes:
            return [Item(ItemKind.SCENE, path)]
        self.left_out[str(path)] = "Only Blender can open it: blender --command levelform batch."
        return []


# ---------------------------------------------------------------- names


def name_items(plan: BatchPlan, owner: Callable[[Item, str], bool | None]) -> BatchPlan:
    """Return the plan with a name for each item, derived from its source.

    Names are unique even if case is ignored. If two sources have the same name, both get more of
    their paths: the suffix, then the parent folders. An item keeps the name from an earlier batch,
    and never takes a name that belongs to another item.

    Parameters
    ----------
    owner
        Tells who owns a name: True for a result of this item, False for any other file, None if
        the name is free.
    """
    ladders = [_ladder(item, owner) for item in plan.items]
    names = [next(ladder) for ladder in ladders]
    while True:
        counts = Counter(name.casefold() for name in names)
        clashes = [index for index, name in enumerate(names) if counts[name.casefold()] > 1]
        if not clashes:
            break
        for index in clashes:
            names[index] = next(ladders[index])
    items = (replace(item, name=name) for item, name in zip(plan.items, names, strict=True))
    return BatchPlan(tuple(items), plan.left_out)


def _ladder(item: Item, owner: Callable[[Item, str], bool | None]) -> Iterator[str]:
    """Yield possible names of an item: its own, then the free ones, shortest first."""
    names = list(dict.fromkeys(_names(item)))
    owners = [owner(item, name) for name in names]
    yield from (name for name, taken in zip(names, owners, strict=True) if taken)
    yield from (name for name, taken in zip(names, owners, strict=True) if taken is None)
    digest = hashlib.sha256(os.fsencode(item.source)).hexdigest()  # no other item has it
    yield f"{safe_name(item.source.stem)}-{digest[:16]}"


def _names(item: Item) -> Iterator[str]:
    source = item.source
    stem, suffix = source.name, ""
    if item.kind is not ItemKind.IMAGES and not source.is_dir():
        stem, suffix = source.stem, source.suffix.lstrip(".")
    folders = ["", *(folder.name for folder in source.parents if folder.name)]
    if suffix and item.kind is ItemKind.CAMERAS and stem.lower() in GENERIC_NAMES and folders[1:]:
        yield safe_name(folders[1])
        del folders[0]
    above = ""
    for folder in folders:
        above = f"{folder}-{above}" if folder else above
        yield safe_name(above + stem)
        if suffix:
            yield safe_name(f"{above}{stem}-{suffix}")


def safe_name(words: str) -> str:
    """Return words as a file name, without suffix, that is valid on every system."""
    words = unicodedata.normalize("NFC", words)
    words = "".join(
        "_" if c in '<>:"/\\|?*' or unicodedata.category(c)[0] == "C" else c for c in words
    )
    words = words.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore")
    words = words.strip(" .") or "object"
    head, dot, rest = words.partition(".")
    return f"{head}_{dot}{rest}" if head.strip().lower() in _RESERVED else words


# ---------------------------------------------------------------- files


def files_of(item: Item) -> list[Path]:
    """Return the files of an item, as far as they are known without reading it."""
    source = item.source
    if item.kind is ItemKind.SCENE:
        return [source]
    if item.kind is ItemKind.IMAGE:
        mask = find_mask(source)
        return [source, *([Path(mask)] if mask else [])]
    folder = source if source.is_dir() else source.parent
    wanted = (*SUFFIXES, *CAMERA_SUFFIXES, ".bin", ".txt") if folder == source else SUFFIXES
    paths = {path for path in _files_below(folder) if path.suffix.lower() in wanted}
    return sorted(paths | ({source} if source.is_file() else set()))


def _files_below(folder: Path) -> Iterable[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        kept = (n for n in names if not n.startswith(".") and not n.endswith(RECORD_SUFFIX))
        yield from (Path(place, name) for name in kept)
