"""What every method with weights can show: its surface at several levels."""

from collections.abc import Iterator

from ..contract.errors import RequestError, WorkError
from ..contract.options import Option
from ..contract.options import show as words
from ..contract.shows import Exhibit, ShowSpec
from .registry import show
from .subject import Subject, mesh_exhibit

# Deep Meta Functionals, figure 6, and offsets that change the shape about as much.
LEVELS = {"probability": "0.1,0.3,0.5,0.6,0.7,0.9", "distance": "-0.04,-0.02,0,0.02,0.04"}


@show(
    ShowSpec(
        "levels",
        "Levels in a Row",
        "the surface at several levels, side by side (Deep Meta, figure 6)",
        (
            Option(
                "levels",
                "text",
                "",
                "levels, separated by commas; empty: five or six around the surface, in the "
                "method's own unit",
            ),
        ),
    )
)
def levels(subject: Subject, *, levels: str) -> Iterator[Exhibit]:
    """Yield a mesh for each level, named by it; levels without a surface are left out."""
    unit = subject.shape.level_unit
    chosen = parse_levels(levels or LEVELS[unit.name])
    count = 0
    for index, level in enumerate(chosen):
        subject.ticket.advance(index / len(chosen))
        unit.check(level, subject.model.spec.title)
        try:
            mesh = subject.mesh(level=subject.shape.level(level))
        except WorkError:
            continue
        name = f"P = {words(level)}" if unit.name == "probability" else f"offset {words(level)}"
        yield mesh_exhibit(name, mesh.vertices, mesh.faces, place=count + 1)
        count += 1
    if not count:
        raise WorkError("No level has a surface.", "Give levels nearer to the method's own.")


def parse_levels(text: str) -> list[float]:
    """Return numbers separated by commas.

    Raises
    ------
    RequestError
        If a word is not a number.
    """
    try:
        return [float(word) for word in text.replace(" ", ",").split(",") if word]
    except ValueError as error:
        raise RequestError(
            f"{text!r} does not list levels.", "Write numbers with commas: 0.3,0.5,0.7."
        ) from error
