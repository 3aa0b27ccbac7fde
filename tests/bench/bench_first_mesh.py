"""When an artist sees the first mesh of a job: within the first quarter of its time, by any method.

A job is what Blender's button asks the worker for: images are read and compared, colors are taken.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.protocol import Background, MeshUpdate, Reconstruct, ViewData
from levelform.backend.reconstructors import bundled_variants, bundled_weights, methods
from levelform.backend.session import Session
from levelform.backend.ticket import Ticket
from rows import Row, at_most
from timing import threads

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "suzanne"
QUARTER = 0.25
RESOLUTION = 128
OPTIONS = {"fit": {"steps": 60}}  # a short one, which is the harder case


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Yield the first mesh's part of the time for every method that has what it needs."""
    if "time" not in kinds:
        return
    views = views_of(read_posed_images(SAMPLE))
    for name, cls in methods().items():
        if cls.spec.needs_weights and not (bundled_weights(name) or bundled_variants(name)):
            continue
        several = cls.spec.max_views != 1 and (not cls.recipes or name == "levelform")
        for chosen in (
            [views, views[:1]] if name == "levelform" else [views if several else views[:1]]
        ):
            yield _row(name, cls.spec.title, tuple(chosen))


def _row(name: str, title: str, views: tuple[ViewData, ...]) -> Row:
    """Return the row of one method, its networks in memory already."""
    session = Session()
    weights = None if bundled_weights(name) else next(iter(bundled_variants(name)), None)
    with threads(1):
        for _ in range(2):  # the first run loads networks
            first, whole = _times(session, _request(name, weights, views))
    count = f"{len(views)} image{'s'[: len(views) != 1]}"
    words = f"first mesh of a job: {title}, {count}"
    return at_most(words, first, whole, QUARTER, kind="time", unit="s")


def _request(name: str, weights: str | None, views: tuple[ViewData, ...]) -> Reconstruct:
    return Reconstruct(
        "bench",
        name,
        views,
        weights=weights,
        resolution=RESOLUTION,
        background=Background("auto"),
        options=OPTIONS.get(name, {}),
    )


def _times(session: Session, request: Reconstruct) -> tuple[float, float]:
    """Return the processor's seconds to the first mesh and to the end of a job."""
    start, first = time.process_time(), None
    for event in session.reconstruct(request, Ticket()):
        if isinstance(event, MeshUpdate) and first is None:
            first = time.process_time() - start
    assert first is not None  # the sample has a surface by every method
    return first, time.process_time() - start
