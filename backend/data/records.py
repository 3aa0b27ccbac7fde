"""Make records: from a mesh file, from a procedural shape, from a folder of images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.camera_ranges import ROUND, seed_of
from ..contract.errors import RequestError
from ..geometry.cameras import Camera
from ..geometry.frames import FRAMES, apply
from ..geometry.meshes import Mesh
from .format import VOXEL_HALF, VOXELS, Record, pack_voxels
from .meshes import Asset, Solid, grid_vertices, mend, sample_points, usable
from .renders import camera_arrays

if TYPE_CHECKING:
    from .render import Lights, RenderedViews

Renderer = Callable[[Sequence[Camera], Sequence["Lights"]], "RenderedViews"]
PASSES = ("depth", "normals", "albedo")
# Of the two halves of a procedural shape's points beside its surface, by name, object frame.
STDS = {"near": (0.01, 0.05), "wide": (0.04, 0.1)}


@dataclass(frozen=True)
class Contents:
    """The contents of each record.

    points : number of points of each named distribution (see `DISTRIBUTIONS`)
    surface : number of points on the surface, with normals
    views, size : number of images, and their side in pixels
    cameras : the range they are sampled from, see `sample_cameras`
    passes : those of `PASSES` to store beside the images
    mesh : whether to store the mesh
    seed : of all random choices
    """

    points: Mapping[str, int] = field(default_factory=lambda: {"uniform": 20_000, "near": 20_000})
    surface: int = 10_000
    views: int = 8
    size: int = 128
    cameras: str = "r2n2"
    passes: tuple[str, ...] = ()
    mesh: bool = False
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the settings for a data set's provenance."""
        return asdict(self) | {
            "points": dict(self.points),
            "passes": list(self.passes),
        }


def record_of_mesh(
    asset: Asset, contents: Contents, *, name: str, category: str, split: str = ""
) -> Record | str:
    """Return the record of a mesh file, or the reason for leaving it out.

    The mesh is repaired and normalised to the object frame; `source_from_object` is the inverse.
    """
    try:
        mended, report = mend(asset.mesh)
        solid = Solid(mended, name)
    except RequestError as error:
        return error.message
    reason = usable(solid, report)
    if reason:
        return reason
    matrix = FRAMES["object"](solid.vertices[np.unique(solid.faces)])
    solid = solid.in_frame(matrix)
    seed = seed_of(name, contents.seed)
    arrays = _mesh_points(solid, contents, seed)
    arrays["source_from_object"] = np.linalg.inv(matrix)[None]
    lower, upper = solid.bounds
    arrays |= _views(_mesh_drawing(solid.mesh, seed), contents, seed, upper - lower)
    if contents.mesh:
        arrays |= _mesh_arrays(solid.mesh)
    info = {"source": asset.source.name, "notes": list(asset.notes), "mended": asdict(report)}
    return Record(name, category, arrays, split, info)


def record_of_shape(category: str, seed: int, contents: Contents) -> Record:
    """Return the record of one procedural shape; labels come from its signed distance."""
    from .render import render_shapes
    from .shapes import ShapeBatch, sample_shape

    shape = sample_shape(category, seed)
    batch = ShapeBatch([shape])
    name = f"{category}/{seed:06d}"
    own = seed_of(name, contents.seed)
    arrays = shape_points(batch, contents, own)

    def draw(cameras: Sequence[Camera], lights: Sequence["Lights"]) -> "RenderedViews":
        return render_shapes(batch, cameras, lights, of=[0] * len(cameras))

    arrays |= _views(draw, contents, own, np.asarray(shape.extents))
    if contents.mesh:
        arrays |= _mesh_arrays(batch.meshes(96)[0])
    return Record(name, category, arrays, "", {"program": category, "seed": seed})


