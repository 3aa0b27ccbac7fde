"""Backgrounds to alpha: compute the mask of an opaque image, and correct masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.matte_weights import MISSING
from ..contract.protocol import Background
from ..ticket import Ticket
from .line_drawing import DOUBT as LINES
from .line_drawing import filled_drawing
from .matte_network import matte_network
from .plain import SCALES, distance_alpha, masks_at_scales
from .salient import mask_iou

FULL = 1.0 - 1e-3  # alpha at which a pixel counts as opaque
MODES = ("auto", "object", "alpha", "corner", "color")
ROUNDS = 4  # rounds of fitting the background; each drops the outliers of the one before
LEAST_BORDER = 0.5  # fraction of the border that must show the background
PIECES, LARGEST = 20, 0.8  # a mask of more pieces, whose largest is a smaller part of it, is torn
TORN = "it is in many pieces, so the background may not be plain"
PLAIN = 0.9  # fraction of the border for masks by color to be used without the network
CONFIRMED = 0.85  # minimum IoU with the network's mask of a doubtful one by color
FAINT = "parts of the object are hardly told from the background or from its shadow by their color"


def has_alpha(image: Tensor) -> bool:
    """Return whether an image, (H, W, 4), is transparent anywhere."""
    return bool((image[..., 3] < FULL).any())


@dataclass(frozen=True)
class Matte:
    """An image with a mask as alpha.

    image : (H, W, 4)
    source : of the mask: "alpha", "background" or "network"
    doubts : clauses about why the mask may be wrong
    """

    image: Tensor
    source: str
    doubts: tuple[str, ...] = ()


class PlainBackgroundError(RequestError):
    """The image's border shows no plain background."""


def matte(
    image: Tensor,
    background: Background,
    *,
    name: str = "The image",
    ticket: Ticket | None = None,
) -> Matte:
    """Return the image with the background transparent.

    An image with any transparency is returned unchanged. "corner" and "color" compare with one
    color, see `plain.distance_alpha`; "auto" compares with the smooth background that the image's
    border shows, and its soft shadows. Where the border is not plain, or the mask is in many
    pieces, the mask is that of the object that stands out, by `salient_mask`, which also decides
    between masks by color where these depend on the tolerance.

    Parameters
    ----------
    image : (H, W, 4) sRGB in [0, 1]
    background
        What to treat as background. "alpha" changes nothing; "auto" uses the image's border, which
        may vary smoothly, and "object" the network alone.
    name
        The image's name in messages.

    Raises
    ------
    RequestError
        If the mode is unknown, the corners differ in colour, or the border shows no background
        and the network has no weights.
    """
    if background.mode not in MODES:
        raise RequestError(
            f"{background.mode!r} is not a background mode.", f"Choose one of {', '.join(MODES)}."
        )
    if background.mode == "alpha" or has_alpha(image):
        return Matte(image, "alpha")
    tolerance = max(float(background.tolerance), 1 / 255)
    if background.mode == "object":
        return _salient(image, ticket)
    if background.mode == "auto":
        return _automatic(image, tolerance, name, ticket)
    color = _given_color(image, background, tolerance, name)
    return _by_color(image, distance_alpha(image[..., :3], color, tolerance))


def matte_by_color(image: Tensor, background: Background, *, name: str = "The image") -> Matte:
    """Return `matte` by the background's color alone: shadows and outlines stay as they are.

    Sheets of drawings need no more. The network is asked only where the border is not plain.
    """
    tolerance = max(float(background.tolerance), 1 / 255)
    if background.mode in ("alpha", "object") or has_alpha(image):
        return matte(image, background, name=name)
    try:
        if background.mode == "auto":
            color, _, _ = _background(image[..., :3], tolerance, name)
        else:
            color = _given_color(image, background, tolerance, name)
    except PlainBackgroundError:
        return matte(image, background, name=name)
    alpha = distance_alpha(image[..., :3], color, tolerance)
    return Matte(with_alpha(image, alpha), "background")


def _given_color(image: Tensor, background: Background, tolerance: float, name: str) -> Tensor:
    """Return the color of the corners, or the one that was named, (3,)."""
    if background.mode == "corner":
        return _corner_color(image, tolerance, name)
    return image.new_tensor(background.color)


def _by_color(image: Tensor, alpha: Tensor) -> Matte:
    """Return an image with its mask by color, filled if it is a line drawing."""
    matted = with_alpha(image, alpha)
    drawing = filled_drawing(matted)
    if drawing is None:
        return Matte(matted, "background")
    return Matte(with_alpha(image, drawing), "background", (LINES,))


def _automatic(image: Tensor, tolerance: float, name: str, ticket: Ticket | None) -> Matte:
    """Return the mask by the plain background, by the network, or the one that both agree on."""
    color = image[..., :3]
    try:
        background, error, seen = _background(color, tolerance, name)
    except PlainBackgroundError:
        if not matte_network.available:
            raise
        return _salient(image, ticket)
    plain = _by_color(image, distance_alpha(color, background, tolerance))
    if plain.doubts:
        return plain
    made, agreed = masks_at_scales(color, background, tolerance, error)
    available = matte_network.available
    if torn(made[0]):
        torn_mask = Matte(with_alpha(image, made[0]), "background", (TORN,))
        return _salient(image, ticket) if available else torn_mask
    if agreed and (seen >= PLAIN or not available):
        return Matte(with_alpha(image, made[-1]), "background")
    if not available:
        return Matte(with_alpha(image, made[0]), "background", (FAINT,))
    # Before an uneven background, masks by color tell nothing about the network's.
    doubt = error <= SCALES[-1] * tolerance and seen >= PLAIN
    return _decided(image, made[-1:] if agreed else made, ticket, (FAINT,) if doubt else ())


