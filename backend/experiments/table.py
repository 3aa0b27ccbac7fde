"""Measure every entrant on every test shape, store each number, and compute the means.

Means are taken over the shapes of each category, then over the categories. Failed reconstructions
count with the worst numbers; the tables report how many there were.
"""

import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..contract.errors import LevelformError, RequestError, WorkError
from ..data.format import Dataset, StoredShape
from ..ticket import Ticket
from ..training.validation import choose_shapes
from .entrants import Entrant, identity
from .measuring import GroundTruth, surface_of
from .settings import ONE, Setting
from .store import Numbers, Store

log = logging.getLogger(__name__)
RESOLUTION = 64
FAILED = "failed"  # 1 if reconstruction raised an error
EMPTY = "empty"  # 1 if the field has no surface


@dataclass(frozen=True)
class TestSet:
    """Shapes to measure on.

    Attributes
    ----------
    name : name of the data set's folder, after "train " for training shapes
    shapes : shapes spread over the categories
    identity : hash of the data set
    provenance : origin of the data set
    learned : whether these are training shapes; only IoU with one view is measured on them
    closely : names of the shapes with all measures and settings, the others get IoU with one view;
        None: all shapes
    """

    __test__ = False  # keeps pytest from collecting the class

    name: str
    shapes: tuple[StoredShape, ...]
    identity: str
    provenance: Mapping[str, object] = field(default_factory=dict)
    learned: bool = False
    closely: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        name: str,
        dataset: Dataset,
        *,
        limit: int | None = None,
        learned: bool = False,
        closely: int | None = None,
    ) -> "TestSet":
        """Return a deterministic choice of at most `limit` shapes per category of a data set.

        At most `closely` shapes per category get all measures and settings.
        """
        kinds = len(dataset.categories)
        chosen = choose_shapes(dataset.shapes, len(dataset) if limit is None else limit * kinds)
        shapes = tuple(sorted(chosen, key=lambda shape: shape.id))
        some = None
        if closely is not None:
            some = frozenset(shape.id for shape in choose_shapes(chosen, closely * kinds))
        made_from = dataset.manifest["provenance"]
        return cls(name, shapes, identity(dataset), made_from, learned, some)

    def is_close(self, shape: StoredShape) -> bool:
        """Return whether a shape gets all measures and settings."""
        return not self.learned and (self.closely is None or shape.id in self.closely)

    @property
    def procedural(self) -> bool:
        """Whether the shapes come from the generator of the training data."""
        return kind_of(self.provenance) == "procedural"

    @property
    def categories(self) -> tuple[str, ...]:
        """The sorted categories of its shapes."""
        return tuple(sorted({shape.category for shape in self.shapes}))


@dataclass(frozen=True)
class Row:
    """Numbers of one entrant on one shape in one setting."""

    data: str
    entrant: str
    setting: Setting
    category: str
    shape: str
    numbers: Numbers


@dataclass
class TableResults:
    """All rows and their means."""

    rows: list[Row] = field(default_factory=list)

    def values(
        self,
        data: str,
        entrant: str,
        setting: Setting,
        key: str,
        shapes: Container[str] | None = None,
    ) -> dict[str, list[float]]:
        """Return one measure by category, for all or some shapes."""
        by_category: dict[str, list[float]] = {}
        for row in self.rows:
            same = (row.data, row.entrant, row.setting) == (data, entrant, setting)
            if same and key in row.numbers and (shapes is None or row.shape in shapes):
                by_category.setdefault(row.category, []).append(row.numbers[key])
        return by_category

    def by_category(
        self,
        data: str,
        entrant: str,
        setting: Setting,
        key: str,
        shapes: Container[str] | None = None,
    ) -> dict[str, float]:
        """Return the mean of each category."""
        by_category = self.values(data, entrant, setting, key, shapes)
        return {name: float(np.mean(values)) for name, values in sorted(by_category.items())}

    def mean(
        self,
        data: str,
        entrant: str,
        setting: Setting,
        key: str,
        categories: Sequence[str] | None = None,
        shapes: Container[str] | None = None,
    ) -> float | None:
        """Return the mean over all or some categories; None if nothing was measured."""
        means = self.by_category(data, entrant, setting, key, shapes)
        if categories is not None:
            means = {name: value for name, value in means.items() if name in categories}
        return float(np.mean(list(means.values()))) if means else None

    def failures(self, data: str, entrant: str) -> int:
        """Return the number of failed or empty reconstructions over all settings."""
        rows = [row for row in self.rows if (row.data, row.entrant) == (data, entrant)]
        return round(sum(row.numbers.get(key, 0) for row in rows for key in (FAILED, EMPTY)))


@dataclass(frozen=True)
class Measurement:
    """One measurement to make."""

    test: TestSet
    shape: StoredShape
    entrant: Entrant
    setting: Setting
    surface: bool
    coarse: bool = False

    def key(self, seed: int) -> dict[str, object]:
        """Return everything that determines the numbers."""
        setting = self.setting
        return {
            "data": self.test.identity,
            "shape": self.shape.id,
            "entrant": self.entrant.name,
            "version": self.entrant.version(self.shape.category),
            "views": setting.views,
            "camera": setting.camera,
            "surface": RESOLUTION if self.surface else 0,
            "seed": seed if self.surface else 0,
            **({"coarse": True} if self.coarse else {}),
        }


