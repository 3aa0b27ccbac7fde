"""Draw the pictures of docs/papers.md: `python tools/draw_papers.py -o docs/images/papers`.

Each picture is what `levelform show`, `morph` or `dataset` makes of the sample chair's images with
the bundled weights. `--only NAME...` draws some of them.
"""

import argparse
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from levelform.backend.commands.reconstruct import read_sources
from levelform.backend.contract.protocol import Background
from levelform.backend.contract.shows import Exhibit, drawn_points
from levelform.backend.data.moving import record_of_motion
from levelform.backend.data.records import Contents
from levelform.backend.data.render import look_at, render_mesh
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.images import to_view
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.reconstructors.finishing import finished
from levelform.backend.shows import Subject, shown
from levelform.backend.shows.morphing import Between, morphed
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "assets" / "sample" / "chair" / "images"
FIRST, SECOND = "0.png", "4.png"
TILE, LINE, GAP = 150, 16, 6
VIEW, ELEVATION, DISTANCE = 35.0, 22.0, 6.0
COLORS = 96  # of the palette
RESOLUTION = 64


def subject_of(method: str, weights: str | None = None, name: str = FIRST) -> Subject:
    """Return a method's subject of one image of the sample."""
    (data,) = read_sources([str(IMAGES / name)], None).views
    view = to_view(data, Background())
    model = load_reconstructor(method, weights, "cpu")
    code = model.encode([view])
    field = finished(model, model.decode(code), [view], None)
    return Subject(model, code, (view,), field, field.level(), RESOLUTION)


def tile_of(exhibit: Exhibit) -> Image.Image:
    """Draw an exhibit, an image of its own or a mesh seen from the front's side."""
    if exhibit.image is not None:
        with Image.open(BytesIO(exhibit.image.tobytes())) as image:
            over = Image.new("RGBA", image.size, "white")
            over.alpha_composite(image.convert("RGBA"))
            return over.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC)
    exhibit = exhibit if exhibit.faces is not None else drawn_points(exhibit, 0.05)
    return drawn(Mesh(exhibit.vertices, exhibit.faces, None, exhibit.colors))


def drawn(mesh: Mesh) -> Image.Image:
    """Draw a mesh on white."""
    focal = TILE / 2 / 1.15 * (DISTANCE - 1)
    camera = Camera(look_at(VIEW, ELEVATION, DISTANCE), focal, focal, TILE / 2, TILE / 2,
                    TILE, TILE)  # fmt: skip
    seen = render_mesh(mesh, [camera]).rgba.cpu().numpy()[0]
    flat = seen[..., :3] * seen[..., 3:] + 1 - seen[..., 3:]
    return Image.fromarray((255 * flat.clip(0, 1) + 0.5).astype(np.uint8))


def input_tile(name: str = FIRST) -> tuple[str, Image.Image]:
    """Return an image of the sample, as the method gets it."""
    with Image.open(IMAGES / name) as image:
        over = Image.new("RGBA", image.size, "white")
        over.alpha_composite(image.convert("RGBA"))
        return "image", over.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC)


def sheet(tiles: Sequence[tuple[str, Image.Image]], path: Path) -> None:
    """Write tiles with their names in one row."""
    width = GAP + len(tiles) * (TILE + GAP)
    image = Image.new("RGB", (width, TILE + LINE + 2 * GAP), "white")
    pen = ImageDraw.Draw(image)
    for index, (name, tile) in enumerate(tiles):
        left = GAP + index * (TILE + GAP)
        image.paste(tile, (left, GAP + LINE))
        pen.text((left, GAP), name[:24], fill="black")
    partial = path.with_name(f".{path.name}.part")
    image.quantize(COLORS, dither=Image.Dither.NONE).save(partial, "PNG", optimize=True)
    partial.replace(path)


def of_shows(method: str, *names: str, weights: str | None = None) -> Callable[[], list]:
    """Return what draws shows of a method, with the image first."""

    def draw() -> list[tuple[str, Image.Image]]:
        subject = subject_of(method, weights)
        made = [exhibit for name in names for exhibit in shown(subject, name, {})]
        return [input_tile(), *((one.name, tile_of(one)) for one in made)]

    return draw


def of_morph(method: str) -> Callable[[], list]:
    """Return what draws a morph between two images of the sample."""

    def draw() -> list[tuple[str, Image.Image]]:
        first, second = (subject_of(method, name=name) for name in (FIRST, SECOND))
        between = Between(first.model, first.code, second.code)
        made = morphed(between, [0, 0.25, 0.5, 0.75, 1], resolution=RESOLUTION, way="meshes")
        return [(one.name, tile_of(one)) for one in made.exhibits]

    return draw


def moving() -> list[tuple[str, Image.Image]]:
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


PICTURES: dict[str, Callable[[], list]] = {
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
        sheet(PICTURES[name](), args.out / f"{name}.png")
        print(f"wrote {args.out / name}.png", flush=True)


if __name__ == "__main__":
    main()
