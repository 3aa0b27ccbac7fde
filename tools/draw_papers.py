"""Draw the pictures of docs/papers.md: `python tools/draw_papers.py -o docs/images/papers`.

Each picture is made as `levelform show`, `morph` and `animate` make theirs, from images of
procedural shapes that the bundled weights have not learned. `--only NAME...` draws some of them.
`--time-weights FILE` draws moving shapes with weights that `levelform train` made.
`levelform experiments protocol PAPER --figures` draws the same of a data set.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from levelform.backend.contract.image_files import image_file
from levelform.backend.contract.protocol import (
    Background,
    MeshUpdate,
    Reconstruct,
    ViewData,
    ViewMasks,
)
from levelform.backend.data.format import Dataset, DatasetWriter, Record
from levelform.backend.data.moving import record_of_motion
from levelform.backend.data.records import Contents, record_of_shape
from levelform.backend.experiments.paper_figures import (
    FACTORS,
    RESOLUTION,
    TILE,
    Tile,
    drawn,
    subject_of,
    tile_of,
    write_row,
)
from levelform.backend.extraction import extract
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.finishing import finished
from levelform.backend.reconstructors.networks.sdf_srn import PASCAL_FRAMING, PASCAL_RECIPE
from levelform.backend.session import Session
from levelform.backend.shows import shown
from levelform.backend.shows.morphing import Between, morphed
from levelform.backend.ticket import Ticket
from levelform.backend.training.samples import BatchSampler
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CONTENTS = Contents(
    points={}, surface=10, views=4, size=224, cameras="levelform", passes=("depth",)
)
TIMES = (-1.0, 0.0, 1.0)


def unseen(record: Record) -> list[View]:
    """Return the images of a record, with their depth maps where it has some."""
    with tempfile.TemporaryDirectory() as folder:
        with DatasetWriter(Path(folder) / "one", provenance={"source": {}}) as writer:
            writer.add(replace(record, split="test"))
        (shape,) = Dataset(Path(folder) / "one", "test")
        views = [shape.view(index) for index in range(shape.view_count)]
        if "views.depth" not in shape:
            return views
        stored = np.array(shape["views.depth"], np.float32)
        depths = np.where(stored > 0, stored, np.inf)
        return [replace(v, depth=torch.from_numpy(d)) for v, d in zip(views, depths, strict=True)]


def still(name: str) -> list[View]:
    """Return images of a procedural shape, "chair/200000", that no bundled network learned."""
    category, _, seed = name.partition("/")
    return unseen(record_of_shape(category, int(seed), CONTENTS))


def without_depth(view: View) -> View:
    """Return an image without its depth map."""
    return replace(view, depth=None)


def input_tile(view: View) -> Tile:
    """Return an image on white, as the method gets it."""
    image = Image.fromarray((view.image.numpy() * 255 + 0.5).astype(np.uint8))
    over = Image.new("RGBA", image.size, "white")
    over.alpha_composite(image)
    return "image", over.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC)


def of_shows(
    method: str, subject: str, *names: str, weights: str | None = None
) -> Callable[[], list[Tile]]:
    """Return a function that draws a method's shows of an image, with the image first."""

    def draw() -> list[Tile]:
        view = without_depth(still(subject)[0])
        made = subject_of(load_reconstructor(method, weights, "cpu"), view)
        exhibits = [exhibit for name in names for exhibit in shown(made, name, {})]
        return [input_tile(view), *((one.name, tile_of(one)) for one in exhibits)]

    return draw


def of_morph(method: str, first: str, second: str) -> Callable[[], list[Tile]]:
    """Return a function that draws a morph between two images' objects, between the images."""

    def draw() -> list[Tile]:
        model, views = (
            load_reconstructor(method, None, "cpu"),
            [without_depth(still(name)[0]) for name in (first, second)],
        )
        between = Between(model, *(model.encode([view]) for view in views))
        made = morphed(between, FACTORS, resolution=RESOLUTION, way="meshes").exhibits
        start, end = (input_tile(view) for view in views)
        return [start, *((one.name, tile_of(one)) for one in made), end]

    return draw


