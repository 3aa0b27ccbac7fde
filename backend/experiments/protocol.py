"""Score a network as its paper does: meshes, the paper's metrics, and its own table beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from ..contract.errors import LevelformError, RequestError
from ..data.format import StoredShape
from ..data.meshes import Solid, SurfaceSamples, mend
from ..geometry.frames import apply, similarity
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..images.framing import frame_views
from ..metrics import ProtocolScores, average, camera_distances, evaluate
from ..metrics.papers import Evaluable
from ..reconstructors import Code, Reconstructor
from ..reconstructors.disn import DISN
from ..reconstructors.estimates import EstimatesCameras
from ..reconstructors.figures.uclid_net import point_cloud
from ..reconstructors.networks.sdf_srn import CROP
from ..reconstructors.networks.uclid_net import SHAPENET_UNIT
from ..reconstructors.uclid_net import UCLIDNet
from ..ticket import Ticket
from .codes import CodeTable
from .entrants import NetworkEntrant
from .measuring import surface_of
from .published import ESTIMATED, GIVEN, PUBLISHED, VOLUME, PublishedNumber
from .store import Numbers, Store

METHODS = {"sdf-srn-pascal3d": "sdf-srn", "pix3d": "uclid-net"}  # of protocols with other names
CAMERAS = {"uclid-net": "estimated"}  # of the papers' headline numbers; "given" where not named
RESOLUTIONS = {"disn": 64}  # cells of the papers' meshes; 128 where not named
CLOUD_PROTOCOLS = ("uclid-net", "pix3d")  # measure points, which UCLID-Net predicts directly
CAMERA_POINTS = 2048  # of the surface, at which cameras are compared
CAMERA_PIXELS = 137  # side of the image, in pixels, for d2D


def method_of(paper: str) -> str:
    """Return the method that a protocol is about.

    Raises
    ------
    RequestError
        If there is no such protocol.
    """
    if paper not in PUBLISHED:
        raise RequestError(
            f"{paper!r} is not a paper with a protocol.", f"Choose one of {', '.join(PUBLISHED)}."
        )
    return METHODS.get(paper, paper)


class Cloud:
    """Points instead of a mesh, for protocols that measure nothing but points.

    Parameters
    ----------
    points : (N, 3)
    """

    def __init__(self, points: np.ndarray) -> None:
        self.vertices = points
        self.faces = np.zeros((0, 3), np.int64)

    def surface(self, count: int, rng: np.random.Generator) -> SurfaceSamples:
        """Draw points, without replacement if there are enough; their normals are not known."""
        chosen = rng.choice(len(self.vertices), count, replace=len(self.vertices) < count)
        points = self.vertices[chosen].astype(np.float32)
        return SurfaceSamples(points, np.zeros_like(points), np.zeros(count, np.int64))

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Refuse: points have no inside."""
        raise TypeError("a cloud has no inside")

    def occupancy_grid(self, resolution: int, half: float) -> np.ndarray:
        """Refuse: points have no inside."""
        raise TypeError("a cloud has no inside")

    def in_frame(self, matrix: np.ndarray) -> "Cloud":
        """Return the points in another frame."""
        return Cloud(apply(matrix, self.vertices))


@dataclass(frozen=True)
class Trial:
    """How a paper's protocol is run.

    Attributes
    ----------
    paper : name of the protocol
    entrant : the network
    camera : "given" or "estimated"
    views : images of each object that are reconstructed, each alone
    resolution : cells along a mesh's longest side
    seed : of surface points
    """

    paper: str
    entrant: NetworkEntrant
    camera: str = "given"
    views: int = 1
    resolution: int = 128
    seed: int = 0

    @property
    def setting(self) -> str:
        """The rows of the paper's tables that are about such a network and input."""
        models = self.entrant.models.values()
        if any(isinstance(m, DISN) and m.configuration.streams == "volume" for m in models):
            return VOLUME
        return ESTIMATED if self.camera == "estimated" else GIVEN


@dataclass
class Outcome:
    """What a protocol measured.

    Attributes
    ----------
    trial : how
    rows : (category, name, scores) of each image
    codes : of the first image of each shape
    """

    trial: Trial
    rows: list[tuple[str, str, ProtocolScores]] = field(default_factory=list)
    codes: CodeTable = field(default_factory=CodeTable)

    @cached_property
    def means(self) -> tuple[Numbers, dict[str, Numbers]]:
        """The paper's headline means, and the means by category."""
        return average(((category, row) for category, _, row in self.rows), self.trial.paper)

    @property
    def published(self) -> tuple[PublishedNumber, ...]:
        """The paper's own numbers in this setting."""
        kinds = ("", self.trial.setting)
        return tuple(row for row in PUBLISHED[self.trial.paper] if row.setting in kinds)


def run_protocol(
    trial: Trial,
    shapes: Sequence[StoredShape],
    store: Store | None = None,
    *,
    ticket: Ticket | None = None,
) -> Outcome:
    """Reconstruct and score shapes; stored measurements are not made again.

    Raises
    ------
    RequestError
        If a shape has no true mesh, or too few images.
    """
    outcome, ticket = Outcome(trial), ticket or Ticket()
    known = [shape for shape in shapes if trial.entrant.knows(shape.category)]
    if not known:
        raise RequestError(
            "The network knows none of the data set's categories.", "Name other weights or data."
        )
    for index, shape in enumerate(known):
        ticket.advance(index / len(known))
        _check(shape, trial)
        for name, scores, code in _measured(trial, shape, store):
            outcome.rows.append((shape.category, name, scores))
            if code is not None:
                outcome.codes.add(shape.id, shape.category, code)
    return outcome


