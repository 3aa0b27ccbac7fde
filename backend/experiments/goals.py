"""Goals for the bundled networks, each checked against the numbers with its margin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .entrants import HULL, Entrant, NetworkEntrant
from .settings import ONE, Setting
from .table import TableResults, TestSet

# Required margin of each network's mean IoU over retrieval by silhouette.
ABOVE_RETRIEVAL = {
    "deep-meta-functionals": 0.10,
    "tdgn": 0.10,
    "disn": 0.10,
    "occupancy-network": 0.10,
    "uclid-net": 0.05,  # also required of its coarse volume
    "levelform": 0.20,
}
OWN = "levelform"
OWN_GOALS = {"cpu": 0.60, "accelerator": 0.70}  # by training hardware
MOST_GAP = 0.05  # greatest IoU difference between training and test shapes
HULL_FRACTION = 0.5  # greatest distance of SDF-SRN relative to the visual hull's
SILHOUETTES = "sdf-srn"
SHEETS = "uclid-net"  # produces thin patches, measured by distances
BLIND = ("retrieval", HULL)  # baselines without access to the ground truth or its category


@dataclass(frozen=True)
class Goal:
    """A goal and its outcome.

    Attributes
    ----------
    wanted, result : the goal and the result, as text
    margin : positive if reached, in the unit of the goal; None if not measured
    """

    wanted: str
    result: str
    margin: float | None

    @property
    def verdict(self) -> str:
        """Whether it is reached, with the margin."""
        if self.margin is None:
            return "not measured"
        word = "reached, with" if self.margin > 0 else "not reached, short by"
        rest = " to spare" if self.margin > 0 else ""
        return f"{word} {abs(self.margin):.3f}{rest}"

    def to_json(self) -> dict[str, object]:
        """Return the JSON object for `--json`."""
        return {
            "wanted": self.wanted,
            "found": self.result,
            "margin": self.margin,
            "verdict": self.verdict,
        }


def goals(
    results: TableResults, tests: Sequence[TestSet], entrants: Sequence[Entrant]
) -> list[Goal]:
    """Return every goal of the measured entrants, on each data set."""
    networks = [e for e in entrants if isinstance(e, NetworkEntrant) and e.learned]
    unseen = [test for test in tests if not test.learned]
    listed: list[Goal] = []
    for test in unseen:
        if test.procedural:
            listed += _above_retrieval(results, test, networks)
            listed += _coarse_above_retrieval(results, test, networks)
            listed += _own(results, test, networks)
            listed += _half_of_the_hull(results, test, networks)
            listed += _gap(results, test, [t for t in tests if t.learned], networks)
        else:
            listed += _above_baselines(results, test, networks)
        listed += _closer_than_retrieval(results, test, networks)
        listed += _rises_with_views(results, test, networks)
    return listed


def _above_retrieval(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    for network in networks:
        wanted = ABOVE_RETRIEVAL.get(network.name)
        own = results.mean(test.name, network.name, ONE, "iou")
        base = results.mean(test.name, "retrieval", ONE, "iou")
        if wanted is None or own is None:
            continue
        sentence = (
            f"{network.title} on {test.name}: mean IoU at least {wanted:.2f} above retrieval by "
            "silhouette"
        )
        if base is None:
            yield Goal(sentence, "retrieval was not measured", None)
        else:
            yield Goal(sentence, f"{own:.3f} against {base:.3f}", own - base - wanted)


def _coarse_above_retrieval(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    """Yield the goals for coarse volumes."""
    base = results.mean(test.name, "retrieval", ONE, "coarse")
    for network in networks:
        own = results.mean(test.name, network.name, ONE, "coarse")
        if own is None or base is None:
            continue
        wanted = ABOVE_RETRIEVAL[network.name]
        yield Goal(
            f"{network.title} on {test.name}: mean IoU of its coarse volume at least {wanted:.2f} "
            "above that of retrieval by silhouette",
            f"{own:.3f} against {base:.3f}",
            own - base - wanted,
        )


def _above_baselines(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    """Yield the goals on other data: better than every baseline without the ground truth."""
    for network in networks:
        own = results.mean(test.name, network.name, ONE, "iou")
        categories = [name for name in test.categories if network.knows(name)]
        scores = {b: results.mean(test.name, b, ONE, "iou", categories) for b in BLIND}
        known = {name: value for name, value in scores.items() if value is not None}
        if own is None or not known:
            continue
        best = max(known, key=lambda name: known[name])
        yield Goal(
            f"{network.title} on {test.name}: better mean IoU than the baselines",
            f"{own:.3f} against {known[best]:.3f} of {best}",
            own - known[best],
        )


def _closer_than_retrieval(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    for network in networks:
        if network.name != SHEETS:
            continue
        for key, word, sign in (
            ("chamfer_l1", "Chamfer-L1 below", -1.0),
            ("f_score", "F-score at 1 % above", 1.0),
        ):
            own = results.mean(test.name, network.name, ONE, key)
            base = results.mean(test.name, "retrieval", ONE, key)
            if own is None or base is None:
                continue
            yield Goal(
                f"{network.title} on {test.name}: {word} that of retrieval by silhouette, x 100",
                f"{100 * own:.2f} against {100 * base:.2f}",
                sign * 100 * (own - base),
            )


def _own(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    for network in networks:
        own = results.mean(test.name, network.name, ONE, "iou")
        if network.name == OWN and own is not None:
            place = trained_on(network)
            wanted = OWN_GOALS[place]
            sentence = (
                f"{network.title} on {test.name}: mean IoU at least {wanted:.2f}, trained on "
                f"{'CPU cores only' if place == 'cpu' else 'an accelerator'}"
            )
            yield Goal(sentence, f"{own:.3f}", own - wanted)


def trained_on(network: NetworkEntrant) -> str:
    """Return "cpu" or "accelerator", the device of the main part in the weights' header."""
    model = next(iter(network.models.values()))
    main = model.weights.training.get("parts", {}).get("main", {})
    return "cpu" if str(main.get("device", "cpu")).startswith("cpu") else "accelerator"


