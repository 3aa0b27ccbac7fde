"""What a fit makes of four drawings, and of drawings beside photographs.

    python tests/bench/fit_drawings.py FOLDER... [--steps N]

Each FOLDER is an object as `fit_objects.py` makes them. Its four orthographic drawings (front,
right, back, left) have no shading: one flat colour, or several flat colours that meet at edges. A
mixed set has the drawings in several colours and two of the object's images. Prints the IoU of the
hull and of the fit, and that of the worst silhouette of the mesh.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from fit_disturbed import drawings, fitted
from fit_measure import Subject, read
from levelform.backend.data.render.render import render_mesh
from levelform.backend.extraction import stream
from levelform.backend.geometry.images import shrink
from levelform.backend.geometry.views import View
from levelform.backend.silhouettes import cover

PALETTE = torch.tensor(
    [[0.80, 0.50, 0.20], [0.20, 0.45, 0.70], [0.75, 0.20, 0.25], [0.35, 0.60, 0.30]]
)
CELLS = 128  # of the mesh whose silhouettes are compared


@dataclass(frozen=True)
class Drawn:
    """What a fit makes of drawings: IoU of the worst silhouette, of hull and of the result."""

    silhouette: float
    hull: float
    result: float


def in_several_colors(subject: Subject) -> list[View]:
    """Return the drawings with a colour for each part of space: up, down, left, right."""
    plain = drawings(subject)
    depths = render_mesh(subject.mesh, [view.camera for view in plain]).depth
    result = []
    for view, depth in zip(plain, depths, strict=True):
        assert view.camera is not None  # all are posed
        rows, columns = (depth > 0).nonzero().unbind(1)
        pixels = torch.stack([columns, rows], 1).double() + 0.5
        origins, directions = view.camera.rays(pixels)
        points = origins + depth[rows, columns, None] * directions
        part = (points[:, 2] > 0).long() * 2 + (points[:, 0] > 0).long()
        image = view.image.clone()
        image[rows, columns, :3] = PALETTE[part]
        result.append(replace(view, image=image))
    return result


def mixed(subject: Subject) -> list[View]:
    """Return the drawings in several colours, and two images by perspective cameras."""
    return [*in_several_colors(subject), *subject.views[:8:4]]


KINDS = {"one colour": drawings, "several colours": in_several_colors, "with photographs": mixed}


def measure(subject: Subject, kind: str, steps: int) -> Drawn:
    """Fit an object to drawings of a kind."""
    own = replace(subject, views=[shrink(view, 256) for view in KINDS[kind](subject)])
    field = fitted(own.views, steps)
    *_, last = stream(field, CELLS)
    covered = [cover(view, last.mesh.vertices, last.mesh.faces) for view in own.views]
    worst = min(0.0 if c is None else c.iou for c in covered)
    return Drawn(worst, own.iou(own.hull()), own.iou(field))


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each object and kind of drawings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args(words)
    for folder in args.folders:
        subject = read(folder)
        for kind in KINDS:
            drawn = measure(subject, kind, args.steps)
            print(
                f"{subject.name}: drawings, {kind}: hull {drawn.hull:.3f} fit {drawn.result:.3f}, "
                f"worst silhouette {drawn.silhouette:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
