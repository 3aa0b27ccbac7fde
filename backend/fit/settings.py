"""How a fit runs: grids, weights of the losses, and what changes with the budget used."""

import math
from dataclasses import dataclass, replace

SECONDS = {"10s": 10.0, "1min": 60.0, "5min": 300.0}  # of the presets
STEPS = {
    "10s": 400,
    "1min": 2400,
    "5min": 5000,
}  # about the number that two cores take in that time
COARSEST = 32  # cells of the first grid of a fit that starts from the hull
COARSE_STEPS = 240  # on the coarsest grid; at most an eighth of the budget
FINE = 96  # cells of the third grid
MEDIUM_STEPS = 1600  # on the grid of 64 cells, at most two thirds
FINE_STEPS = 3500  # before the grid of 128 cells
USUAL_STEPS, LONG_STEPS = 2400, 3600  # from these on, steps have more rays, and images more pixels
MOST_RAYS = 4096
LARGE = 512  # pixels of an image's longer side in a long fit


@dataclass(frozen=True)
class FitSettings:
    """Numbers of the optimisation; lengths in volume units, pixels of the shrunk images.

    Attributes
    ----------
    stages : cells along the object's longest side, and the fraction of the budget at the stage's
        end
    rays : sampled in a step
    coarse, fine : samples per ray without gradients, to find the surface, and with gradients
    first_sharpness, last_sharpness : s of the opacity, per volume unit; it grows geometrically
    sharp_from, sharp_at : it grows between these fractions of the budget
    lr_distance, lr_albedo, lr_shared, lr_gains : Adam's
    warm_up : the distances' rate grows linearly from 0 in this fraction of the budget
    exposure : estimate each image's exposure
    decay_from, decay : learning rates fall after this fraction of the budget, to this factor
    color, mask, eikonal, laplacian, variation : weights of the losses
    low_color_error, most_color_gain : below this mean error of the colours, their weight grows by
        the square of the ratio, at most by this factor
    last_laplacian, crease, last_crease : the Laplacian's weight at the end; its value, in steps of
        the grid, from which the loss is linear, at first and at the end
    smooth_from, smooth_at : these change geometrically between these fractions of the budget
    follow_until : smoothness is relative to a guess, by a weight that falls linearly from 1 at
        first to 0 at this fraction of the budget
    band : half the band's width, cells
    refresh : steps between two updates of the band
    first_colors : initial steps for the appearance alone
    slack : maximum distance of the surface outside the visual hull
    reach : rays are sampled up to this many pixels outside a silhouette
    hold_out : the guard judges by rays that are not trained with; False: by all rays
    longest : pixels of an image's longer side; larger ones are averaged down
    """

    stages: tuple[tuple[int, float], ...] = ((32, 0.12), (64, 0.7), (96, 1.0))
    rays: int = 768
    coarse: int = 64
    fine: int = 24
    first_sharpness: float = 100.0
    last_sharpness: float = 250.0
    sharp_from: float = 0.0
    sharp_at: float = 0.9
    lr_distance: float = 0.01
    lr_albedo: float = 0.1
    lr_shared: float = 0.01
    lr_gains: float = 0.004
    exposure: bool = False
    warm_up: float = 0.04
    decay_from: float = 0.1
    decay: float = 0.05
    color: float = 2.0
    low_color_error: float = 0.014
    most_color_gain: float = 4.0
    mask: float = 0.75
    eikonal: float = 0.1
    laplacian: float = 0.06
    last_laplacian: float = 0.2
    crease: float = 10.0
    last_crease: float = 0.15
    smooth_from: float = 0.3
    smooth_at: float = 0.8
    follow_until: float = 0.6
    variation: float = 0.1
    band: float = 4.0
    refresh: int = 40
    first_colors: int = 30
    slack: float = 0.004
    reach: float = 4.0
    hold_out: bool = True
    longest: int = 256

    def stage(self, fraction: float) -> int:
        """Return the stage at a fraction of the budget."""
        ends = [end for _, end in self.stages]
        return next((i for i, end in enumerate(ends) if fraction < end), len(ends) - 1)

    def sharpness(self, fraction: float) -> float:
        """Return s at a fraction of the budget."""
        along = (fraction - self.sharp_from) / (self.sharp_at - self.sharp_from)
        along = min(max(along, 0.0), 1.0)
        return self.first_sharpness * (self.last_sharpness / self.first_sharpness) ** along

    def smoothness(self, fraction: float) -> tuple[float, float]:
        """Return the weight of the Laplacian's loss at a fraction of the budget, and its crease."""
        along = (fraction - self.smooth_from) / (self.smooth_at - self.smooth_from)
        along = min(max(along, 0.0), 1.0)
        weight = self.laplacian * (self.last_laplacian / self.laplacian) ** along
        return weight, self.crease * (self.last_crease / self.crease) ** along

    def following(self, fraction: float) -> float:
        """Return the weight of the first field in the smoothness at a fraction of the budget."""
        return max(1.0 - fraction / self.follow_until, 0.0)

    def color_weight(self, error: float) -> float:
        """Return the weight of the colours' loss, by their mean error.

        What is not explained (texture finer than the grid, sheen) is noise that the shape would
        follow: an office chair of glossy facets gets dents 0.02 deep with the weight that carves
        the guess of a plain chair to its true thickness.
        """
        gain = (self.low_color_error / max(error, 1e-6)) ** 2
        return self.color * min(max(gain, 1.0), self.most_color_gain)

    def rate(self, fraction: float) -> float:
        """Return the factor of the learning rates at a fraction of the budget."""
        late = max(fraction - self.decay_from, 0.0) / (1.0 - self.decay_from)
        return self.decay**late

    def warmth(self, fraction: float) -> float:
        """Return the factor of the distances' rate, a fraction of the budget after their first."""
        return min(fraction / self.warm_up, 1.0) if self.warm_up else 1.0


def settings_for(steps: int, *, guess: bool = False) -> FitSettings:
    """Return the settings for a budget of steps: the more steps, the finer the last grid.

    A long fit looks at more rays of larger images in each step: five times as many steps of the
    same kind wander, and cut off more of the object than they find.

    With a `guess` as the first field the first grid has 64 cells: it has finer parts than a hull's
    first steps need.
    """
    first = 0.0 if guess else min(COARSE_STEPS, steps / 8)
    second = min(first + MEDIUM_STEPS, steps * 2 / 3)
    stages = [] if guess else [(COARSEST, first / steps)]
    stages += [(64, second / steps), (FINE, min(FINE_STEPS / steps, 1.0))]
    if steps > FINE_STEPS:
        stages.append((128, 1.0))
    longest = LARGE if steps >= LONG_STEPS else FitSettings.longest
    return FitSettings(stages=tuple(stages), rays=rays_for(steps), longest=longest)


def rays_for(steps: int) -> int:
    """Return the rays of a step: more, by the square, in a fit of more than the usual steps."""
    more = max(steps / USUAL_STEPS, 1.0) ** 2
    return min(round(FitSettings.rays * more), MOST_RAYS)


def for_outlines(settings: FitSettings) -> FitSettings:
    """Return the settings of a fit from a guess whose colours have no information.

    Thin parts that the guess lacks need a fine grid and a full rate from the beginning. Outlines
    tell nothing of the rest, so smoothness stays relative to the guess throughout. They all count:
    the guess covers them before the first step, and held-out ones would only tell that.
    """
    return replace(
        settings,
        stages=((FINE, 1.0),),
        warm_up=0.0,
        decay_from=0.5,
        first_colors=0,
        follow_until=math.inf,
        hold_out=False,
    )
