"""The curves of a training run: a growing table (CSV) and an image of it (SVG)."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract.errors import RequestError
from ..geometry.writing import written_whole

WIDTH, HEIGHT, MARGIN = 720, 300, 46
COLORS = ("#2f6fb2", "#c4502b", "#3d8b40", "#8050a0", "#9a7d0a", "#555555")


class CurveTable:
    """Rows of numbers by step in a CSV file; later rows may add columns.

    Rows are appended; the file is rewritten, and moved into place, after a new column or removed
    rows.

    Parameters
    ----------
    path
        The file; existing rows are read, except a last line cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, float]] = _read(path) if path.exists() else []
        self._written: list[str] = []  # columns of the file; empty: the file needs rewriting

    def add(self, row: Mapping[str, float]) -> None:
        """Add a row to the table and its file."""
        self.rows.append(dict(row))
        if not self._written or row.keys() - set(self._written):
            self.write()
        else:
            with self.path.open("a") as file:
                file.write(self._text([row]))

    def cut(self, step: int) -> None:
        """Remove rows after a step, written by an interrupted run after its last state."""
        self.rows = [row for row in self.rows if row["step"] <= step]
        self._written = []

    def write(self) -> None:
        """Write the whole table and move it into place."""
        self._written = list(dict.fromkeys(name for row in self.rows for name in row))
        with written_whole(self.path) as partial:
            partial.write_text(",".join(self._written) + "\n" + self._text(self.rows))

    def _text(self, rows: Sequence[Mapping[str, float]]) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, self._written, lineterminator="\n")
        writer.writerows({n: f"{v:.8g}" for n, v in row.items()} for row in rows)
        return text.getvalue()

    def column(self, name: str) -> list[tuple[float, float]]:
        """Return (step, value) of the rows with a column."""
        return [(row["step"], row[name]) for row in self.rows if name in row]


def _read(path: Path) -> list[dict[str, float]]:
    try:
        whole = path.read_text().rpartition("\n")[0]
        rows = list(csv.DictReader(io.StringIO(whole, newline="")))
        return [{n: float(v) for n, v in row.items() if v} for row in rows]
    except (ValueError, TypeError, OSError, csv.Error) as error:
        raise RequestError(
            f"{path} is not a table of a training run: {error}.", "Choose another --out."
        ) from error


def write_image(table: CurveTable, path: Path, names: Sequence[str], *, title: str = "") -> None:
    """Write curves of a table as an SVG image, each scaled to its own range.

    Parameters
    ----------
    names
        Columns, in the order of their colours; missing ones are skipped.
    """
    drawn = [(name, table.column(name)) for name in names]
    drawn = [(name, points) for name, points in drawn if len(points) > 1]
    body = [_curve(points, COLORS[i % len(COLORS)]) for i, (_, points) in enumerate(drawn)]
    body += [_legend(i, name, points) for i, (name, points) in enumerate(drawn)]
    last = max((points[-1][0] for _, points in drawn), default=0)
    with written_whole(path) as partial:
        partial.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            'font-family="sans-serif" font-size="12">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
            f'<text x="{MARGIN}" y="20">{title}</text>'
            f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 12}" text-anchor="end">{last:.0f} steps'
            "</text>" + "".join(body) + "</svg>\n"
        )


def _curve(points: Sequence[tuple[float, float]], color: str) -> str:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    most = max(points[-1][0], 1)
    line = " ".join(
        f"{MARGIN + step / most * (WIDTH - 2 * MARGIN):.1f},"
        f"{HEIGHT - MARGIN - (value - low) / ((high - low) or 1) * (HEIGHT - 2 * MARGIN):.1f}"
        for step, value in points
    )
    return f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.5"/>'


def _legend(index: int, name: str, points: Sequence[tuple[float, float]]) -> str:
    values = [value for _, value in points]
    text = f"{name} {values[-1]:.4g} ({min(values):.3g} to {max(values):.3g})"
    x = MARGIN + index * 230
    return f'<text x="{x}" y="36" fill="{COLORS[index % len(COLORS)]}">{text}</text>'


def latest(table: CurveTable) -> dict[str, Any]:
    """Return the newest value of every column."""
    values: dict[str, Any] = {}
    for row in table.rows:
        values |= row
    return values