def images_of_mesh(
    asset: Asset, contents: Contents, *, name: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return images of a mesh file as a record's `views.*`, and world_from_volume, (4, 4).

    Images do not need closed meshes; it is rendered without repair.
    """
    mesh = asset.mesh
    matrix = FRAMES["object"](mesh.vertices[np.unique(mesh.faces)])
    framed = Mesh(apply(matrix, mesh.vertices), mesh.faces, None, mesh.colors)
    extents = np.ptp(framed.vertices[np.unique(framed.faces)], axis=0)
    seed = seed_of(name, contents.seed)
    return _views(_mesh_drawing(framed, seed), contents, seed, extents), np.linalg.inv(matrix)


def view_arrays(
    cameras: Sequence[Camera], rendered: "RenderedViews", *, passes: Sequence[str]
) -> dict[str, Any]:
    """Return the `views.*` arrays of rendered images and their cameras."""
    strays = set(passes) - set(PASSES)
    if strays:
        raise RequestError(
            f"{min(strays)!r} is not a render pass.", f"Choose among {', '.join(PASSES)}."
        )
    arrays = camera_arrays(cameras)
    arrays["views.images"] = _bytes(rendered.rgba.cpu().numpy())
    if "depth" in passes:
        arrays["views.depth"] = rendered.depth.cpu().numpy().astype(np.float16)
    if "normals" in passes:
        normals = rendered.normal.cpu().numpy()
        arrays["views.normals"] = np.round(normals * 127).astype(np.int8)
    if "albedo" in passes:
        arrays["views.albedo"] = _bytes(rendered.albedo.cpu().numpy())
    return arrays


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.round(values.clip(0, 1) * 255).astype(np.uint8)


def _views(draw: Renderer, contents: Contents, seed: int, extents: np.ndarray) -> dict[str, Any]:
    if contents.views == 0:
        return {}
    from .render import sample_cameras, sample_lights

    count = contents.views
    cameras = sample_cameras(contents.cameras, count, seed, size=contents.size, extents=extents)
    # Views of one round are compared by a network: the light must not move between them.
    lights = sample_lights(count, seed=seed)
    lights = lights[:1] * count if contents.cameras == ROUND else lights
    rendered = draw(cameras, lights)
    return view_arrays(cameras, rendered, passes=contents.passes)


def _mesh_drawing(mesh: Mesh, seed: int) -> Renderer:
    """Return what draws a mesh; one without colours is given one material at random."""
    from .render import render_mesh

    rng = np.random.default_rng([seed, 0xC0108])
    red, green, blue = rng.uniform(0.05, 0.8, 3).tolist()
    gloss = float(rng.uniform(0, 0.5))

    def draw(cameras: Sequence[Camera], lights: Sequence["Lights"]) -> "RenderedViews":
        if mesh.colors is not None:
            return render_mesh(mesh, cameras, lights)
        return render_mesh(mesh, cameras, lights, color=(red, green, blue), gloss=gloss)

    return draw


def _mesh_arrays(mesh: Mesh) -> dict[str, np.ndarray]:
    arrays = {"mesh.vertices": mesh.vertices.astype("<f4"), "mesh.faces": mesh.faces.astype("<i4")}
    if mesh.colors is not None:
        arrays["mesh.colors"] = mesh.colors.astype("<f4")
    return arrays


def _mesh_points(solid: Solid, contents: Contents, seed: int) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for index, (name, count) in enumerate(contents.points.items()):
        drawn = sample_points(solid, name, count=count, seed=seed + index)
        arrays |= {f"{name}.points": drawn.points, f"{name}.distance": drawn.distance}
    samples = solid.surface(contents.surface, np.random.default_rng(seed))
    arrays["surface.points"], arrays["surface.normals"] = samples.points, samples.normals
    arrays["voxels"] = pack_voxels(solid.occupancy_grid(VOXELS, VOXEL_HALF))
    return arrays


def shape_points(batch: Any, contents: Contents, seed: int) -> dict[str, np.ndarray]:
    """Return points, surface and voxels of a batch of one procedural shape."""
    import torch

    from .shapes import near_surface_points, surface_points, uniform_points

    generator = torch.Generator().manual_seed(seed)
    drawn = {}
    for name, count in contents.points.items():
        if name == "uniform":
            drawn[name] = uniform_points(batch, count, generator=generator)
        elif name in STDS:
            halves = (count - count // 2, count // 2)
            drawn[name] = torch.cat(
                [
                    near_surface_points(batch, half, generator=generator, sigma=std)
                    for half, std in zip(halves, STDS[name], strict=True)
                ],
                1,
            )
        elif name == "disn-grid":
            rng = np.random.default_rng(seed)
            drawn[name] = torch.from_numpy(grid_vertices(count, rng)).float()[None]
        else:
            raise RequestError(
                f"Procedural shapes have no points {name!r}.",
                'Choose "uniform", "near", "wide" or "disn-grid".',
            )
    arrays: dict[str, np.ndarray] = {}
    for name, points in drawn.items():
        arrays[f"{name}.points"] = points[0].numpy()
        arrays[f"{name}.distance"] = batch.distance(points)[0].numpy().astype(np.float32)
    points, normals = surface_points(batch, contents.surface, generator=generator)
    arrays["surface.points"], arrays["surface.normals"] = points[0].numpy(), normals[0].numpy()
    ticks = (torch.arange(VOXELS) + 0.5) / VOXELS * 2 * VOXEL_HALF - VOXEL_HALF
    grid = torch.cartesian_prod(ticks, ticks, ticks)[None]
    inside = (batch.distance(grid)[0] < 0).numpy().reshape((VOXELS,) * 3)
    arrays["voxels"] = pack_voxels(inside)
    return arrays


def record_of_views(
    folder: Path, mesh: Asset | None, contents: Contents, *, name: str, category: str
) -> Record | str:
    """Return the record of a folder of images, with points from the mesh they were taken of.

    The images' volume is taken to be the object frame of the mesh.
    """
    from .renders import read_renders

    views = read_renders(folder)
    if mesh is None:
        return Record(name, category, views, "", {"source": folder.name})
    bare = replace(contents, views=0)
    record = record_of_mesh(mesh, bare, name=name, category=category)
    if isinstance(record, str):
        return record
    return Record(name, category, record.arrays | views, "", record.info)
