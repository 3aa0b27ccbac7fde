"""The object's front: all views vote on the rotation about the world's +Z.

Networks learned objects that face -Y; an error of 15 degrees costs a sixth of the IoU. For each
image on its own, the camera network predicts the azimuth relative to the front, as probabilities of
24 directions; the known camera gives the azimuth relative to the world's -Y. The difference is the
rotation. A candidate's score is the sum over views of its log density: single images are wrong by
90 or 180 degrees in a third of the cases, but rarely all in the same way.

The votes are accurate to a few degrees. Most objects have sides parallel to their front, so the box
around one is smallest in the front's axes: near a peak the footprint refines the angle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

STEP = 2.5  # degrees between candidates
KERNEL = 15.0  # degrees, standard deviation of an estimate
FLOOR = 0.05  # smallest density of any candidate: a view may be entirely wrong
APART = 40.0  # degrees within which candidates are one peak
# How much higher, per view, the best peak must be: of 80 chairs, sofas, cars and airplanes with
# four views 69 are above, 96 % of them right within 10 degrees; of the others a half.
DECIDED = 0.3
PEAKED = 0.8  # margin above the mean candidate, per view, for a peak to count
ALIKE = 0.1  # score per view; peaks this close to the best count as equally good
# Rotations near a peak for measuring the footprint, and the weight of a score, per view, against
# the logarithm of the footprint's sides: the mean error of 140 correct fronts fell from 1.6 to 1.1
# degrees.
NEAR, WORTH = np.arange(-9.0, 9.1, 1.5), 0.75
ANGULAR = (
    0.12  # the logarithm between footprints at the worst and best rotation: not a round object
)


@dataclass(frozen=True)
class FrontDirection:
    """A rotation about +Z.

    Attributes
    ----------
    degrees : from the world's -Y to the front, counter-clockwise seen from above
    source : "found" or "undecided"
    certainty : 0 to 1, about the probability of an error below 10 degrees
    """

    degrees: float
    source: str
    certainty: float


@dataclass(frozen=True)
class Votes:
    """The views' combined votes.

    Attributes
    ----------
    degrees : (C,) candidates
    scores : (C,) mean over the views of the log density
    """

    degrees: np.ndarray
    scores: np.ndarray

    def peaks(self, within: float) -> list[int]:
        """Return the local maxima (over `APART` either way) less than `within` below the best.

        Best first.
        """
        peaks: list[int] = []
        left = self.scores.copy()
        while left.max() > self.scores.max() - within:
            best = int(left.argmax())
            peaks.append(best)
            left[np.abs(wrapped(self.degrees - self.degrees[best])) <= APART] = -np.inf
        return peaks

    def at(self, degrees: np.ndarray) -> np.ndarray:
        """Return the scores of any rotations, interpolated between candidates."""
        return np.interp(degrees, self.degrees, self.scores, period=360.0)

    @property
    def margin(self) -> float:
        """Margin of the best peak over the second."""
        best = self.scores.argmax()
        far = np.abs(wrapped(self.degrees - self.degrees[best])) > APART
        return float(self.scores[best] - self.scores[far].max())


def wrapped(degrees: np.ndarray | float) -> np.ndarray:
    """Return angles in [-180, 180)."""
    return (np.asarray(degrees) + 180.0) % 360.0 - 180.0


def count_votes(known: np.ndarray, weights: np.ndarray, azimuths: np.ndarray) -> Votes:
    """Add up the votes of all views.

    Parameters
    ----------
    known : (V,) degrees; where each view stands, from the world's -Y
    weights, azimuths : (V, B) of each view's estimates; degrees from the front
    """
    degrees = np.arange(0.0, 360.0, STEP)
    rotations = known[:, None] - azimuths  # (V, B)
    away = wrapped(degrees - rotations[..., None])  # (V, B, C)
    density = (weights[..., None] * np.exp(-0.5 * (away / KERNEL) ** 2)).sum(1)
    return Votes(degrees, np.log(density + FLOOR).mean(0))


def decide(
    votes: Votes,
    check: Callable[[Sequence[float]], Sequence[float]] | None = None,
    footprint: Callable[[float], float] | None = None,
) -> FrontDirection:
    """Return the front with the most votes.

    Undecided votes give the best peak; among peaks that are `ALIKE`, the one nearest to the world's
    -Y (a table may face either way, but not towards a corner). Without a clear peak, an object with
    parallel sides faces along them, and any other faces the world's -Y.

    Parameters
    ----------
    check
        Scores the most likely rotations, in degrees, by a quick reconstruction, to decide between
        peaks of nearly the same height.
    footprint
        Returns the sum of the box's two horizontal sides at a rotation, in degrees; any unit.
    """
    direction = _decide(votes, check)
    if footprint is None:
        return direction
    if direction.source == "undecided" and direction.certainty == 0:
        return replace(direction, degrees=_along_sides(votes, footprint))
    return replace(direction, degrees=_settled(votes, direction.degrees, footprint))


def _decide(
    votes: Votes, check: Callable[[Sequence[float]], Sequence[float]] | None
) -> FrontDirection:
    margin = votes.margin
    best = float(votes.degrees[votes.scores.argmax()])
    if margin >= DECIDED:
        return FrontDirection(_refined(votes, best), "found", certainty_of(margin))
    peaks = [float(votes.degrees[index]) for index in votes.peaks(DECIDED)]
    if votes.scores.max() - votes.scores.mean() < PEAKED / 2:
        return FrontDirection(0.0, "undecided", 0.0)
    if check is not None and len(peaks) > 1:
        scores = np.array(check(peaks))
        order = np.argsort(-scores)
        if scores[order[0]] - scores[order[1]] >= CLEAR:
            return FrontDirection(_refined(votes, peaks[order[0]]), "found", 0.5)
    alike = [float(votes.degrees[index]) for index in votes.peaks(ALIKE)]
    nearest = min(alike, key=lambda peak: abs(float(wrapped(peak))))
    return FrontDirection(_refined(votes, nearest), "undecided", certainty_of(margin))


CLEAR = 0.05  # difference of two quick reconstructions' scores


def certainty_of(margin: float) -> float:
    """Return about how likely a front is correct, from its peak's margin over the second."""
    return float(1 - 0.5 * np.exp(-6 * margin))


