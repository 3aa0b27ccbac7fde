"""A row of a bench: what we measured, beside its anchor and the bar it has to clear."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

RowKind = Literal["count", "time"]
KINDS: tuple[RowKind, ...] = ("count", "time")


@dataclass(frozen=True)
class Row:
    """One goal, measured.

    Attributes
    ----------
    name : the goal, in words
    ours : our figure, in `unit`
    anchor : the figure it is measured against, in `unit`; None where the bar is absolute
    ratio : what the bar is about
    bar : the bar, in words, e.g. "<= 1.40"
    holds : the ratio clears the bar
    kind : "count" repeats exactly on any machine; "time" does not
    unit : of `ours` and `anchor`
    note : what a reader needs to know about the figures
    """

    name: str
    ours: float
    anchor: float | None
    ratio: float
    bar: str
    holds: bool
    kind: RowKind = "count"
    unit: str = ""
    note: str = ""


def at_most(
    name: str,
    ours: float,
    anchor: float | None,
    bar: float,
    *,
    kind: RowKind = "count",
    unit: str = "",
    note: str = "",
) -> Row:
    """Return the row of a goal whose ratio `ours / anchor` may be at most `bar`."""
    ratio = float(ours if anchor is None else ours / anchor)
    holds = bool(ratio <= bar)
    return Row(name, float(ours), _float(anchor), ratio, f"<= {bar:g}", holds, kind, unit, note)


def at_least(
    name: str,
    ours: float,
    anchor: float | None,
    bar: float,
    *,
    kind: RowKind = "count",
    unit: str = "",
    note: str = "",
) -> Row:
    """Return the row of a goal whose gain has to be at least `bar`.

    For times the gain is `anchor / ours`, for figures that should be large it is `ours` itself.
    """
    ratio = float(ours if anchor is None else anchor / ours)
    holds = bool(ratio >= bar)
    return Row(name, float(ours), _float(anchor), ratio, f">= {bar:g}", holds, kind, unit, note)


def print_rows(rows: Iterable[Row]) -> None:
    """Print a line a row, each as soon as it comes."""
    print(f"{'goal':<58} {'ours':>11} {'anchor':>11} {'ratio':>8} {'bar':>9}  holds")
    for row in rows:
        anchor = "" if row.anchor is None else f"{row.anchor:.5g}"
        unit = f" {row.unit}" if row.unit else ""
        verdict = "yes" if row.holds else "NO"
        note = f"  {row.note}" if row.note else ""
        print(
            f"{row.name:<58} {row.ours:>11.5g} {anchor:>11} {row.ratio:>8.3f} {row.bar:>9}  "
            f"{verdict}{unit}{note}",
            flush=True,
        )


def as_json(rows: Iterable[Row]) -> str:
    """Return the rows as one JSON array."""
    return json.dumps([asdict(row) for row in rows])


def _float(number: float | None) -> float | None:
    return None if number is None else float(number)
