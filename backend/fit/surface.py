"""The numbers that a fit optimises, on a grid and in its narrow band."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from . import checking
from .adam import TINY, Moments
from .band import DUMMIES, Band, nearest_active, redistance
from .grid import NodeGrid
from .losses import Reference, Tables, distance_losses, variation

PLACED = 5  # steps between updates of the distances that place the samples
REMEMBERED = 0.98  # of a running mean, per step
EVIDENT = 0.02  # evidence of a seen node, as a fraction of all rows' root mean square


class FittedSurface:
    """Distances and albedo with Adam's moments, dense on the grid and compact in the band.

    The compact numbers are the true ones; `write_back` copies them to the dense ones. A node's
    evidence is the running mean of the absolute derivative of the images' losses by its distance.

    Parameters
    ----------
    grid : the grid
    distances : (count,) signed distances
    albedo : (count, 3) logits
    least : (count,) lower bounds of the distances
    width : width of the first band, in volume units
    first : (count,) first field that smoothness is relative to; None: none
    check : called regularly; may raise
    """

    def __init__(
        self,
        grid: NodeGrid,
        distances: Tensor,
        albedo: Tensor,
        least: Tensor,
        width: float,
        first: Tensor | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.grid, self.least, self.albedo, self.first = grid, least, albedo.clone(), first
        self.distances = torch.maximum(distances, least)
        self.moments = (Moments.like(self.distances), Moments.like(self.albedo))
        self.evidence = torch.zeros_like(self.distances)
        self.distances = redistance(grid, self.distances, width, check)
        self._enter(Band.around(grid, self.distances, width))

    def _enter(self, band: Band) -> None:
        """Take the band's rows out of the dense numbers."""
        self.band = band
        self.placing = self.distances.clone()  # apart, so that `write_back` moves no sample
        self.values = band.compact_distances(self.distances)
        self.colors = band.compact(self.albedo)
        self.rows_least = torch.cat([self.least[band.active], self.values[-DUMMIES:]])
        self.rows = tuple(m.moved(band.compact) for m in self.moments)
        self.rows_evidence = band.compact(self.evidence)
        self.reference = None
        if self.first is not None:
            self.reference = Reference.of(band.compact_distances(self.first), band)

    def write_back(self) -> None:
        """Copy the compact numbers to the dense ones."""
        active = self.band.active
        self.distances[active], self.albedo[active] = self.values[:-DUMMIES], self.colors[:-DUMMIES]
        for dense, own in zip(self.moments, self.rows, strict=True):
            dense.mean[active], dense.square[active] = own.mean[:-DUMMIES], own.square[:-DUMMIES]
            dense.steps = own.steps
        self.evidence[active] = self.rows_evidence[:-DUMMIES]

    def choose_band(self, width: float, check: Callable[[], None] = lambda: None) -> None:
        """Choose the nodes near the surface; new ones take the albedo of their nearest neighbours.

        `check` is called regularly and may raise; then nothing has changed.
        """
        self.write_back()
        known = nearest_active(self.band)
        check()
        distances = redistance(self.grid, self.distances, width, check)
        band = Band.around(self.grid, distances, width)
        check()
        self.distances = distances
        self.albedo[band.active] = self.albedo[known[band.active]]
        self._enter(band)

    def place(self) -> None:
        """Place later samples by the current distances."""
        self.placing[self.band.active] = self.values[:-DUMMIES]

    def tables(self, shared: Tensor, gains: Tensor) -> Tables:
        """Return the numbers to interpolate, each a leaf of its own."""
        self.near = self.band.near(self.values)
        slopes = self.band.gradient(self.near)
        leaves = (
            self.values[:, None],
            self.band.padded(slopes.T),
            self.colors,
            shared,
            gains,
        )
        return Tables(*(leaf.detach().requires_grad_(True) for leaf in leaves))

    @torch.no_grad()
    def move(
        self,
        by_values: Tensor,
        by_slopes: Tensor,
        *,
        rate: float,
        eikonal: float,
        laplacian: float,
        crease: float,
        following: float = 0.0,
    ) -> float:
        """Step the distances along a loss's derivatives, (M + 2,) and (M + 2, 3).

        Adds the derivatives of the eikonal and the smoothness loss, and returns their value.
        `following` is the weight of the first field's Laplacian in the smoothness where images have
        evidence; elsewhere it is 1.
        """
        self.rows_evidence.lerp_(by_values.abs(), 1.0 - REMEMBERED)
        loss, own_slopes, own_bends = distance_losses(
            self.near,
            self.values[:-DUMMIES],
            self.band,
            eikonal=eikonal,
            laplacian=laplacian,
            crease=crease,
            reference=self.reference and self.reference.weighted(self._followed(following)),
        )
        gradient = by_values + self.band.adjoint(by_slopes[:-DUMMIES].T + own_slopes, own_bends)
        gradient[-DUMMIES:] = 0.0
        moved = self.values - rate * self.rows[0].update(gradient)
        self.values = torch.maximum(moved, self.rows_least)
        return float(loss)

    def _followed(self, least: float) -> Tensor:
        """Return (M,) weights of the first field: `least` where images have evidence."""
        evidence = self.rows_evidence[:-DUMMIES]
        size = EVIDENT * float(evidence.square().mean().sqrt())
        seen = (evidence / max(size, TINY)).clamp_max(1.0)
        return least + (1.0 - least) * (1.0 - seen)

    @torch.no_grad()
    def paint(self, by_albedo: Tensor, *, rate: float, weight: float, axis: int) -> float:
        """Step the albedo, with the loss of its variation along an axis; return that loss."""
        loss, own = variation(self.colors, self.band, axis)
        gradient = by_albedo + weight * own
        gradient[-DUMMIES:] = 0.0
        self.colors = self.colors - rate * self.rows[1].update(gradient)
        return weight * float(loss)

    # ---------------------------------------------------------------- to go on later

    def memory(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return tensors and facts by name; `restored` makes the same surface of them."""
        self.write_back()
        tensors = {"active": self.band.active, "placing": self.placing}
        tensors["evidence"] = self.evidence
        for name, m in zip(("distances", "albedo"), self.moments, strict=True):
            tensors |= {f"{name}_mean": m.mean, f"{name}_square": m.square}
        facts = {"reach": self.band.reach, "adam": [m.steps for m in self.moments]}
        return {name: tensor.clone() for name, tensor in tensors.items()}, facts

    @classmethod
    def restored(
        cls,
        grid: NodeGrid,
        distances: Tensor,
        albedo: Tensor,
        least: Tensor,
        tensors: Mapping[str, Tensor],
        facts: Mapping[str, Any],
        first: Tensor | None = None,
    ) -> "FittedSurface":
        """Return the surface stored in a `memory`."""
        self = cls.__new__(cls)
        self.grid, self.distances, self.albedo = grid, distances.clone(), albedo.clone()
        self.least, self.first, self.evidence = least, first, tensors["evidence"].clone()
        names = ("distances", "albedo")
        self.moments = tuple(
            Moments(tensors[f"{name}_mean"].clone(), tensors[f"{name}_square"].clone(), steps)
            for name, steps in zip(names, checking.counts(facts, "adam", len(names)), strict=True)
        )
        reach = checking.number(facts, "reach")
        self._enter(Band.of(grid, distances, tensors["active"], reach))
        self.placing = tensors["placing"].clone()
        return self
