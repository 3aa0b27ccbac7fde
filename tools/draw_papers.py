"""Draw the pictures of docs/papers.md: `python tools/draw_papers.py -o docs/images/papers`.

Each picture is made by `levelform show`, `morph` or `dataset` from the sample chair's images with
the bundled weights. `--only NAME...` draws some of them. `levelform experiments protocol PAPER
--figures` draws the same of a data set.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from levelform.backend.commands.reconstruct import read_sources
from levelform.backend.contract.protocol import Background
from levelform.backend.data.moving import record_of_motion
from levelform.backend.data.records import Contents
from levelform.backend.experiments.paper_figures import (
    FACTORS,
    RESOLUTION,
    TILE,
    Tile,
    subject_of,
    tile_of,
    write_row,
)
from levelform.backend.geometry.views import View
from levelform.backend.images import to_view
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.shows import shown
from levelform.backend.shows.morphing import Between, morphed
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "assets" / "sample" / "chair" / "images"
FIRST, SECOND = "0.png", "4.png"


def sample_view(name: str) -> View:
    """Return an image of the sample."""
    (data,) = read_sources([str(IMAGES / name)], None).views
    return to_view(data, Background())


def input_tile(name: str = FIRST) -> Tile:
    """Return an image of the sample, as the method gets it."""
    with Image.open(IMAGES / name) as image:
        over = Image.new("RGBA", image.size, "white")
        over.alpha_composite(image.convert("RGBA"))
        return "image", over.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC)


def of_shows(method: str, *names: str, weights: str | None = None) -> Callable[[], list[Tile]]:
    """Return a function that draws a method's shows, with the image first."""

    def draw() -> list[Tile]:
        subject = subject_of(load_reconstructor(method, weights, "cpu"), sample_view(FIRST))
        made = [exhibit for name in names for exhibit in shown(subject, name, {})]
        return [input_tile(), *((one.name, tile_of(one)) for one in made)]

    return draw


def of_morph(method: str) -> Callable[[], list[Tile]]:
    """Return a function that draws a morph between two images of the sample."""

    def draw() -> list[Tile]:
        model = load_reconstructor(method, None, "cpu")
        first, second = (model.encode([sample_view(name)]) for name in (FIRST, SECOND))
        between = Between(model, first, second)
        made = morphed(between, FACTORS, resolution=RESOLUTION, way="meshes")
        return [(one.name, tile_of(one)) for one in made.exhibits]

    return draw


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


PICTURES: dict[str, Callable[[], list[Tile]]] = {
    "deep-meta-levels": of_shows("deep-meta-functionals", "levels"),
    "deep-meta-inside": of_shows("deep-meta-functionals", "jacobian", "silhouettes"),
    "deep-meta-morph": of_morph("deep-meta-functionals"),
    "deep-meta-time": moving,
    "tdgn-inside": of_shows("tdgn", "training-set", "embedding", "cells"),
    "tdgn-deletion": of_shows("tdgn", "deletion"),
    "tdgn-morph": of_morph("tdgn"),
    "disn-streams": of_shows("disn", "streams"),
    "disn-morph": of_morph("disn"),
    "uclid-net-inside": of_shows(
        "uclid-net", "patches", "points", "voxels", "depth-grid", "depth-maps"
    ),
    "sdf-srn-rendering": of_shows("sdf-srn", "rendering", weights="chair"),
}


def main() -> None:
    """Draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "images" / "papers")
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=list(PICTURES))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        write_row(PICTURES[name](), args.out / f"{name}.png")
        print(f"wrote {args.out / name}.png", flush=True)


if __name__ == "__main__":
    main()
