"""Names of drawings, by their positions on a sheet or the words in their files' names."""

from collections.abc import Sequence
from pathlib import Path

from ..contract.drawings import check_names, name_in_file
from ..contract.errors import RequestError
from .cutting import Piece, rows_of

AROUND = ("front", "right", "back", "left")
IN_A_ROW = (*AROUND, "top", "bottom")
EQUAL_HEIGHT = 0.06  # heights of drawings from the sides differ by less than this fraction


def candidates(pieces: Sequence[Piece]) -> list[tuple[str, ...]]:
    """Return plausible names for the pieces of a sheet in reading order, the usual ones first.

    Around a row, a drawing above another is its top and one below it its bottom, which makes that
    one the front (third-angle projection). Otherwise a sheet is read as front, right, back, left,
    top, bottom; a last drawing of another height is the top. A single side drawing counts as the
    right one: outlines can't tell right from left, because the mirrored object has the same ones.
    """
    rows = rows_of([piece.on_sheet for piece in pieces])
    main = max(rows, key=len)
    even = len({len(row) for row in rows}) == 1 and len(main) > 1
    in_a_row = len(rows) == 1 or even
    tried = _in_a_row(pieces) if in_a_row else _around(pieces, rows, main)
    return list(dict.fromkeys(names for names in tried if len(set(names)) == len(names)))


def _in_a_row(pieces: Sequence[Piece]) -> list[tuple[str, ...]]:
    """Return names for pieces in reading order."""
    count = len(pieces)
    if count > len(IN_A_ROW):
        raise RequestError(
            f"The sheet shows {count} drawings, too many to be named by their positions.",
            "Name them, such as --names front,front-right,right,back.",
        )
    plain: tuple[str, ...] = IN_A_ROW[:count]
    with_top: tuple[str, ...] = (*IN_A_ROW[: count - 1], "top")
    heights = [piece.height for piece in pieces]
    lower = abs(heights[-1] / (sum(heights[:-1]) / (count - 1)) - 1) > EQUAL_HEIGHT
    two: list[tuple[str, ...]] = [plain, with_top] if count <= len(AROUND) else [plain]
    return two[::-1] if lower else two


def _around(
    pieces: Sequence[Piece], rows: Sequence[Sequence[int]], main: Sequence[int]
) -> list[tuple[str, ...]]:
    """Return names for a row of drawings with others above and below."""
    names = [""] * len(pieces)
    above = [i for row in rows[: rows.index(main)] for i in row]
    below = [i for row in rows[rows.index(main) + 1 :] for i in row]
    if len(above) > 1 or len(below) > 1:
        return _in_a_row(pieces)
    anchor = main.index(_nearest(pieces, (above or below)[0], main))
    for place, index in enumerate(main):
        names[index] = AROUND[(place - anchor) % len(AROUND)]
    for index in above:
        names[index] = "top"
    for index in below:
        names[index] = "bottom"
    other = {"top": "bottom", "bottom": "top"}
    return [tuple(names), tuple(other.get(name, name) for name in names)]


def _nearest(pieces: Sequence[Piece], index: int, row: Sequence[int]) -> int:
    """Return the piece of a row with the middle nearest to another's, across the sheet."""
    middle = sum(pieces[index].on_sheet[::2]) / 2
    return min(row, key=lambda i: abs(sum(pieces[i].on_sheet[::2]) / 2 - middle))


def names_of_files(paths: Sequence[str | Path]) -> tuple[str, ...]:
    """Return the sides that files' names contain.

    Raises
    ------
    RequestError
        If a name contains none, or two contain the same.
    """
    names = tuple(name_in_file(path) for path in paths)
    for path, name in zip(paths, names, strict=True):
        if not name:
            raise RequestError(
                f"{Path(path).name} does not say from which side it shows the object.",
                "Put front, right, back, left, top or bottom into its name, or name the sides.",
            )
    check_names(names)
    return names
