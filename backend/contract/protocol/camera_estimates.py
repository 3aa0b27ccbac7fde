"""Messages about the cameras of images: refined, found, of drawings, of photographs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cameras import CameraData
from .parts import FROM_BORDER, KEEP_ALPHA, Background, ViewData


@dataclass(frozen=True)
class RefineCameras:
    """Ask for cameras near the given ones with better agreeing silhouettes.

    Answered by `CameraEstimates`.

    focal : whether a factor of all focal lengths is found too
    """

    job: str
    views: tuple[ViewData, ...]
    background: Background = KEEP_ALPHA
    cures: tuple[str, ...] = ()
    focal: bool = True


@dataclass(frozen=True)
class FindCameras:
    """Ask for the cameras of images, which have none; answered by `CameraEstimates`.

    way : how the images were taken, one of `camera_estimates.WAYS`
    views : in the order in which they were taken
    step : degrees between two images of a turntable; None: they go once around
    focal : focal length in widths of the image; None: from the file, else it is found too
    side : the object's longest side in the world that the cameras are posed in
    center : of the object there; None: above the origin, on the ground
    """

    job: str
    way: str
    views: tuple[ViewData, ...]
    background: Background = KEEP_ALPHA
    step: float | None = None
    focal: float | None = None
    side: float = 2.0
    center: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class CameraEstimates:
    """The answer to `RefineCameras` and `FindCameras`.

    cameras : one for each view, posed in the world, of its image as stored; None: not found
    facts : the `--json` facts, see `camera_estimates`
    world_from_volume : (4, 4) float64 volume around the object; None: unknown
    """

    job: str
    cameras: tuple[CameraData | None, ...]
    facts: dict[str, Any]
    world_from_volume: np.ndarray | None = None


@dataclass(frozen=True)
class PlaceDrawings:
    """Ask for a camera file of drawings; answered by `Finished`, whose stats have its path `out`.

    paths : one sheet, or an image for each side
    out : the file of cameras to write; the drawings go into a folder beside it
    names : sides, see `drawings.SIDES`; empty: by position, or by the files' names
    side : the object's longest side
    preview : a PNG to write, the sheet with a frame at each drawing; empty: none
    """

    job: str
    paths: tuple[str, ...]
    out: str
    names: tuple[str, ...] = ()
    side: float = 1.8
    background: Background = FROM_BORDER
    preview: str = ""


@dataclass(frozen=True)
class PlacePhotographs:
    """Ask for a camera file of photographs; answered as `PlaceDrawings`.

    paths : a folder, a video, or images
    out : the file of cameras to write
    frames_folder : where frames of a video go; empty: beside `out`
    masks : "auto", "use" or "ignore", see `photographs.find_cameras`
    distortion : find the lens distortion too
    side : the object's longest side
    frames : number of frames taken from a video
    """

    job: str
    paths: tuple[str, ...]
    out: str
    frames_folder: str = ""
    masks: str = "auto"
    distortion: bool = True
    side: float = 1.8
    frames: int = 36
    seed: int = 0
