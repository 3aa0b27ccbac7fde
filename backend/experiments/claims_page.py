"""Try the claims and write the page about them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.errors import RequestError
from ..ticket import Ticket
from . import markdown
from .claims import TRAININGS, Claim, ClaimSide, Comparison
from .markdown import number
from .store import Numbers
from .trials import TrainingVariant, Workshop
from .verdicts import Difference, Verdict, difference, overall

# Measure: heading in tables, digits, and factor.
MEASURES: dict[str, tuple[str, int, float]] = {
    "iou": ("IoU", 3, 1.0),
    "chamfer_l2": ("Chamfer-L2 x 1000", 2, 1000.0),
    "accuracy": ("accuracy x 10", 3, 10.0),
    "coverage": ("coverage x 10", 3, 10.0),
}
RULE = """\
Each claim is tested with short trainings of a compact network. The table gives their length; the
recipe is that of `levelform train` with the claim's changes. Longer trainings may give other
results. Both sides are measured on the same unseen shapes, from their first images. A comparison
**holds** if the difference has the claimed sign and exceeds the noise, the larger of two standard
errors over the shapes and half the range over the seeds. It **does not hold** if the difference
exceeds the noise with the other sign, and is **within the noise** otherwise. A claim of equality
holds if the difference is within the noise or below 2 % of the value."""


@dataclass(frozen=True)
class Tried:
    """A claim with its numbers.

    Attributes
    ----------
    numbers : by side label, for each seed, by shape
    differences : one per comparison; None if a side was not run
    """

    claim: Claim
    numbers: Mapping[str, list[dict[str, Numbers]]]
    differences: Sequence[Difference | None]

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdict of each comparison."""
        pairs = zip(self.claim.comparisons, self.differences, strict=True)
        return [d.verdict(alike=c.alike) if d else "not run" for c, d in pairs]

    @property
    def verdict(self) -> str:
        """The verdict of the claim."""
        return overall(self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object for `--json`."""
        comparisons = [
            {
                "first": c.first,
                "second": c.second,
                "by": c.by,
                "verdict": verdict,
                **({"difference": d.mean, "noise": d.noise, "seeds": d.seeds} if d else {}),
            }
            for c, d, verdict in zip(
                self.claim.comparisons, self.differences, self.verdicts, strict=True
            )
        ]
        return {"claim": self.claim.name, "verdict": self.verdict, "comparisons": comparisons}


def try_claims(
    claims: Sequence[Claim],
    workshop: Workshop,
    *,
    seeds: int = 2,
    run: bool = True,
    ticket: Ticket | None = None,
) -> list[Tried]:
    """Train and measure what the claims need, except stored results.

    Parameters
    ----------
    seeds
        Trainings of each kind.
    run
        Train and measure; otherwise only stored results are read.
    """
    ticket = ticket or Ticket()
    ticket.plan({"Training": 10.0, "Measuring": 1.0})
    if run:
        check_data(claims, workshop)
        with ticket.stage("Training"):
            _train(claims, workshop, seeds, ticket)
    verdicts = []
    with ticket.stage("Measuring"):
        for index, claim in enumerate(claims):
            part = _part(ticket, index, len(claims))
            numbers = {
                side.label: _side(claim, side, workshop, seeds, part if run else None)
                for side in claim.sides
            }
            differences = [
                difference(numbers[c.first], numbers[c.second], c.by) for c in claim.comparisons
            ]
            verdicts.append(Tried(claim, numbers, differences))
    return verdicts


def _part(ticket: Ticket, index: int, count: int) -> Ticket:
    """Return the ticket of one of several parts of a stage; it forwards cancellation."""
    return Ticket(lambda step: ticket.advance((index + step.overall) / count))


def check_data(claims: Sequence[Claim], workshop: Workshop) -> None:
    """Reject insufficient data before hours of training.

    Raises
    ------
    RequestError
        If views, depth or meshes are missing.
    """
    views = max(side.how.views for claim in claims for side in claim.sides)
    methods = {training.method for claim in claims for training in claim.trainings()}
    shape = workshop.test[0]
    missing = []
    if shape.view_count < views:
        missing.append(f"--views {views}")
    if "uclid-net" in methods and "views.depth" not in shape:
        missing.append("--passes depth")
    if any(claim.surface for claim in claims) and "mesh.faces" not in shape:
        missing.append("--mesh")
    if missing:
        raise RequestError(
            f"The data is insufficient for these claims: it was made without {', '.join(missing)}.",
            "Make the data set again with `levelform dataset synthesize`, see docs/training.md.",
        )


def needed(claims: Sequence[Claim]) -> list[TrainingVariant]:
    """Return the trainings of some claims, without repeats, each after its starting point."""
    names = dict.fromkeys(t.name for claim in claims for t in claim.trainings())
    return [TRAININGS[name] for name in names]


def _train(claims: Sequence[Claim], workshop: Workshop, seeds: int, ticket: Ticket) -> None:
    jobs = [(training, seed) for seed in range(seeds) for training in needed(claims)]
    for index, (training, seed) in enumerate(jobs):
        workshop.make(training, seed, ticket=_part(ticket, index, len(jobs)))


def _side(
    claim: Claim, side: ClaimSide, workshop: Workshop, seeds: int, ticket: Ticket | None
) -> list[dict[str, Numbers]]:
    """Return the numbers of a side for each seed, by shape; empty for an unfinished training.

    Without a ticket nothing is measured.
    """
    training = TRAININGS[side.training]
    measured = []
    for seed in range(seeds):
        if not workshop.done(training, seed):
            measured.append({})
            continue
        measured.append(
            workshop.measure(
                training,
                seed,
                side.how,
                surface=claim.surface,
                missing=ticket is not None,
                ticket=ticket,
            )
        )
    return measured


# ---------------------------------------------------------------- the page


def write_page(
    path: Path, tried: Sequence[Tried], *, facts: Mapping[str, Any], notes: Mapping[str, str]
) -> None:
    """Write the page.

    Parameters
    ----------
    facts
        Conditions common to all claims: data, steps, shapes.
    notes
        A person's comment on each claim, printed as such beside the numbers.
    """
    rows = [[f"[{t.claim.name}](#{t.claim.name})", t.claim.sentence, t.verdict] for t in tried]
    same = [[name, f"`{json.dumps(value)}`"] for name, value in facts.items()]
    parts = [
        "# Small-scale tests of the papers' claims",
        RULE,
        markdown.table(["fact", ""], same, numbers=False),
        markdown.table(["claim", "statement", "verdict"], rows, numbers=False),
    ]
    for one in tried:
        parts += _section(one, notes.get(one.claim.name, ""))
    markdown.write(path, parts)


def _section(tried: Tried, note: str) -> list[str]:
    claim = tried.claim
    keys = list(dict.fromkeys(comparison.by for comparison in claim.comparisons))
    head = ["side", "published", *(MEASURES[key][0] for key in keys), "each seed"]
    unit = f" Published: {claim.unit}." if claim.unit else ""
    lines = [
        _sentence(comparison, difference, verdict) + _of_categories(tried, comparison)
        for comparison, difference, verdict in zip(
            claim.comparisons, tried.differences, tried.verdicts, strict=True
        )
    ]
    return [
        f"## {claim.name}",
        f"{claim.sentence} ({claim.source}).{unit}",
        markdown.table(head, [_row(side, tried, keys) for side in claim.sides]),
        "\n".join(f"- {line}" for line in lines),
        f"Differences from the paper's experiment, besides scale: {claim.note}"
        if claim.note
        else "",
        f"Comment: {note}" if note else "",
    ]


def _of_categories(tried: Tried, comparison: Comparison) -> str:
    """Return the verdict for each category alone; nothing if there is one."""
    names = {category_of(shape) for side in tried.numbers.values() for one in side for shape in one}
    if len(names) < 2:
        return ""
    words = []
    for name in sorted(names):
        first, second = (
            [
                {s: n for s, n in one.items() if category_of(s) == name}
                for one in tried.numbers[side]
            ]
            for side in (comparison.first, comparison.second)
        )
        alone = difference(first, second, comparison.by)
        if alone is not None:
            _, digits, scale = MEASURES[comparison.by]
            mean = number(alone.mean, digits + 1, scale=scale)
            words.append(f"{name}: {alone.verdict(alike=comparison.alike)} ({mean})")
    return f". Each category alone: {', '.join(words)}" if words else ""


def category_of(shape: str) -> str:
    """Return the category in a shape's name."""
    return shape.partition("/")[0]


def _row(side: ClaimSide, tried: Tried, keys: Sequence[str]) -> list[str]:
    by_seed = [numbers for numbers in tried.numbers[side.label] if numbers]
    means = {key: [_mean(numbers, key) for numbers in by_seed] for key in keys}
    cells, each = [], []
    for key in keys:
        _, digits, scale = MEASURES[key]
        values = means[key]
        cells.append(number(float(np.mean(values)) if values else None, digits, scale=scale))
        each.append(", ".join(number(value, digits, scale=scale) for value in values))
    return [side.label, side.published or markdown.NOTHING, *cells, " / ".join(filter(None, each))]


def _mean(numbers: Mapping[str, Numbers], key: str) -> float:
    return float(np.mean([values[key] for values in numbers.values()]))


def _sentence(comparison: Comparison, difference: Difference | None, verdict: Verdict) -> str:
    title, digits, scale = MEASURES[comparison.by]
    word = "as well as" if comparison.alike else "better than"
    head = f"{comparison.first} {word} {comparison.second} by {title}: **{verdict}**"
    if difference is None:
        return head
    seeds = "one seed" if difference.seeds == 1 else f"{difference.seeds} seeds"
    mean, noise = (number(v, digits + 1, scale=scale) for v in (difference.mean, difference.noise))
    return f"{head}; better by {mean}, noise {noise}, {seeds}"
