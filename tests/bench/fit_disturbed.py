"""How much a fit loses to wrong masks and cameras, and what it makes of drawings.

    python tests/bench/fit_disturbed.py FOLDER... [--steps N]

Each FOLDER is an object as `fit_objects.py` makes them. Prints the IoU of the fit of its views as
they are, with each of `DISTURBANCES`, and of four orthographic drawings of it in one flat colour.
"""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from fit_measure import Subject, read
from levelform.backend.data.render.render import render_mesh
from levelform.backend.extraction import stream
from levelform.backend.fields import Field
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.silhouettes import cover
from scipy.ndimage import grey_dilation, grey_erosion

PIXELS = 2  # by which masks are eroded or dilated
WRONG = 2  # the view whose camera turns, or whose object is missing
DEGREES, FOCAL = 1.0, 1.02
DRAWN = 256  # pixels of a drawing
FLAT = (0.8, 0.5, 0.2)  # sRGB of a drawing

Change = Callable[[list[View]], list[View]]


def with_alpha(view: View, change: Callable[..., np.ndarray]) -> View:
    """Return a view whose alpha went through a filter of scipy with a disc of `PIXELS`."""
    reach = np.arange(-PIXELS, PIXELS + 1)
    disc = np.hypot(*np.meshgrid(reach, reach)) <= PIXELS + 0.2
    image = view.image.clone()
    image[..., 3] = torch.from_numpy(change(image[..., 3].numpy(), footprint=disc))
    return replace(view, image=image)


def turned(view: View) -> View:
    """Return a view whose camera looks `DEGREES` to the side."""
    assert view.camera is not None  # all are posed
    a = math.radians(DEGREES)
    matrix = np.eye(4)
    matrix[:3, :3] = [[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]]
    pose = view.camera.world_from_camera @ matrix
    return replace(view, camera=replace(view.camera, world_from_camera=pose))


def with_focal(view: View, factor: float) -> View:
    """Return a view whose focal length is wrong by a factor."""
    camera = view.camera
    assert camera is not None  # all are posed
    return replace(view, camera=replace(camera, fx=camera.fx * factor, fy=camera.fy * factor))


def one(change: Callable[[View], View]) -> Change:
    """Return the change of the view `WRONG` alone."""
    return lambda views: [change(v) if i == WRONG else v for i, v in enumerate(views)]


DISTURBANCES: dict[str, Change] = {
    f"masks {PIXELS} px smaller": lambda views: [with_alpha(v, grey_erosion) for v in views],
    f"masks {PIXELS} px larger": lambda views: [with_alpha(v, grey_dilation) for v in views],
    f"a camera {DEGREES:g} degree off": one(turned),
    "focal lengths 2 % too long": lambda views: [with_focal(v, FOCAL) for v in views],
    "focal lengths 2 % too short": lambda views: [with_focal(v, 1 / FOCAL) for v in views],
    "a view without the object": one(lambda v: replace(v, image=torch.zeros_like(v.image))),
}


def fitted(views: Sequence[View], steps: int) -> Field:
    """Return the field of a fit, as the method makes it."""
    model = load_reconstructor("fit", None, "cpu")
    return model.decode(model.encode(views, steps=steps))


def ious(subject: Subject, steps: int) -> dict[str, float]:
    """Return the IoU of a fit of the views as they are (""), and by disturbance."""
    changes: dict[str, Change] = {"": list, **DISTURBANCES}
    return {
        name: subject.iou(fitted(change(list(subject.views)), steps))
        for name, change in changes.items()
    }


def drawings(subject: Subject) -> list[View]:
    """Return four orthographic drawings in a flat colour: front, right, back, left."""
    cameras = []
    for quarter in range(4):
        a = quarter * math.pi / 2
        back, right = (
            np.array([math.sin(a), -math.cos(a), 0]),
            np.array([math.cos(a), math.sin(a), 0]),
        )
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, -np.cross(back, right), -back], axis=1)
        pose[:3, 3] = 3.0 * back
        half = DRAWN / 2
        cameras.append(Camera(pose, half, half, half, half, DRAWN, DRAWN, orthographic=True))
    drawn = render_mesh(subject.mesh, cameras, samples=4).rgba
    drawn[..., :3] = torch.tensor(FLAT)
    return [
        View(image, c, f"drawing {i}")
        for i, (image, c) in enumerate(zip(drawn, cameras, strict=True))
    ]


@dataclass(frozen=True)
class Turnaround:
    """What a fit makes of four drawings: IoU of the worst silhouette, of hull and of the result."""

    silhouette: float
    hull: float
    result: float


def turnaround(subject: Subject, steps: int) -> Turnaround:
    """Fit an object to its drawings."""
    own = replace(subject, views=drawings(subject))
    field = fitted(own.views, steps)
    *_, last = stream(field, 128)
    covered = [cover(view, last.mesh.vertices, last.mesh.faces) for view in own.views]
    worst = min(0.0 if c is None else c.iou for c in covered)
    return Turnaround(worst, own.iou(own.hull()), own.iou(field))


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each object and disturbance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    args = parser.parse_args(words)
    for folder in args.folders:
        subject = read(folder)
        drawn = turnaround(subject, args.steps)
        print(
            f"{subject.name}: four drawings: hull {drawn.hull:.3f} fit {drawn.result:.3f}, "
            f"worst silhouette {drawn.silhouette:.3f}",
            flush=True,
        )
        values = ious(subject, args.steps)
        for name, value in values.items():
            print(f"{subject.name}: {name or 'as it is'}: {value:.3f}", flush=True)


if __name__ == "__main__":
    main()
