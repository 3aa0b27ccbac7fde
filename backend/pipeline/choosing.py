"""Choose the method for one image without a camera, by the methods' accuracy and by its own mask.

The methods are tried in the order of their accuracy, each as a coarse mesh whose silhouette is
fitted to the mask. The first mesh is shown at once and replaced where another method agrees better;
methods that can't become better than the best so far are not tried. With all bundled weights the
ensemble is ahead by more than a silhouette weighs; without some, the silhouettes decide.
"""

import logging
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..contract import protocol
from ..contract.default_method import ANY_OBJECT, AUTO, UNPOSED_IOU
from ..contract.errors import LevelformError
from ..contract.options import PIPELINE
from ..contract.weights import installed_weights
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..geometry.volume import Volume
from ..reconstructors import Code, bundled_weights, find_method
from ..reconstructors.finishing import finished
from ..silhouettes.camera_fit import FittedCamera, Prior
from ..ticket import Ticket
from .networks import Networks
from .single_image import COARSE, camera_of_mesh, coarse_mesh, votes_of

log = logging.getLogger(__name__)

# Weight of a method's measured IoU against the silhouette's. On 35 validation images a silhouette
# hardly tells which method is better (correlation .13): the IoU is .396 with a weight of 2, .407
# with 4, .410 with 16. So it decides between methods whose IoU is nearly equal.
EVIDENCE_WEIGHT = 16.0
FIRST, ENCODED = 0.8, 0.5  # parts of the time: of the first method, of a method until its mesh
BEST_IOU = (
    0.96  # of a fitted silhouette, that other methods are credited with before they are tried
)


@dataclass(frozen=True)
class MethodCandidate:
    """A method tried on the image.

    name : of the method
    code : of the image
    mesh : coarse
    fitted : the camera that makes the mesh cover the mask
    """

    name: str
    code: Code
    mesh: Mesh
    fitted: FittedCamera

    @property
    def score(self) -> float:
        """Evidence for the method."""
        return evidence(self.name, self.fitted.iou)


@dataclass(frozen=True)
class Choice:
    """A method for one image.

    best : the candidate that was chosen
    ious : of the silhouettes of all candidates
    """

    best: MethodCandidate
    ious: Mapping[str, float]

    @property
    def name(self) -> str:
        """The name of the method."""
        return self.best.name

    @property
    def why(self) -> str:
        """A sentence for the result's remarks."""
        others = ", ".join(f"{n} {iou:.0%}" for n, iou in self.ious.items() if n != self.name)
        return (
            f"No method was named: {self.name} was used because of its accuracy on other images "
            f"without cameras; its silhouette covers the mask to {self.best.fitted.iou:.0%}"
            f"{f' ({others})' if others else ''}."
        )


def chooses(request: protocol.Reconstruct) -> bool:
    """Return whether to choose the method of a request by its image.

    True for one image without a camera, if neither a method nor an option of some methods was
    given. TripoSR, once installed, needs no comparison.
    """
    plain = request.options.keys() <= {option.name for option in PIPELINE}
    single = len(request.views) == 1 and request.views[0].camera is None
    unnamed = request.method == AUTO and request.weights is None and request.level is None
    return unnamed and single and plain and installed_weights(ANY_OBJECT) is None


