"""What a fit is measured by: its views, the ground truth, and what the views could tell.

    python tests/bench/fit_measure.py FOLDER... [--steps N] [--views 8]

Each FOLDER is an object as `fit_objects.py` makes them. Prints the IoU of its visual hull, of what
a fit shows by steps and CPU seconds, and the observability bound: the hull without the empty points
that at least one camera sees. Beside it chamfer-L1 (percent of the longest side) and normal
consistency of the hull's mesh and of the fit's, at 128 cells.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from levelform.backend.data.meshes import Solid
from levelform.backend.data.render.render import render_mesh
from levelform.backend.extraction import stream
from levelform.backend.fields import Field
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.fit import FitOptimiser, FitState
from levelform.backend.fit.choosing import better_start
from levelform.backend.fit.field import FittedField
from levelform.backend.fit.guard import Guard
from levelform.backend.fit.running import due_for_a_look
from levelform.backend.fit.settings import settings_for
from levelform.backend.fit.starting import first_distances
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.images import shrink
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.views import View
from levelform.backend.metrics import evaluate
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.fit import GUESSED
from levelform.backend.ticket import Ticket
from PIL import Image
from torch import Tensor

POINTS = 200_000
SIZE = 256  # pixels of the images that are fitted
CELLS = 128  # of the meshes whose surfaces are compared
AROUND = 0.06  # how far beyond the object points are drawn
SIGHT = 0.01  # how far in front of the surface a point is seen, volume units


LINE = (
    "{}: hull {:.3f} bound {:.3f} fit {:.3f}, chamfer {:.2f} normals {:.3f} of the hull, "
    "{:.2f} {:.3f} of the fit, drop {:.3f}, {:.0f} CPU s"
)


@dataclass(frozen=True)
class Subject:
    """An object: posed views, points around it, which are inside, and its mesh."""

    name: str
    views: list[View]
    points: Tensor
    inside: Tensor
    mesh: Mesh

    def iou(self, values: Callable[[Tensor], Tensor]) -> float:
        """Return the IoU of what is negative in a field."""
        body = torch.cat([values(part) for part in self.points.split(1 << 15)]) < 0
        return float((body & self.inside).sum() / (body | self.inside).sum())

    def quality(self, field: Field) -> tuple[float, float]:
        """Return chamfer-L1 in percent of the longest side, and normal consistency, of a mesh."""
        *_, last = stream(field, CELLS)
        made = Solid(last.mesh, "result")
        values = evaluate(made, Solid(self.mesh, "reference"), "levelform").values
        return values["chamfer_l1"], values["normal_consistency"]

    def hull(self, device: str = "cpu") -> HullField:
        """Return the views' visual hull."""
        cameras = [view.camera for view in self.views]
        maps = [
            silhouette_map(view.image[..., 3], camera)
            for view, camera in zip(self.views, cameras, strict=True)
        ]
        return HullField(maps, cameras, device=device)

    def bound(self, hull: HullField) -> float:
        """Return the IoU of the hull without the empty points that a camera sees."""
        kept = hull(self.points) < 0
        points, inside = self.points[kept], self.inside[kept]
        seen = torch.zeros(len(points), dtype=torch.bool)
        depths = render_mesh(self.mesh, [view.camera for view in self.views]).depth
        for view, depth in zip(self.views, depths, strict=True):
            pixels, away = view.camera.project(points)
            size = torch.tensor([view.camera.width, view.camera.height])
            framed = ((pixels >= 0) & (pixels < size)).all(1)
            column, row = torch.minimum(pixels.clamp_min(0).long(), size - 1).unbind(1)
            nearest = torch.where(depth > 0, depth, torch.inf)[row, column]
            seen |= framed & (away < nearest - SIGHT)
        return float(inside.sum() / (self.inside.sum() + (~seen & ~inside).sum()))


