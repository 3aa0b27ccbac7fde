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
from ..fields.matched import matched
from ..geometry.cameras import Camera
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..pipeline.choosing import evidence, tried
from ..pipeline.networks import Networks
from ..pipeline.single_image import COARSE, adjusts
from ..reconstructors import find_method
from ..reconstructors.finishing import finished
from ..silhouettes.drawing import cover
from ..ticket import Ticket

VERSION = 2  # of the measurement; rows of other versions are measured again
FINE = 64  # cells of an adjusted field's mesh: the adjustment fills parts thinner than coarse cells
ROWS = (
    ("iou", "IoU with the truth, as decoded"),
    ("iou_default", "the same by default (adjusted to the mask or not)"),
    ("iou_matched", "the same, always adjusted (`match=yes`)"),
    ("silhouette_estimated", "silhouette IoU from the estimated camera"),
    ("silhouette_fitted", "the same, the camera fitted"),
    ("silhouette_default", "the same by default"),
    ("silhouette_matched", "the same, always adjusted"),
)
DEFAULTS = ("iou_default", "silhouette_default")
CHOSEN = "chosen"  # its result is always adjusted


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
        known: dict[str, Numbers] = {}
        for name, version in versions.items():
            key = {"shape": shape.id, "method": name, "weights": version, "version": VERSION}
            stored = store.get(key)
            known[name] = stored or measure(shape, networks, name, device)
            if stored is None:
                store.add(key, known[name])
        results.rows += [(shape.id, name, numbers) for name, numbers in by_rule(known).items()]
    return results


def measure(shape: StoredShape, networks: Networks, name: str, device: str) -> Numbers:
    """Return the numbers of a method on a shape's first image, without those "by default"."""
    (view,) = UNPOSED.images(shape)
    candidate = tried(name, view, networks, device)
    if candidate is None:
        return {"agreement": 0.0, **{key: 0.0 for key, _ in ROWS if "default" not in key}}
    model, truth = networks.load(name, None, device), GroundTruth(shape)
    camera, mesh = candidate.fitted.camera, candidate.mesh
    made = finished(model, model.decode(candidate.code), [view], None)
    moved = matched(made, view.image[..., 3], camera)
    numbers = {
        "agreement": candidate.fitted.iou,
        "iou": truth.iou(made),
        "iou_matched": truth.iou(moved),
        "silhouette_fitted": _silhouette(mesh, view, camera),
        "silhouette_matched": _silhouette(extract(moved, FINE, color=False), view, camera),
    }
    estimator = model if model.spec.estimates_camera else networks.camera_finder(device)
    if estimator is not None:
        (estimate,) = estimator.estimate_cameras([view])
        numbers["silhouette_estimated"] = _silhouette(mesh, view, estimate)
    return numbers


def by_rule(known: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Return the numbers of methods, with those by default and those of the chosen method."""
    numbers = {name: {**own, **_default(name, own)} for name, own in known.items()}
    best = max(known, key=lambda name: evidence(name, known[name]["agreement"]))
    adjusted = {key: known[best][key.replace("default", "matched")] for key in DEFAULTS}
    return {**numbers, CHOSEN: {**numbers[best], **adjusted}}


def _default(name: str, own: Numbers) -> Numbers:
    """Return the numbers by default, of a field that is adjusted or not."""
    adjusted = adjusts(find_method(name).spec, own["agreement"])
    iou, silhouette = (
        ("iou_matched", "silhouette_matched") if adjusted else ("iou", "silhouette_fitted")
    )
    return {"iou_default": own[iou], "silhouette_default": own[silhouette]}


def _silhouette(mesh: Mesh, view: View, camera: Camera) -> float:
    """Return the IoU of a mesh's silhouette and the mask, from a camera."""
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
        f"of meshes with {COARSE} cells, of adjusted ones with {FINE}.",
        f"    {command}",
        table(["", *titles.values()], rows),
    ]
    write(path, parts)
