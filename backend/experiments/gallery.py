"""Render the best, median and worst shape of each network by IoU."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.errors import LevelformError
from ..data.format import StoredShape
from ..data.render import look_at, render_mesh
from ..geometry.cameras import Camera
from ..geometry.meshes import Mesh
from ..geometry.writing import written_whole
from ..ticket import Ticket
from .entrants import Entrant
from .measuring import GroundTruth, surface_of
from .settings import ONE
from .table import Row, TableResults, TestSet

if TYPE_CHECKING:
    from PIL import Image

TILE = 168  # pixels
MARGIN, LINE = 4, 16
SIDES = (-35.0, 145.0)  # azimuths of the two renderings, degrees from the front
ELEVATION = 24.0
DISTANCE, REACH = 6.0, 1.1  # camera distance and half the visible extent, volume units
RESOLUTION = 128
COLORS = 128  # palette size of the stored image, to limit the file size


@dataclass(frozen=True)
class Picked:
    """An image of the gallery: method title, data set, caption and path."""

    title: str
    data: str
    caption: str
    path: Path


def write_gallery(
    results: TableResults,
    tests: Sequence[TestSet],
    entrants: Sequence[Entrant],
    folder: Path,
    *,
    ticket: Ticket | None = None,
) -> list[Picked]:
    """Write one PNG per network: METHOD.png for the first data set, METHOD-DATA.png for others.

    Raises
    ------
    WorkError
        If a file can't be written.
    """
    ticket = ticket or Ticket()
    folder.mkdir(parents=True, exist_ok=True)
    unseen = [test for test in tests if not test.learned]
    networks = [entrant for entrant in entrants if entrant.learned]
    written = []
    for turn, test in enumerate(unseen):
        for index, entrant in enumerate(networks):
            ticket.advance((turn + index / len(networks)) / len(unseen))
            chosen = choose(results, test.name, entrant.name)
            if not chosen:
                continue
            name = entrant.name + (f"-{test.name}" if turn else "")
            path = folder / f"{name}.png"
            write_sheet(_sheet(test, entrant, chosen), path)
            words = [f"{word} {row.shape} ({row.numbers['iou']:.3f})" for word, row in chosen]
            written.append(Picked(entrant.title, test.name, ", ".join(words), path))
    return written


def choose(results: TableResults, data: str, entrant: str) -> list[tuple[str, Row]]:
    """Return the shapes with the highest, the middle and the lowest IoU with one view."""
    rows = [
        row for row in results.rows if (row.data, row.entrant, row.setting) == (data, entrant, ONE)
    ]
    rows.sort(key=lambda row: (-row.numbers["iou"], row.shape))
    if not rows:
        return []
    return [("best", rows[0]), ("median", rows[len(rows) // 2]), ("worst", rows[-1])]


def _sheet(test: TestSet, entrant: Entrant, chosen: Sequence[tuple[str, Row]]) -> "Image.Image":
    """Return one row per shape: the image, then the result and ground truth from two sides."""
    from PIL import Image, ImageDraw

    columns = 1 + 2 * len(SIDES)
    width = MARGIN + columns * (TILE + MARGIN)
    height = MARGIN + len(chosen) * (LINE + TILE + MARGIN)
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    shapes = {shape.id: shape for shape in test.shapes}
    for line, (word, row) in enumerate(chosen):
        top = MARGIN + line * (LINE + TILE + MARGIN)
        caption = f"{word}: {row.shape}, IoU {row.numbers['iou']:.3f}"
        pen.text((MARGIN, top), f"{caption}    image, result, ground truth", fill="black")
        for column, tile in enumerate(_tiles(shapes[row.shape], entrant)):
            sheet.paste(tile, (MARGIN + column * (TILE + MARGIN), top + LINE))
    return sheet


def _tiles(shape: StoredShape, entrant: Entrant) -> list["Image.Image"]:
    try:
        mesh = surface_of(entrant.field(shape, ONE), RESOLUTION)
    except LevelformError:  # already counted as a failure; the tiles stay empty
        mesh = None
    ground_truth = GroundTruth(shape)
    shown = on_white(np.array(shape["views.images"][0]))
    return [
        shown,
        *seen_from_sides(mesh),
        *seen_from_sides(ground_truth.mesh if ground_truth.has_mesh else None),
    ]


def seen_from_sides(mesh: Mesh | None) -> list["Image.Image"]:
    """Render a mesh from two sides; without a mesh, return white tiles."""
    if mesh is None:
        return [on_white(np.zeros((1, 1, 4), np.uint8)) for _ in SIDES]
    focal = TILE / 2 / REACH * (DISTANCE - 1)
    cameras = [
        Camera(look_at(side, ELEVATION, DISTANCE), focal, focal, TILE / 2, TILE / 2, TILE, TILE)
        for side in SIDES
    ]
    drawn = render_mesh(mesh, cameras).rgba.cpu().numpy()
    return [on_white((255 * image.clip(0, 1) + 0.5).astype(np.uint8)) for image in drawn]


def on_white(image: np.ndarray) -> "Image.Image":
    """Composite an image (H, W, 4) uint8 on white and resize it to `TILE` pixels."""
    from PIL import Image

    alpha = image[..., 3:].astype(np.float32) / 255
    flat = image[..., :3] * alpha + 255 * (1 - alpha)
    shown = Image.fromarray(flat.round().astype(np.uint8))
    return shown.resize((TILE, TILE), Image.Resampling.BICUBIC)


def write_sheet(sheet: "Image.Image", path: Path) -> None:
    from PIL import Image

    small = sheet.quantize(COLORS, dither=Image.Dither.NONE)
    with written_whole(path) as partial:
        small.save(partial, "PNG", optimize=True)
