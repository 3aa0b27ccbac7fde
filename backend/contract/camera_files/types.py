"""What a file of cameras says, before and after its images were looked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..cameras import CameraData

Keys = Mapping[str, Any]
NOWHERE = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Entry:
    """One frame as its file has it.

    Attributes
    ----------
    number : its place in the file, from 0
    image : the image's path or name as written
    keys : what a frame of a `transforms.json` would say; or a function of the image's width and
        height that returns it, where the file counts in parts of the image
    mask : the mask's path as written; empty: none
    """

    number: int
    image: str
    keys: Keys | Callable[[int, int], Keys]
    mask: str = ""

    @property
    def label(self) -> str:
        """What to call the frame in a message."""
        return f"frame {self.number} ({shortened(self.image)})"


@dataclass(frozen=True)
class Listing:
    """A file of cameras.

    Attributes
    ----------
    file : where it is
    entries : its frames, in the file's order
    folders : where its images may lie; the first is what their paths are relative to
    world_from_volume : (4, 4) float64 where the object is, if the file says so
    remarks : sentences about what was left out or can't be known
    """

    file: Path
    entries: tuple[Entry, ...]
    folders: tuple[Path, ...]
    world_from_volume: np.ndarray | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PosedFrame:
    """One posed image.

    Attributes
    ----------
    path : the image's file, which exists
    mask : the file of its mask; empty: none is named
    camera : posed in the world less `PosedFiles.world_offset`; with the lens's distortion
    name : what to call it: the file's name, with its folder where that is not unique
    """

    path: Path
    mask: str
    camera: CameraData
    name: str


@dataclass(frozen=True)
class PosedFiles:
    """Posed images, and what else their file says.

    Attributes
    ----------
    frames : in the file's order, those that were chosen
    world_from_volume : (4, 4) float64 where the object is, less `world_offset`; None: not said
    volume_from : "file" where the file says where the object is; else empty
    remarks : sentences for the user about what was understood how
    world_offset : local origin in the file's world: add it to get the file's coordinates. Not zero
        for cameras in map coordinates, where single precision would lose the object's shape
    """

    frames: tuple[PosedFrame, ...]
    world_from_volume: np.ndarray | None = None
    volume_from: str = ""
    remarks: tuple[str, ...] = ()
    world_offset: tuple[float, float, float] = NOWHERE


def shortened(text: str, most: int = 60) -> str:
    """Return a text for a message, its end where it is too long: file names differ there."""
    return text if len(text) <= most else "..." + text[-most:]
