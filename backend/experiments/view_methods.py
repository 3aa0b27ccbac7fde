"""IoU of other methods by number of views, on the shapes of `view_counts`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..contract.errors import LevelformError
from ..data.format import StoredShape
from ..metrics import iou
from ..reconstructors import Reconstructor
from ..ticket import Ticket
from .markdown import number, table
from .store import Numbers, Store
from .view_counts import VERSION, VIEWS, inside_of, points_of, spread


@dataclass
class MethodCounts:
    """IoU by title of the method, group of the shape and number of views."""

    values: dict[tuple[str, str, int], list[float]] = field(default_factory=dict)

    def mean(self, title: str, group: str | None, views: int) -> float:
        """Return the mean IoU over the shapes of a group; None: of all groups."""
        chosen = [
            value
            for (name, where, count), values in self.values.items()
            if (name, count) == (title, views) and group in (None, where)
            for value in values
        ]
        return float(np.mean(chosen))

    @property
    def titles(self) -> list[str]:
        """The methods, in the order they were measured in."""
        return list(dict.fromkeys(title for title, _, _ in self.values))


def measure_methods(
    groups: Mapping[str, Sequence[StoredShape]],
    models: Sequence[Reconstructor],
    store: Store,
    *,
    ticket: Ticket | None = None,
) -> MethodCounts:
    """Measure what the store lacks, in the true volume, as a default job on the views.

    A shape without a result counts with IoU 0.
    """
    ticket, results = ticket or Ticket(), MethodCounts()
    jobs = [
        (model, group, shape, views)
        for model in models
        for group, shapes in groups.items()
        for shape in shapes
        for views in VIEWS
    ]
    for done, (model, group, shape, views) in enumerate(jobs):
        ticket.advance(done / max(len(jobs), 1))
        version = model.weights.hash[:12]
        key = {"shape": shape.id, "views": views, "weights": version, "version": VERSION}
        numbers = store.get(key)
        if numbers is None or "true" not in numbers:
            numbers = _measured(model, shape, views)
            store.add(key, numbers)
        values = results.values.setdefault((model.spec.title, group, views), [])
        values.append(numbers["true"] or 0.0)
    return results


def _measured(model: Reconstructor, shape: StoredShape, views: int) -> Numbers:
    points, ground_truth = points_of(shape)
    taken = [shape.view(index) for index in spread(shape, views)]
    try:
        return {"true": iou(inside_of(model, taken, points), ground_truth)}
    except LevelformError:
        return {"true": 0.0}


def blocks(results: MethodCounts, groups: Sequence[str]) -> list[str]:
    """Return the tables: all shapes, and each group."""
    head = ["IoU", *(f"{views} view{'s' * (views > 1)}" for views in VIEWS)]
    parts = ["## Other methods, in the true volume, inside the hull of several views"]
    for name, group in (("All shapes", None), *((group, group) for group in groups)):
        rows = [
            [title, *(number(results.mean(title, group, views)) for views in VIEWS)]
            for title in results.titles
        ]
        parts.append(f"{name}:\n\n" + table(head, rows))
    return parts
