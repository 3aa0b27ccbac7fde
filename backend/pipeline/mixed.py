"""Sets of images of which some lack a camera: steps that need cameras use the others."""

from dataclasses import replace

from ..contract.cures import listed
from ..contract.finding import FIND_CAMERAS
from ..reconstructors import methods
from ..silhouettes import Cured
from ..silhouettes.report import labels

NAMED = 5  # maximum number of images to name


def without_unposed(cured: Cured, method: str, *, chosen: bool) -> tuple[Cured, tuple[str, ...]]:
    """Return the views with cameras, and a sentence that names the others.

    Returns all views if all or none have cameras, or if the user named a method that takes both.

    Parameters
    ----------
    chosen : the method was not named by the user
    """
    known = methods().get(method)
    unposed = [number for number in cured.numbers if cured.views[number].camera is None]
    needed = chosen or (known is not None and known.spec.needs_camera)
    if not needed or not unposed or len(unposed) == len(cured.numbers):
        return cured, ()
    names = labels(cured.views)
    shown = [names[number] for number in unposed[:NAMED]]
    if len(unposed) > NAMED:
        shown.append(f"{len(unposed) - NAMED} more")
    verb, them = ("has no camera and was", "it") if len(unposed) == 1 else (
        "have no cameras and were", "them")  # fmt: skip
    sentence = f"{listed(shown)} {verb} not used. {FIND_CAMERAS} finds cameras for {them}."
    return replace(cured, left_out=cured.left_out | frozenset(unposed)), (sentence,)
