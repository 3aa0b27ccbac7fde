"""Draw sheets of procedural shapes: `python tools/contact_sheet.py chair table -o docs/shapes`."""

import argparse
from pathlib import Path

import numpy as np
from levelform.backend.data.render import look_at, render_shapes
from levelform.backend.data.shapes import Shape, categories, sample_shape
from levelform.backend.data.shapes.animated import ANIMATED, sample_animated
from levelform.backend.geometry.cameras import Camera
from PIL import Image

PAPER = 0.96  # sRGB of the sheet


def camera_of(shape: Shape, size: int, azimuth: float, elevation: float) -> Camera:
    """Return a camera that frames a shape in nine tenths of the image."""
    pose = look_at(azimuth, elevation, 3 * shape.diagonal)
    points = (shape.surface.vertices - pose[:3, 3]) @ pose[:3, :3]
    plane = points[:, :2] / points[:, 2:]
    low, high = plane.min(0), plane.max(0)
    focal = 0.9 * size / float((high - low).max())
    cx, cy = size / 2 - focal * (low + high) / 2
    return Camera(pose, focal, focal, float(cx), float(cy), size, size)


def tile(shape: Shape, size: int, azimuth: float, elevation: float) -> np.ndarray:
    """Render one shape on the sheet's background, (size, size, 3) in [0, 1]."""
    image = render_shapes(shape.batch, [camera_of(shape, size, azimuth, elevation)], samples=3)
    rgba = image.rgba[0].numpy()
    return rgba[..., :3] * rgba[..., 3:] + PAPER * (1 - rgba[..., 3:])


def sheet(tiles: list[np.ndarray], columns: int) -> Image.Image:
    """Arrange tiles in a grid, in row-major order."""
    rows = [np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]
    return Image.fromarray((np.concatenate(rows).clip(0, 1) * 255 + 0.5).astype(np.uint8))


def category_sheet(name: str, columns: int, rows: int, size: int, first: int) -> Image.Image:
    """Return a sheet of seeds `first`, `first` + 1, ... seen from front left and right."""
    tiles = []
    for i in range(columns * rows):
        azimuth = (-35, 40, -50, 25, 35, -30, 55, -145)[i % 8]
        tiles.append(tile(sample_shape(name, first + i), size, azimuth, 24))
    return sheet(tiles, columns)


def animated_sheet(name: str, columns: int, rows: int, size: int, first: int) -> Image.Image:
    """Return a sheet with one animated shape per row."""
    tiles = []
    for row in range(rows):
        moving = sample_animated(name, first + row)
        tiles += [tile(moving.at(t), size, -40, 20) for t in np.linspace(0, 1, columns)]
    return sheet(tiles, columns)


def main() -> None:
    """Write the sheets named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="categories or animated shapes; none: all")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/shapes"))
    parser.add_argument("--size", type=int, default=104, help="pixels along the side of an image")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or [*categories(), *ANIMATED]:
        make = category_sheet if name in categories() else animated_sheet
        image = make(name, args.columns, args.rows, args.size, args.first)
        image.quantize(192, dither=Image.Dither.NONE).save(args.out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
