"""Which method is used where none is named: one rule for the panel, scripts and both terminals."""

from collections.abc import Sequence
from dataclasses import dataclass

from .protocol import ViewData
from .weights import installed_weights

AUTO = "auto"  # the name that stands for the rule
FIT_VIEWS = 3  # minimum number of posed images for `fit` to be the default
FIT, HULL, SINGLE_IMAGE = "fit", "visual-hull", "levelform"
ENSEMBLE = "ensemble"
# One or two silhouettes hardly limit an object: mean IoU .47 and .52 by the network, .16 and .27 by
# the hull (docs/views.md).
FEW_IMAGES = SINGLE_IMAGE
ANY_OBJECT = "triposr"  # of one image, once its weights are installed
# Mean IoU with the truth of one image without a camera, 66 validation shapes: docs/one-picture.md.
# On test shapes (docs/unposed.md) the ensemble leads as well.
UNPOSED_IOU = {
    ENSEMBLE: 0.465,
    "deep-meta-functionals": 0.420,
    "tdgn": 0.419,
    SINGLE_IMAGE: 0.417,
    "occupancy-network": 0.415,
}
CANDIDATES = (FIT, HULL, *UNPOSED_IOU, ANY_OBJECT)
RULE = (
    f"fit for {FIT_VIEWS} or more images with cameras, levelform for fewer and for images without "
    "cameras (beside images with cameras these are left out); for one without, the ensemble of "
    "four networks (triposr, where its weights are installed)"
)


@dataclass(frozen=True)
class DefaultMethod:
    """A method chosen by the rule.

    name : of the method
    why : a sentence for the result's remarks
    """

    name: str
    why: str


def default_method(posed: int, unposed: int = 0) -> DefaultMethod:
    """Return the method for a number of images with cameras, and of images without.

    Of both kinds together those with cameras are used, see `pipeline.mixed`.
    """
    if (posed, unposed) == (0, 1) and installed_weights(ANY_OBJECT) is not None:
        name, why = ANY_OBJECT, "the image has no camera and its weights are installed"
    elif posed == 0:
        name, why = SINGLE_IMAGE, "no image has a camera"
    elif posed >= FIT_VIEWS:
        some = f"all {posed}" if unposed == 0 else f"{posed} of {posed + unposed}"
        name, why = FIT, f"{some} images have cameras"
    else:
        count = "only one image has" if posed == 1 else f"only {posed} images have"
        name, why = FEW_IMAGES, f"{count} a camera" if posed == 1 else f"{count} cameras"
    return DefaultMethod(name, f"No method was named: {name} was used because {why}.")


def first_for_unposed(*, weights: bool = False) -> str:
    """Return the name of the method that one image without a camera is tried with first.

    Parameters
    ----------
    weights : whether a file of weights is chosen; then no methods are compared
    """
    name = default_method(0, 1).name
    return ENSEMBLE if name == SINGLE_IMAGE and not weights else name


def method_for(method: str, views: Sequence[ViewData]) -> str:
    """Return the name of a method, with the rule applied where it is `AUTO`."""
    if method != AUTO:
        return method
    posed = sum(view.camera is not None for view in views)
    return default_method(posed, len(views) - posed).name


def reason(method: str, views: Sequence[ViewData]) -> tuple[str, ...]:
    """Return the sentence about the method that the rule chose; none where one was named."""
    if method != AUTO:
        return ()
    posed = sum(view.camera is not None for view in views)
    return (default_method(posed, len(views) - posed).why,)
