"""Deep Meta Functionals: the Jacobian's norm (figure 10) and rendered silhouettes (section 6)."""

from collections.abc import Iterator

import torch

from ..contract.options import Option
from ..contract.shows import Exhibit, ShowSpec
from ..reconstructors.deep_meta_functionals import DeepMetaFunctionals
from ..reconstructors.figures.deep_meta_functionals import (
    jacobian_colors,
    jacobian_norm,
)
from ..reconstructors.networks.deep_meta_functionals import axis_rays, render_silhouettes
from .registry import show
from .subject import Subject, image_exhibit, mesh_exhibit

METHOD = "deep-meta-functionals"
BLOCK = 1 << 16  # vertices whose gradient is computed at once
RAY_POINTS = 96


@show(
    ShowSpec(
        "jacobian",
        "Jacobian Norm",
        "how fast g changes at each vertex: yellow where flat, blue where curved (figure 10)",
    ),
    METHOD,
)
def jacobian(subject: Subject) -> Iterator[Exhibit]:
    """Yield the mesh with |dg/dp| of each vertex and the paper's colours."""
    mesh = subject.mesh()
    points = torch.from_numpy(mesh.vertices).to(subject.shape.device)
    norm = torch.cat([jacobian_norm(subject.shape, part) for part in points.split(BLOCK)])
    yield mesh_exhibit(
        "Jacobian norm",
        mesh.vertices,
        mesh.faces,
        colors=jacobian_colors(norm),
        values={"jacobian_norm": norm},
        place=1,
    )


@show(
    ShowSpec(
        "silhouettes",
        "Silhouettes along the Axes",
        "the greatest probability along each ray, seen along x, y and z (section 6)",
        (Option("size", "int", 96, "pixels along a side", 16, 512),),
    ),
    METHOD,
)
def silhouettes(subject: Subject, *, size: int) -> Iterator[Exhibit]:
    """Yield three images."""
    model = subject.model
    assert isinstance(model, DeepMetaFunctionals)
    generator = torch.Generator().manual_seed(subject.seed)
    rays = axis_rays(size, RAY_POINTS, generator=generator).to(model.device)
    embedding = subject.code.tensors["embedding"].to(model.device)
    with torch.no_grad():
        functional = model.functional(embedding[None])
        points = _with_time(model, model.to_method(rays))[None]
        parts = [render_silhouettes(functional, part) for part in points.split(2048, 1)]
    images = torch.cat(parts, 1)[0].unflatten(0, (3, size, size))
    for axis, image in zip("xyz", images, strict=True):
        seen = image.T.flip(0)  # the later axis is upwards
        yield image_exhibit(f"Silhouette along {axis}", seen[..., None].expand(-1, -1, 3))


def _with_time(model: DeepMetaFunctionals, points: torch.Tensor) -> torch.Tensor:
    """Return points with the moment 0, where g reads one."""
    if model.configuration.coordinates == 3:
        return points
    return torch.cat([points, torch.zeros_like(points[..., :1])], -1)
