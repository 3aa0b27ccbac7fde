"""Contents of a camera file, before and after its images are located."""

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
    """One frame as written in its file.

    Attributes
    ----------
    number : its index in the file, from 0
    image : the image's path or name as written
    keys : the keys of a `transforms.json` frame; or a function of the image's width and height that
        returns them, for files with lengths in fractions of the image
    mask : the mask's path as written; empty: no mask
    depth : the depth map's path as written; empty: none
    depth_scale : world units of a depth of 1 in it
    """

    number: int
    image: str
    keys: Keys | Callable[[int, int], Keys]
    mask: str = ""
    depth: str = ""
    depth_scale: float = 1.0

    @property
    def label(self) -> str:
        """Name of the frame in messages."""
        return f"frame {self.number} ({shortened(self.image)})"


@dataclass(frozen=True)
class Listing:
    """A camera file.

    Attributes
    ----------
    file : its path
    entries : its frames, in the file's order
    folders : searched for its images; relative paths start at the first
    world_from_volume : (4, 4) float64 volume of the object; None: not in the file
    remarks : sentences about skipped or unknown content
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
    path : the existing image file
    mask : the file of its mask; empty: no mask
    camera : posed in the world minus `PosedFiles.world_offset`; with its distortion
    name : for display: the file's name, with its folder if not unique
    depth : the file of its depth map; empty: none
    depth_scale : world units of a depth of 1 in that file
    """

    path: Path
    mask: str
    camera: CameraData
    name: str
    depth: str = ""
    depth_scale: float = 1.0


@dataclass(frozen=True)
class PosedFiles:
    """Posed images and the other contents of their file.

    Attributes
    ----------
    frames : the chosen ones in the file's order
    world_from_volume : (4, 4) float64 volume of the object, minus `world_offset`, if in the file
    volume_from : "file" if the file contains the volume; else empty
    remarks : sentences for the user about the interpretation of the file
    world_offset : local origin in the file's world: add it to get the file's coordinates. Nonzero
        for cameras in map coordinates, where single precision can't resolve the object
    """

    frames: tuple[PosedFrame, ...]
    world_from_volume: np.ndarray | None = None
    volume_from: str = ""
    remarks: tuple[str, ...] = ()
    world_offset: tuple[float, float, float] = NOWHERE


def shortened(text: str, most: int = 60) -> str:
    """Return a text for a message; of long texts the end, where file names differ."""
    return text if len(text) <= most else "..." + text[-most:]
