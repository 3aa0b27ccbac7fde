"""Trainings and what is measured on them: the raw material of the claims.

A training is one part of one network, of one seed, in a folder of its own; it goes on where it
stopped. A measure asks the trained network in one way on unseen shapes; its numbers are kept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch

from ..contract.errors import LevelformError, RequestError
from ..data.format import StoredShape
from ..fields import Field
from ..reconstructors import Reconstructor, find_method
from ..ticket import Ticket
from ..training.parts import find_recipe, fresh, with_part
from ..training.recipes import PRETRAINING, Recipe
from ..training.samples import framed_depths
from ..training.trainer import LAST, RUN, RunSettings, Trainer
from .entrants import digest
from .measuring import GroundTruth, surface_of
from .store import Numbers, Store

RESOLUTION = 64
CPU = torch.device("cpu")


@dataclass(frozen=True)
class TrainingVariant:
    """A part of a network, trained in a certain way.

    Attributes
    ----------
    name : of its folder, without the seed
    method : the reconstructor
    changes : other entries of the compact configuration
    part : "main", "camera" or "depth"
    start : name of the training whose weights an auxiliary part is added to
    points : other sets of points that are drawn for each object
    pretrained : keep the recipe's phases before its last
    """

    name: str
    method: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    part: str = "main"
    start: str = ""
    points: tuple[tuple[str, int], ...] | None = None
    pretrained: bool = True

    def recipe(self, steps: int) -> Recipe:
        """Return the compact recipe, changed and shortened to `steps` that see images."""
        recipe = shortened(find_recipe(self.method, self.part), steps)
        if not self.pretrained:
            recipe = replace(recipe, phases=recipe.phases[-1:])
        if self.points is not None:
            recipe = replace(recipe, sampling=replace(recipe.sampling, points=self.points))
        return recipe


@dataclass(frozen=True)
class Measure:
    """How a trained network is asked.

    Attributes
    ----------
    views : the first so many images
    camera : "given", or "estimated" by the camera network
    depth : "given" from the data set, or "estimated"; for methods that read depth
    optimize : steps of test-time optimisation
    """

    views: int = 1
    camera: Literal["given", "estimated"] = "given"
    depth: Literal["", "given", "estimated"] = ""
    optimize: int = 0

    def field(self, model: Reconstructor, shape: StoredShape) -> Field:
        """Reconstruct a shape."""
        options: dict[str, Any] = {}
        if self.camera == "estimated":
            options["camera"] = "estimated"
        if self.depth == "given":
            options["depth"] = framed_depths(shape, self.views, model.framing)
        if self.optimize:
            options["optimize"] = self.optimize
        views = [shape.view(index) for index in range(self.views)]
        return model.decode(model.encode(views, **options))


def shortened(recipe: Recipe, steps: int) -> Recipe:
    """Return the recipe with `steps` that see images, each phase keeping its share of them.

    Pretraining without images keeps its length, where it is not longer than all the rest.
    """
    blind = [phase for phase in recipe.phases if phase.loss == PRETRAINING]
    *before, last = [phase for phase in recipe.phases if phase.loss != PRETRAINING]
    if steps <= len(before):
        raise RequestError(
            f"{steps} steps are too few for {len(before) + 1} phases.", "Give more --steps."
        )
    fraction = steps / sum(phase.steps for phase in (*before, last))
    early = [replace(p, steps=min(p.steps, steps)) for p in blind]
    for phase in before:
        kept = max(1, round(phase.steps * fraction))
        early.append(replace(phase, steps=kept, warm_up=_rise(phase, fraction)))
    left = steps - sum(phase.steps for phase in early[len(blind) :])
    if left < 1:
        raise RequestError(f"{steps} steps are too few for this recipe.", "Give more --steps.")
    final = replace(last, steps=left, warm_up=_rise(last, fraction))
    return replace(recipe, phases=(*early, final))


def _rise(phase: Any, fraction: float) -> int:
    """Return the warm-up's steps: as they are, unless the run is much shorter than they are."""
    return min(phase.warm_up, max(1, round(phase.steps * fraction / 10)))


