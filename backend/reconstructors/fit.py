"""Fit: optimise one object's shape and appearance from its own views, without a network.

A grid of signed distances with an appearance is optimised until its rendering agrees with all
views, see `backend.fit`. It starts from the visual hull or from the field of another method, and
improves while it is shown.
"""

import math
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.options import Option
from ..fields import Field
from ..fields.hull import HullField, silhouette_map
from ..fit import FitOptimiser, FitState, checking, starting
from ..fit.choosing import better_start
from ..fit.clock import Clock
from ..fit.drawings import is_flat_drawing
from ..fit.field import FittedField
from ..fit.guard import Guard
from ..fit.running import Shown, run
from ..fit.settings import SECONDS, STEPS, FitSettings, for_outlines, settings_for
from ..geometry.cameras import Camera
from ..geometry.images import shrink
from ..geometry.views import View
from ..silhouettes.preparing import corrected_views
from ..ticket import Ticket
from .base import Code, MethodSpec, Reconstructor, register
from .corrections import CORRECTIONS, Correction, masks_told, told
from .fit_memory import AUTO, HULL, Wishes, clock_of, guard_of, memory_of, remembered
from .visual_hull import check_overlap, check_silhouette

FEWEST = 2  # minimum number of views after leaving others out
GUESS = "levelform"  # method whose guess a fit may start from
STARTED = 200  # steps that take about as long as the choice of a start
GUESSED = 8  # views of the guess, at most
FLAT = (
    "The object has one flat color in all images, which tells nothing beyond its silhouettes, so "
    "the shape stayed as it began."
)
DRAWN = (
    "The drawings have flat colors, which tell no depth, so the shape follows their outlines alone."
)
MEMORY = "memory."  # prefix of the tensors that a continued fit starts from

SPEC = MethodSpec(
    name="fit",
    title="Fit to the images",
    paper="",
    summary="Optimizes the object until it looks like all of its images; improves while you watch.",
    needs_camera=True,
    needs_weights=False,
    own_options=(
        Option(
            "time",
            "choice",
            "1min",
            "time limit of the optimization",
            choices=tuple(STEPS),
        ),
        Option(
            "steps",
            "int",
            None,
            "number of steps instead of a time; reproducible on the CPU",
            1,
            1_000_000,
        ),
        Option(
            "start",
            "text",
            AUTO,
            "what to start from: auto, hull, or the name of another method",
        ),
        Option(
            "correct",
            "bool",
            True,
            "correct masks, camera directions and focal lengths a little",
        ),
        Option("exposure", "bool", False, "estimate each image's exposure and white balance"),
    ),
    improves=True,
)


