"""A picture to a mesh, by the clock, as a person waits for it: network in memory, two threads."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from equal_views import enliven
from levelform.backend.data.pictures import to_view
from levelform.backend.data.transforms import read_transforms
from levelform.backend.extraction import stream
from levelform.backend.fields import Field
from levelform.backend.geometry.views import View
from levelform.backend.protocol import Background
from levelform.backend.reconstructors import (
    Reconstructor,
    bundled_weights,
    load_reconstructor,
    methods,
)
from rows import Row, at_most
from timing import threads

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "suzanne"
WHOLE = {"disn": 5.0}  # seconds for the mesh of 128; others have 2
ROUNDS = 4
FILLED = 0.1  # share of the volume that an object of random weights fills


def times() -> Iterator[Row]:
    """Yield the first mesh's time and the last one's for every network."""
    view = sample_view()
    for name, cls in methods().items():
        if cls.spec.needs_weights:
            random = bundled_weights(name) is None
            model = load_reconstructor(name, "random" if random else None, "cpu")
            if random:
                enliven(model)
            title = f"{cls.spec.title}{' (random weights)' if random else ''}"
            first, whole, processor = wait(model, view, random=random)
            note = f"{processor:.2f} s of processor"
            options = {"kind": "time", "unit": "s", "note": note}
            yield at_most(f"picture to first mesh: {title}", first, None, 1.0, **options)
            bar = WHOLE.get(name, 2.0)
            yield at_most(f"picture to 128 mesh: {title}", whole, None, bar, **options)


def sample_view() -> View:
    """Return the sample's first picture, its camera relative to the object's cube."""
    posed = read_transforms(SAMPLE, choose=[0])
    view = to_view(posed.views[0], Background())
    matrix = posed.world_from_volume
    assert matrix is not None
    assert view.camera is not None
    return View(view.image, view.camera.in_frame(np.asarray(matrix)), view.name)


def wait(model: Reconstructor, view: View, *, random: bool) -> tuple[float, float, float]:
    """Return the best seconds to the first mesh and to the last, and of processor."""
    best = [float("inf")] * 3
    with threads(2):
        for turn in range(ROUNDS):
            start, spent, first = time.perf_counter(), time.process_time(), None
            field = model.decode(model.encode([view]))
            paused, idle = time.perf_counter(), time.process_time()
            level = typical_level(field) if random else field.level()
            start += time.perf_counter() - paused  # a trained network's level is known
            spent += time.process_time() - idle
            for _ in stream(field, 128, level=level):
                first = first or time.perf_counter() - start
            assert first is not None
            whole, used = time.perf_counter() - start, time.process_time() - spent
            if turn:
                best = [min(pair) for pair in zip(best, (first, whole, used), strict=True)]
    return best[0], best[1], best[2]


def typical_level(field: Field) -> float:
    """Return the level at which a field fills as much of the volume as objects do."""
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9
    with torch.no_grad():
        values = torch.cat([field(part) for part in points.split(2048)])
    return float(values.quantile(FILLED))
