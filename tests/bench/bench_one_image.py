"""One image without a camera or a named method: when its first mesh comes, and what choosing costs.

The image is the first of the sample chair; CPU seconds, one thread, networks loaded.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from levelform.backend.contract.default_method import AUTO
from levelform.backend.contract.image_files import image_file
from levelform.backend.contract.protocol import MeshUpdate, Placed, Reconstruct, ViewData
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from rows import KINDS, Row, RowKind, at_most
from timing import threads

IMAGE = sorted((Path(__file__).parents[2] / "assets/sample/chair/images").iterdir())[0]
RESOLUTION = 64
FIRST, COMPARED = 0.2, 0.8  # fractions of the whole job


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure what `kinds` asks for."""
    if "time" not in kinds:
        return
    session = Session()
    with threads(1):
        times(session)  # loads the networks
        first, compared, whole = times(session)
    note = f"{IMAGE.name}, {RESOLUTION} cells"
    yield at_most("one image: CPU s to the first mesh, of the job's", first, whole, FIRST,
                  kind="time", unit="s", note=note)  # fmt: skip
    yield at_most("one image: CPU s until the method is chosen, of the job's", compared, whole,
                  COMPARED, kind="time", unit="s", note=note)  # fmt: skip


def times(session: Session) -> tuple[float, float, float]:
    """Return the CPU seconds until the first mesh, until the choice, and of the whole job."""
    view = ViewData(None, None, IMAGE.name, image_file(IMAGE))
    request = Reconstruct("bench", AUTO, (view,), resolution=RESOLUTION)
    began, first, compared = time.process_time(), 0.0, 0.0
    for event in session.reconstruct(request, Ticket()):
        now = time.process_time() - began
        if isinstance(event, MeshUpdate) and not first:
            first = now
        if isinstance(event, Placed):
            compared = now
    return first, compared, time.process_time() - began
