"""UCLID-Net: patches, points, coarse voxels, depth grid (figures 4, 5), estimated depth maps."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from ..contract.errors import RequestError, WorkError
from ..contract.options import Option
from ..contract.shows import Exhibit, ShowSpec
from ..reconstructors.figures import uclid_net as figures
from ..reconstructors.uclid_net import UCLIDNet
from .registry import show
from .subject import Subject, depth_image, image_exhibit, mesh_exhibit, of_all_views

METHOD = "uclid-net"


@show(
    ShowSpec(
        "patches",
        "Patches",
        "one small patch in each occupied voxel, colored by patch (figures 4, 5)",
        (Option("lattice", "int", 8, "vertices along each patch's side", 2, 64),),
    ),
    METHOD,
)
def patches(subject: Subject, *, lattice: int) -> Iterator[Exhibit]:
    """Yield the open mesh of all patches."""
    made = figures.patch_mesh(_model(subject), subject.code, lattice=lattice, seed=subject.seed)
    _some(made.vertices)
    numbers = {"patch": made.patch}
    yield mesh_exhibit(
        "Patches", made.vertices, made.faces, colors=made.colors, values=numbers, place=1
    )


@show(
    ShowSpec(
        "points",
        "Point Cloud",
        "points on the patches, at any density, colored by patch (figure 5)",
        (Option("samples", "int", figures.SAMPLES, "points of each patch", 1, 5000),),
    ),
    METHOD,
)
def points(subject: Subject, *, samples: int) -> Iterator[Exhibit]:
    """Yield the points."""
    model = _model(subject)
    cloud, patch = figures.point_cloud(model, subject.code, samples=samples, seed=subject.seed)
    _some(cloud)
    colors = figures.palette(int(patch.max()) + 1, subject.seed)[patch]
    yield mesh_exhibit("Points", cloud, None, colors=colors, values={"patch": patch}, place=1)


@show(
    ShowSpec(
        "voxels",
        "Coarse Voxels",
        "the voxels that are called occupied, with their probability (section 3.2)",
    ),
    METHOD,
)
def voxels(subject: Subject) -> Iterator[Exhibit]:
    """Yield a cube for each occupied voxel."""
    model = _model(subject)
    occupied, probability = figures.coarse_voxels(model, subject.code)
    yield _cubes("Voxels", model, occupied, "probability", probability)


@show(
    ShowSpec(
        "depth-grid", "Depth Grid", "the voxels that the depth maps' points are in (figure 4a)"
    ),
    METHOD,
)
def depth_grid(subject: Subject) -> Iterator[Exhibit]:
    """Yield a cube for each voxel that a view sees."""
    model = _model(subject)
    seen, views = figures.depth_voxels(model, subject.code)
    yield _cubes("Depth grid", model, seen, "views", views)


@show(
    ShowSpec("depth-maps", "Estimated Depth", "the depth maps that the depth network estimates"),
    METHOD,
)
def depth_maps(subject: Subject) -> Iterator[Exhibit]:
    """Yield an image for each view."""
    model = _model(subject)
    if not subject.views:
        raise RequestError(
            "The images of this code are not known, so no depth can be estimated.",
            "Give the images instead of a code.",
        )
    depths = model.estimate_depths(subject.views)
    for suffix, depth in zip(of_all_views(subject.views), depths, strict=True):
        yield image_exhibit(f"Depth{suffix}", depth_image(depth))


def _model(subject: Subject) -> UCLIDNet:
    return cast(UCLIDNet, subject.model)


def _some(points: Tensor) -> None:
    """Refuse an object without an occupied voxel."""
    if not len(points):
        raise WorkError(
            "The network finds no occupied voxel, so there is nothing to show.",
            "Try another image.",
        )


def _cubes(name: str, model: UCLIDNet, voxels: Tensor, word: str, numbers: Tensor) -> Exhibit:
    """Return the cubes of voxels, (P, 3), each with its number, (P,), also as a shade of red."""
    _some(voxels)
    vertices, faces = figures.cubes(model, voxels)
    each = numbers.float().repeat_interleave(8)
    fraction = (each / each.max().clamp_min(1e-9))[:, None]
    dark, bright = each.new_tensor([0.02, 0.02, 0.05, 1.0]), each.new_tensor([0.9, 0.25, 0.1, 1.0])
    colors = torch.lerp(dark, bright, fraction)
    return mesh_exhibit(name, vertices, faces, colors=colors, values={word: each}, place=1)