def _check(shape: StoredShape, trial: Trial) -> None:
    if "mesh.faces" not in shape:
        raise RequestError(
            f"{shape.id} has no true mesh to compare with.", "Make the data set with --mesh."
        )
    if shape.view_count < trial.views:
        raise RequestError(
            f"{shape.id} has {shape.view_count} images, not {trial.views}.",
            "Measure fewer, or make the data set with more --views.",
        )


def _measured(
    trial: Trial, shape: StoredShape, store: Store | None
) -> Iterator[tuple[str, ProtocolScores, Code | None]]:
    """Yield name, scores and (for the first image) the code of each image of a shape."""
    truth = Solid(mend(Mesh(shape["mesh.vertices"], shape["mesh.faces"]))[0], shape.id)
    model = trial.entrant.model_for(shape.category)
    options = {"camera": "estimated"} if trial.camera == "estimated" else {}
    for index in range(trial.views):
        key = {
            "protocol": trial.paper,
            "weights": model.weights.hash,
            "shape": shape.id,
            "view": index,
            "camera": trial.camera,
            "resolution": trial.resolution,
            "seed": trial.seed,
        }
        view = shape.view(index)
        numbers = None if store is None else store.get(key)
        code = None
        if numbers is None or index == 0:
            code = model.encode([view], **options)
        if numbers is None:
            assert code is not None
            numbers = _scores(trial, model, code, view, truth, frame_of(shape, trial.paper))
            if store is not None:
                store.add(key, numbers)
        empty = bool(numbers.get("empty"))
        values = {name: value for name, value in numbers.items() if name != "empty"}
        yield f"{shape.id} #{index}", ProtocolScores(values, empty), code if index == 0 else None


def frame_of(shape: StoredShape, paper: str) -> np.ndarray | None:
    """Return the frame of SDF-SRN's own crops, in half crops; None: the protocol's."""
    if paper == "sdf-srn-pascal3d" and shape.info.get("layout") == "pascal3d-crops":
        return similarity(scale=2 / CROP)
    return None


def _scores(
    trial: Trial,
    model: Reconstructor,
    code: Code,
    view: View,
    truth: Solid,
    frame: np.ndarray | None,
) -> Numbers:
    """Return a prediction's metrics by the protocol, and the errors of the estimated camera."""
    prediction = predicted(trial, model, code)
    made = evaluate(prediction, truth, trial.paper, seed=trial.seed, frame=frame)
    return {**made.values, **_camera_errors(model, view, truth), "empty": float(made.empty)}


def predicted(trial: Trial, model: Reconstructor, code: Code) -> Evaluable | None:
    """Return what the paper measures: UCLID-Net's points, else a mesh; None if there is none."""
    if isinstance(model, UCLIDNet) and trial.paper in CLOUD_PROTOCOLS:
        points, _ = point_cloud(model, code, seed=trial.seed)
        return Cloud(points.double().cpu().numpy()) if len(points) else None
    mesh = surface_of(model.decode(code), trial.resolution)
    try:
        return None if mesh is None else Solid(mesh, "The prediction")
    except LevelformError:  # no area
        return None


@torch.no_grad()
def _camera_errors(model: Reconstructor, view: View, truth: Solid) -> Numbers:
    """Return DISN's d3D, ShapeNet's unit, and d2D, of the estimated camera; nothing without one."""
    if not isinstance(model, EstimatesCameras) or model.camera is None or view.camera is None:
        return {}
    framed = frame_views([view], model.framing)
    (estimated,) = model.estimated_cameras(framed.images.to(model.device))
    (true,) = framed.cameras
    assert true is not None
    points = truth.surface(CAMERA_POINTS, np.random.default_rng(0)).points
    d3d, d2d = camera_distances(estimated, true, points)
    return {"d3d": d3d / SHAPENET_UNIT, "d2d": d2d * CAMERA_PIXELS / estimated.width}


# ---------------------------------------------------------------- tables


def table_rows(outcome: Outcome) -> list[list[str]]:
    """Return a row for each published number, then for each other metric: measured, published."""
    means, by_class = outcome.means
    rows = []
    for number in outcome.published:
        if number.metric in means:
            rows += _rows_of(number, means, by_class)
    told = {number.metric for number in outcome.published}
    rows += [[name, "all", f"{v:.4g}", "-", "-"] for name, v in means.items() if name not in told]
    return rows


def _rows_of(
    number: PublishedNumber, means: Numbers, by_class: dict[str, Numbers]
) -> list[list[str]]:
    mean = "-" if number.mean is None else f"{number.mean:g}"
    rows = [[number.label, "mean", f"{means[number.metric]:.4g}", mean, number.source]]
    for category, values in by_class.items():
        reported = number.by_class.get(category)
        shown = "-" if reported is None else f"{reported:g}"
        rows.append([number.label, category, f"{values[number.metric]:.4g}", shown, number.source])
    return rows
