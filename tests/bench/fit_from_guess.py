"""Fits of a single posed image that start from `levelform`'s guess.

    python tests/bench/fit_from_guess.py [--shapes N] [--steps N]

Prints, for each test shape and as means, the IoU with the ground truth and with the image's
silhouette, of the guess and of the fit, and the silhouette's IoU of the ground truth's own mesh:
both are meshes of 128 cells, whose thin parts lose what is thinner than a cell.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from levelform.backend.data.render import render_shapes, sample_cameras
from levelform.backend.data.shapes import ShapeBatch, categories, sample_shape
from levelform.backend.extraction import stream
from levelform.backend.fields import Field
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.silhouettes import cover
from torch import Tensor

SEED = 910_000  # of the first shape, beyond those of training
SIZE = 192  # pixels of an image
POINTS = 60_000
BLOCK = 1 << 13  # points a call


class GroundTruth(Field):
    """A shape's signed distance, or less."""

    lipschitz = 1.0

    def __init__(self, batch: ShapeBatch) -> None:
        self.batch = batch

    def __call__(self, points: Tensor) -> Tensor:
        return self.batch.distance(points[None])[0]


def outline(field: Field, view: View) -> float:
    """Return the IoU of a field's mesh with the silhouette of a view."""
    *_, last = stream(field, 128, guaranteed=field.lipschitz is not None)
    covered = cover(view, last.mesh.vertices, last.mesh.faces)
    return 0.0 if covered is None else covered.iou


def scores(field: Field, view: View, points: Tensor, inside: Tensor) -> tuple[float, float]:
    """Return the IoU of a field with the ground truth, and with the silhouette of its view."""
    level = field.level()
    body = torch.cat([field(part) for part in points.split(BLOCK)]) < level
    return float((body & inside).sum() / (body | inside).sum()), outline(field, view)


def measure(index: int, steps: int) -> tuple[float, float, float, float, float]:
    """Return the scores of a shape's guess, then of its fit; the ground truth's outline."""
    names = categories()
    name = names[index % len(names)]
    batch = ShapeBatch([sample_shape(name, SEED + index)])
    (camera,) = sample_cameras("disn", 1, SEED + index, size=SIZE)
    view = View(render_shapes(batch, [camera]).rgba[0], camera, name)
    generator = torch.Generator().manual_seed(index)
    points = torch.rand(POINTS, 3, generator=generator) * 2 - 1
    inside = batch.distance(points[None])[0] < 0
    guess = load_reconstructor("levelform", None, "cpu")
    fit = load_reconstructor("fit", None, "cpu")
    first = guess.decode(guess.encode([view]))
    second = fit.decode(fit.encode([view], steps=steps, start="levelform"))
    results = (*scores(first, view, points, inside), *scores(second, view, points, inside))
    return *results, outline(GroundTruth(batch), view)


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each shape, and the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=int, default=40)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args(words)
    line = "{}: guess {:.3f}, silhouette {:.3f}; fit {:.3f}, silhouette {:.3f}; truth's {:.3f}"
    rows = []
    for index in range(args.shapes):
        rows.append(measure(index, args.steps))
        print(line.format(categories()[index % len(categories())], *rows[-1]), flush=True)
    print(line.format(f"mean of {len(rows)}", *np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
