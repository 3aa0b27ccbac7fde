"""The page of a paper's protocol, and its figures: results, histograms, TDGN's cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.errors import LevelformError
from ..data.format import StoredShape
from ..geometry.meshes import Mesh
from ..geometry.writing import written_whole
from ..metrics import PROTOCOLS
from ..reconstructors.figures.tdgn import nearest_field
from ..reconstructors.tdgn import TDGN
from ..ticket import Ticket
from .gallery import LINE, MARGIN, SIDES, TILE, on_white, seen_from_sides, write_sheet
from .markdown import table, write
from .measuring import GroundTruth, surface_of
from .paper_figures import write_paper_figures
from .protocol import Outcome, table_rows

if TYPE_CHECKING:
    from PIL import Image

SHOWN = 4  # shapes in the sheet of results
WIDTH, HEIGHT, BORDER, BINS = 320, 180, 34, 20  # of a histogram, pixels


def write_page(outcome: Outcome, path: Path, *, command: str, figures: Sequence[Path]) -> None:
    """Write the table, how it was made, and links to the figures."""
    trial = outcome.trial
    how = PROTOCOLS[trial.paper]
    empty = sum(row.empty for _, _, row in outcome.rows)
    head = ["metric", "category", "measured", "published", "source"]
    write(
        path,
        [
            f"# {trial.entrant.title}, by the protocol of `{trial.paper}`",
            f"    {command}",
            how.definition,
            f"{len(outcome.rows)} images, cameras {trial.camera}, meshes of {trial.resolution} "
            f"cells, {empty} without a surface. The published numbers are of ShapeNet and the "
            "published weights; they can be compared only with measurements of the same data.",
            table(head, table_rows(outcome)),
            *(f"![{figure.stem}]({figure.relative_to(path.parent)})" for figure in figures
              if figure.is_relative_to(path.parent)),
        ],
    )  # fmt: skip


def write_figures(
    outcome: Outcome,
    shapes: Sequence[StoredShape],
    folder: Path,
    *,
    ticket: Ticket | None = None,
) -> list[Path]:
    """Write the sheet of results, the metrics' histograms, and the paper's own figures.

    Raises
    ------
    LevelformError
        If a file can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = [shape for shape in shapes if outcome.trial.entrant.knows(shape.category)][:SHOWN]
    files = [folder / f"{outcome.trial.paper}-results.png"]
    write_sheet(_sheet(outcome, known), files[0])
    files.append(folder / f"{outcome.trial.paper}-histograms.svg")
    with written_whole(files[-1]) as partial:
        partial.write_text(histograms(outcome))
    model = outcome.trial.entrant.model_for(known[0].category)
    alike = [shape for shape in known if outcome.trial.entrant.model_for(shape.category) is model]
    return files + write_paper_figures(outcome.trial.paper, model, alike, folder, ticket=ticket)


def _sheet(outcome: Outcome, shapes: Sequence[StoredShape]) -> "Image.Image":
    """Return one row a shape: image, result and truth from two sides, TDGN's cells."""
    from PIL import Image, ImageDraw

    rows = [_tiles(outcome, shape) for shape in shapes]
    columns = max(len(row) for row in rows)
    size = (MARGIN + columns * (TILE + MARGIN), MARGIN + len(rows) * (LINE + TILE + MARGIN))
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    cells = ", nearest-point cells" if columns > 1 + 2 * len(SIDES) else ""
    for line, (shape, row) in enumerate(zip(shapes, rows, strict=True)):
        top = MARGIN + line * (LINE + TILE + MARGIN)
        pen.text((MARGIN, top), f"{shape.id}: image, result, ground truth{cells}", fill="black")
        for column, tile in enumerate(row):
            sheet.paste(tile, (MARGIN + column * (TILE + MARGIN), top + LINE))
    return sheet


def _tiles(outcome: Outcome, shape: StoredShape) -> list["Image.Image"]:
    model = outcome.trial.entrant.model_for(shape.category)
    cells: list[Image.Image] = []
    try:
        code = model.encode([shape.view(0)])
        mesh = surface_of(model.decode(code), outcome.trial.resolution)
        if isinstance(model, TDGN):
            cells = seen_from_sides(surface_of(nearest_field(model, code), 64))
    except LevelformError:
        mesh = None
    true: Mesh = GroundTruth(shape).mesh
    shown = on_white(np.array(shape["views.images"][0]))
    return [shown, *seen_from_sides(mesh), *seen_from_sides(true), *cells]


def histograms(outcome: Outcome) -> str:
    """Return an SVG image: the distribution of each metric over the images (TDGN figure 10)."""
    names = list(outcome.rows[0][2].values) if outcome.rows else []
    parts = []
    for index, name in enumerate(names):
        values = np.array([row.values[name] for _, _, row in outcome.rows])
        x, y = index % 3 * WIDTH, index // 3 * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">{_histogram(name, values)}</g>')
    width, height = min(len(names), 3) * WIDTH, -(-len(names) // 3) * HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        + "".join(parts) + "</svg>\n"
    )  # fmt: skip


def _histogram(name: str, values: np.ndarray) -> str:
    counts, edges = np.histogram(values[np.isfinite(values)], BINS)
    most = max(int(counts.max()), 1)
    width = (WIDTH - 2 * BORDER) / BINS
    bars = [
        f'<rect x="{BORDER + i * width:.1f}" y="{HEIGHT - BORDER - h:.1f}" '
        f'width="{width * 0.9:.1f}" height="{h:.1f}" fill="#4477aa"/>'
        for i, h in enumerate((HEIGHT - 2 * BORDER) * counts / most)
    ]
    base = HEIGHT - BORDER + 14
    return (
        f'<text x="{BORDER}" y="16">{name}: mean {values.mean():.4g}</text>{"".join(bars)}'
        f'<text x="{BORDER}" y="{base}">{edges[0]:.3g}</text>'
        f'<text x="{WIDTH - BORDER}" y="{base}" text-anchor="end">{edges[-1]:.3g}</text>'
    )