@register(SPEC)
class Fit(Reconstructor):
    """One object, optimised from its views; see the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("anchor", torch.zeros(0), persistent=False)  # tells the device

    @property
    def device(self) -> torch.device:
        """Where the optimisation computes."""
        return self.get_buffer("anchor").device

    def encode(
        self,
        views: Sequence[View],
        *,
        time: str = "1min",
        steps: int | None = None,
        start: str = AUTO,
        correct: bool = True,
        exposure: bool = False,
        resume: Code | None = None,
        seed: int = 0,
        ticket: Ticket | None = None,
        **options: Any,
    ) -> Code:
        """Return what `codes` does, without the states on the way."""
        codes = self.codes(
            views,
            time=time,
            steps=steps,
            start=start,
            correct=correct,
            exposure=exposure,
            resume=resume,
            seed=seed,
            ticket=ticket,
        )
        while True:
            try:
                next(codes)
            except StopIteration as end:
                return end.value

    def codes(
        self,
        views: Sequence[View],
        *,
        time: str = "1min",
        steps: int | None = None,
        start: str = AUTO,
        correct: bool = True,
        exposure: bool = False,
        resume: Code | None = None,
        seed: int = 0,
        ticket: Ticket | None = None,
        **options: Any,
    ) -> Generator[Code, None, Code]:
        """Yield the best state so far every second or two; return the last of them.

        Parameters
        ----------
        views
            Posed in the volume's frame, alpha is the silhouette. Views without the object are left
            out, with a remark, as long as two remain.
        time, steps
            The budget: a preset's time by the clock, or a deterministic number of steps.
        start
            "hull", the method whose field is the first, or "auto": the hull or `levelform`'s guess,
            whichever resembles the images more once its colours are fitted.
        correct
            Correct masks, directions and focal lengths that are clearly a little wrong, see
            `silhouettes.preparing`; a continued fit keeps its choice.
        exposure
            Estimate each image's exposure and white balance too.
        resume
            Code of an earlier fit of these views, to continue.

        Raises
        ------
        RequestError
            As the visual hull for its silhouettes, and as the method to start from.
        """
        ticket = Ticket() if ticket is None else ticket
        self.check_views(views)
        clock = Clock(SECONDS[time]) if steps is None else None
        kept, remarks = usable_views(views)
        used = [index for index, view in enumerate(views) if any(view is one for one in kept)]
        wishes = Wishes(start, correct, exposure) if resume is None else Wishes.of(resume)
        if wishes.correct:
            kept, corrections = corrected_views(kept, FitSettings.longest, ticket)
            remarks += corrections
        count = STEPS[time] if steps is None else steps
        guard = Guard()
        if resume is None:
            fit = self._optimiser(kept, count, wishes, seed, ticket)
        else:
            clock = clock_of(resume, time, steps)
            fit = self._resumed(kept, resume, count, wishes, seed, ticket)
            guard = guard_of(resume)
        remarks += flatness(fit, kept)
        if resume is None and wishes.start == AUTO:
            yield self._code(Shown(fit.state(), False, ()), remarks, ({}, {}), {})
            done = STARTED / (STARTED + count)
            ticket.advance(0.1 * done)
            fit, wishes = self._better(fit, kept, wishes, seed, ticket)
            guard.look(fit.state(), fit.judge())
            ticket.advance(done)
            ticket = ticket.rest(done)
        shown = None
        for shown in run(fit, ticket, guard, clock and partial(clock.plan, fit)):
            if not shown.final:
                yield self._code(shown, remarks, ({}, {}), {})
        assert shown is not None  # a run ends with its result
        gains = fit.gains.exp().tolist() if wishes.exposure else [None] * len(kept)
        corrections = {
            index: Correction(view.camera, gain, _changed_mask(views[index], view))
            for index, view, gain in zip(used, kept, gains, strict=True)
        }
        names = [view.name for view in kept]
        return self._code(shown, remarks, remembered(fit, guard, clock, wishes, names), corrections)

    def decode(self, code: Code, **options: Any) -> Field:
        """Return the distances on the grid as a field."""
        self.check_code(code)
        return FittedField(FitState.of(code.to(self.device).tensors, code.meta))

    def _optimiser(
        self, views: Sequence[View], steps: int, wishes: "Wishes", seed: int, ticket: Ticket
    ) -> FitOptimiser:
        """Return a fit before its first step."""
        start = wishes.start
        guessed = start not in (HULL, AUTO)
        settings = replace(settings_for(steps, guess=guessed), exposure=wishes.exposure)
        small = [shrink(view, settings.longest) for view in views]
        hull = hull_of(small, self.device)
        check_overlap(hull, [view.name for view in views])
        ticket.check()
        first = None
        if guessed:
            guess = self._other(start, views[:: math.ceil(len(views) / GUESSED)])
            first = starting.first_distances(guess, small, hull, ticket)
        drawn = any(map(is_flat_drawing, views))
        if drawn and not guessed:  # the hull has the outlines already
            settings = replace(settings, first_colors=sys.maxsize)
        if drawn or len(views) == 1:  # any shape can have one image's colours: no information
            settings = replace(settings, color=0.0, variation=0.0)
            settings = for_outlines(settings) if guessed else settings
        return FitOptimiser(
            small,
            hull,
            first=first,
            settings=settings,
            budget=steps,
            seed=seed,
            device=self.device,
            ticket=ticket,
        )

    def _better(
        self, fit: FitOptimiser, views: Sequence[View], wishes: Wishes, seed: int, ticket: Ticket
    ) -> tuple[FitOptimiser, Wishes]:
        """Return the fit from the hull, `fit`, or one from a guess, with its start.

        The hull is used if colours have no information (flat ones, a single image).
        """
        from_hull = replace(wishes, start=HULL)
        if fit.flat or not fit.settings.color or fit.settings.first_colors > fit.budget:
            return fit, from_hull
        from_guess = replace(wishes, start=GUESS)
        try:
            other = self._optimiser(views, fit.budget, from_guess, seed, ticket)
        except RequestError:  # no weights, or cameras of another kind
            return fit, from_hull
        better = better_start(fit, other, ticket)
        return (fit, from_hull) if better is fit else (other, from_guess)

    def _resumed(
        self,
        views: Sequence[View],
        code: Code,
        steps: int,
        wishes: "Wishes",
        seed: int,
        ticket: Ticket,
    ) -> FitOptimiser:
        """Return a continued fit: to its budget, or beyond it by `steps`."""
        self.check_code(code)
        facts = memory_of(code)
        names = [view.name for view in views]
        if not facts or facts.get("names") != names:
            raise RequestError(
                "The kept fit is of other images than these.", "Fit these from the beginning."
            )
        taken, planned = (checking.whole(facts, name) for name in ("iteration", "budget"))
        budget = planned if taken < planned else taken + steps
        fit = self._optimiser(views, budget, wishes, seed, ticket)
        tensors = {
            name.removeprefix(MEMORY): tensor.to(self.device)
            for name, tensor in code.tensors.items()
            if name.startswith(MEMORY)
        }
        fit.go_on_from(tensors, facts)
        fit.budget = budget
        return fit

    def _other(self, method: str, views: Sequence[View]) -> Field:
        """Return the field of another method for these views."""
        from . import load_reconstructor

        if method == self.spec.name:
            raise RequestError(
                "A fit does not start from itself.", "Continue the kept fit instead."
            )
        model = load_reconstructor(method, None, str(self.device))
        return model.decode(model.encode(views))

    def _code(
        self,
        shown: Shown,
        remarks: Sequence[str],
        memory: tuple[dict[str, Tensor], dict[str, Any]],
        corrections: Mapping[int, Correction],
    ) -> Code:
        """Return a state as a code, with everything needed to continue the last one."""
        more, facts = memory
        tensors = {**shown.state.tensors(), **{f"{MEMORY}{n}": t for n, t in more.items()}}
        tensors |= masks_told(corrections)
        meta = {
            **shown.state.facts(),
            "remarks": list(remarks),
            "memory": facts,
            CORRECTIONS: told(corrections),
            "stats": {
                "steps": shown.state.iteration,
                "curve": [[step, round(measure, 5)] for step, measure in shown.curve],
                **({"start": facts["start"]} if facts else {}),
            },
        }
        return Code(self.spec.name, tensors, meta)


def _changed_mask(given: View, used: View) -> Tensor | None:
    """Return (h, w) uint8 the mask that was used, if it is not the given one."""
    if torch.equal(given.image[..., 3], used.image[..., 3]):
        return None
    small = shrink(used, FitSettings.longest).image[..., 3]
    return (small * 255).round().to(torch.uint8)


def flatness(fit: FitOptimiser, views: Sequence[View]) -> list[str]:
    """Return the remark about colours that tell nothing, if they do not."""
    if any(map(is_flat_drawing, views)):
        return [DRAWN]
    return [FLAT] if fit.flat else []


def usable_views(views: Sequence[View]) -> tuple[list[View], list[str]]:
    """Return the views with a silhouette, and a remark for each that is left out.

    Raises
    ------
    RequestError
        If fewer than two are left, or the only one has none.
    """
    kept, remarks, problem = [], [], None
    for view in views:
        try:
            check_silhouette(view)
        except RequestError as error:
            problem = problem or error
            remarks.append(f"Left out: {error.message}")
        else:
            kept.append(view)
    if problem is not None and len(kept) < min(FEWEST, len(views)):
        raise problem
    return kept, remarks


def hull_of(views: Sequence[View], device: torch.device) -> HullField:
    """Return the visual hull of posed views."""
    cameras = [view.camera for view in views]
    assert all(isinstance(camera, Camera) for camera in cameras)  # check_views
    posed = [camera for camera in cameras if camera is not None]
    maps = [
        silhouette_map(view.image[..., 3], camera)
        for view, camera in zip(views, posed, strict=True)
    ]
    return HullField(maps, posed, device=device)
