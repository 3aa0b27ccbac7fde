"""Which method suits one image without a camera: by how well methods do, and by its own mask."""

import logging
from dataclasses import dataclass

from ..contract import protocol
from ..contract.default_method import ANY_OBJECT, AUTO, UNPOSED_IOU
from ..contract.errors import LevelformError
from ..contract.options import PIPELINE
from ..contract.weights import installed_weights
from ..geometry.views import View
from ..reconstructors import bundled_weights
from ..reconstructors.finishing import finished
from ..ticket import Ticket
from .networks import Networks
from .single_image import fitted_camera

log = logging.getLogger(__name__)

EVIDENCE_WEIGHT = 2.0  # of a method's measured IoU against the silhouette's


@dataclass(frozen=True)
class Choice:
    """A method for one image.

    name : of the method
    why : a sentence for the result's remarks
    """

    name: str
    why: str


def chooses(request: protocol.Reconstruct) -> bool:
    """Return whether the method of a request is to be chosen by its image.

    It is where none was named for one image without a camera, and nothing was said that only some
    methods take. TripoSR, once installed, needs no comparison.
    """
    plain = request.options.keys() <= {option.name for option in PIPELINE}
    single = len(request.views) == 1 and request.views[0].camera is None
    unnamed = request.method == AUTO and request.weights is None and request.level is None
    return unnamed and single and plain and installed_weights(ANY_OBJECT) is None


def choose(view: View, networks: Networks, device: str, ticket: Ticket) -> Choice | None:
    """Return the method whose silhouette agrees best with the mask; None without candidates.

    The score is the IoU of the silhouettes, each method's from the camera that suits it best, and
    twice the method's mean IoU with the truth on unposed images (`UNPOSED_IOU`).
    """
    finder = networks.camera_finder(device)
    scores: dict[str, tuple[float, float]] = {}
    for name, evidence in UNPOSED_IOU.items():
        ticket.check()
        if bundled_weights(name) is None:
            continue
        model = networks.load(name, None, device)
        try:
            field = finished(model, model.decode(model.encode([view])), [view], None)
            fitted = fitted_camera(model, field, view, finder=finder, ticket=ticket)
        except LevelformError as error:
            log.info("%s is no candidate: %s", name, error.message)
            continue
        if fitted is not None:
            scores[name] = (fitted.iou + EVIDENCE_WEIGHT * evidence, fitted.iou)
    if not scores:
        return None
    best = max(scores, key=lambda name: scores[name][0])
    return Choice(best, _why(best, scores))


def _why(best: str, scores: dict[str, tuple[float, float]]) -> str:
    covered = f"its silhouette covers the mask to {scores[best][1]:.0%}"
    others = ", ".join(f"{name} {iou:.0%}" for name, (_, iou) in scores.items() if name != best)
    return (
        f"No method was named: {best} was used because {covered}"
        f"{f' ({others})' if others else ''} and it does well on images without cameras."
    )
