"""DISN: the sum and both streams side by side (figure 6)."""

from collections.abc import Iterator
from typing import cast

from ..contract.errors import WorkError
from ..contract.shows import Exhibit, ShowSpec
from ..reconstructors.disn import DISN
from ..reconstructors.figures.disn import streams as streams_of
from .registry import show
from .subject import Subject, mesh_exhibit

TITLES = {"both": "Both streams", "global": "Global stream", "local": "Local stream"}


@show(
    ShowSpec(
        "streams",
        "Streams Side by Side",
        "what the global and the local stream say alone, beside their sum (figure 6)",
    ),
    "disn",
)
def streams(subject: Subject) -> Iterator[Exhibit]:
    """Yield a mesh for each stream; one without a surface is left out."""
    fields = streams_of(cast(DISN, subject.model), subject.code)
    count = 0
    for index, (part, field) in enumerate(fields.items()):
        subject.ticket.advance(index / len(fields))
        try:
            mesh = subject.mesh(field, level=0.0)
        except WorkError:  # a stream alone need not have a surface
            continue
        count += 1
        yield mesh_exhibit(TITLES[part], mesh.vertices, mesh.faces, place=count)
    if not count:
        raise WorkError("No stream has a surface.", "Try another image.")
