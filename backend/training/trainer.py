"""The training loop of all methods: it follows a recipe, validates, and can be resumed.

A run is a folder:

    state.safetensors   everything needed to resume, see `state`
    last.safetensors    the network at the last validation, ready to use
    best.safetensors    the network with the best validation score
    curve.csv, .svg     loss, learning rate and validation by step
    run.json            settings and progress
"""

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..contract.errors import JobCancelled, RequestError, WorkError
from ..contract.folder_lock import FolderLock
from ..data.format import StoredShape
from ..geometry.writing import remove_partials, written_whole
from ..reconstructors import Reconstructor
from ..ticket import Ticket
from .batch_norm import batch_norms, recalibrate
from .curves import CurveTable, latest, write_image
from .distributed import Group
from .optimization import Loss, choose_parameters, clip_gradients, optimizer_of
from .precision import compute_in_bfloat16
from .recipes import PRETRAINING, Phase, Recipe
from .rounds import sampler_for
from .run_folder import BEST as BEST
from .run_folder import CURVE, RUN
from .run_folder import LAST as LAST
from .run_folder import RunSettings as RunSettings
from .samples import mixed
from .state import load_state, restore_optimizer, save_state
from .validation import validate

NORM_BATCHES = 32  # batches for the EMA's batch norm statistics
NORM_STEP = 1 << 40  # the first step that they are sampled for; no training reaches it
TELL_EVERY = 2.0  # seconds between writes of `run.json`
Watch = Callable[[Reconstructor, dict[str, float]], None]