def read(folder: Path, count: int = 8) -> Subject:
    """Return the object of a folder with its first views; of four, every second of eight."""
    meta = json.loads((folder / "transforms.json").read_text())
    volume = np.array(meta["world_from_volume"])
    shared = {key: meta[key] for key in ("w", "h", "camera_model") if key in meta}
    frames = meta["frames"][:8:2] if count == 4 else meta["frames"][:count]
    views = []
    for frame in frames:
        pixels = np.asarray(Image.open(folder / frame["file_path"]).convert("RGBA"), np.float32)
        camera = Camera.from_transforms(frame, shared).in_frame(volume)
        views.append(shrink(View(torch.from_numpy(pixels / 255), camera, frame["file_path"]), SIZE))
    with np.load(next(folder.glob("*truth.npz"))) as file:
        mesh = Mesh(file["vertices"], file["faces"], None)
    rng = np.random.default_rng(0)
    # Around the object alone: what lies outside every image is in the hull, and seen by nobody.
    used = mesh.vertices[np.unique(mesh.faces)]
    points = rng.uniform(used.min(0) - AROUND, used.max(0) + AROUND, (POINTS, 3))
    solid = Solid(mesh, folder.name)
    inside = torch.from_numpy(solid.inside(points))
    return Subject(folder.name, views, torch.from_numpy(points).float(), inside, mesh)


@dataclass(frozen=True)
class Look:
    """A look of the guard at a fit: after which step, CPU seconds, what would be shown, its IoU."""

    step: int
    seconds: float
    iou: float
    state: FitState


def begun(views: list[View], hull: HullField, steps: int, seed: int) -> FitOptimiser:
    """Return a fit as the method `fit` begins it: from the hull or from `levelform`'s guess."""
    model = load_reconstructor("levelform", None, "cpu")
    guess = first_distances(
        model.decode(model.encode(views[:: math.ceil(len(views) / GUESSED)])), views, hull
    )
    given = {"budget": steps, "seed": seed}
    return better_start(
        FitOptimiser(views, hull, settings=settings_for(steps), **given),
        FitOptimiser(views, hull, first=guess, settings=settings_for(steps, guess=True), **given),
        Ticket(),
    )


def follow(
    subject: Subject, hull: HullField, steps: int, *, every: int, seed: int = 0
) -> Iterator[Look]:
    """Fit an object; yield the IoU of what would be shown."""
    start = time.process_time()
    fit = begun(subject.views, hull, steps, seed)
    guard, spent, iou, shown = Guard(), time.process_time() - start, 0.0, fit.state()
    if fit.iteration:
        guard.look(fit.state(), fit.judge())
        shown = fit.refined(fit.state())
        iou = subject.iou(FittedField(shown))
        yield Look(fit.iteration, spent, iou, shown)
    for step in range(fit.iteration + 1, steps + 1):
        start = time.process_time()
        fit.step()
        looked = due_for_a_look(fit, every) or step == steps
        better = looked and guard.look(fit.state(), fit.judge())
        spent += time.process_time() - start
        if better and guard.best is not None:
            shown = fit.refined(guard.best)
            iou = subject.iou(FittedField(shown))
        if looked:
            yield Look(step, spent, iou, shown)


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each object, and their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--views", type=int, default=8)
    args = parser.parse_args(words)
    means = []
    for folder in args.folders:
        subject = read(folder, args.views)
        hull = subject.hull()
        first, bound = subject.iou(hull), subject.bound(hull)
        looks = list(follow(subject, hull, args.steps, every=max(args.steps // 20, 1)))
        ious = np.array([look.iou for look in looks])
        drop = float((np.maximum.accumulate(ious) - ious).max())
        before, after = subject.quality(hull), subject.quality(FittedField(looks[-1].state))
        means.append((first, bound, ious[-1], *before, *after, drop, looks[-1].seconds))
        print(LINE.format(subject.name, *means[-1]), flush=True)
        shown = " ".join(f"{look.iou:.3f}@{look.seconds:.0f}s" for look in looks[2::3])
        print(f"    {shown}", flush=True)
    print(LINE.format("mean", *np.mean(means, axis=0)))


if __name__ == "__main__":
    main()
