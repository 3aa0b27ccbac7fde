"""A paper's own figures, made of the first shapes of a data set: one row of tiles a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.errors import LevelformError
from ..contract.shows import Exhibit, drawn_points
from ..data.format import StoredShape
from ..data.render import look_at, render_mesh
from ..geometry.cameras import Camera
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..geometry.writing import written_whole
from ..reconstructors import Reconstructor
from ..reconstructors.finishing import finished
from ..shows import Subject, offered, shown
from ..shows.morphing import Between, morphed
from ..ticket import Ticket

if TYPE_CHECKING:
    from PIL import Image

TILE, LINE, GAP = 150, 16, 6  # pixels
VIEW, ELEVATION, DISTANCE, REACH = 35.0, 22.0, 6.0, 1.15  # of a drawn mesh's camera
COLORS = 96  # of the palette
RESOLUTION = 64
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of a morph
MORPH = "morph"
LETTERS = 24  # of a tile's name
Tile = tuple[str, "Image.Image"]


@dataclass(frozen=True)
class Figure:
    """One picture: its name, and the shows in it, or `MORPH`."""

    name: str
    shows: tuple[str, ...]


_UCLID = (
    Figure("figure-4", ("depth-maps", "depth-grid", "voxels", "patches")),
    Figure("figure-5", ("points",)),
)
FIGURES: dict[str, tuple[Figure, ...]] = {
    "deep-meta-functionals": (
        Figure("figure-4", (MORPH,)),
        Figure("figure-6", ("levels",)),
        Figure("figure-10", ("jacobian",)),
        Figure("section-6", ("silhouettes",)),
    ),
    "disn": (Figure("figure-6", ("streams",)), Figure("figure-10", (MORPH,))),
    "uclid-net": _UCLID,
    "pix3d": _UCLID,
    "tdgn": (
        Figure("figure-4", (MORPH,)),
        Figure("figure-5", ("training-set", "embedding")),
        Figure("figure-9", ("deletion",)),
        Figure("figure-11", ("cells",)),
    ),
    "sdf-srn": (Figure("figure-4", ("rendering",)),),
    "sdf-srn-pascal3d": (Figure("figure-6", ("rendering",)),),
    "occupancy-network": (),
}


def subject_of(model: Reconstructor, view: View, *, resolution: int = RESOLUTION) -> Subject:
    """Return a method's subject of one image."""
    code = model.encode([view])
    field = finished(model, model.decode(code), [view], None)
    return Subject(model, code, (view,), field, field.level(), resolution)


def write_paper_figures(
    paper: str,
    model: Reconstructor,
    shapes: Sequence[StoredShape],
    folder: Path,
    *,
    ticket: Ticket | None = None,
) -> list[Path]:
    """Write the figures of a paper as PNG files, of the first shape, and morphs of the first two.

    What these weights cannot show is a tile that says why.

    Parameters
    ----------
    shapes : at least one; all that `model` knows
    """
    folder.mkdir(parents=True, exist_ok=True)
    ticket, paths = ticket or Ticket(), []
    views = [shape.view(0) for shape in shapes[:2]]
    figures = FIGURES[paper]
    for index, figure in enumerate(figures):
        ticket.advance(index / len(figures))
        paths.append(folder / f"{paper}-{figure.name}.png")
        write_row([*_tiles(figure, model, views)], paths[-1])
    return paths


def _tiles(figure: Figure, model: Reconstructor, views: Sequence[View]) -> Iterator[Tile]:
    yield "image", _flat((views[0].image.numpy() * 255 + 0.5).astype(np.uint8))
    known = {spec.name for spec in offered(type(model))}
    for show in figure.shows:
        if show != MORPH and show not in known:
            continue
        try:
            made = _morph(model, views) if show == MORPH else _exhibits(model, views[0], show)
            yield from [(one.name, tile_of(one)) for one in made]
        except LevelformError as error:
            yield show, _told(error.message)
    if figure.shows == (MORPH,) and len(views) > 1:
        yield "image", _flat((views[1].image.numpy() * 255 + 0.5).astype(np.uint8))


def _exhibits(model: Reconstructor, view: View, show: str) -> list[Exhibit]:
    return list(shown(subject_of(model, view), show, {}))


def _morph(model: Reconstructor, views: Sequence[View]) -> Sequence[Exhibit]:
    first, second = (model.encode([view]) for view in (views[0], views[-1]))
    between = Between(model, first, second)
    return morphed(between, FACTORS, resolution=RESOLUTION, way="meshes").exhibits


# ---------------------------------------------------------------- tiles


def tile_of(exhibit: Exhibit) -> "Image.Image":
    """Draw an exhibit, an image of its own or a mesh seen from the front's side."""
    from PIL import Image

    if exhibit.image is not None:
        with Image.open(BytesIO(exhibit.image.tobytes()), formats=("PNG",)) as image:
            return _flat(np.asarray(image.convert("RGBA")))
    exhibit = exhibit if exhibit.faces is not None else drawn_points(exhibit, 0.05)
    assert exhibit.vertices is not None
    assert exhibit.faces is not None
    return drawn(Mesh(exhibit.vertices, exhibit.faces, None, exhibit.colors))


def drawn(mesh: Mesh) -> "Image.Image":
    """Draw a mesh on white."""
    focal = TILE / 2 / REACH * (DISTANCE - 1)
    camera = Camera(look_at(VIEW, ELEVATION, DISTANCE), focal, focal, TILE / 2, TILE / 2,
                    TILE, TILE)  # fmt: skip
    seen = render_mesh(mesh, [camera]).rgba.cpu().numpy()[0]
    return _flat((255 * seen.clip(0, 1) + 0.5).astype(np.uint8))


def _flat(pixels: np.ndarray) -> "Image.Image":
    """Return pixels, (H, W, 4) uint8, on white, as a tile."""
    from PIL import Image

    image = Image.fromarray(pixels)
    over = Image.new("RGBA", image.size, "white")
    over.alpha_composite(image)
    return over.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC)


def _told(sentence: str) -> "Image.Image":
    """Return a tile with a sentence."""
    from textwrap import fill

    from PIL import Image, ImageDraw

    tile = Image.new("RGB", (TILE, TILE), "white")
    ImageDraw.Draw(tile).multiline_text((4, 4), fill(sentence, LETTERS), fill="gray")
    return tile


def write_row(tiles: Sequence[Tile], path: Path) -> None:
    """Write tiles with their names in one row."""
    from PIL import Image, ImageDraw

    width = GAP + len(tiles) * (TILE + GAP)
    image = Image.new("RGB", (width, TILE + LINE + 2 * GAP), "white")
    pen = ImageDraw.Draw(image)
    for index, (name, tile) in enumerate(tiles):
        left = GAP + index * (TILE + GAP)
        image.paste(tile, (left, GAP + LINE))
        pen.text((left, GAP), name[:LETTERS], fill="black")
    with written_whole(path) as partial:
        image.quantize(COLORS, dither=Image.Dither.NONE).save(partial, "PNG", optimize=True)
