"""`--save-masks`: the masks of images, and the images with the masks' outlines, as PNG files."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract import protocol
from ..contract.errors import RequestError
from ..contract.outlines import outlined

if TYPE_CHECKING:
    from ..session import Session
    from ..ticket import Ticket

Masked = protocol.Reconstruct | protocol.FindCameras | protocol.RefineCameras
SHOWN_SIDE = 1024  # pixels along the longer side of an image with its outline


def write_masks(
    session: "Session", request: Masked, folder: str, ticket: "Ticket"
) -> list[dict[str, Any]]:
    """Write the masks of a request's views to a folder, which is made; return the facts.

    Returns
    -------
    For each view `view`, `mask` and `outline` (paths), `source`, `doubt` and `remarks`.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(
            f"The folder {folder} can't be made: {error.strerror}.", "Name another."
        ) from error
    facts = []
    for index, view in enumerate(request.views):
        single = protocol.FindMasks(request.job, (view,), request.background)
        (event,) = session.find_masks(single, ticket)
        (mask,) = event.masks
        stem = f"{index:03d}-{Path(view.name).stem}"
        paths = {kind: place / f"{stem}-{kind}.png" for kind in ("mask", "outline")}
        _write(paths["mask"], mask.mask)
        _write(paths["outline"], outlined(_pixels(view, mask.mask), mask.mask))
        facts.append(
            {
                "view": view.name,
                **{kind: str(path) for kind, path in paths.items()},
                "source": mask.source,
                "doubt": mask.doubt,
                "remarks": list(event.notes),
            }
        )
    return facts


def _pixels(view: protocol.ViewData, mask: np.ndarray) -> np.ndarray:
    """Return the colours of a view at the size of its mask, (H, W, 3) uint8."""
    from PIL import Image

    from ..images import to_view

    image = to_view(replace(view, camera=None, mask=None), protocol.Background("alpha")).image
    colors = (image[..., :3].numpy() * 255 + 0.5).astype(np.uint8)
    return np.asarray(Image.fromarray(colors).resize((mask.shape[1], mask.shape[0])))


def _write(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    from ..geometry.writing import written_whole

    image = Image.fromarray(pixels)
    if pixels.ndim == 3:
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    with written_whole(path) as partial:
        image.save(partial, format="PNG")
