"""Measure methods on one image without a camera: their cameras, silhouettes, and the choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..data.format import StoredShape
from ..experiments.markdown import number, table, write
from ..experiments.measuring import GroundTruth
from ..experiments.settings import UNPOSED
from ..experiments.store import Numbers, Store
from ..extraction import extract
from ..fields import Field
from ..fields.matched import matched
from ..geometry.cameras import Camera
from ..geometry.views import View
from ..pipeline.choosing import best_of, tried
from ..pipeline.networks import Networks
from ..pipeline.single_image import COARSE, TRUSTED
from ..reconstructors.finishing import finished
from ..silhouettes.drawing import cover
from ..ticket import Ticket

VERSION = 1  # of the measurement; rows of other versions are measured again
ROWS = (
    ("iou", "IoU with the truth, as decoded"),
    ("iou_default", f"the same, adjusted to the mask where the silhouettes agree to {TRUSTED:g}"),
    ("iou_matched", "the same, always adjusted (`match=yes`)"),
    ("silhouette_estimated", "silhouette IoU from the estimated camera"),
    ("silhouette_fitted", "the same, the camera fitted"),
    ("silhouette_default", f"the same, adjusted where it agrees to {TRUSTED:g}"),
    ("silhouette_matched", "the same, always adjusted"),
)
CHOSEN = "chosen"


@dataclass
class UnposedResults:
    """Numbers by shape and method; `CHOSEN` stands for the method chosen by the image.

    rows : (shape, method, numbers)
    """

    rows: list[tuple[str, str, Numbers]] = field(default_factory=list)

    def mean(self, method: str, key: str) -> float | None:
        """Return a method's mean over the shapes; None without any."""
        known = [n[key] for _, name, n in self.rows if name == method and key in n]
        return float(np.mean(known)) if known else None

    def count(self) -> int:
        """Return the number of shapes."""
        return len({shape for shape, _, _ in self.rows})


def measure_unposed(
    shapes: Sequence[StoredShape],
    networks: Networks,
    store: Store,
    *,
    versions: Mapping[str, str],
    device: str = "auto",
    ticket: Ticket | None = None,
) -> UnposedResults:
    """Measure what the store lacks; return all numbers.

    Parameters
    ----------
    versions : hash of the weights of each method that is measured
    """
    ticket, results = ticket or Ticket(), UnposedResults()
    for done, shape in enumerate(shapes):
        ticket.advance(done / max(len(shapes), 1))
        key = {"shape": shape.id, "weights": dict(versions), "version": VERSION}
        known = {name: store.get({**key, "method": name}) for name in (*versions, CHOSEN)}
        if any(numbers is None for numbers in known.values()):
            known = measure(shape, networks, list(versions), device)
            for name, numbers in known.items():
                store.add({**key, "method": name}, numbers or {})
        results.rows += [(shape.id, name, numbers or {}) for name, numbers in known.items()]
    return results


def measure(
    shape: StoredShape, networks: Networks, names: Sequence[str], device: str
) -> dict[str, Numbers | None]:
    """Return the numbers of each method on a shape's first image, and those of the chosen one."""
    (view,) = UNPOSED.images(shape)
    truth = GroundTruth(shape)
    candidates, numbers = {}, {}
    for name in names:
        candidate = tried(name, view, networks, device)
        if candidate is None:
            numbers[name] = {key: 0.0 for key, _ in ROWS}
            continue
        candidates[name] = candidate
        model = networks.load(name, None, device)
        made = finished(model, model.decode(candidate.code), [view], None)
        numbers[name] = _numbers(made, view, candidate.fitted.camera, truth)
        finder = networks.camera_finder(device)
        estimator = model if model.spec.estimates_camera else finder
        if estimator is not None:
            (estimate,) = estimator.estimate_cameras([view])
            numbers[name]["silhouette_estimated"] = _silhouette(made, view, estimate)
    best = best_of(candidates.values())
    numbers[CHOSEN] = {} if best is None else numbers[best.name]
    return numbers


def _numbers(made: Field, view: View, camera: Camera, truth: GroundTruth) -> Numbers:
    """Return the rows of a field and its fitted camera."""
    adjusted = matched(made, view.image[..., 3], camera)
    plain = {"iou": truth.iou(made), "silhouette": _silhouette(made, view, camera)}
    moved = {"iou": truth.iou(adjusted), "silhouette": _silhouette(adjusted, view, camera)}
    default = moved if plain["silhouette"] >= TRUSTED else plain
    return {
        "iou": plain["iou"],
        "iou_default": default["iou"],
        "iou_matched": moved["iou"],
        "silhouette_fitted": plain["silhouette"],
        "silhouette_default": default["silhouette"],
        "silhouette_matched": moved["silhouette"],
    }


def _silhouette(made: Field, view: View, camera: Camera) -> float:
    """Return the IoU of a field's silhouette and the mask, from a camera."""
    mesh = extract(made, COARSE, color=False)
    covered = cover(replace(view, camera=camera), mesh.vertices, mesh.faces)
    return 0.0 if covered is None else covered.iou


def write_page(
    path: Path, results: UnposedResults, methods: Mapping[str, str], *, command: str
) -> None:
    """Write the table of means, a column a method.

    Parameters
    ----------
    methods : titles by name
    """
    titles = {**methods, CHOSEN: "chosen by the image"}
    rows = [[words, *(number(results.mean(name, key)) for name in titles)] for key, words in ROWS]
    parts = [
        "# One image without a camera",
        f"Means over {results.count()} unseen shapes, the first image of each, framed by its mask "
        "as a photograph is. The IoU with the truth is taken at the data set's points, in the "
        "object's own frame, so a wrong direction counts as a wrong shape. Silhouettes are those "
        f"of meshes with {COARSE} cells.",
        f"    {command}",
        table(["", *titles.values()], rows),
    ]
    write(path, parts)
