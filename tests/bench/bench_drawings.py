"""Drawings: the sample's orthographic renders on one sheet, cut, placed and reconstructed."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from levelform.backend.contract.protocol import Background
from levelform.backend.drawings import make_drawings
from levelform.backend.extraction import extract
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.views import View
from levelform.backend.reconstructors import load_reconstructor
from levelform.backend.silhouettes.drawing import silhouette
from rows import KINDS, Row, RowKind, at_least

sys.path.insert(0, str(Path(__file__).parents[1] / "backend" / "drawings"))
import sheets

SIDES = ("front", "right", "back", "top")
SCALES = (200.0, 160.0, 186.0, 146.0)  # pixels a unit: drawings of unequal sizes
REPROJECTS = 0.97


def rows(kinds: Sequence[RowKind] = KINDS) -> Iterator[Row]:
    """Measure both samples; all rows are counts."""
    if "count" not in kinds:
        return
    for name in ("chair", "suzanne"):
        yield reprojected(name)


def reprojected(name: str) -> Row:
    """Return the smallest IoU of a drawing with the silhouette of the mesh made of all of them."""
    with tempfile.TemporaryDirectory() as folder:
        coverage = sheets.row(name, SIDES, SCALES)
        path = sheets.save(Path(folder) / f"{name}.png", sheets.drawn(coverage))
        made = make_drawings([path], Background("auto"))
    assert made.names == SIDES
    views = [
        View(piece.image, Camera.from_data(camera), side)
        for side, piece, camera in zip(made.names, made.pieces, made.evened.cameras, strict=True)
    ]
    hull = load_reconstructor("visual-hull", weights=None, device="cpu")
    mesh = extract(hull.decode(hull.encode(views)), resolution=128)
    vertices, faces = torch.as_tensor(mesh.vertices), torch.as_tensor(mesh.faces).long()
    ious = []
    for view in views:
        shown = silhouette(vertices, faces, view.camera)
        own = view.image[..., 3] >= 0.5
        ious.append(float((shown & own).sum() / (shown | own).sum()))
    told = ", ".join(f"{side} {iou:.3f}" for side, iou in zip(SIDES, ious, strict=True))
    return at_least(f"drawings, {name}: silhouettes", min(ious), None, REPROJECTS, note=told)
