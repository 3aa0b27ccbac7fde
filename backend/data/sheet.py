"""A contact sheet of a data set: images, labelled points and numbers for visual inspection."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..contract.errors import RequestError
from ..geometry.writing import written_whole
from .format import Dataset, StoredShape, unpack_voxels

TILE = 128  # pixels
MARGIN, LINE = 4, 14
INSIDE, OUTSIDE = (214, 69, 65), (198, 204, 212)


def write_sheet(
    dataset: Dataset, path: str | Path, *, rows: int = 24, views: int = 5, seed: int = 0
) -> list[str]:
    """Write a PNG with one row per shape: images, a slice of labelled points, voxels from 3 sides.

    Returns
    -------
    the ids shown, spread over the categories

    Raises
    ------
    RequestError
        If the data set is empty.
    WorkError
        If the file can't be written.
    """
    from PIL import Image, ImageDraw

    shapes = _chosen(dataset, rows, seed)
    if not shapes:
        raise RequestError("The data set has no shapes to show.", "Choose another split.")
    tiles = [_tiles(shape, views) for shape in shapes]
    width = MARGIN + max(map(len, tiles)) * (TILE + MARGIN)
    height = MARGIN + len(shapes) * (TILE + LINE + MARGIN)
    sheet = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for row, (shape, images) in enumerate(zip(shapes, tiles, strict=True)):
        top = MARGIN + row * (TILE + LINE + MARGIN)
        pen.text((MARGIN, top), _caption(shape), fill=(20, 20, 20))
        for column, tile in enumerate(images):
            sheet.paste(Image.fromarray(tile), (MARGIN + column * (TILE + MARGIN), top + LINE))
    with written_whole(path) as partial:
        sheet.save(partial, "PNG")
    return [shape.id for shape in shapes]


def _chosen(dataset: Dataset, rows: int, seed: int) -> list[StoredShape]:
    """Return shapes from each category in turn, in random order."""
    rng = np.random.default_rng(seed)
    order = [dataset[int(i)] for i in rng.permutation(len(dataset))]
    queues = [[s for s in order if s.category == name] for name in dataset.categories]
    turns = [queue[turn] for turn in range(len(order)) for queue in queues if turn < len(queue)]
    return sorted(turns[:rows], key=lambda shape: shape.id)


def _caption(shape: StoredShape) -> str:
    parts = [f"{shape.id} [{shape.category}]"]
    for name in shape.names:
        group, _, kind = name.partition(".")
        if kind in ("distance", "inside"):
            inside = shape.inside(group)
            parts.append(f"{group}: {len(inside)} points, {inside.mean():.1%} inside")
    return "   ".join(parts)


def _tiles(shape: StoredShape, views: int) -> list[np.ndarray]:
    tiles = []
    if "views.images" in shape:
        step = max(1, shape.view_count // max(views, 1))
        tiles = [_on_white(image) for image in shape["views.images"][::step][:views]]
    tiles += [_slice(shape, name[:-7]) for name in shape.names if _is_volume(shape, name)]
    if "voxels" in shape:
        grid = unpack_voxels(shape["voxels"])
        tiles += [_thickness(grid.sum(axis)) for axis in (1, 0, 2)]
    return tiles


def _is_volume(shape: StoredShape, name: str) -> bool:
    stem = name.removesuffix(".points")
    return stem != name and (f"{stem}.distance" in shape or f"{stem}.inside" in shape)


def _on_white(image: np.ndarray) -> np.ndarray:
    from PIL import Image

    alpha = image[..., 3:].astype(np.float32) / 255
    flat = image[..., :3] * alpha + 255 * (1 - alpha)
    thumbnail = Image.fromarray(flat.round().astype(np.uint8))
    thumbnail.thumbnail((TILE, TILE))
    tile = Image.new("RGB", (TILE, TILE), (235, 235, 235))
    tile.paste(thumbnail, ((TILE - thumbnail.width) // 2, (TILE - thumbnail.height) // 2))
    return np.asarray(tile)


def _slice(shape: StoredShape, name: str) -> np.ndarray:
    """Draw the points nearest to the plane x = 0, seen from the right; red is inside."""
    points, inside = shape[f"{name}.points"], shape.inside(name)
    nearest = np.argsort(np.abs(points[:, 0]), kind="stable")[:4000]
    tile = np.full((TILE, TILE, 3), 255, np.uint8)
    y = ((points[nearest, 1] + 1) / 2 * TILE).astype(int).clip(0, TILE - 1)
    z = ((1 - points[nearest, 2]) / 2 * TILE).astype(int).clip(0, TILE - 1)
    tile[z, y] = np.where(inside[nearest, None], INSIDE, OUTSIDE)
    return tile


def _thickness(counts: np.ndarray) -> np.ndarray:
    """Return the filled fraction along an axis as grey levels; z or y points up."""
    shades = 255 - (counts.T[::-1].astype(np.float32) / max(counts.max(), 1) * 220)
    zoom = TILE // counts.shape[0]
    return np.repeat(shades.astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)[..., None], 3, 2)


def describe(shapes: Sequence[StoredShape]) -> dict[str, int]:
    """Return the number of shapes of each category."""
    counts: dict[str, int] = {}
    for shape in shapes:
        counts[shape.category] = counts.get(shape.category, 0) + 1
    return dict(sorted(counts.items()))
