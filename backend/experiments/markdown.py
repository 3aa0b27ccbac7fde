"""Tables in Markdown."""

from collections.abc import Sequence
from pathlib import Path

from ..geometry.writing import written_whole

NOTHING = "-"


def number(value: float | None, digits: int = 3, *, scale: float = 1.0) -> str:
    """Return a number as a table shows it; a dash for none."""
    return NOTHING if value is None else f"{value * scale:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    """Return a table; where all columns but the first hold numbers, these are set flush right."""
    marks = ["---", *["---:" if numbers else "---"] * (len(head) - 1)]
    lines = [head, marks, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write(path: str | Path, parts: Sequence[str]) -> None:
    """Write paragraphs and tables with an empty line between them."""
    text = "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
    with written_whole(path) as partial:
        partial.write_text(text)
