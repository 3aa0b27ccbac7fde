"""Sheets and separate drawings become named pieces with orthographic cameras."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..contract.drawings import SIZE, check_names
from ..contract.errors import RequestError
from ..contract.image_files import image_file
from ..contract.protocol import Background
from ..geometry.cameras import Camera
from ..images.reading import read_mask, read_tagged
from ..silhouettes.agreement import residuals_of
from ..silhouettes.outlines import Outline, trace
from ..ticket import Ticket
from .cutting import Cut, Piece, cut_one, cut_sheet
from .framing import framed
from .naming import candidates, names_of_files
from .sizes import Evened, even_out

BY_FAR = 0.4  # other names than the usual ones must reduce the disagreement to this fraction
FINE = 0.5  # pixels of 224; below it the usual names are kept
STRETCH = 100.0  # cost of a stretch by a factor of e, in pixels of disagreement
UNSEEN = 0.02  # an invisible stretch
LEFT_OUT = "-"


@dataclass(frozen=True)
class Drawings:
    """Drawings of one object with their cameras.

    Attributes
    ----------
    names : the side of each
    pieces : the drawings, in the order of the names
    evened : their cameras
    disagreement : mean residual of the outlines, pixels of an image 224 wide
    remarks : sentences for the person
    """

    names: tuple[str, ...]
    pieces: tuple[Piece, ...]
    evened: Evened
    disagreement: float
    remarks: tuple[str, ...] = ()


def make_drawings(
    paths: Sequence[str | Path],
    background: Background,
    *,
    names: Sequence[str] = (),
    size: float = SIZE,
    ticket: Ticket | None = None,
) -> Drawings:
    """Return the drawings of one sheet, or of several images, with their cameras.

    Parameters
    ----------
    paths : one image is a sheet, several are a drawing each
    background : how to find it where images are opaque
    names : sides in reading order, or in the order of the images; "-" leaves one out. Empty: by
        position, or by the words in the files' names
    size : length of the object's longest side

    Raises
    ------
    RequestError
        If a file can't be used, the sheet can't be cut, or sides are missing or contradictory.
    """
    if not (math.isfinite(size) and size > 0):
        raise RequestError(f"The object's size is {size:g}.", "Give a length above zero.")
    ticket = ticket or Ticket()
    ticket.plan({"Cutting": 3.0, "Comparing": 1.0})
    with ticket.stage("Cutting"):
        cut = _cut(paths, background, ticket)
    with ticket.stage("Comparing"):
        return _named(cut, paths, tuple(names), size, ticket)


def _cut(paths: Sequence[str | Path], background: Background, ticket: Ticket) -> Cut:
    """Return the pieces of a sheet, or the drawing of each image."""
    if not paths:
        raise RequestError("No image is given.", "Give a sheet of drawings, or several images.")
    if len(paths) == 1:
        return cut_sheet(_image(paths[0]), background, name=Path(paths[0]).name)
    pieces, remarks = [], []
    for index, path in enumerate(paths):
        cut = cut_one(_image(path), background, name=Path(path).name)
        pieces += cut.pieces
        remarks += [f"{Path(path).name}: {remark}" for remark in cut.remarks]
        ticket.advance((index + 1) / len(paths))
    return Cut(tuple(pieces), tuple(remarks))


def _image(path: str | Path) -> torch.Tensor:
    """Return an image file upright, with its mask as alpha if it has one."""
    file = image_file(path)
    read = read_tagged(file, turned=True)
    if not file.mask:
        return read.image
    height, width = read.image.shape[:2]
    mask = read_mask(file.mask, (width, height), rotated_by=read.orientation)
    return torch.cat([read.image[..., :3], mask[..., None]], 2)


def _named(
    cut: Cut, paths: Sequence[str | Path], names: tuple[str, ...], size: float, ticket: Ticket
) -> Drawings:
    """Return the drawings under the given names, or the most plausible ones."""
    remarks = list(cut.remarks)
    pieces = cut.pieces
    if names:
        if len(names) != len(pieces):
            raise RequestError(
                f"{len(names)} names are given for {len(pieces)} drawings.",
                f"Name each, or write {LEFT_OUT} for one to leave out.",
            )
        pieces = tuple(p for p, n in zip(pieces, names, strict=True) if n != LEFT_OUT)
        names = tuple(name for name in names if name != LEFT_OUT)
        check_names(names)
        if len(names) < 2:
            raise RequestError("Fewer than two drawings are named.", "Name two or more.")
    elif len(paths) > 1:
        names = names_of_files(paths)
    else:
        names, told = _likeliest(pieces, size, ticket)
        remarks += told
    evened = even_out(names, pieces, size=size)
    remarks += evened.remarks(names)
    cropped = [n for n, p in zip(names, pieces, strict=True) if p.cropped]
    if cropped:
        remarks.append(f"Cut off by the image's border: {', '.join(cropped)}.")
    pieces, evened = framed(names, pieces, evened)
    residual = _residual(_outlines(pieces), evened)
    return Drawings(names, pieces, evened, residual, tuple(remarks))


def _likeliest(
    pieces: Sequence[Piece], size: float, ticket: Ticket
) -> tuple[tuple[str, ...], list[str]]:
    """Return the usual names, unless others make the outlines agree far better."""
    tried = candidates(pieces)
    outlines = _outlines(pieces)
    scores = []
    for names in tried:
        ticket.check()
        scores.append(_disagreement(names, pieces, outlines, size))
    best = min(range(len(tried)), key=scores.__getitem__)
    if scores[0] > FINE and scores[best] < BY_FAR * scores[0]:
        told = f"Named {', '.join(tried[best])}: with these sides the outlines fit each other."
        return tried[best], [told]
    return tried[0], []


def _disagreement(
    names: Sequence[str],
    pieces: Sequence[Piece],
    outlines: Sequence[Outline | None],
    size: float,
) -> float:
    """Return the outlines' disagreement under these names; infinite if it can't be determined."""
    try:
        evened = even_out(names, pieces, size=size)
    except RequestError:
        return math.inf
    stretch = max(abs(math.log(factor)) for factor in evened.stretched)
    return _residual(outlines, evened) + STRETCH * max(stretch - UNSEEN, 0.0)


def _outlines(pieces: Sequence[Piece]) -> list[Outline | None]:
    return [trace(piece.image[..., 3]) for piece in pieces]


def _residual(outlines: Sequence[Outline | None], evened: Evened) -> float:
    """Return the mean residual of the outlines, pixels of 224."""
    pairs = [
        (outline, Camera.from_data(camera))
        for outline, camera in zip(outlines, evened.cameras, strict=True)
        if outline is not None
    ]
    if len(pairs) < 2:
        return 0.0
    return float(residuals_of([o for o, _ in pairs], [c for _, c in pairs]).mean())
