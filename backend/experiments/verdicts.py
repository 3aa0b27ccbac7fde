"""Decide whether a claim holds, from paired numbers of the same shapes.

The difference between two sides is the mean over seeds of the mean over shapes. It has two sources
of noise: the choice of shapes (two standard errors of the per-shape differences) and the choice of
seeds (half the range of the per-seed differences). The noise is the larger of the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .measuring import HIGHER_IS_BETTER
from .store import Numbers

Verdict = Literal["holds", "does not hold", "within the noise", "not run"]
ByShape = Mapping[str, Numbers]
TOLERANCE = 0.02  # greatest relative difference of two sides that count as equal


@dataclass(frozen=True)
class Difference:
    """How much better one side is than the other.

    Attributes
    ----------
    mean : positive if the first side is better, in the measure's unit
    noise : see the module's docstring
    seeds : number of seeds with results on both sides
    scale : mean value of both sides
    """

    mean: float
    noise: float
    seeds: int
    scale: float

    def verdict(self, *, alike: bool = False) -> Verdict:
        """Return whether the first side is better; with `alike`, whether both are equal."""
        if alike:
            same = abs(self.mean) <= max(self.noise, TOLERANCE * self.scale)
            return "holds" if same else "does not hold"
        if abs(self.mean) <= self.noise:
            return "within the noise"
        return "holds" if self.mean > 0 else "does not hold"


def difference(first: Sequence[ByShape], second: Sequence[ByShape], key: str) -> Difference | None:
    """Return how much better the first side is; None without common shapes.

    Parameters
    ----------
    first, second
        Numbers by shape, one mapping per seed, in the same order.
    key
        The measure.
    """
    sign = 1.0 if key in HIGHER_IS_BETTER else -1.0
    by_seed, values = [], []
    for one, other in zip(first, second, strict=False):
        shared = sorted(name for name in one.keys() & other.keys() if key in one[name])
        if shared:
            pair = np.array([[one[name][key], other[name][key]] for name in shared])
            by_seed.append(sign * (pair[:, 0] - pair[:, 1]))
            values.append(float(pair.mean()))
    if not by_seed:
        return None
    means = [float(d.mean()) for d in by_seed]
    spread = (max(means) - min(means)) / 2
    return Difference(
        float(np.mean(means)),
        max(spread, 2 * _standard_error(by_seed)),
        len(by_seed),
        float(np.mean(values)),
    )


def _standard_error(by_seed: Sequence[np.ndarray]) -> float:
    """Return the standard error of the mean over shapes; all seeds share the same shapes."""
    count = min(map(len, by_seed))
    each = np.mean([d[:count] for d in by_seed], axis=0)
    return float(each.std(ddof=1) / np.sqrt(count)) if count > 1 else 0.0


def overall(verdicts: Sequence[Verdict]) -> str:
    """Return the verdict of a claim with several comparisons."""
    if not verdicts or all(v == "not run" for v in verdicts):
        return "not run"
    if len(set(verdicts)) == 1:
        return verdicts[0]
    held = sum(v == "holds" for v in verdicts)
    return f"holds in {held} of {len(verdicts)} comparisons"
