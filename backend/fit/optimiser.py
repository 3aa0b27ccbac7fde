"""The optimiser: one signed-distance grid and its appearance against all views of one object."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..contract.srgb import linear_from_srgb
from ..geometry.views import View
from ..ticket import Ticket
from . import checking
from .adam import Moments
from .appearance import first_globals
from .band import redistance
from .grid import NodeGrid
from .losses import RayLosses, Tables, ray_losses
from .rays import OPAQUE, Rays, between, rays_of
from .rendering import sample_depths
from .settings import FitSettings
from .starting import evaluate, object_box
from .state import FitState
from .surface import PLACED, REMEMBERED, FittedSurface

SOFTEST = 3.0  # minimum half width of the band, over the sharpness
JUDGED = 4096  # held-out rays per look of the guard
FEWEST_JUDGED = 64  # minimum number of held-out rays; with fewer (tiny images), none is held out
JUDGED_SHARPNESS = 150.0  # constant, of the guard's rendering
JUDGED_MASK = 0.03  # weight of the mask beside the colours: a few pixels of an outline weigh less
SHAPES = ("distances", "albedo")  # the parts of a state on its grid
FLAT = 0.01  # std of a channel below which the object has one colour
FAITHFUL = 0.95  # IoU of the first field on the first grid and on the second

Values = Callable[[Tensor], Tensor]


class FitOptimiser:
    """One object's fit.

    Parameters
    ----------
    views
        Posed in the volume's frame; alpha is the silhouette.
    hull
        The views' visual hull: (N, 3) points to (N,) lower bounds of the distance, negative inside.
        Where it is positive it is SDF-SRN's bound (Eq. 1), below which no distance may fall.
    first
        First field, in the same frame; None: the hull.
    settings
        How to run.
    budget
        Steps of the schedule; more may be taken.
    seed
        Of the rays and samples that are drawn.
    ticket
        Asked while the first field is evaluated.
    """

    def __init__(
        self,
        views: Sequence[View],
        hull: Values,
        *,
        first: Values | None = None,
        settings: FitSettings,
        budget: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
        ticket: Ticket | None = None,
    ) -> None:
        self.settings, self.budget, self.device = settings, max(budget, 1), torch.device(device)
        self._generator = torch.Generator().manual_seed(seed)
        self._hull, self._first, self._ticket = hull, first, ticket
        self._known: dict[NodeGrid, tuple[Tensor, Tensor]] = {}  # see `_at`
        first = hull if first is None else first
        self._box = object_box(first, self.device, ticket)
        self.iteration, self._begun, self._stage = 0, 0, 0
        self._holds: bool | None = None  # see `faithful`
        self._color_error: float | None = None  # running mean of the colours' loss
        every = rays_of(views, settings.reach, self.device, ticket)
        grid = NodeGrid.over(*self._box, settings.stages[0][0])
        bound, distances = self._at(grid)
        near = between(every, grid, distances, ticket)
        self.rays, held = near.choose(~near.held), near.choose(near.held)
        if len(held) < FEWEST_JUDGED or not settings.hold_out:  # judge by the training rays
            self.rays, held = near, near
        if self.flat:
            self.settings = replace(settings, first_colors=sys.maxsize)
        draw = torch.randperm(len(held), generator=self._generator)[:JUDGED]
        self.held = held.choose(draw.to(self.device))
        self.shared = first_globals(self.device)
        self._light = Moments.like(self.shared)
        self.gains = torch.zeros(len(views), 3, device=self.device)
        self._exposure = Moments.like(self.gains)
        self.surface = FittedSurface(
            grid,
            distances,
            self._one_color(grid),
            self._least(bound),
            self._width(grid),
            self._reference(grid),
        )

    # ---------------------------------------------------------------- what it knows

    @property
    def flat(self) -> bool:
        """Whether the object has one flat colour: then images add nothing to silhouettes."""
        opaque = self.rays.colors[self.rays.alpha > OPAQUE]
        return len(opaque) > 1 and float(opaque.std(0).max()) < FLAT

    @property
    def geometry_begun(self) -> bool:
        """Whether the surface may have moved: at first only the colours are optimised."""
        return self.iteration >= self.settings.first_colors

    @property
    def fraction(self) -> float:
        """The used fraction of the budget, at most 1."""
        return min(self.iteration / self.budget, 1.0)

    def state(self) -> FitState:
        """Return the current state; later steps do not change it."""
        own = self.surface
        own.write_back()
        numbers = (own.distances.clone(), own.albedo.clone(), self.shared.clone())
        return FitState(own.grid, *numbers, self.iteration)

    @torch.no_grad()
    def refined(self, state: FitState, cells: int | None = None) -> FitState:
        """Return a state on a grid of at least `cells`; None: of the last stage.

        A fit that stops early is then as sharp as its first field wherever it changed nothing.
        """
        grid = NodeGrid.over(*self._box, cells or self.settings.stages[-1][0])
        if state.grid.spacing < grid.spacing * 1.01:
            return state
        return replace(state, grid=grid, **dict(zip(SHAPES, self._on(grid, state), strict=True)))

    @torch.no_grad()
    def judge(self) -> float:
        """Return the error of the held-out rays, in colour and mask."""
        own = self.surface
        own.write_back()
        middle = torch.full((len(self.held), self.settings.fine + 1), 0.5, device=self.device)
        tables = own.tables(self.shared, self.gains)
        losses = self._render(tables, self.held, JUDGED_SHARPNESS, own.distances, middle)
        color = losses.color.detach() if self.settings.color else 0.0
        return float(color + JUDGED_MASK * losses.mask.detach())

    @torch.no_grad()
    def faithful(self) -> bool:
        """Return whether the first grid holds the first field, or the fit has left that grid.

        Where its parts are thinner than a cell, changes on that grid affect other parts and are
        wrong on a finer grid.
        """
        if self._stage > 0 or len(self.settings.stages) == 1:
            return True
        if self._holds is None:
            own, fine = self.surface.grid, NodeGrid.over(*self._box, self.settings.stages[1][0])
            _, here = self._at(own)
            _, there = self._at(fine)
            held, inside = own.sample(here, fine.nodes(self.device)) < 0, there < 0
            self._holds = float((held & inside).sum()) >= FAITHFUL * float((held | inside).sum())
        return self._holds

    # ---------------------------------------------------------------- steps

    def step(self) -> float:
        """Take a step; return its loss."""
        self._follow_schedule()
        chosen, own = self.settings, self.surface
        tables = own.tables(self.shared, self.gains)
        index = torch.randint(len(self.rays), (chosen.rays,), generator=self._generator)
        jitter = torch.rand((chosen.rays, chosen.fine + 1), generator=self._generator)
        rays, sharpness = self.rays.choose(index.to(self.device)), chosen.sharpness(self.fraction)
        loss = self._loss(
            self._render(tables, rays, sharpness, own.placing, jitter.to(self.device))
        )
        by_values, by_slopes, by_albedo, by_shared, by_gains = torch.autograd.grad(
            loss, tables.leaves
        )
        slower = chosen.rate(self.fraction)
        total = float(loss.detach()) + own.paint(
            by_albedo,
            rate=chosen.lr_albedo * slower,
            weight=3.0 * chosen.variation,  # one axis a step
            axis=self.iteration % 3,
        )
        self.shared = self.shared - chosen.lr_shared * slower * self._light.update(by_shared)
        if chosen.exposure:
            self._expose(by_gains, slower)
        if self.geometry_begun:
            laplacian, crease = chosen.smoothness(self.fraction)
            total += own.move(
                by_values[:, 0],
                by_slopes,
                rate=chosen.lr_distance * slower * self._warmth(),
                eikonal=chosen.eikonal,
                laplacian=laplacian,
                crease=crease,
                following=chosen.following(self.fraction),
            )
        self.iteration += 1
        return total

    def _warmth(self) -> float:
        """Return the factor of the distances' rate after their first steps."""
        moved = self.iteration - self.settings.first_colors + 1
        return self.settings.warmth(moved / self.budget)

    def _expose(self, by_gains: Tensor, slower: float) -> None:
        """Step the views' exposures; their mean stays, because the light contains it."""
        moved = self.gains - self.settings.lr_gains * slower * self._exposure.update(by_gains)
        self.gains = moved - moved.mean(0)

    def _render(
        self, tables: Tables, rays: Rays, sharpness: float, distances: Tensor, jitter: Tensor
    ) -> RayLosses:
        """Render rays, with samples placed by the grid's `distances`."""
        depth = sample_depths(
            rays,
            self.surface.grid,
            distances,
            sharpness=sharpness,
            coarse=self.settings.coarse,
            fine=self.settings.fine,
            jitter=jitter,
        )
        return ray_losses(tables, self.surface.band, rays, depth, sharpness)

    def _loss(self, losses: RayLosses) -> Tensor:
        """Return a step's loss; the colours' weight follows their running mean error."""
        error = float(losses.color.detach())
        last = error if self._color_error is None else self._color_error
        self._color_error = last + (1.0 - REMEMBERED) * (error - last)
        weight = self.settings.color_weight(self._color_error)
        return weight * losses.color + self.settings.mask * losses.mask

    # ---------------------------------------------------------------- grids and bands

    def _width(self, grid: NodeGrid) -> float:
        """Return half the band's width."""
        softest = SOFTEST / self.settings.sharpness(self.fraction)
        return max(self.settings.band * grid.spacing, softest)

    def _at(self, grid: NodeGrid) -> tuple[Tensor, Tensor]:
        """Return (count,) the hull and the first field at a grid's nodes."""
        if grid not in self._known:
            nodes = grid.nodes(self.device)
            hull = evaluate(self._hull, nodes, self._ticket)
            other = self._first
            first = hull if other is None else evaluate(other, nodes, self._ticket)
            self._known[grid] = (hull, first)
        return self._known[grid]

    def _reference(self, grid: NodeGrid) -> Tensor | None:
        """Return (count,) a guess's distances, which smoothness is relative to.

        A hull has none: its creases and cones are not the object's.
        """
        if self._first is None:
            return None
        bound, first = self._at(grid)
        cut = torch.maximum(first, self._least(bound))
        return redistance(grid, cut, self.settings.band * grid.spacing, self._check)

    def _check(self) -> None:
        """Raise if the ticket was cancelled."""
        if self._ticket is not None:
            self._ticket.check()

    def _least(self, hull: Tensor) -> Tensor:
        """Return the lower bounds of the distances by the hull's values."""
        return torch.where(hull > 0, hull - self.settings.slack, -torch.inf)

    def _one_color(self, grid: NodeGrid) -> Tensor:
        """Return (count, 3) the logit of the object's mean colour."""
        opaque = self.rays.colors[self.rays.alpha > OPAQUE]
        mean = linear_from_srgb(opaque.cpu().numpy()).mean(0) if len(opaque) else [0.5] * 3
        logit = torch.logit(torch.as_tensor(mean).float().clamp(0.02, 0.98))
        return logit.to(self.device).expand(grid.count, 3)

    def _follow_schedule(self) -> None:
        """Enter the next stage or choose the band again, when due."""
        since = self.iteration - self._begun
        stage = self.settings.stage(self.fraction)
        if stage > self._stage:
            self._stage, self._begun = stage, self.iteration
            cells, _ = self.settings.stages[stage]
            grid = NodeGrid.over(*self._box, cells)
            self.surface = self._refined(grid)
        elif since and since % self.settings.refresh == 0:
            self.surface.choose_band(self._width(self.surface.grid), self._check)
        elif since % PLACED == 0:
            self.surface.place()

    def _refined(self, grid: NodeGrid) -> FittedSurface:
        """Return the surface on a finer grid."""
        bound, _ = self._at(grid)
        distances, albedo = self._on(grid, self.state())
        least, width = self._least(bound), self._width(grid)
        first = self._reference(grid)
        return FittedSurface(grid, distances, albedo, least, width, first, self._check)

    def _on(self, grid: NodeGrid, state: FitState) -> tuple[Tensor, Tensor]:
        """Return (count,) a state's distances and (count, 3) its albedo at a finer grid's nodes.

        The difference from the first field is interpolated, so that its parts too thin for the
        coarser grid reappear.
        """
        _, before = self._at(state.grid)
        _, first = self._at(grid)
        nodes = grid.nodes(self.device)
        distances = first + state.grid.sample(state.distances - before, nodes)
        return distances, state.grid.sample(state.albedo, nodes)

    # ---------------------------------------------------------------- to go on later

    def memory(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return everything needed to continue exactly, ready to be saved."""
        tensors, facts = self.surface.memory()
        state = self.state()
        tensors |= state.tensors()
        tensors |= {
            "generator": self._generator.get_state(),
            "light_mean": self._light.mean.clone(),
            "light_square": self._light.square.clone(),
            "gains": self.gains.clone(),
            "gains_mean": self._exposure.mean.clone(),
            "gains_square": self._exposure.square.clone(),
        }
        facts |= {
            **state.facts(),
            "budget": self.budget,
            "begun": self._begun,
            "stage": self._stage,
            "light": self._light.steps,
            "color_error": self._color_error or 0.0,
        }
        return tensors, facts

    def go_on_from(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Continue from the `memory` of a fit of the same views and settings.

        Raises
        ------
        RequestError
            If the memory is not that of such a fit.
        """
        state = FitState.of(tensors, facts)
        self._check_memory(state, tensors)
        self.iteration = checking.whole(facts, "iteration")
        self._color_error = checking.number(facts, "color_error") if self.iteration else None
        self.budget = checking.whole(facts, "budget")
        self._begun = checking.whole(facts, "begun", self.iteration)
        self._stage = checking.whole(facts, "stage", len(self.settings.stages) - 1)
        self._generator.set_state(tensors["generator"].cpu())
        self.shared = state.shared
        self._light = Moments(
            tensors["light_mean"].clone(),
            tensors["light_square"].clone(),
            checking.whole(facts, "light"),
        )
        self.gains = tensors["gains"].clone()
        self._exposure = Moments(
            tensors["gains_mean"].clone(), tensors["gains_square"].clone(), self._light.steps
        )
        hull, _ = self._at(state.grid)
        self.surface = FittedSurface.restored(
            state.grid,
            state.distances,
            state.albedo,
            self._least(hull),
            tensors,
            facts,
            self._reference(state.grid),
        )

    def _check_memory(self, state: FitState, tensors: Mapping[str, Tensor]) -> None:
        """Refuse a memory whose tensors are not those of such a fit."""
        light, gains = tuple(self.shared.shape), tuple(self.gains.shape)
        nodes, colors = (state.grid.count,), (state.grid.count, 3)
        shapes = {"placing": nodes, "evidence": nodes, "gains": gains}
        for suffix in ("mean", "square"):
            shapes |= {f"light_{suffix}": light, f"gains_{suffix}": gains}
            shapes |= {f"distances_{suffix}": nodes, f"albedo_{suffix}": colors}
        checking.check_tensors(tensors, shapes)
        generator = tuple(self._generator.get_state().shape)
        checking.check_tensors(tensors, {"generator": generator}, torch.uint8)
        checking.check_nodes(tensors.get("active"), state.grid)
