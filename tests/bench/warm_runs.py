"""An image to a mesh, the network in memory: what the processor works on one thread for it.

That is about what a person waits on one core of a quiet machine, and more than on two.
Random weights stand in where none are bundled. Their own field is noise, whose mesh costs many
times an object's; so the network is asked as ever, but what is meshed is a chair.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from equal_views import enliven
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.protocol import Background
from levelform.backend.extraction import stream
from levelform.backend.fields import Field
from levelform.backend.geometry.views import View
from levelform.backend.images import to_view
from levelform.backend.reconstructors import (
    Reconstructor,
    bundled_variants,
    bundled_weights,
    load_reconstructor,
    methods,
)
from rows import Row, at_most
from subjects import chair
from timing import threads
from torch import Tensor

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "suzanne"
WHOLE = {"disn": 5.0}  # seconds for the mesh of 128; others have 2
ROUNDS = 3


class ChairAtACost(Field):
    """A chair, at the price of another field: that is evaluated, and counts nothing."""

    def __init__(self, network: Field) -> None:
        self.network, self.solid = network, chair()
        self.kind, self.block = network.kind, network.block

    def __call__(self, points: Tensor) -> Tensor:
        """Return the chair's values."""
        return self.solid(points) + 0 * self.network(points)

    def color(self, points: Tensor) -> Tensor | None:
        """Return the network's colours."""
        return self.network.color(points)


def times() -> Iterator[Row]:
    """Yield the first and the last mesh's time of one view for all networks, of eight for one."""
    for name, cls in methods().items():
        if cls.recipes:
            word = None if bundled_weights(name) else next(iter(bundled_variants(name)), "random")
            random = word == "random"
            model = load_reconstructor(name, word, "cpu")
            if random:
                enliven(model)
            title = f"{cls.spec.title}{' (random weights)' if random else ''}"
            bar = WHOLE.get(name, 2.0)
            yield from waits(f"image to {{}}: {title}", model, sample_views(1), bar, random=random)
            if name == "levelform":
                yield from waits(f"eight images to {{}}: {title}", model, sample_views(8), 4.0)


def waits(
    title: str, model: Reconstructor, views: Sequence[View], bar: float, *, random: bool = False
) -> Iterator[Row]:
    """Yield the seconds to the first and to the last mesh, and their ratio."""
    with threads(1):
        runs = [run(model, views, random=random) for _ in range(ROUNDS)]
    encode, decode, first, whole = (min(seconds) for seconds in zip(*runs, strict=True))
    note = f"encode {encode:.2f}, decode {decode:.2f}, then {whole - encode - decode:.2f}"
    yield at_most(title.format("first mesh"), first, None, 1.0, kind="time", unit="s")
    yield at_most(title.format("128 mesh"), whole, None, bar, kind="time", unit="s", note=note)
    name = title.format("first mesh over 128 mesh")
    yield at_most(name, first, whole, 0.25, kind="time", unit="s", note=note)


def sample_views(count: int) -> list[View]:
    """Return the sample's first images, their cameras relative to the object's cube."""
    posed = read_posed_images(SAMPLE, choose=list(range(count)))
    found = []
    for view in (to_view(source, Background()) for source in views_of(posed)):
        assert posed.world_from_volume is not None
        assert view.camera is not None
        found.append(View(view.image, view.camera.in_frame(posed.world_from_volume), view.name))
    return found


def run(
    model: Reconstructor, views: Sequence[View], *, random: bool
) -> tuple[float, float, float, float]:
    """Return the seconds that encoding and decoding take, and those to the first and last mesh."""
    clock, first = time.process_time, None
    start = clock()
    code = model.encode(views)
    encoded = clock()
    field = model.decode(code)
    decoded = clock()
    for _ in stream(ChairAtACost(field) if random else field, 128, level=field.level()):
        first = first or clock()
    assert first is not None
    return encoded - start, decoded - encoded, first - start, clock() - start