class Trainer:
    """Trains one part of one reconstructor.

    Parameters
    ----------
    model
        The network, on the device to train on.
    recipe
        Phases, what is drawn, what learns.
    shapes, validation
        To learn from, and to measure on.
    part
        The part of the method that the recipe trains.
    watch
        Called with the network in evaluation mode and its scores after every validation.
    """

    def __init__(
        self,
        model: Reconstructor,
        recipe: Recipe,
        shapes: Sequence[StoredShape],
        validation: Sequence[StoredShape],
        settings: RunSettings,
        *,
        part: str = "main",
        watch: Watch | None = None,
    ) -> None:
        self.model, self.recipe, self.settings, self.part = model, recipe, settings, part
        self.group = Group()
        self.sampler = sampler_for(model, shapes, recipe.sampling, settings.seed)
        self.validation, self.watch = validation, watch
        self.step, self.waited, self.seconds = 0, 0, 0.0
        self.best: float | None = None
        self._window: list[dict[str, float]] = []  # terms of the steps since the last row
        self.table = CurveTable(settings.out / CURVE)
        self._learning = choose_parameters(model, recipe)
        self._mean = copy.deepcopy(model).eval().requires_grad_(False)
        if recipe.precision == "bfloat16":
            compute_in_bfloat16(model)
        self._phase = -1
        self._optimizer: torch.optim.Optimizer
        self._wrapped: nn.Module
        self._enter_phase(0)

    # ---------------------------------------------------------------- the loop

    def run(self, ticket: Ticket | None = None) -> dict[str, Any]:
        """Train until the recipe's end; return the content of `run.json`.

        A cancelled run resumes at the step it stopped; any other interruption resumes from the last
        state.

        Raises
        ------
        RequestError
            If another training writes to the folder.
        WorkError
            If the loss becomes infinite or NaN.
        """
        with self._alone():
            return self._train(ticket or Ticket())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the run's folder, in the process that writes to it."""
        if self.group.rank:
            yield
            return
        with FolderLock(self.settings.out, "a training"):
            remove_partials(self.settings.out)
            yield

    def _train(self, ticket: Ticket) -> dict[str, Any]:
        self._resume()
        if self.settings.baseline and self.best is None and self.step == 0:
            self._measure()
        clock = saved = told = time.monotonic()
        try:
            while self.step < self.recipe.steps and not self._out_of_patience():
                ticket.advance(self.step / self.recipe.steps)
                self._window.append(self._one_step())
                now = time.monotonic()
                self.seconds += now - clock
                clock = now
                if self.step % self.settings.log_every == 0:
                    self._log()
                if now - told > TELL_EVERY:
                    self._write_run(done=False)
                    told = now
                if self.step % self.settings.validate_every == 0 and self.step < self.recipe.steps:
                    self._measure()
                    clock = time.monotonic()
                if now - saved > self.settings.save_every:
                    self._save()
                    saved = time.monotonic()
        except JobCancelled:  # raised between steps; other errors may leave a step half done
            self._save()
            raise
        self._finish()
        return self._summary(done=True)

    def _one_step(self) -> dict[str, float]:
        """Take one optimiser step and update the EMA; return the loss's terms."""
        index, step = self.recipe.locate(self.step)
        self._enter_phase(index)
        phase = self.recipe.phases[index]
        for group in self._optimizer.param_groups:
            group["lr"] = phase.learning_rate_at(step)
        self.model.train()
        terms = self._gradients(phase)
        if not all(torch.isfinite(torch.tensor(v)) for v in terms.values()):
            raise WorkError(
                f"The loss is not finite at step {self.step}.",
                "Train with a lower --rate, or continue from best.safetensors with --from.",
            )
        clip_gradients(phase, self._learning)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self._follow()
        return terms

    def _gradients(self, phase: Phase) -> dict[str, float]:
        """Accumulate gradients over the batch's parts; return the mean of the loss's terms."""
        parts = self._parts(phase)
        sums: dict[str, float] = {}
        for index, part in enumerate(parts):
            torch.manual_seed(mixed(self.settings.seed, self.step, self.group.rank, index))
            with self.group.silent(self._wrapped, index < len(parts) - 1):
                terms = self._loss(phase, part)
                (terms["loss"] / len(parts)).backward()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(parts)
        return self.group.mean(sums)

    def _parts(self, phase: Phase) -> list[slice]:
        """Return which objects of the batch each pass sees: this process's own, in parts."""
        pieces = self.group.size * self.settings.accumulate
        objects = self.recipe.sampling.objects
        if objects % pieces:
            raise RequestError(
                f"A batch of {objects} can't be split evenly into {pieces}.",
                "Choose another --batch, --accumulate or number of processes.",
            )
        each = objects // pieces
        first = self.group.rank * self.settings.accumulate
        own = range(first, first + self.settings.accumulate)
        return [slice(i * each, (i + 1) * each) for i in own]

    def _loss(self, phase: Phase, part: slice) -> dict[str, Tensor]:
        if phase.loss == PRETRAINING:
            return {"loss": self._wrapped(None, phase.loss, phase.options)}
        batch = self.sampler.sample(self.step, part=part).to(self.model.device)
        return self._wrapped(batch, phase.loss, phase.options)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the EMA of the weights; statistics of norms are copied."""
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        decay = decay if self.recipe.ema else 0.0
        for mean, value in zip(self._mean.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for mean, value in zip(self._mean.buffers(), self.model.buffers(), strict=True):
            mean.copy_(value)

    # ---------------------------------------------------------------- what learns, and how

    def _enter_phase(self, index: int) -> None:
        """Make the optimiser of a phase, unless it is the current one."""
        if index == self._phase:
            return
        phase = self.recipe.phases[index]
        self._optimizer = optimizer_of(phase, self._learning, self.model.device)
        self._wrapped = self.group.wrap(Loss(self.model))
        self._phase = index

    # ---------------------------------------------------------------- measuring and saving

    def _measure(self) -> None:
        """Validate the EMA; write it as the last, and as the best if it is."""
        if self.group.rank == 0:
            self._write_run(done=False, validating=True)
            self._recalibrate_batch_norm()
            scores = self._scores()
            value = scores["iou"] if "iou" in scores else -scores["validation_loss"]
            named = {f"validation_{k.removeprefix('validation_')}": v for k, v in scores.items()}
            self.table.add({"step": float(self.step), **named})
            self._export(LAST, scores)
            if self.best is None or value > self.best:
                self.best, self.waited = value, 0
                self._export(BEST, scores)
            else:
                self.waited += 1
            if self.watch is not None:
                self.watch(self._mean, scores)
            self._save()
        self.best, self.waited = self.group.share(self.best, self.waited)

    def _recalibrate_batch_norm(self) -> None:
        """Recompute the EMA's batch norm statistics on batches that no step trains on."""
        phase, device = self.recipe.phases[-1], self.model.device
        norms = batch_norms(self._mean, self.recipe.modules)
        if not norms or not self.recipe.ema or phase.loss == PRETRAINING:
            return
        steps = range(NORM_STEP, NORM_STEP + NORM_BATCHES)
        batches = (self.sampler.sample(step).to(device) for step in steps)
        recalibrate(self._mean, norms, batches, phase, self.settings.seed)

    def _scores(self) -> dict[str, float]:
        """Return the IoU on the validation shapes, or an auxiliary network's loss."""
        if self.part == "main":
            return {"iou": validate(self._mean, self.validation).iou}
        phase = self.recipe.phases[-1]
        sampler = sampler_for(self._mean, self.validation, self.recipe.sampling.quiet(), seed=1)
        losses = []
        with torch.no_grad():
            for index in range(max(1, len(self.validation) // 16)):
                batch = sampler.sample(index).to(self.model.device)
                terms = getattr(self._mean, phase.loss)(batch, **phase.options)
                losses.append(float(terms["loss"]))
        return {"validation_loss": sum(losses) / len(losses)}

    def _export(self, name: str, scores: Mapping[str, float]) -> None:
        training = dict(self.model.weights.training)
        parts = dict(training.get("parts", {}))
        earlier = {"after": parts[self.part]} if self.part in parts else {}
        parts[self.part] = {
            "data": dict(self.settings.provenance),
            "seed": self.settings.seed,
            "steps": self.step,
            "planned_steps": self.recipe.steps,
            "batch": self.recipe.sampling.objects,
            "seconds": round(self.seconds),
            "device": str(self.model.device),
            "threads": torch.get_num_threads(),
            "processes": self.group.size,
            "recipe": self.recipe.source,
            "precision": self.recipe.precision,
            **earlier,
        }
        before = dict(self.model.weights.results)
        if self.part == "main":
            # Further training undoes the calibration, that of several views too.
            before = {name: value for name, value in before.items() if name.split()[0] != "level"}
        results = before | {f"validation {self.part} {key}": value for key, value in scores.items()}
        self._mean.save(
            self.settings.out / name, training=training | {"parts": parts}, results=results
        )

    def _log(self) -> None:
        """Add a row to the curve: means over the steps since the last row."""
        rows, self._window = self._window, []
        means = {n: sum(row[n] for row in rows if n in row) / len(rows) for n in rows[-1]}
        index, step = self.recipe.locate(self.step - 1)
        means["rate"] = self.recipe.phases[index].learning_rate_at(step)
        if self.group.rank == 0:
            self.table.add({"step": float(self.step), **means})

    def _finish(self) -> None:
        """Validate the last step, unless a finished run is opened again."""
        last = self.table.rows[-1] if self.table.rows else {}
        if last.get("step") != self.step or not {"validation_iou", "validation_loss"} & last.keys():
            self._measure()
        self._save(done=True)

    def _save(self, *, done: bool = False) -> None:
        """Write the state, the curve's plot and `run.json`."""
        if self.group.rank != 0:
            return
        header = {
            "step": self.step,
            "phase": self._phase,
            "best": self.best,
            "waited": self.waited,
            "window": self._window,
            "seconds": self.seconds,
            "part": self.part,
            "method": self.model.spec.name,
            "configuration": self.model.configuration.to_json(),
            "steps": self.recipe.steps,
        }
        save_state(self.settings.out, self.model, self._mean.state_dict(), self._optimizer, header)
        title = f"{self.model.spec.title}, {self.part}"
        names = ("loss", "validation_iou", "validation_loss")
        write_image(self.table, self.settings.out / "curve.svg", names, title=title)
        self._write_run(done=done)

    def _write_run(self, *, done: bool, validating: bool = False) -> None:
        if self.group.rank:
            return
        content = self._summary(done=done) | {"validating": validating}
        with written_whole(self.settings.out / RUN) as file:
            file.write_text(json.dumps(content, indent=1) + "\n")

    def _summary(self, *, done: bool) -> dict[str, Any]:
        speed = self.step / self.seconds if self.seconds else 0.0
        return {
            "method": self.model.spec.name,
            "part": self.part,
            "step": self.step,
            "steps": self.recipe.steps,
            "done": done,
            "seconds": round(self.seconds, 1),
            "steps_per_second": round(speed, 3),
            "best": self.best,
            "latest": latest(self.table),
            "out": str(self.settings.out),
        }

    def _resume(self) -> None:
        """Resume from the folder's state, if it has one."""
        state = load_state(self.settings.out)
        if state is None:
            self.table.cut(-1)
            return
        try:
            self._go_on(*state)
        except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(
                f"{self.settings.out} holds a state that this training can't resume from: "
                f"{str(error).splitlines()[0] if str(error) else type(error).__name__}.",
                "Choose another --out, or delete state.safetensors to start again.",
            ) from error

    def _go_on(self, groups: dict[str, dict[str, Tensor]], header: dict[str, Any]) -> None:
        own = {
            "method": self.model.spec.name,
            "part": self.part,
            "configuration": self.model.configuration.to_json(),
            "steps": self.recipe.steps,
        }
        strays = [name for name, value in own.items() if header[name] != value]
        if strays:
            raise RequestError(
                f"{self.settings.out} holds a run with another {strays[0]}.",
                "Choose another --out, or repeat the settings of that run.",
            )
        self.model.load_state_dict(groups["model"])
        self._mean.load_state_dict(groups["mean"])
        self._phase = -1
        self._enter_phase(header["phase"])
        restore_optimizer(self._optimizer, groups["optimizer"])
        self.step, self.best = header["step"], header["best"]
        self.waited, self.seconds = header["waited"], header["seconds"]
        self._window = header["window"]
        self.table.cut(self.step)

    def _out_of_patience(self) -> bool:
        limit = self.settings.patience
        return limit is not None and self.waited >= limit
