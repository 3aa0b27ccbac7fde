"""Correct views before a fit: masks, viewing directions, focal lengths."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from ..geometry.images import shrink
from ..geometry.views import View
from ..ticket import Ticket
from .correcting import corrected
from .focal import focal_corrected
from .masks import corrected_masks


def corrected_views(
    views: Sequence[View], longest: int, ticket: Ticket | None = None
) -> tuple[list[View], list[str]]:
    """Return the views with clear errors corrected, and a remark for each kind.

    Masks come first: masks that are all too large look like focal lengths that are too long.

    Parameters
    ----------
    views : all with cameras, in one frame
    longest : pixels of an image's longer side when masks are compared
    """
    result, remarks = list(views), []
    masks = corrected_masks([shrink(view, longest) for view in views])
    if masks is not None:
        result = [_with_mask(v, small) for v, small in zip(views, masks.views, strict=True)]
        remarks.append(masks.remark)
    for correction in (corrected, focal_corrected):
        if ticket is not None:
            ticket.check()
        better = correction(result, ticket)
        if better is not None:
            result = better.views
            remarks.append(better.remark)
    return result, remarks


def _with_mask(view: View, small: View) -> View:
    """Return a view with the mask of a smaller one."""
    image = view.image.clone()
    alpha = small.image[..., 3].to(image)
    size = (image.shape[0], image.shape[1])
    if alpha.shape != size:
        alpha = interpolate(alpha[None, None], size=size, mode="bilinear")[0, 0]
    image[..., 3] = torch.as_tensor(alpha)
    return replace(view, image=image)
