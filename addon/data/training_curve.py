"""Draws the curve of a training run as a small image for the sidebar, with numpy."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SIDE = 256
LOSS = (0.95, 0.45, 0.2)
SCORE = (0.35, 0.65, 1.0)
GRID = (0.35, 0.35, 0.35)
MARGIN = 10

Points = Sequence[tuple[float, float]]


def read_table(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Return (step, value) of each column of a run's `curve.csv`; empty without a file."""
    columns: dict[str, list[tuple[float, float]]] = {}
    try:
        whole = path.read_text().rpartition("\n")[0]  # the last line may be incomplete
        for row in csv.DictReader(io.StringIO(whole, newline="")):
            step = float(row["step"])
            for name, value in row.items():
                if value and name != "step":
                    columns.setdefault(name, []).append((step, float(value)))
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        return {}
    return columns


def draw(columns: dict[str, list[tuple[float, float]]], steps: int) -> np.ndarray:
    """Return the curves as an image, (SIDE, SIDE, 4) float32, row 0 at the bottom.

    Parameters
    ----------
    columns
        From `read_table`. The loss is drawn on a logarithmic scale, smoothed; the score,
        `validation_iou`, from 0 to 1.
    steps
        Length of the run: the right edge.
    """
    image = np.zeros((SIDE, SIDE, 4), np.float32)
    for fraction in (0.0, 0.25, 0.5, 0.75, 1.0):
        image[_place(fraction), MARGIN : SIDE - MARGIN] = (*GRID, 0.6)
    loss = columns.get("loss", [])
    if len(loss) > 1:
        values = np.log(np.maximum([value for _, value in loss], 1e-12))
        values = _smooth(values)
        span = max(float(np.ptp(values)), 1e-6)
        heights = (values - values.min()) / span
        _line(image, [step for step, _ in loss], heights, steps, LOSS)
    score = columns.get("validation_iou", [])
    if score:
        _line(image, [step for step, _ in score], [value for _, value in score], steps, SCORE)
    return image


def _smooth(values: np.ndarray, width: int = 5) -> np.ndarray:
    """Return the moving average over each value and earlier ones."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    stops = np.arange(1, len(values) + 1)
    starts = np.maximum(stops - width, 0)
    return (sums[stops] - sums[starts]) / (stops - starts)


def _line(
    image: np.ndarray,
    steps: Sequence[float],
    heights: Sequence[float] | np.ndarray,
    most: int,
    color: tuple[float, float, float],
) -> None:
    """Draw a line three pixels thick through points; `heights` in [0, 1]."""
    width = SIDE - 2 * MARGIN - 1
    x = np.asarray(steps, np.float64) / max(most, 1) * width
    columns = np.arange(int(x[0]), int(x[-1]) + 1)
    levels = np.interp(columns, x, np.asarray(heights, np.float64))
    before = np.concatenate([levels[:1], levels[:-1]])
    for column, low, high in zip(
        columns, np.minimum(before, levels), np.maximum(before, levels), strict=True
    ):
        image[_place(low) - 1 : _place(high) + 2, MARGIN + column] = (*color, 1.0)


def _place(height: float) -> int:
    """Return the row of a height in [0, 1]."""
    return MARGIN + round(min(max(height, 0.0), 1.0) * (SIDE - 2 * MARGIN - 1))
