"""Write the results page from the measurements."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import markdown
from .entrants import COARSE_POINTS, COARSE_VOXELS, EVERY, Entrant, NetworkEntrant
from .gallery import Picked
from .goals import Goal
from .markdown import number
from .measuring import MATCHED_POINTS, MEAN_POINTS, SURFACE_POINTS
from .settings import ESTIMATED, ONE, UNPOSED, VIEWS, Setting
from .table import RESOLUTION, TableResults, TestSet

# Measure, heading, digits, and factor.
MEASURES = (
    ("iou", "IoU", 3, 1.0),
    ("chamfer_l1", "Chamfer-L1 x 100", 2, 100.0),
    ("chamfer_l2", "Chamfer-L2 x 1000", 2, 1000.0),
    ("f_score", "F-score at 1 %", 1, 100.0),
    ("emd", "EMD x 100", 2, 100.0),
)

HOW = f"""\
IoU is computed directly from the field, without a mesh, at the data set's uniform points of each
shape. The other measures compare the surface of the mesh at resolution {RESOLUTION} with the true
surface, scaled so that the true longest side is 1. Chamfer-L1 is half the sum of the two mean
distances and Chamfer-L2 the sum of the two mean squared distances, with {MEAN_POINTS:,} points on
each surface. The F-score uses {SURFACE_POINTS:,} points and a threshold of 0.01. EMD is the mean
distance of an exact matching of {MATCHED_POINTS:,} points. The coarse volume of UCLID-Net is the
set of surface voxels in a grid of {COARSE_VOXELS}^3. Ground-truth voxels, and those of a baseline's
training shape, contain at least one of {COARSE_POINTS:,} points of the true surface. Means are
taken over the shapes of each category, then over the categories. A failed reconstruction counts
with IoU 0 and distances of sqrt(3). The input images are the first images of each shape, with
cameras drawn at random when the data set was made. The baselines' 32^3 voxels are sampled at the
same points as the fields."""


@dataclass(frozen=True)
class ResultsPage:
    """Contents of the results page.

    Attributes
    ----------
    command : the command line, with folder names in place of paths
    seed : seed of the surface points
    gallery : images, with paths relative to the page
    """

    results: TableResults
    tests: Sequence[TestSet]
    entrants: Sequence[Entrant]
    goals: Sequence[Goal]
    command: str
    seed: int
    gallery: Sequence[Picked] = ()

    def write(self, path: Path) -> None:
        """Write the page."""
        unseen = [test for test in self.tests if not test.learned]
        parts = ["# Results", HOW, "## Goals", self._goals()]
        for test in unseen:
            parts += self._section(test)
        parts += self._images(path.parent)
        parts += ["## How these numbers were made", self._origin(), self._weights()]
        markdown.write(path, parts)

    # ------------------------------------------------------------ goals

    def _goals(self) -> str:
        rows = [[goal.wanted, goal.result, goal.verdict] for goal in self.goals]
        head = ["goal", "result", "verdict"]
        return markdown.table(head, rows, numbers=False) if rows else "No goal was measured."

    # ------------------------------------------------------------ one data set

    def _section(self, test: TestSet) -> list[str]:
        parts = [f"## {test.name}: {len(test.shapes)} unseen shapes"]
        parts += [_closely(test)] if test.closely is not None else []
        parts += ["One view, camera given:", self._overview(test)]
        coarse = self._coarse(test)
        parts += ["IoU of coarse volumes, one view, camera given:", coarse] if coarse else []
        parts += ["IoU by number of views, cameras given:", self._views(test)]
        parts += ["IoU with one view, by camera:", self._cameras(test)]
        for key, title, digits, scale in MEASURES:
            grid = self._by_category(test, key, digits, scale)
            parts += [f"{title} by category, one view, camera given:", grid] if grid else []
        return parts

    def _present(self, test: TestSet) -> list[Entrant]:
        measured = {row.entrant for row in self.results.rows if row.data == test.name}
        return [entrant for entrant in self.entrants if entrant.name in measured]

    def _overview(self, test: TestSet) -> str:
        rows = []
        for entrant in self._present(test):
            known = [name for name in test.categories if entrant.knows(name)]
            some = f" ({', '.join(known)} only)" if len(known) < len(test.categories) else ""
            cells = [
                number(self.results.mean(test.name, entrant.name, ONE, key), digits, scale=scale)
                for key, _, digits, scale in MEASURES
            ]
            failures = self.results.failures(test.name, entrant.name)
            rows.append([entrant.title + some, *cells, str(failures)])
        return markdown.table(["", *(title for _, title, _, _ in MEASURES), "failed"], rows)

    def _coarse(self, test: TestSet) -> str:
        present = [entrant for entrant in self._present(test) if entrant.coarse]
        means = [self.results.mean(test.name, entrant.name, ONE, "coarse") for entrant in present]
        rows = [[e.title, number(m)] for e, m in zip(present, means, strict=True) if m is not None]
        return markdown.table(["", "IoU"], rows) if rows else ""

    def _views(self, test: TestSet) -> str:
        return self._ious(test, [(str(count), Setting(count)) for count in VIEWS])

    def _cameras(self, test: TestSet) -> str:
        columns = [("given", ONE), ("estimated", ESTIMATED), ("unposed image", UNPOSED)]
        return self._ious(test, columns)

    def _ious(self, test: TestSet, columns: Sequence[tuple[str, Setting]]) -> str:
        rows = [
            [
                entrant.title,
                *(
                    number(
                        self.results.mean(
                            test.name, entrant.name, setting, "iou", shapes=test.closely
                        )
                    )
                    for _, setting in columns
                ),
            ]
            for entrant in self._present(test)
            if len(entrant.settings) > 1
        ]
        return markdown.table(["", *(title for title, _ in columns)], rows) if rows else ""

    def _by_category(self, test: TestSet, key: str, digits: int, scale: float) -> str:
        present = self._present(test)
        means = {e.name: self.results.by_category(test.name, e.name, ONE, key) for e in present}
        if not any(means.values()):
            return ""
        rows = [
            [name, *(number(means[e.name].get(name), digits, scale=scale) for e in present)]
            for name in test.categories
        ]
        total = [self.results.mean(test.name, e.name, ONE, key) for e in present]
        rows.append(["**mean**", *(number(value, digits, scale=scale) for value in total)])
        return markdown.table(["", *(entrant.name for entrant in present)], rows)

    # ------------------------------------------------------------ images

    def _images(self, folder: Path) -> list[str]:
        if not self.gallery:
            return []
        parts = [
            "## Gallery",
            "The best, median and worst shape of each method by IoU: the input image, the result "
            "from two sides, and the ground truth from the same sides.",
        ]
        for picked in self.gallery:
            link = Path(os.path.relpath(picked.path, folder)).as_posix()
            parts += [f"**{picked.title}**, {picked.data}: {picked.caption}", f"![]({link})"]
        return parts

    # ------------------------------------------------------------ provenance

    def _origin(self) -> str:
        rows = [
            [test.name, str(len(test.shapes)), f"`{test.identity[:16]}`", _json(test.provenance)]
            for test in self.tests
        ]
        head = ["data set", "shapes measured", "hash", "provenance"]
        return f"    {self.command}\n\nSeed {self.seed}.\n\n" + markdown.table(
            head, rows, numbers=False
        )

    def _weights(self) -> str:
        rows = []
        for entrant in self.entrants:
            for category, model in (
                entrant.models.items() if isinstance(entrant, NetworkEntrant) else ()
            ):
                if not entrant.learned:
                    continue
                size = sum(parameter.numel() for parameter in model.parameters())
                title = entrant.title + (f" ({category})" if category != EVERY else "")
                rows.append([title, f"`{model.weights.hash[:16]}`", f"{size / 1e6:.2f} M"])
        return markdown.table(["weights", "hash", "parameters"], rows) if rows else ""


def _closely(test: TestSet) -> str:
    """Return a sentence on the shapes measured with all measures and with IoU only."""
    count = len(test.closely or ())
    return (
        f"IoU with one view covers all {len(test.shapes)} shapes. The tables of other measures, "
        f"several views and images without cameras cover {count} of them, spread over the "
        "categories."
    )


def _json(value: object) -> str:
    return f"`{json.dumps(value, sort_keys=True)}`"