def _settled(votes: Votes, peak: float, footprint: Callable[[float], float]) -> float:
    """Return the rotation near a peak with many votes and a small box, degrees."""
    sides = np.log([footprint(float(degrees)) for degrees in peak + NEAR])
    costs = sides - WORTH * votes.at(peak + NEAR)
    index = int(costs.argmin())
    step = 0.0 if index in (0, len(NEAR) - 1) else _bottom(*costs[index - 1 : index + 2])
    return float(wrapped(peak + NEAR[index] + step * (NEAR[1] - NEAR[0])))


def _along_sides(votes: Votes, footprint: Callable[[float], float]) -> float:
    """Return the rotation along an object's sides with the most votes; 0 for a round object."""
    quarter = votes.degrees[votes.degrees < 90]
    sides = np.log([footprint(float(degrees)) for degrees in quarter])
    if np.ptp(sides) < ANGULAR:
        return 0.0
    costs = np.tile(sides, 4) - WORTH * votes.scores
    return float(wrapped(votes.degrees[int(costs.argmin())]))


def _refined(votes: Votes, peak: float) -> float:
    """Return the peak between candidates, by a parabola through it and its neighbours, degrees."""
    index = int(np.abs(wrapped(votes.degrees - peak)).argmin())
    before, here, after = (votes.scores[(index + step) % len(votes.scores)] for step in (-1, 0, 1))
    step = _bottom(-before, -here, -after)
    return float(wrapped(votes.degrees[index] + step * STEP))


def _bottom(before: float, here: float, after: float) -> float:
    """Return where the parabola through values at -1, 0, 1 is lowest, within half a step of 0."""
    bend = before - 2 * here + after
    return 0.0 if bend <= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