def choose(
    view: View, networks: Networks, device: str, ticket: Ticket
) -> Generator[Mesh, None, Choice | None]:
    """Return the method whose silhouette agrees best with the mask; None without candidates.

    The score is the IoU of the silhouettes, each method's from the camera that suits it best, and
    `EVIDENCE_WEIGHT` times the method's mean IoU with the truth on unposed images (`UNPOSED_IOU`).

    Yields
    ------
    The coarse mesh of the first method, before anything is compared, then of each better one.
    """
    finder = networks.camera_finder(device)
    prior = None if finder is None else votes_of(finder, view)
    best: MethodCandidate | None = None
    ious: dict[str, float] = {}
    names = sorted(UNPOSED_IOU, key=lambda name: -UNPOSED_IOU[name])
    for index, name in enumerate(names):
        ticket.advance(_passed(index, 0.0))
        if not _bundled(name) or _too_late(name, best):
            continue
        attempt = _encoded(name, view, networks, device)
        if attempt is None:
            continue
        if best is None:
            yield attempt.mesh
        ticket.advance(_passed(index, ENCODED))
        candidate = _fitted(attempt, view, networks, device, prior)
        ious[name] = candidate.fitted.iou
        if best is not None and candidate.score > best.score:
            yield candidate.mesh
        best = best_of([candidate] if best is None else [best, candidate])
    return None if best is None else Choice(best, ious)


def tried(name: str, view: View, networks: Networks, device: str) -> MethodCandidate | None:
    """Return a method as a candidate for an image; None if it makes no surface."""
    attempt = _encoded(name, view, networks, device)
    finder = networks.camera_finder(device)
    prior = None if finder is None else votes_of(finder, view)
    return None if attempt is None else _fitted(attempt, view, networks, device, prior)


def evidence(name: str, iou: float) -> float:
    """Return the score of a method whose silhouette agrees with the mask to an IoU."""
    return iou + EVIDENCE_WEIGHT * UNPOSED_IOU[name]


def best_of(candidates: Iterable[MethodCandidate]) -> MethodCandidate | None:
    """Return the candidate with the best evidence, the first of equals; None of none."""
    return max(candidates, key=lambda each: each.score, default=None)


def first_meshes(
    job: str, chosen: Generator[Mesh, None, Choice | None]
) -> Generator[protocol.MeshUpdate, None, Choice | None]:
    """Pass the meshes of `choose` on as events of a job; return the choice."""
    volume = Volume.from_matrix(np.eye(4))
    while True:
        try:
            mesh = next(chosen)
        except StopIteration as end:
            return end.value
        yield protocol.MeshUpdate(
            job,
            mesh.vertices,
            mesh.faces,
            mesh.normals,
            None,
            volume.world_from_mesh,
            volume.scale,
            COARSE,
            False,
        )


def _passed(index: int, part: float) -> float:
    """Return the fraction of the comparison's time: the first method is mostly the only one."""
    return 1.0 - (1.0 - FIRST) ** (index + part)


def _bundled(name: str) -> bool:
    """Return whether the weights come with Levelform, those of all members of an ensemble."""
    return all(
        bundled_weights(each) is not None for each in find_method(name).spec.members or (name,)
    )


def _too_late(name: str, best: MethodCandidate | None) -> bool:
    """Return whether a method can't become better than the best so far."""
    return best is not None and best.score >= evidence(name, BEST_IOU)


@dataclass(frozen=True)
class _Attempt:
    """A method's first result for an image: its name, the image's code, and a coarse mesh."""

    name: str
    code: Code
    mesh: Mesh


def _encoded(name: str, view: View, networks: Networks, device: str) -> _Attempt | None:
    """Return a method's first result for an image; None if it has no surface."""
    model = networks.load(name, None, device)
    try:
        code = model.encode([view])
        mesh = coarse_mesh(finished(model, model.decode(code), [view], None))
    except LevelformError as error:
        log.info("%s is not a candidate: %s", name, error.message)
        return None
    return None if mesh is None else _Attempt(name, code, mesh)


def _fitted(
    attempt: _Attempt, view: View, networks: Networks, device: str, prior: Prior | None
) -> MethodCandidate:
    """Return an attempt with the camera that makes it cover the mask."""
    model, finder = networks.load(attempt.name, None, device), networks.camera_finder(device)
    fitted = camera_of_mesh(model, attempt.mesh, view, finder=finder, prior=prior)
    return MethodCandidate(attempt.name, attempt.code, attempt.mesh, fitted)
