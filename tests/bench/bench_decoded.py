"""Fields that the bundled networks decode, none with bounds: what is evaluated, and what is missed.

Five generated shapes; from one image by three methods, and from four posed images by Levelform.
"""

from collections.abc import Iterator

import numpy as np
import torch
from bench_extraction import dense, find, octree
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.data.renders import camera_of
from levelform.backend.fields import Field
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.finishing import finished
from rows import Row, at_least, at_most
from timing import threads

N = 128
SHAPES = (("chair", 100_001), ("airplane", 100_002), ("lamp", 100_003), ("table", 100_004),
          ("rifle", 100_005))  # fmt: skip
CASES = (("levelform", 1), ("levelform", 2), ("levelform", 4), ("occupancy-network", 1))
CONTENTS = Contents(
    points={"uniform": 100}, surface=100, views=4, size=128, cameras="levelform-round"
)


def rows(kinds: tuple[str, ...] = ("count", "time")) -> Iterator[Row]:
    """Yield evaluations over MISE's and recall over MISE's, field by field and in the mean."""
    if "count" not in kinds:
        return
    efforts, recalls, theirs = [], [], []
    with threads(1):
        for name, field in fields():
            stats, mise = find(field, N), octree(field, N)
            active = dense(field, N)[1]
            efforts.append(stats.evaluations / mise.evaluations)
            recalls.append(stats.cells / active)
            theirs.append(float(mise.active.sum() / active))
            title = f"{name}: evaluations over MISE"
            yield at_most(title, stats.evaluations, mise.evaluations, 1.0, note=stats.rule)
            note = f"{recalls[-1]:.4f} and {theirs[-1]:.4f} of {active} cells"
            relative = recalls[-1] / theirs[-1]
            yield at_least(f"{name}: recall over MISE's", relative, None, 1.0, note=note)
    title = f"mean of {len(efforts)} fields"
    yield at_most(f"{title}: evaluations over MISE", float(np.mean(efforts)), None, 1.0)
    note = f"{np.mean(recalls):.5f} and {np.mean(theirs):.5f}"
    relative = float(np.mean(recalls) / np.mean(theirs))
    yield at_least(f"{title}: recall over MISE's", relative, None, 1.0, note=note)


def fields() -> Iterator[tuple[str, Field]]:
    """Yield the fields with their names."""
    for method, count in CASES:
        model = load_reconstructor(method, None, "cpu")
        for category, seed in SHAPES:
            views = views_of(category, seed)[:: 4 // count]
            with torch.no_grad():
                field = finished(model, model.decode(model.encode(views)), views, None)
            yield f"{method}, {count} views, {category}", field


def views_of(category: str, seed: int) -> list[View]:
    """Return four posed images of a generated shape."""
    arrays = record_of_shape(category, seed, CONTENTS).arrays
    images = torch.from_numpy(arrays["views.images"]).float() / 255
    return [View(image, camera_of(arrays, index)) for index, image in enumerate(images)]
