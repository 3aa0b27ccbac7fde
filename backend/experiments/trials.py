"""Run the trainings and measurements for the claims.

A training is one part of one network with one seed, in its own folder; it resumes after an
interruption. A measure evaluates the trained network with one kind of input on unseen shapes; its
numbers are stored.
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
    """A part of a network with changes to its configuration or recipe.

    Attributes
    ----------
    name : name of its folder, without the seed
    method : name of the reconstructor
    changes : changed entries of the compact configuration
    part : "main", "camera" or "depth"
    start : name of the training with the weights for adding an auxiliary part
    points : replaces the recipe's point sets and counts
    pretrained : whether to keep the phases before the last
    """

    name: str
    method: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    part: str = "main"
    start: str = ""
    points: tuple[tuple[str, int], ...] | None = None
    pretrained: bool = True

    def recipe(self, steps: int) -> Recipe:
        """Return the changed compact recipe, shortened to `steps` with images."""
        recipe = shortened(find_recipe(self.method, self.part), steps)
        if not self.pretrained:
            recipe = replace(recipe, phases=recipe.phases[-1:])
        if self.points is not None:
            recipe = replace(recipe, sampling=replace(recipe.sampling, points=self.points))
        return recipe


@dataclass(frozen=True)
class Measure:
    """The input of a trained network.

    Attributes
    ----------
    views : number of images, the first ones
    camera : "given", or "estimated" by the camera network
    depth : "given" by the data set, or "estimated"; for methods with a depth input
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
    """Return the recipe with `steps` with images; each phase keeps its fraction of them.

    Pretraining without images keeps its length, up to `steps`.
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
    """Return the warm-up's steps, at most a tenth of the shortened phase."""
    return min(phase.warm_up, max(1, round(phase.steps * fraction / 10)))


@dataclass(frozen=True)
class Workshop:
    """Data, folder and settings of the trainings and measurements.

    Attributes
    ----------
    out : folder of all runs
    train, validation, test : shapes
    steps : steps with images of each training
    lengths : replaces `steps` for some methods
    provenance : description of the data for the weights' headers
    tested : provenance of `test`, if it comes from other data
    overrides : changed entries of the networks' configurations, by method
    batch : objects per step; None: as in the recipe
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
        """Return the number of steps of a method's trainings."""
        return self.lengths.get(method, self.steps)

    def done(self, training: TrainingVariant, seed: int) -> bool:
        """Return whether a training has ended with the current number of steps."""
        wanted = training.recipe(self.length(training.method)).steps
        return self._ended(training.name, seed) == wanted

    def _ended(self, name: str, seed: int) -> int | None:
        """Return the steps of an ended training; None if it is unfinished."""
        path = self.folder(name, seed) / RUN
        run = json.loads(path.read_text()) if path.exists() else {"done": False}
        return int(run["steps"]) if run["done"] else None

    def make(self, training: TrainingVariant, seed: int, *, ticket: Ticket | None = None) -> None:
        """Start or resume a training; do nothing if it has ended.

        Raises
        ------
        RequestError
            If it was started with other settings, or needs the weights of an unfinished training.
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
        """Return the network to train: a new one, or that of `start` with the added part."""
        cls = find_method(training.method)
        if not training.start:
            changes = {**self.overrides.get(training.method, {}), **training.changes}
            return fresh(cls, "compact", changes, seed=seed)
        if self._ended(training.start, seed) is None:
            raise RequestError(
                f"{training.name} starts from {training.start}, which is not finished.",
                f"Train {training.start} first.",
            )
        weights = self.folder(training.start, seed) / LAST
        return with_part(cls.load(weights), training.part, seed=seed)

    def load(self, training: TrainingVariant, seed: int) -> Reconstructor:
        """Return the trained network."""
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
        """Return the numbers of the test shapes by name.

        Parameters
        ----------
        surface
            Measure distances between surfaces as well as IoU.
        missing
            Measure shapes missing from the store; otherwise leave them out.
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
    """Return the numbers of one shape; the worst ones after a failure."""
    ground_truth = GroundTruth(shape)
    try:
        made = how.field(model, shape)
    except LevelformError:
        return {"iou": 0.0} | (ground_truth.surface_numbers(None) if surface else {})
    numbers = {"iou": ground_truth.iou(made)}
    if surface:
        numbers |= ground_truth.surface_numbers(surface_of(made, RESOLUTION))
    return numbers
