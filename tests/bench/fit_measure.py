"""What a fit is measured by: its views, the ground truth, and what the views could tell.

    python tests/bench/fit_measure.py FOLDER... [--steps N] [--views 8]

Each FOLDER is an object as `fit_objects.py` makes them. Prints the IoU of its visual hull, of the
fit's best state by steps and CPU seconds, and the observability bound: the hull without the empty
points that at least one camera sees.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from levelform.backend.data.meshes import Solid
from levelform.backend.data.render.render import render_mesh
from levelform.backend.fields.hull import HullField, silhouette_map
from levelform.backend.fit import Fit
from levelform.backend.fit.guard import Guard
from levelform.backend.fit.settings import settings_for
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.images import shrink
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.views import View
from PIL import Image
from torch import Tensor

POINTS = 200_000
SIZE = 256  # pixels of the images that are fitted
SIGHT = 0.01  # how far in front of the surface a point is seen, volume units


@dataclass(frozen=True)
class Subject:
    """An object: posed views, points of the volume, which are inside, and its mesh."""

    name: str
    views: list[View]
    points: Tensor
    inside: Tensor
    mesh: Mesh

    def iou(self, values: Callable[[Tensor], Tensor]) -> float:
        """Return the IoU of what is negative in a field."""
        body = torch.cat([values(part) for part in self.points.split(1 << 15)]) < 0
        return float((body & self.inside).sum() / (body | self.inside).sum())

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
    points = rng.uniform(-1.0, 1.0, (POINTS, 3))
    solid = Solid(mesh, folder.name)
    inside = torch.from_numpy(solid.inside(points))
    return Subject(folder.name, views, torch.from_numpy(points).float(), inside, mesh)


@dataclass(frozen=True)
class Look:
    """A look of the guard at a fit: after which step, CPU seconds, IoU of the best state so far."""

    step: int
    seconds: float
    iou: float


def follow(
    subject: Subject, hull: HullField, steps: int, *, every: int, seed: int = 0
) -> Iterator[Look]:
    """Fit an object; yield the IoU of what would be shown."""
    start = time.process_time()
    fit = Fit(subject.views, hull, settings=settings_for(steps), budget=steps, seed=seed)
    guard, spent, best = Guard(), time.process_time() - start, 0.0
    for step in range(1, steps + 1):
        start = time.process_time()
        fit.step()
        looked = step == fit.settings.first_colors or step % every == 0 or step == steps
        better = looked and guard.look(fit.state(), fit.judge())
        spent += time.process_time() - start
        if better and guard.best is not None:
            state = guard.best
            best = subject.iou(lambda p, s=state: s.grid.sample(s.distances, p))
        if looked:
            yield Look(step, spent, best)


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
        looks = list(follow(subject, hull, args.steps, every=max(args.steps // 40, 1)))
        ious = np.array([look.iou for look in looks])
        drop = float((np.maximum.accumulate(ious) - ious).max())
        means.append((first, bound, ious[-1]))
        shown = " ".join(f"{look.iou:.3f}@{look.seconds:.0f}s" for look in looks[3::8])
        print(
            f"{subject.name}: hull {first:.3f} bound {bound:.3f} fit {ious[-1]:.3f} "
            f"drop {drop:.3f} | {shown}",
            flush=True,
        )
    print("mean: hull {:.3f} bound {:.3f} fit {:.3f}".format(*np.mean(means, axis=0)))


if __name__ == "__main__":
    main()