def _half_of_the_hull(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    for network in networks:
        own = results.mean(test.name, network.name, ONE, "chamfer_l1")
        if network.name != SILHOUETTES or own is None:
            continue
        categories = [name for name in test.categories if network.knows(name)]
        hull = results.mean(test.name, HULL, ONE, "chamfer_l1", categories)
        sentence = (
            f"{network.title} on {test.name} ({', '.join(categories)}): Chamfer-L1 below half of "
            "the visual hull's of the same view"
        )
        if not hull:
            yield Goal(sentence, "the visual hull was not measured", None)
        else:
            fraction = own / hull
            yield Goal(
                sentence,
                f"{100 * own:.2f} against {100 * hull:.2f}, a fraction of {fraction:.3f}",
                HULL_FRACTION - fraction,
            )


def _rises_with_views(
    results: TableResults, test: TestSet, networks: Sequence[NetworkEntrant]
) -> Iterator[Goal]:
    for network in networks:
        settings = sorted(
            (s for s in network.settings if s.camera == "given"), key=lambda s: s.views
        )
        means = [
            (s.views, results.mean(test.name, network.name, s, "iou", shapes=test.closely))
            for s in settings
        ]
        known = [(views, mean) for views, mean in means if mean is not None]
        if len(known) < 2:
            continue
        steps = [b - a for (_, a), (_, b) in pairwise(known)]
        counts = ", ".join(str(views) for views, _ in known)
        yield Goal(
            f"{network.title} on {test.name}: IoU rises with {counts} views",
            " → ".join(f"{mean:.3f}" for _, mean in known),
            min(steps),
        )


def _gap(
    results: TableResults,
    test: TestSet,
    learned: Sequence[TestSet],
    networks: Sequence[NetworkEntrant],
) -> Iterator[Goal]:
    for network in networks:
        for train in learned:
            shared = sorted(set(test.categories) & set(train.categories))
            pair = [
                results.mean(name, network.name, Setting(), "iou", shared)
                for name in (train.name, test.name)
            ]
            if not shared or None in pair:
                continue
            seen, unseen = (value for value in pair if value is not None)
            yield Goal(
                f"{network.title}: IoU on training shapes ({train.name}) less than {MOST_GAP:.2f} "
                f"above that on {test.name}",
                f"{seen:.3f} against {unseen:.3f}",
                MOST_GAP - (seen - unseen),
            )