def of_meshes(
    method: str,
    subject: str,
    rows: Mapping[str, Mapping[str, Any]],
    weights: str | None = None,
) -> Callable[[], list[Tile]]:
    """Return a function that draws one object's meshes by settings, with its first image first.

    Parameters
    ----------
    rows : by name of the mesh, `encode`'s keywords, and "views", their number; "depth" gives the
        images' true depth
    """

    def draw() -> list[Tile]:
        views, model = still(subject), load_reconstructor(method, weights, "cpu")
        tiles = [input_tile(views[0])]
        for name, settings in rows.items():
            options = dict(settings)
            seen = views[: options.pop("views", 1)]
            seen = seen if options.pop("depth", False) else [without_depth(view) for view in seen]
            field = finished(model, model.decode(model.encode(seen, **options)), seen, None)
            tiles.append((name, drawn(extract(field, RESOLUTION, color=False))))
        return tiles

    return draw


def photograph(view: View) -> Image.Image:
    """Return an image as of a product: before a grey background, with a soft shadow below it."""
    pixels = view.image.numpy()
    height, width = pixels.shape[:2]
    background = np.linspace(0.95, 0.75, height)[:, None, None] * np.array([1.0, 0.99, 0.97])
    lowest = np.flatnonzero((pixels[..., 3] > 0.5).any(1))[-1]
    rows, columns = np.mgrid[:height, :width]
    away = ((rows - lowest) / (0.05 * height)) ** 2 + ((columns / width - 0.5) / 0.28) ** 2
    background = background * (1 - 0.08 * np.exp(-away))[..., None]
    mixed = background + (pixels[..., :3] - background) * pixels[..., 3:]
    return Image.fromarray((255 * mixed.clip(0, 1) + 0.5).astype(np.uint8))


def of_photograph(method: str, subject: str) -> Callable[[], list[Tile]]:
    """Return a function that draws a JPEG without mask or camera, its mask, and its mesh."""

    def draw() -> list[Tile]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo.jpg"
            image = photograph(still(subject)[0])
            image.save(path, quality=90)
            data = ViewData(None, None, path.name, image_file(path))
            request = Reconstruct(
                "photo", method, (data,), resolution=RESOLUTION, background=Background("auto")
            )
            events = list(Session().reconstruct(request, Ticket()))
        (mask,) = next(e for e in events if isinstance(e, ViewMasks)).masks
        last = [event for event in events if isinstance(event, MeshUpdate)][-1]
        tiles = [("photograph", image), ("mask", Image.fromarray(mask.shown))]
        size, smooth = (TILE, TILE), Image.Resampling.BICUBIC
        tiles = [(name, tile.resize(size, smooth)) for name, tile in tiles]
        return [*tiles, ("mesh", drawn(Mesh(last.vertices, last.faces, None)))]

    return draw


def pascal_samples() -> list[Tile]:
    """Draw an image as SDF-SRN's PASCAL3D+ recipe crops it, and what four steps see of it."""
    contents = Contents({"uniform": 10}, 10, views=1, size=128, cameras="pascal3d")
    category, _, seed = PICKUP.partition("/")
    record = replace(record_of_shape(category, int(seed), contents), split="test")
    with tempfile.TemporaryDirectory() as folder:
        with DatasetWriter(Path(folder) / "one", provenance={"source": {}}) as writer:
            writer.add(record)
        shapes = list(Dataset(Path(folder) / "one", "test"))
        sampling = replace(PASCAL_RECIPE.sampling, objects=1)
        sampler = BatchSampler(shapes, PASCAL_FRAMING, sampling, 0)
        plain = BatchSampler(shapes, PASCAL_FRAMING, replace(sampling, augment=()), 0)
        images = [plain.sample(0).images, *(sampler.sample(step).images for step in range(4))]
    names = ["crop", *(f"in step {step + 1}" for step in range(4))]
    return [(name, over_white(one[0, 0])) for name, one in zip(names, images, strict=True)]


def over_white(image: torch.Tensor) -> Image.Image:
    """Return a network's image, (4, S, S), on white, as a tile."""
    color, alpha = image[:3], image[3:]
    mixed = (1 - alpha + color * alpha).permute(1, 2, 0).numpy()
    whole = Image.fromarray((255 * mixed.clip(0, 1) + 0.5).astype(np.uint8))
    return whole.resize((TILE, TILE), Image.Resampling.BICUBIC)


