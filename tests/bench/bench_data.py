"""Data: how fast shapes are drawn, measured and pictured, and that drawing them keeps no memory.

Each part of the data package brings its rows in a module of its own, listed in `PARTS`.
"""

from collections.abc import Iterator, Sequence

import data_metrics
import data_shapes
from rows import KINDS, Row, RowKind

PARTS = (data_shapes, data_metrics)  # in this order: memory is judged by its peak


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Yield the rows of every part."""
    for part in PARTS:
        yield from part.rows(kinds)
