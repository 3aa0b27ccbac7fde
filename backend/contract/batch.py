"""Batches: which objects the sources of one command make, and what their files are called.

A source is an image, a file of cameras, a .blend, or a folder. A folder with cameras is one object;
any other gives one for each of its images, sub-folders and .blend files (a sub-folder is one object
whatever images it holds). The terminal, Blender's
command line and its scripts share this; how objects are made one after the other is `batch_run`.
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
RECORD_SUFFIX = ".levelform.json"  # of what a batch notes beside a result
CAMERA_SUFFIXES = (".json", ".xml", ".csv")
COLMAP_FILES = ("cameras.bin", "cameras.txt", "images.bin", "images.txt")
# Files of cameras that are called alike wherever they lie; their folder's name says more.
GENERIC_NAMES = ("transforms", "transforms_train", "cameras", "images", "meta_data")
LONGEST_NAME = 120  # bytes; file systems take 255, and more is added around it
_RESERVED = {  # by Windows, whatever the suffix
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}


class ItemKind(StrEnum):
    """What an object is made from."""

    IMAGE = "image"  # one image without a camera
    IMAGES = "images"  # a folder of images of one object, without cameras
    CAMERAS = "cameras"  # a file of cameras, or a folder that holds one
    SCENE = "scene"  # a .blend whose cameras have images


@dataclass(frozen=True)
class Item:
    """One object of a batch.

    Attributes
    ----------
    kind : what it is made from
    source : absolute path of that
    name : of the object and, without a suffix, of its file
    """

    kind: ItemKind
    source: Path
    name: str = ""


@dataclass(frozen=True)
class BatchPlan:
    """The objects of a batch, and what is none.

    Attributes
    ----------
    items : in the order of the sources, each folder's in natural order
    left_out : why what was found in a folder makes no object, by its path
    """

    items: tuple[Item, ...]
    left_out: dict[str, str] = field(default_factory=dict)

    def part(self, words: str | None) -> "BatchPlan":
        """Return the share of one machine of several: "2/5" is the second of five.

        Items are dealt out in turn, so that all parts together are the whole plan.

        Raises
        ------
        RequestError
            If the words are something else.
        """
        if words is None:
            return self
        number, count = parse_part(words)
        return BatchPlan(self.items[number - 1 :: count], self.left_out)


def parse_part(words: str) -> tuple[int, int]:
    """Return which part of how many "2/5" is.

    Raises
    ------
    RequestError
        If it is not two numbers, or there is no such part.
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
    out: str | PathLike[str],
    scenes: bool,
    fuse: bool = False,
    find_cameras: Callable[[Path], Path | None],
) -> BatchPlan:
    """Return the objects that the sources make; they have no names yet.

    Parameters
    ----------
    sources
        Paths; one that comes twice makes one object.
    out
        Folder of the results, which is never a source.
    scenes
        Whether .blend files can be opened here.
    fuse
        A source that is a folder of images without cameras is one object too, as its sub-folders
        are.
    find_cameras
        Returns the file of cameras that a folder holds, or None.

    Raises
    ------
    RequestError
        If a source is missing, can't be a source, or there is no object at all.
    """
    search = _Search(Path(os.path.abspath(out)), scenes, fuse, find_cameras)
    items: dict[Path, Item] = {}
    for source in sources:
        path = Path(os.path.abspath(os.path.expanduser(source)))
        for item in search.items_of(path):
            items.setdefault(item.source, item)
    if not items:
        raise RequestError("There is nothing to reconstruct.", "Name images, or folders of them.")
    return BatchPlan(tuple(items.values()), search.left_out)


def check_cameras(plan: BatchPlan, method: str, *, needs_camera: bool) -> None:
    """Refuse a plan of which a method can make nothing, for want of cameras.

    Raises
    ------
    RequestError
        If the method needs them, and no source of the plan can have any.
    """
    bare = [item for item in plan.items if item.kind in (ItemKind.IMAGE, ItemKind.IMAGES)]
    if needs_camera and len(bare) == len(plan.items):
        raise RequestError(
            f"{method} needs a camera for every image; none of these sources has any.",
            "Choose a method that does without, such as --method levelform.",
        )


class _Search:
    """Looks for objects in sources, and notes what it leaves out."""

    def __init__(
        self, out: Path, scenes: bool, fuse: bool, find_cameras: Callable[[Path], Path | None]
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
            raise RequestError(f"There is no {path}.", "Check the path.")
        suffix = path.suffix.lower()
        if suffix == SCENE_SUFFIX:
            if not self._scenes:
                raise RequestError(
                    f"{path} is a .blend file, which Blender alone can open.",
                    "Use `blender --command levelform batch` with the same words.",
                )
            return [Item(ItemKind.SCENE, path)]
        if suffix in SUFFIXES:
            return [Item(ItemKind.IMAGE, path)]
        if suffix in CAMERA_SUFFIXES or path.name.lower() in COLMAP_FILES:
            own = path.stem.lower() in GENERIC_NAMES and self._find_cameras(path.parent) == path
            return [Item(ItemKind.CAMERAS, path.parent if own else path)]
        raise RequestError(
            f"{path} is not an image, a file of cameras or a .blend.", "Leave it out."
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
        self.left_out[str(path)] = "Blender alone can open it: blender --command levelform batch."
        return []


# ---------------------------------------------------------------- names


def name_items(plan: BatchPlan, owner: Callable[[Item, str], bool | None]) -> BatchPlan:
    """Return the plan with a name for each item, which follows its source.

    Names are unique where upper and lower case count the same. Where two sources are called alike,
    both get more of their paths: the suffix, then the folders above. An item keeps the name that an
    earlier batch gave it, and none takes a name that is another's.

    Parameters
    ----------
    owner
        Says whether a name is taken: True, by a result of this item; False, by any other file;
        None, it is free.
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
    """Yield the names that an item may have: its own, then the free ones, the shortest first."""
    names = list(dict.fromkeys(_names(item)))
    owners = [owner(item, name) for name in names]
    yield from (name for name, taken in zip(names, owners, strict=True) if taken)
    yield from (name for name, taken in zip(names, owners, strict=True) if taken is None)
    digest = hashlib.sha256(os.fsencode(item.source)).hexdigest()  # nobody else has it
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
    """Return words as a file's name, without a suffix, that every system takes."""
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
    """Return the files that an item is made from, as far as they are known without reading it."""
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