def moving() -> list[Tile]:
    """Draw the images of two animated shapes over time."""
    contents = Contents(points={}, surface=10, views=3, size=TILE, cameras="levelform")
    tiles = []
    for name in ("lid", "walking-legs"):
        for time, image in zip((-1, 0, 1), record_of_motion(name, 3, contents).arrays[
            "views.images"
        ], strict=True):  # fmt: skip
            alpha = image[..., 3:].astype(float) / 255
            flat = (image[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
            tiles.append((f"{name}, t = {time}", Image.fromarray(flat)))
    return tiles


def of_time(weights: str, *names: str) -> Callable[[], list[Tile]]:
    """Return a function that draws moving shapes: an image of each beginning, and meshes in time.

    A name is that of an animated procedural shape, "lid/200000".
    """

    def draw() -> list[Tile]:
        model, tiles = load_reconstructor("deep-meta-functionals", weights, "cpu"), []
        for name in names:
            category, _, seed = name.partition("/")
            (view, *_) = unseen(record_of_motion(category, int(seed), replace(CONTENTS, passes=())))
            code = model.encode([view])
            tiles.append((category, input_tile(view)[1]))
            for time in TIMES:
                field = finished(model, model.decode(code, time=time), [view], None)
                tiles.append((f"t = {time:g}", drawn(extract(field, RESOLUTION, color=False))))
        return tiles

    return draw


ARMCHAIR, SWIVEL, PICKUP, WAGON = (
    "chair/200003",
    "chair/200015",
    "car/200000",
    "car/200004",
)
MOVED, MOVING = "deep-meta-moved", ("lid/200001", "door/200000", "walking-legs/200000")
PICTURES: dict[str, Callable[[], list[Tile]]] = {
    "deep-meta-levels": of_shows("deep-meta-functionals", WAGON, "levels"),
    "deep-meta-inside": of_shows("deep-meta-functionals", ARMCHAIR, "jacobian", "silhouettes"),
    "deep-meta-morph": of_morph("deep-meta-functionals", ARMCHAIR, WAGON),
    "deep-meta-time": moving,
    "deep-meta-views": of_meshes(
        "deep-meta-functionals",
        SWIVEL,
        {"1 view": {}, "2 views": {"views": 2}, "4 views": {"views": 4}},
    ),
    "disn-views": of_meshes(
        "disn",
        ARMCHAIR,
        {
            "given camera": {},
            "estimated camera": {"camera": "estimated"},
            "4 views, mean": {"views": 4},
            "4 views, max": {"views": 4, "fusion": "max"},
        },
    ),
    "uclid-net-views": of_meshes(
        "uclid-net",
        ARMCHAIR,
        {
            "depth estimated": {},
            "depth given": {"depth": True},
            "camera estimated": {"camera": "estimated"},
            "2 views, depth given": {"views": 2, "depth": True},
        },
    ),
    "tdgn-inside": of_shows("tdgn", SWIVEL, "training-set", "embedding", "cells"),
    "tdgn-deletion": of_shows("tdgn", SWIVEL, "deletion"),
    "tdgn-morph": of_morph("tdgn", ARMCHAIR, SWIVEL),
    "disn-streams": of_shows("disn", ARMCHAIR, "streams"),
    "disn-morph": of_morph("disn", PICKUP, WAGON),
    "uclid-net-inside": of_shows(
        "uclid-net", ARMCHAIR, "patches", "points", "voxels", "depth-grid", "depth-maps"
    ),
    "deep-meta-photograph": of_photograph("deep-meta-functionals", SWIVEL),
    "disn-photograph": of_photograph("disn", WAGON),
    "sdf-srn-optimized": of_meshes(
        "sdf-srn",
        WAGON,
        {
            "encoded": {},
            "optimized, 100 steps": {"optimize": 100},
            "4 views": {"views": 4},
            "4 views, optimized": {"views": 4, "optimize": 100},
        },
        weights="car",
    ),
    "sdf-srn-pascal3d": pascal_samples,
    "sdf-srn-rendering": of_shows("sdf-srn", WAGON, "rendering", weights="car"),
}


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "images" / "papers")
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=list(PICTURES))
    parser.add_argument("--time-weights", metavar="FILE", help=f"draw {MOVED} alone, with these")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.time_weights:
        pictures = {MOVED: of_time(args.time_weights, *MOVING)}
    else:
        pictures = {name: PICTURES[name] for name in args.only}
    for name, draw in pictures.items():
        write_row(draw(), args.out / f"{name}.png")
        print(f"wrote {args.out / name}.png", flush=True)


if __name__ == "__main__":
    main()