@dataclass(frozen=True)
class Workshop:
    """Where trainings are made and measured.

    Attributes
    ----------
    out : folder of all runs
    train, validation, test : shapes
    steps : of each training, those that see images
    lengths : steps of the trainings of some methods, instead of `steps`
    provenance : of the data, for the weights' headers
    tested : where `test` comes from, if not from the same data
    overrides : entries of every network's configuration, by method: smaller ones for a test
    batch : objects a step; None: the recipe's
    log_every : steps between rows of the curves
    """

    out: Path
    train: Sequence[StoredShape]
    validation: Sequence[StoredShape]
    test: Sequence[StoredShape]
    steps: int = 3000
    lengths: Mapping[str, int] = field(default_factory=dict)
    device: torch.device = CPU
    provenance: Mapping[str, Any] = field(default_factory=dict)
    tested: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    batch: int | None = None
    log_every: int = 50

    def folder(self, name: str, seed: int) -> Path:
        """Return the folder of a training."""
        return self.out / f"{name}-seed{seed}"

    def length(self, method: str) -> int:
        """Return the steps of a method's trainings."""
        return self.lengths.get(method, self.steps)

    def done(self, training: TrainingVariant, seed: int) -> bool:
        """Say whether a training of its length has ended."""
        wanted = training.recipe(self.length(training.method)).steps
        return self._ended(training.name, seed) == wanted

    def _ended(self, name: str, seed: int) -> int | None:
        """Return the steps of a training that has ended; None if it has not."""
        path = self.folder(name, seed) / RUN
        run = json.loads(path.read_text()) if path.exists() else {"done": False}
        return int(run["steps"]) if run["done"] else None

    def make(self, training: TrainingVariant, seed: int, *, ticket: Ticket | None = None) -> None:
        """Train, or go on with it; nothing happens if it has ended.

        Raises
        ------
        RequestError
            If it was begun with other settings, or starts from a training that has not ended.
        """
        if self.done(training, seed):
            return
        folder = self.folder(training.name, seed)
        folder.mkdir(parents=True, exist_ok=True)
        steps = self.length(training.method)
        recipe = training.recipe(steps)
        if self.batch is not None:
            recipe = replace(recipe, sampling=replace(recipe.sampling, objects=self.batch))
        settings = RunSettings(
            out=folder,
            seed=seed,
            log_every=self.log_every,
            validate_every=max(1, steps // 3),
            provenance=self.provenance,
        )
        model = self._start(training, seed).to(self.device)
        Trainer(model, recipe, self.train, self.validation, settings, part=training.part).run(
            ticket
        )

    def _start(self, training: TrainingVariant, seed: int) -> Reconstructor:
        """Return the network to train: a new one, or another's with a part more."""
        cls = find_method(training.method)
        if not training.start:
            changes = {**self.overrides.get(training.method, {}), **training.changes}
            return fresh(cls, "compact", changes, seed=seed)
        if self._ended(training.start, seed) is None:
            raise RequestError(f"{training.name} starts from {training.start}, which is not ready.")
        weights = self.folder(training.start, seed) / LAST
        return with_part(cls.load(weights), training.part, seed=seed)

    def load(self, training: TrainingVariant, seed: int) -> Reconstructor:
        """Return the network as it was at the training's end."""
        weights = self.folder(training.name, seed) / LAST
        return find_method(training.method).load(weights).to(self.device).eval()

    def measure(
        self,
        training: TrainingVariant,
        seed: int,
        how: Measure,
        *,
        surface: bool = False,
        missing: bool = True,
        ticket: Ticket | None = None,
    ) -> dict[str, Numbers]:
        """Return the numbers of each test shape by its name.

        Parameters
        ----------
        surface
            Distances between surfaces too, not the overlap alone.
        missing
            Measure what is not known yet; else leave it out.
        """
        ticket = ticket or Ticket()
        store = Store(self.folder(training.name, seed) / "measures.jsonl")
        data = digest({**self.provenance, **self.tested})
        model: Reconstructor | None = None
        by_shape: dict[str, Numbers] = {}
        for index, shape in enumerate(self.test):
            ticket.advance(index / len(self.test))
            key = {"data": data, "shape": shape.id, "surface": surface, **vars(how)}
            numbers = store.get(key)
            if numbers is None and missing:
                model = model or self.load(training, seed)
                numbers = _numbers(model, shape, how, surface=surface)
                store.add(key, numbers)
            if numbers is not None:
                by_shape[shape.id] = numbers
        return by_shape


def _numbers(model: Reconstructor, shape: StoredShape, how: Measure, *, surface: bool) -> Numbers:
    """Return the numbers of one shape; the worst ones where nothing is reconstructed."""
    ground_truth = GroundTruth(shape)
    try:
        made = how.field(model, shape)
    except LevelformError:
        return {"iou": 0.0} | (ground_truth.surface_numbers(None) if surface else {})
    numbers = {"iou": ground_truth.iou(made)}
    if surface:
        numbers |= ground_truth.surface_numbers(surface_of(made, RESOLUTION))
    return numbers
