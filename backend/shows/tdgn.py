"""TDGN: training set and embedding (figure 5), greedy deletion and cells (appendix A.4)."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from ..contract.errors import WorkError
from ..contract.options import Option
from ..contract.shows import Exhibit, ShowSpec
from ..reconstructors.figures import tdgn as figures
from ..reconstructors.figures.uclid_net import palette
from ..reconstructors.tdgn import TDGN
from .registry import show
from .subject import Subject, mesh_exhibit

METHOD = "tdgn"
RED, BLUE = (0.8, 0.03, 0.03, 1.0), (0.03, 0.08, 0.8, 1.0)
IOU_POINTS = 20_000  # for the IoU of greedy deletion


@show(
    ShowSpec(
        "training-set",
        "Training Set",
        "the generated points beside the surface: red inside, blue outside, with the SVM's weights "
        "(figures 2, 5)",
    ),
    METHOD,
)
def training_set(subject: Subject) -> Iterator[Exhibit]:
    """Yield the points, and the surface."""
    made = figures.training_set(_model(subject), subject.code)
    yield _points("Training points", made.points, made)
    mesh = subject.mesh()
    yield mesh_exhibit("Surface", mesh.vertices, mesh.faces, place=2)


@show(
    ShowSpec(
        "embedding",
        "Embedding Space",
        "the surface and the points where the SVM sees them (figure 5)",
    ),
    METHOD,
)
def embedding(subject: Subject) -> Iterator[Exhibit]:
    """Yield the embedded surface, and the embedded points."""
    model = _model(subject)
    made = figures.training_set(model, subject.code)
    mesh = figures.embedded_mesh(model, subject.code, subject.mesh())
    yield mesh_exhibit("Embedded surface", mesh.vertices, mesh.faces, place=2)
    yield _points("Embedded points", made.embedded, made)


@show(
    ShowSpec(
        "deletion",
        "Greedy Deletion",
        "delete generated points one by one, each time the one that costs least IoU (A.4)",
        (
            Option(
                "label",
                "choice",
                "inside",
                "which points to delete",
                choices=("inside", "outside"),
            ),
            Option("steps", "int", 10, "how many points", 1, 200),
        ),
    ),
    METHOD,
)
def deletion(subject: Subject, *, label: str, steps: int) -> Iterator[Exhibit]:
    """Yield the surface with all points, then after each deletion, as a sequence.

    The IoU is measured against the whole result, since the true shape is not known.
    """
    model = _model(subject)
    generator = torch.Generator().manual_seed(subject.seed)
    where = torch.rand(IOU_POINTS, 3, generator=generator) * 2 - 1
    inside = (subject.shape(where.to(subject.shape.device)) < subject.level).cpu()
    sign = 1 if label == "inside" else -1
    made = figures.delete_greedily(
        model, subject.code, where, inside.float(), label=sign, steps=steps
    )
    whole = subject.mesh()
    yield mesh_exhibit("All points", whole.vertices, whole.faces, place=1, step=0)
    for step, one in enumerate(made, start=1):
        subject.ticket.advance(step / (len(made) + 1))
        try:
            mesh = subject.mesh(model.decode(subject.code, keep=one.keep))
        except WorkError:  # the shape has vanished
            return
        name = f"{step} deleted, IoU {one.iou:.3f}"
        yield mesh_exhibit(name, mesh.vertices, mesh.faces, place=1, step=step)


@show(
    ShowSpec(
        "cells",
        "Nearest-Point Cells",
        "the surface if each place took the label of its nearest point, colored by point (A.4)",
    ),
    METHOD,
)
def cells(subject: Subject) -> Iterator[Exhibit]:
    """Yield the surface of the 1-nearest-neighbour classifier; each vertex knows its point."""
    field = figures.nearest_field(_model(subject), subject.code)
    mesh = subject.mesh(field, level=0.0)
    owner = field.owner(torch.from_numpy(mesh.vertices).to(field.device)).cpu()
    colors = palette(int(owner.max()) + 1, subject.seed)[owner]
    yield mesh_exhibit(
        "Cells", mesh.vertices, mesh.faces, colors=colors, values={"point": owner}, place=1
    )


def _model(subject: Subject) -> TDGN:
    return cast(TDGN, subject.model)


def _points(name: str, points: Tensor, made: figures.TrainingSet) -> Exhibit:
    """Return training points, red inside and blue outside, with labels and multipliers."""
    inside = (made.labels > 0)[:, None]
    colors = torch.where(inside, made.labels.new_tensor(RED), made.labels.new_tensor(BLUE))
    numbers = {"label": made.labels, "weight": made.alphas}
    return mesh_exhibit(name, points, None, colors=colors, values=numbers, place=1)
