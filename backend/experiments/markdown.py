"""Write pages and tables in Markdown."""

from collections.abc import Sequence
from pathlib import Path

from ..geometry.writing import written_whole

NOTHING = "-"


def number(value: float | None, digits: int = 3, *, scale: float = 1.0) -> str:
    """Format a number for a table; None becomes a dash."""
    return NOTHING if value is None else f"{value * scale:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    """Return a table; with `numbers`, all columns but the first are right-aligned."""
    marks = ["---", *["---:" if numbers else "---"] * (len(head) - 1)]
    lines = [head, marks, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write(path: str | Path, parts: Sequence[str]) -> None:
    """Write paragraphs and tables, separated by empty lines."""
    text = "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
    with written_whole(path) as partial:
        partial.write_text(text)