def _decided(
    image: Tensor, made: Sequence[Tensor], ticket: Ticket | None, doubts: tuple[str, ...]
) -> Matte:
    """Return the mask by color that the network confirms, else the network's, with doubts."""
    salient = _salient(image, ticket)
    ious = [mask_iou(alpha, salient.image[..., 3]) for alpha in made]
    best = int(np.argmax(ious))
    if ious[best] >= CONFIRMED:
        return Matte(with_alpha(image, made[best]), "background")
    return replace(salient, doubts=(*salient.doubts, *doubts))


def torn(alpha: Tensor) -> bool:
    """Return whether a mask is in many pieces, as where the background has texture."""
    from scipy.ndimage import label

    pieces, count = cast("tuple[np.ndarray, int]", label(alpha.numpy() > 0.5))
    sizes = np.bincount(pieces.ravel(), minlength=2)[1:]
    return count > PIECES and bool(sizes.max() < LARGEST * sizes.sum())


def with_alpha(image: Tensor, alpha: Tensor) -> Tensor:
    """Return an image, (H, W, 4), with another alpha, (H, W)."""
    return torch.cat([image[..., :3], alpha[..., None]], dim=2)


def corrected(alpha: Tensor, background: Background) -> Tensor:
    """Return a mask, (H, W), with the corrections that were asked for."""
    if background.largest:
        alpha = largest_piece(alpha)
    return filled(alpha) if background.fill_holes else alpha


def largest_piece(alpha: Tensor) -> Tensor:
    """Return the largest piece of a mask, with its soft edges."""
    from scipy.ndimage import label

    soft, _ = cast("tuple[np.ndarray, int]", label(alpha.numpy() > 0))
    hard, count = cast("tuple[np.ndarray, int]", label(alpha.numpy() > 0.5))
    if count == 0:
        return alpha
    sizes = np.bincount(hard.ravel(), minlength=count + 1)
    sizes[0] = 0
    largest = hard == sizes.argmax()
    own = (soft == soft[largest][0]) & ((hard == 0) | largest)
    return torch.where(torch.from_numpy(own), alpha, 0.0)


def filled(alpha: Tensor) -> Tensor:
    """Return a mask without holes: enclosed pixels belong to the object."""
    from scipy.ndimage import binary_fill_holes

    inside = alpha.numpy() > 0.5
    whole = cast("np.ndarray", binary_fill_holes(inside))
    return torch.where(torch.from_numpy(whole & ~inside), 1.0, alpha)


def _salient(image: Tensor, ticket: Ticket | None) -> Matte:
    mask = matte_network.mask(image, ticket)
    return Matte(with_alpha(image, mask.mask), "network", mask.doubts)


def _background(color: Tensor, tolerance: float, name: str) -> tuple[Tensor, float, float]:
    """Extrapolate the smooth background at the image's border to the whole image, (H, W, 3).

    Also returns the error that 90 % of the border's pixels that show it stay below, and the
    fraction of the border that these are.

    Fits a second-degree polynomial in both directions to the border, without outliers such as an
    object that is cut off.
    """
    height, width = color.shape[:2]
    rows = torch.linspace(-1, 1, height, dtype=torch.float64)[:, None].expand(height, width)
    columns = torch.linspace(-1, 1, width, dtype=torch.float64)[None].expand(height, width)
    one = torch.ones_like(rows)
    terms = torch.stack([one, rows, columns, rows * columns, rows**2, columns**2], -1)
    side = max(min(height, width) // 32, 1)
    border = torch.ones(height, width, dtype=torch.bool)
    border[side:-side, side:-side] = False
    known, seen = terms[border], color[border].double()
    fits = (seen - seen.median(dim=0).values).abs().amax(1) <= 3 * tolerance
    fits = fits if fits.double().mean() >= LEAST_BORDER else torch.ones_like(fits)
    weights = known.new_zeros(terms.shape[-1], 3)
    for _ in range(ROUNDS):
        weights = torch.linalg.lstsq(known[fits], seen[fits]).solution
        fits = (known @ weights - seen).abs().amax(1) <= tolerance
        if fits.double().mean() < LEAST_BORDER:
            raise PlainBackgroundError(
                f"{name}: the image's border shows no plain background.",
                "Use a plain background, choose the background's color, or cut the "
                f"object out: an image with alpha needs no background. {MISSING}",
            )
    error = float((known @ weights - seen)[fits].abs().amax(1).quantile(0.9))
    return (terms @ weights).to(color).clamp(0, 1), error, float(fits.double().mean())


def _corner_color(image: Tensor, tolerance: float, name: str) -> Tensor:
    """Return the median colour, (3,), of the image's corners."""
    side = max(min(image.shape[:2]) // 32, 1)
    corners = [
        image[rows, columns, :3].reshape(-1, 3).median(dim=0).values
        for rows in (slice(None, side), slice(-side, None))
        for columns in (slice(None, side), slice(-side, None))
    ]
    stack = torch.stack(corners)
    color = stack.median(dim=0).values
    if float((stack - color).abs().max()) > tolerance:
        raise RequestError(
            f"{name}: the image's corners differ in color, so they don't show the background.",
            "Choose the background's color, raise its tolerance, or give an image with alpha.",
        )
    return color
