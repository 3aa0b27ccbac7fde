"""The optimiser: one signed-distance grid and its appearance against all views of one object."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..contract.srgb import linear_from_srgb
from ..geometry.views import View
from .adam import Moments
from .appearance import first_globals
from .band import DUMMIES, Band, nearest_active, redistance
from .grid import Grid
from .losses import RayLosses, Tables, distance_losses, ray_losses, variation
from .rays import Rays, between, rays_of
from .rendering import sample_depths
from .settings import FitSettings
from .state import FitState

LOOKED = 64  # cells of the grid that looks for the object's box
SHOWN = 5  # steps after which the samples are placed by the newest distances
SOFTEST = 3.0  # the band reaches at least so far, over the sharpness
JUDGED = 4096  # held-out rays that the guard looks at
JUDGED_SHARPNESS = 150.0  # of the guard's rendering, always the same

Values = Callable[[Tensor], Tensor]


class Fit:
    """One object's fit.

    Parameters
    ----------
    views
        Posed in the volume's frame; alpha is the silhouette.
    first
        The field to start from: (N, 3) points to (N,) distances, negative inside.
    settings
        How to run.
    budget
        Steps that the schedule is made for; more may be taken.
    seed
        Of the rays and samples that are drawn.
    """

    def __init__(
        self,
        views: Sequence[View],
        first: Values,
        *,
        settings: FitSettings,
        budget: int,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings, self.budget, self.device = settings, max(budget, 1), torch.device(device)
        self._generator = torch.Generator().manual_seed(seed)
        self._first = first
        self._box = object_box(first, self.device)
        self.iteration = 0
        self._stage = 0
        every = rays_of(views, settings.reach, self.device)
        self._state = self._first_state(every)
        near = between(every, self._state.grid, self._state.distances)
        self.rays = near.choose(~near.held)
        held = near.choose(near.held)
        draw = torch.randperm(len(held), generator=self._generator)[:JUDGED]
        self.held = held.choose(draw.to(self.device))
        self._begin_stage()

    # ---------------------------------------------------------------- what it knows

    @property
    def fraction(self) -> float:
        """How much of the budget is used, at most 1."""
        return min(self.iteration / self.budget, 1.0)

    def state(self) -> FitState:
        """Return what is known now; later steps do not change it."""
        self._write_back()
        return self._state.clone()

    @torch.no_grad()
    def judge(self) -> float:
        """Return how badly the held-out rays are predicted, by colour and mask."""
        self._write_back()
        band = self._band
        losses = self._render(self._tables(), self.held, JUDGED_SHARPNESS, middle=True)
        del band
        return float(self.settings.color * losses.color + self.settings.mask * losses.mask)

    # ---------------------------------------------------------------- steps

    def step(self) -> float:
        """Take a step; return its loss."""
        self._follow_schedule()
        tables = self._tables()
        leaves = (tables.values, tables.slopes, tables.albedo, tables.shared)
        index = torch.randint(len(self.rays), (self.settings.rays,), generator=self._generator)
        rays = self.rays.choose(index.to(self.device))
        for leaf in leaves:
            leaf.requires_grad_(True)
        losses = self._render(tables, rays, self.settings.sharpness(self.fraction))
        loss = self.settings.color * losses.color + self.settings.mask * losses.mask
        by_values, by_slopes, by_albedo, by_shared = torch.autograd.grad(loss, leaves)
        total = float(loss.detach())
        with torch.no_grad():
            total += self._update_albedo(by_albedo)
            self._update_shared(by_shared)
            if self.iteration >= self.settings.first_colors:
                total += self._update_distances(by_values[:, 0], by_slopes[:-DUMMIES])
        self.iteration += 1
        return total

    def _render(
        self, tables: Tables, rays: Rays, sharpness: float, *, middle: bool = False
    ) -> RayLosses:
        """Render rays, with samples drawn in their strata or, to judge, in the middle of them."""
        wanted = (len(rays), self.settings.fine + 1)
        jitter = torch.full(wanted, 0.5) if middle else torch.rand(wanted, generator=self._generator)
        depth = sample_depths(
            rays,
            self._state.grid,
            self._state.distances,
            sharpness=sharpness,
            coarse=self.settings.coarse,
            fine=self.settings.fine,
            jitter=jitter.to(self.device),
        )
        return ray_losses(tables, self._band, rays, depth, sharpness)

    def _tables(self) -> Tables:
        """Return the band's numbers, each a leaf of its own."""
        near = self._values[self._band.neighbours.view(-1)].view(-1, 6)
        self._near = near
        slopes = torch.cat([self._band.gradient(near), near.new_zeros(DUMMIES, 3)])
        return Tables(
            self._values[:, None].detach(), slopes, self._albedo.detach(), self._shared.detach()
        )

    def _update_distances(self, by_values: Tensor, by_slopes: Tensor) -> float:
        chosen = self.settings
        loss, own_slopes, own_bends = distance_losses(
            self._near,
            self._values[:-DUMMIES],
            self._band,
            eikonal=chosen.eikonal,
            laplacian=chosen.laplacian,
        )
        gradient = by_values + self._band.adjoint(by_slopes + own_slopes, own_bends)
        gradient[-DUMMIES:] = 0.0
        step = self._moments[0].update(gradient)
        self._values = self._values - chosen.lr_distance * chosen.rate(self.fraction) * step
        return float(loss)

    def _update_albedo(self, by_albedo: Tensor) -> float:
        chosen = self.settings
        loss, own = variation(self._albedo, self._band, self.iteration % 3)
        gradient = by_albedo + 3.0 * chosen.variation * own
        gradient[-DUMMIES:] = 0.0
        step = self._moments[1].update(gradient)
        self._albedo = self._albedo - chosen.lr_albedo * chosen.rate(self.fraction) * step
        return 3.0 * chosen.variation * float(loss)

    def _update_shared(self, by_shared: Tensor) -> None:
        chosen = self.settings
        step = self._moments[2].update(by_shared)
        self._shared = self._shared - chosen.lr_shared * chosen.rate(self.fraction) * step

    # ---------------------------------------------------------------- grids and bands

    def _first_state(self, rays: Rays) -> FitState:
        """Return the first field on the first grid, in the object's mean colour."""
        cells, _ = self.settings.stages[0]
        grid = Grid.over(*self._box, cells)
        nodes = grid.nodes(self.device)
        distances = torch.cat([self._first(part) for part in nodes.split(1 << 15)]).float()
        opaque = rays.colors[rays.alpha > 0.98]
        mean = linear_from_srgb(opaque.cpu().numpy()).mean(0) if len(opaque) else [0.5] * 3
        logit = torch.logit(torch.as_tensor(mean).float().clamp(0.02, 0.98)).to(self.device)
        albedo = logit.expand(grid.count, 3).clone()
        return FitState(grid, distances, albedo, first_globals(self.device), 0)

    def _follow_schedule(self) -> None:
        """Enter the stage of the budget used, or choose the band anew, when it is time."""
        since = self.iteration - self._begun
        if self.settings.stage(self.fraction) > self._stage:
            self._write_back()
            self._stage = self.settings.stage(self.fraction)
            cells, _ = self.settings.stages[self._stage]
            self._state = self._state.moved_to(Grid.over(*self._box, cells))
            self._begin_stage()
        elif since and since % self.settings.refresh == 0:
            self._choose_band()
        elif since % SHOWN == 0:
            self._state.distances[self._band.active] = self._values[:-DUMMIES]

    def _begin_stage(self) -> None:
        """Forget the moments, which belong to another grid, and choose the band."""
        count = self._state.grid.count
        self._begun = self.iteration
        self._shared = self._state.shared
        self._steps = 0
        self._dense = [
            Moments.like(self._state.distances.new_zeros(shape)) for shape in ((count,), (count, 3))
        ]
        self._moments = [*self._dense, Moments.like(self._shared)]
        self._band_is_chosen = False
        self._choose_band()

    def _choose_band(self) -> None:
        """Choose the nodes near the surface; new ones take their nearest neighbours' albedo."""
        before = self._band if self._band_is_chosen else None
        if before is not None:
            self._write_back()
        state, chosen = self._state, self.settings
        width = max(
            chosen.band * state.grid.spacing, SOFTEST / chosen.sharpness(self.fraction)
        )
        distances = redistance(state.grid, state.distances, width)
        self._band = band = Band.around(state.grid, distances, width)
        albedo = state.albedo
        if before is not None:
            albedo[band.active] = albedo[nearest_active(before)[band.active]]
        self._state = FitState(state.grid, distances, albedo, self._shared, self.iteration)
        self._values, self._albedo = band.compact_distances(distances), band.compact(albedo)
        steps = [moments.steps for moments in self._moments]
        self._moments = [
            *(
                Moments(band.compact(m.mean), band.compact(m.square), count)
                for m, count in zip(self._dense, steps, strict=False)
            ),
            self._moments[2],
        ]
        self._band_is_chosen = True

    def _write_back(self) -> None:
        """Put the band's numbers into the dense ones."""
        active = self._band.active
        state = self._state
        state.distances[active] = self._values[:-DUMMIES]
        state.albedo[active] = self._albedo[:-DUMMIES]
        for dense, own in zip(self._dense, self._moments, strict=False):
            dense.mean[active], dense.square[active] = own.mean[:-DUMMIES], own.square[:-DUMMIES]
        self._state = FitState(
            state.grid, state.distances, state.albedo, self._shared, self.iteration
        )


@torch.no_grad()
def object_box(first: Values, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the corners, (3,) each, of the box around what a field has inside, a cell wider."""
    side = torch.linspace(-1.0, 1.0, LOOKED + 1, device=device)
    points = torch.cartesian_prod(side, side, side)
    cell = 2.0 / LOOKED
    values = torch.cat([first(part) for part in points.split(1 << 15)])
    inside = points[values < cell]
    if not len(inside):
        return side.new_full((3,), -1.0), side.new_full((3,), 1.0)
    return (inside.amin(0) - cell / 2).clamp_min(-1.0), (inside.amax(0) + cell / 2).clamp_max(1.0)
