"""From a folder or a video to a `transforms.json`: copy, solve, check, place, write."""

import json
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..contract.cameras import to_frame
from ..contract.drawings import SIZE
from ..contract.errors import RequestError, WorkError
from ..contract.photographs import FRAMES, MASKS, MOST_FRAMES
from ..contract.protocol import Background
from ..geometry.writing import check_place, written_whole
from ..images.matte import matte
from ..ticket import Ticket
from .checking import REFERENCE, RESIDUAL, check_silhouettes, check_solution
from .library import check_solver
from .placing import PlacedScene, camera_data, silhouette_views, stage
from .solver import STAGES
from .solving import SfmSolution, solve
from .sources import Photographs, copy_images, images_of
from .video import is_video, take_frames

LEAST_COVER, MOST_COVER = 0.01, 0.9  # range of an object's fraction of the image
PLAIN_BORDER = 0.05  # maximum covered fraction of a plain background's border
ONE_BODY = 0.9  # fraction of the covered pixels in the largest part
BY_COLOR = 3 * RESIDUAL  # silhouettes from the background's colour are less exact


@dataclass(frozen=True)
class PosedPhotographs:
    """Cameras of photographs, and where their object is.

    Attributes
    ----------
    stage : cameras and object in an upright world
    photographs : the images
    solution : the solver's
    masked : whether features outside the masks were ignored
    residual : residual of the silhouettes, pixels of 224; None without any
    remarks : sentences for the person
    """

    stage: PlacedScene
    photographs: Photographs
    solution: SfmSolution
    masked: bool
    residual: float | None
    remarks: tuple[str, ...] = field(default=())


def find_cameras(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    masks: str = "auto",
    distortion: bool = True,
    size: float = SIZE,
    frames: int = FRAMES,
    frames_folder: str | Path = "",
    seed: int = 0,
    ticket: Ticket | None = None,
) -> dict[str, Any]:
    """Find the cameras of photographs and write them as a `transforms.json`; return the facts.

    Parameters
    ----------
    sources : a folder, a video, or image files
    out : the file; frames of a video are written into a folder beside it
    masks : "use" them to ignore the background, if it does not move with the object; "ignore" them;
        or "auto": use them if the cameras can't be estimated without them
    distortion : find and undo the lens distortion
    size : length of the object's longest side in the new world
    frames : how many frames of a video are taken
    frames_folder : for them; empty: beside `out`, named after it

    Raises
    ------
    RequestError
        If a source can't be used, or the library is missing.
    WorkError
        If the cameras can't be found, or are probably wrong.
    """
    ticket = ticket or Ticket()
    check_place(out)
    _check(masks, size, frames)
    video = len(sources) == 1 and is_video(sources[0])
    check_solver()
    ticket.plan({**({"Frames": 4.0} if video else {}), **_PLAN})
    paths = [Path(source) for source in sources]
    if video:
        with ticket.stage("Frames"):
            place = frames_folder or Path(out).parent / f"{Path(out).stem}-frames"
            paths = take_frames(sources[0], place, count=frames, ticket=ticket)
    paths = images_of(paths)
    with tempfile.TemporaryDirectory(prefix="levelform-") as folder:
        posed = _find(paths, Path(folder), masks, distortion, size, seed, ticket)
    return write(posed, out)


_PLAN = {"Images": 2.0, STAGES[0]: 5.0, STAGES[1]: 4.0, STAGES[2]: 3.0, "Checks": 2.0}


def _check(masks: str, size: float, frames: int) -> None:
    """Raise `RequestError` if an option is out of range."""
    if masks not in MASKS:
        raise RequestError(f"{masks!r} is not a use of masks.", f"Choose {', '.join(MASKS)}.")
    if not (math.isfinite(size) and size > 0):
        raise RequestError(f"The object's size is {size:g}.", "Give a length above zero.")
    if not 3 <= frames <= MOST_FRAMES:
        raise RequestError(f"{frames} frames can't be taken.", f"Choose 3 to {MOST_FRAMES}.")


def _find(
    paths: Sequence[Path],
    folder: Path,
    masks: str,
    distortion: bool,
    size: float,
    seed: int,
    ticket: Ticket,
) -> PosedPhotographs:
    """Try to find cameras without masks, then with them, as far as `masks` allows."""
    with ticket.stage("Images"):
        photographs = copy_images(paths, folder, ticket)
    silhouettes, exact = _silhouettes(photographs)
    failure: WorkError | None = None
    for number, masked in enumerate(_attempts(photographs, masks)):
        place = folder / f"attempt{number}"
        place.mkdir()
        try:
            solution = solve(
                photographs, place, ticket, masks=masked, distortion=distortion, seed=seed
            )
            with ticket.stage("Checks"):
                names = [image.path.name for image in photographs.images]
                remarks = check_solution(solution, names)
                residual, usable = _agreement(photographs, solution, silhouettes, exact)
                ticket.check()
                made = stage(solution, photographs, usable, size=size, seed=seed, ticket=ticket)
        except WorkError as error:
            failure = failure or error
            continue
        remarks += _remarks(made, masked, failure)
        return PosedPhotographs(made, photographs, solution, masked, residual, tuple(remarks))
    assert failure is not None  # there is at least one attempt
    raise failure