def measure_all(
    tests: Sequence[TestSet],
    entrants: Sequence[Entrant],
    store: Store,
    *,
    seed: int = 0,
    ticket: Ticket | None = None,
) -> TableResults:
    """Measure what the store lacks; return all numbers.

    Parameters
    ----------
    store
        Receives each number immediately, so an interruption loses at most one.
    seed
        Seed of the points sampled on surfaces.

    Raises
    ------
    WorkError
        If an entrant fails on every shape in a setting, which indicates a defect of the entrant.
    """
    ticket = ticket or Ticket()
    jobs = [job for test in tests for job in _jobs(test, entrants)]
    results, reasons, ground_truth = TableResults(), {}, None
    for index, job in enumerate(jobs):
        ticket.advance(index / len(jobs))
        numbers = store.get(job.key(seed))
        if numbers is None:
            if ground_truth is None or ground_truth.shape is not job.shape:
                ground_truth = GroundTruth(job.shape)
            numbers, reason = measure(job, ground_truth, seed=seed)
            if reason:
                reasons[job.test.name, job.entrant.name, job.setting] = reason
            else:
                store.add(job.key(seed), numbers)
        results.rows.append(_row(job, numbers))
    _refuse_hopeless(results, reasons)
    return results


def measure(job: Measurement, ground_truth: GroundTruth, *, seed: int) -> tuple[Numbers, str]:
    """Return the numbers of one job, and the reason of a failure (with the worst numbers)."""
    try:
        field = job.entrant.field(job.shape, job.setting)
    except LevelformError as error:
        worst = {"iou": 0.0, FAILED: 1.0} | ({"coarse": 0.0} if job.coarse else {})
        more = ground_truth.surface_numbers(None) if job.surface else {}
        return worst | more, error.message
    numbers = {"iou": ground_truth.iou(field)}
    if job.coarse:
        numbers["coarse"] = ground_truth.coarse_iou(job.entrant.coarse_volume(job.shape))
    if job.surface:
        mesh = surface_of(field, RESOLUTION)
        numbers |= ground_truth.surface_numbers(mesh, seed=seed)
        numbers |= {EMPTY: 1.0} if mesh is None else {}
    return numbers, ""


def _jobs(test: TestSet, entrants: Sequence[Entrant]) -> Iterator[Measurement]:
    """Yield the measurements, shape by shape.

    Surfaces, the slowest to measure, are measured only with one view. Shapes outside `closely` get
    neither surfaces nor other settings.
    """
    for shape in test.shapes:
        for entrant in entrants:
            if not entrant.knows(shape.category) or (test.learned and not entrant.learned):
                continue
            for setting in entrant.settings:
                if setting.views > shape.view_count or not _posed(shape, setting):
                    continue
                close = test.is_close(shape)
                if not close and setting != ONE:
                    continue
                surface = close and setting == ONE and "mesh.faces" in shape
                coarse = entrant.coarse and setting == ONE and "surface.points" in shape
                yield Measurement(test, shape, entrant, setting, surface, coarse)


def _posed(shape: StoredShape, setting: Setting) -> bool:
    return setting.camera == "none" or "views.poses" in shape


def _row(job: Measurement, numbers: Numbers) -> Row:
    shape = job.shape
    return Row(job.test.name, job.entrant.name, job.setting, shape.category, shape.id, numbers)


def _refuse_hopeless(
    results: TableResults, reasons: Mapping[tuple[str, str, Setting], str]
) -> None:
    for (data, entrant, setting), reason in reasons.items():
        failed = results.values(data, entrant, setting, FAILED)
        every = results.values(data, entrant, setting, "iou")
        count = sum(map(len, failed.values()))
        if count == sum(map(len, every.values())):
            raise WorkError(
                f"{entrant} fails on every shape ({setting}): {reason}",
                "Check its weights, or leave it out with --methods.",
            )
        log.info("%s failed %d times (%s): %s", entrant, count, setting, reason)


def refuse_overlap(tests: Sequence[TestSet], training: Sequence[Dataset]) -> None:
    """Reject test shapes that occur in the training data.

    Names of procedural shapes contain their seed, so equal names mean equal shapes.

    Raises
    ------
    RequestError
        If a test set and a training set share the name of a shape.
    """
    for dataset in training:
        known = {shape.id for shape in dataset}
        kind = kind_of(dataset.manifest["provenance"])
        for test in tests:
            shared = sorted(known & {shape.id for shape in test.shapes})
            if shared and kind_of(test.provenance) == kind:
                raise RequestError(
                    f"{len(shared)} shapes of {test.name} are training shapes too, "
                    f"{shared[0]} first.",
                    "Measure on other seeds (`dataset synthesize --first`), or on DIR:test.",
                )


def kind_of(provenance: Mapping[str, object]) -> object:
    """Return the kind of a data set's source: "procedural", "meshes", ..."""
    source = provenance.get("source")
    return source.get("kind") if isinstance(source, Mapping) else source
