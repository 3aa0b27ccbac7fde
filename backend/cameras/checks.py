"""Checks of images before their cameras are estimated from silhouettes alone."""

from collections.abc import Sequence

import numpy as np
import torch

from ..contract.camera_estimates import check_count, named
from ..contract.errors import RequestError
from ..geometry.views import View
from ..silhouettes import Outline, trace_all
from ..silhouettes.agreement import same_image

POINTS = 96  # contour points per image
FULL = 0.995  # fraction of an image's pixels above which its mask hides nothing
ALIKE = 0.35  # minimum difference of outlines, in pixels of 224
MASKS = "Give a mask, an image with alpha, or a background of one color."
WHOLE = "The whole object must be visible in every image, with some background around it."


def outlines_of(views: Sequence[View]) -> list[Outline]:
    """Return the outlines of the images of one object.

    Raises
    ------
    RequestError
        If there are too few images, they differ in size, a silhouette is empty, fills its image or
        is cut off by its border, or all are alike.
    """
    check_count(len(views))
    _check_sizes(views)
    traced = trace_all(views, points=POINTS)
    pairs = list(zip(views, traced, strict=True))
    _refuse([v for v, o in pairs if o is None and _alpha(v) > FULL], "has no background", MASKS)
    _refuse([v for v, o in pairs if o is None], "shows no object", MASKS)
    outlines = [outline for outline in traced if outline is not None]
    cut = [view for view, outline in zip(views, outlines, strict=True) if any(outline.open)]
    _refuse(cut, "cuts the object off: its silhouette meets the border", WHOLE)
    _check_different(views, outlines)
    return outlines


def _check_sizes(views: Sequence[View]) -> None:
    sizes = [(view.image.shape[1], view.image.shape[0]) for view in views]
    for view, size in zip(views, sizes, strict=True):
        if size != sizes[0]:
            raise RequestError(
                f"The images differ in size: {views[0].name} is {sizes[0][0]} x {sizes[0][1]}, "
                f"{view.name} is {size[0]} x {size[1]}.",
                "Use the uncropped images of one camera.",
            )


def _refuse(faulty: Sequence[View], what: str, hint: str) -> None:
    """Raise a `RequestError` that names the faulty views, if any."""
    if faulty:
        raise RequestError(f"{named([view.name for view in faulty])}: the image {what}.", hint)


def _alpha(view: View) -> float:
    return float(view.image[..., 3].mean())


def _check_different(views: Sequence[View], outlines: Sequence[Outline]) -> None:
    """Refuse identical silhouettes: they say nothing about the steps."""
    largest = max(outline_difference(outlines[0], other) for other in outlines[1:])
    if largest > ALIKE:
        return
    if all(same_image(views[0], view) for view in views[1:]):
        raise RequestError(
            "All images are the same.", "Give images that show the object from all around."
        )
    raise RequestError(
        "All silhouettes are equal, as for an object turned on a lathe: they do not "
        "tell the steps between the images.",
        "Put something that is not round beside the object, or give the cameras.",
    )


def outline_difference(one: Outline, other: Outline) -> float:
    """Return the mean distance of one outline's points from the other outline, pixels of 224."""
    place = (one.points - torch.tensor(other.origin, dtype=torch.float64)) / torch.tensor(
        other.step, dtype=torch.float64
    )
    height, width = other.distances.shape
    last = torch.tensor([width - 1.0, height - 1.0], dtype=torch.float64)
    held = torch.minimum(place.clamp_min(0.0), last)
    grid = (held / last * 2 - 1).float()[None, None]
    inside = torch.nn.functional.grid_sample(
        other.distances[None, None], grid, align_corners=True
    ).flatten()
    unit = torch.tensor(other.step) * torch.tensor([float(s) for s in other.size])
    unit = unit * (224.0 / max(other.size))
    beyond = ((place - held) * unit).norm(dim=1).numpy()
    return float(np.mean(np.abs(inside.numpy()) + beyond))