def _attempts(photographs: Photographs, masks: str) -> list[bool]:
    """Return for each attempt whether it uses masks."""
    if masks == "use" and not photographs.masked:
        raise RequestError(
            "Not every image has a mask.", "Add the missing ones, or leave the masks out."
        )
    if photographs.cut_out and masks != "ignore":
        return [True]
    if masks == "auto":
        return [False, True] if photographs.masked else [False]
    return [masks == "use"]


def _silhouettes(photographs: Photographs) -> tuple[list[Tensor] | None, bool]:
    """Return the object's silhouettes, and whether they are masks; else by the background."""
    given = [image.silhouette for image in photographs.images if image.silhouette is not None]
    if len(given) == len(photographs.images):
        return given, True
    told = []
    for image in photographs.images:
        alpha = _by_background(image.look)
        if alpha is None:
            return None, False
        told.append(alpha)
    return told, False


def _by_background(look: Tensor) -> Tensor | None:
    """Return an object's silhouette in front of a plain background; None if it is not plain."""
    from scipy.ndimage import label

    opaque = torch.cat([look, torch.ones_like(look[..., :1])], 2)
    try:
        matted = matte(opaque, Background("auto"))
    except RequestError:
        return None
    if matted.source != "background":
        return None
    alpha = matted.image[..., 3]
    inside = (alpha >= 0.5).numpy()
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    labels, _ = cast("tuple[np.ndarray, int]", label(inside))
    sizes = np.bincount(labels.ravel())[1:]
    one = bool(len(sizes)) and sizes.max() > ONE_BODY * sizes.sum()
    covers = LEAST_COVER < inside.mean() < MOST_COVER
    return alpha if one and covers and border.mean() < PLAIN_BORDER else None


def _agreement(
    photographs: Photographs,
    solution: SfmSolution,
    silhouettes: list[Tensor] | None,
    exact: bool,
) -> tuple[float | None, list[Tensor] | None]:
    """Return the residual of the silhouettes, and the silhouettes if they can locate the object.

    Raises
    ------
    WorkError
        If masks contradict the cameras, or other silhouettes do so by far.
    """
    if silhouettes is None:
        return None, None
    cameras = {index: camera_data(placed) for index, placed in solution.cameras.items()}
    views = silhouette_views(cameras, photographs.images, silhouettes)
    residual = check_silhouettes(views, most=RESIDUAL if exact else BY_COLOR)
    fits = residual is not None and residual <= RESIDUAL
    return (residual, silhouettes) if exact or fits else (None, None)


def _remarks(made: PlacedScene, masked: bool, failure: WorkError | None) -> list[str]:
    remarks = []
    if masked and failure is not None:
        remarks.append("Found with the masks; without them the images don't fit each other.")
    if made.up_from == "cameras":
        remarks.append("No ground was found; up is the direction in which the cameras were held.")
    if made.box.source == "points":
        remarks.append(
            "The object's box is estimated from points on it, which thin and plain parts lack: "
            "check the volume, or add masks."
        )
    if made.box.source == "focus":
        remarks.append(
            "The object's place is a guess, at the point that all cameras look at: move the volume."
        )
    return remarks


# ---------------------------------------------------------------- the file


def write(posed: PosedPhotographs, out: str | Path) -> dict[str, Any]:
    """Write the cameras as a `transforms.json`; return the facts."""
    target = Path(out)
    images = posed.photographs.images
    frames = [
        {"file_path": _relative(images[index].path, target.parent), **to_frame(camera)}
        for index, camera in posed.stage.cameras.items()
    ]
    content = {
        "world_from_volume": posed.stage.world_from_volume.tolist(),
        "frames": frames,
    }
    with written_whole(target) as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return {**facts(posed), "out": str(target)}


def facts(posed: PosedPhotographs) -> dict[str, Any]:
    """Return the facts as plain values."""
    images = posed.photographs.images
    placed = posed.solution.cameras
    first = next(iter(placed.values()))
    missing = [image.path.name for index, image in enumerate(images) if index not in placed]
    return {
        "images": len(images),
        "placed": len(placed),
        "missing": missing,
        "focal": round(first.focal / first.size[0], 4),
        "distortion": round(first.radial, 4),
        "error": round(posed.solution.error * REFERENCE / max(first.size), 3),
        "consistent": round(posed.solution.consistent, 4),
        "residual": None if posed.residual is None else round(posed.residual, 3),
        "masks": posed.masked,
        "up_from": posed.stage.up_from,
        "box": np.round(posed.stage.box.corners, 4).tolist(),
        "box_from": posed.stage.box.source,
        "remarks": list(posed.remarks),
    }


def _relative(path: Path, base: Path) -> str:
    """Return a path from a folder, or absolute on another drive."""
    absolute = os.path.abspath(path)
    try:
        return Path(os.path.relpath(absolute, os.path.abspath(base))).as_posix()
    except ValueError:
        return Path(absolute).as_posix()
