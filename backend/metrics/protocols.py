"""Each paper's evaluation of a predicted shape against the true one, by the method's name.

A protocol fixes the frame, sample counts, powers and factors. It depends only on the interface
`Evaluable`, not on files or meshes. All random numbers derive from one seed, so that results are
reproducible.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..contract.errors import RequestError
from ..geometry.frames import FRAMES, from_sphere
from . import papers
from .clouds import f_score
from .papers import Evaluable, Numbers

SPHERE_SAMPLES = 16_384  # DISN: surface points that define the unit-sphere frame


@dataclass(frozen=True)
class ProtocolScores:
    """The metrics of one pair of shapes, and whether the prediction has no surface."""

    values: dict[str, float]
    empty: bool = False


@dataclass(frozen=True)
class Protocol:
    """A paper's evaluation.

    frame : one of `FRAMES`, computed from the reference; lengths are in its unit
    measure : function of prediction (None: empty), reference and generator, returns numbers by name
    by_class : whether the paper's headline numbers are means over classes instead of objects
    """

    name: str
    frame: str
    measure: Callable[[Evaluable | None, Evaluable, np.random.Generator], Numbers]
    by_class: bool = True

    @property
    def definition(self) -> str:
        """The definition in a sentence."""
        return (self.measure.__doc__ or "").splitlines()[0]


def evaluate(
    prediction: Evaluable | None,
    reference: Evaluable,
    protocol: str = "levelform",
    *,
    seed: int = 0,
    frame: np.ndarray | None = None,
) -> ProtocolScores:
    """Measure a prediction against the truth by a paper's protocol.

    Parameters
    ----------
    prediction
        In the frame of `reference`; None: an empty mesh, scored by the protocol.
    protocol
        One of `PROTOCOLS`.
    frame
        (4, 4), replaces the protocol's, for data whose unit the reference does not tell.

    Raises
    ------
    RequestError
        If there is no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise RequestError(
            f"{protocol!r} is not a protocol.", f"Choose one of {', '.join(PROTOCOLS)}."
        )
    how = PROTOCOLS[protocol]
    rng = np.random.default_rng(seed)
    matrix = _frame(reference, how.frame, rng) if frame is None else frame
    ground_truth = reference.in_frame(matrix)
    shape = None if prediction is None else prediction.in_frame(matrix)
    return ProtocolScores(how.measure(shape, ground_truth, rng), empty=prediction is None)


def average(
    rows: Iterable[tuple[str, ProtocolScores]], protocol: str
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return a paper's headline means over many pairs, and the means by class.

    If a protocol measures precision and recall (DISN), F-scores are computed from their means.

    Parameters
    ----------
    rows : (class, scores) of every object
    """
    groups: dict[str, list[dict[str, float]]] = {}
    for category, measured in rows:
        groups.setdefault(category, []).append(measured.values)
    by_class = {category: _mean(values) for category, values in sorted(groups.items())}
    everything = (
        list(by_class.values())
        if PROTOCOLS[protocol].by_class
        else [values for group in groups.values() for values in group]
    )
    return _mean(everything), by_class


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    if not rows:
        return {}
    means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    for key in means:
        precision, recall = (key.replace("f_score", word) for word in ("precision", "recall"))
        if key.startswith("f_score") and precision in means and recall in means:
            means[key] = f_score(means[precision], means[recall])
    return means


def _frame(shape: Evaluable, frame: str, rng: np.random.Generator) -> np.ndarray:
    if frame == "unit-sphere":
        return from_sphere(shape.surface(SPHERE_SAMPLES, rng).points)
    return FRAMES[frame](shape.vertices[np.unique(shape.faces)])


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("levelform", "unit-cube", papers.levelform),
        Protocol("disn", "unit-sphere", papers.disn),
        Protocol("uclid-net", "unit-sphere", papers.uclid, by_class=False),
        Protocol("pix3d", "unit-cube", papers.pix3d, by_class=False),
        Protocol("tdgn", "unit-cube", papers.tdgn),
        Protocol("deep-meta-functionals", "padded-grid", papers.deep_meta),
        Protocol("sdf-srn", "unit-cube", papers.sdf_srn, by_class=False),
        Protocol("sdf-srn-pascal3d", "half-crop", papers.sdf_srn_pascal, by_class=False),
        Protocol("occupancy-network", "unit-cube", papers.occupancy_network),
    )
}
