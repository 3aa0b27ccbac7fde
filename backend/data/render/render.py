"""Images of shapes and meshes: straight-alpha RGBA, depth, normals, albedo; no display."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from ...contract.errors import RequestError
from ...geometry.cameras import Camera
from ...geometry.meshes import Mesh
from ...geometry.raster import LOW_BITS, rasterize
from ...geometry.srgb import srgb_from_linear
from ..shapes.batch import ShapeBatch
from .lights import Lights, shade

NEAR = 1e-3  # near plane: triangles that come nearer are left out
VIEWS_CPU = 8
VIEWS_DEVICE = 128


@dataclass(frozen=True)
class RenderedViews:
    """Images of V views.

    Attributes
    ----------
    rgba : (V, H, W, 4) float32, sRGB in [0, 1], straight alpha; alpha is the covered
        fraction of a pixel
    depth : (V, H, W) float32, distance along the optical axis to the nearest surface in the pixel,
        in units of the frame; 0 where there is none
    normal : (V, H, W, 3) float32, unit, in the frame of the object, of that surface; 0 where none
    albedo : (V, H, W, 3) float32, sRGB in [0, 1], of that surface; 0 where none
    """

    rgba: Tensor
    depth: Tensor
    normal: Tensor
    albedo: Tensor


@dataclass(frozen=True)
class Hits:
    """The S samples of some views that hit a surface, in ascending order of `sample`.

    sample : (S,) int64, view * height * width + row * width + column, on the finer grid of samples
    depth : (S,) ; normal : (S, 3) unit ; material : (S, 4) linear RGB and gloss
    """

    sample: Tensor
    depth: Tensor
    normal: Tensor
    material: Tensor


@dataclass(frozen=True)
class Triangles:
    """Vertices (N, 3), normals (N, 3), materials (N, 4), float32; faces (F, 3) int64."""

    vertices: Tensor
    normals: Tensor
    materials: Tensor
    faces: Tensor


def render_shapes(
    batch: ShapeBatch,
    cameras: Sequence[Camera],
    lights: Sequence[Lights] | None = None,
    *,
    of: Sequence[int] | None = None,
    samples: int = 2,
    method: str = "auto",
) -> RenderedViews:
    """Draw shapes.

    Parameters
    ----------
    batch : B shapes
    cameras : V cameras posed in the object frame, all of one image size
    lights : one for each camera; None: `studio()`
    of : (V,) index of the shape seen by each camera; None: camera i sees shape i
    samples : a pixel is the mean of samples x samples rays
    method : "raster" draws the triangles of `Shape.surface`; "trace" sphere-traces the signed
        distance, which needs no triangles; "auto" traces on a GPU and rasterises elsewhere

    Raises
    ------
    RequestError
        If image sizes differ, or the numbers of cameras, lights and shapes do not match.
    """
    of = list(range(len(batch))) if of is None else list(of)
    lights = _checked(cameras, lights)
    if len(of) != len(cameras) or (of and not 0 <= min(of) <= max(of) < len(batch)):
        raise RequestError(
            f"{len(cameras)} cameras do not fit {len(of)} views of {len(batch)} shapes.",
            "Give one camera for each view.",
        )
    if method not in ("auto", "raster", "trace"):
        raise RequestError(f"{method!r} is not a renderer.", "Choose raster, trace or auto.")
    if method == "auto":
        method = "trace" if batch.device.type == "cuda" else "raster"
    if method == "trace":
        from .trace import trace

        pieces = [
            _image(
                trace(batch, [of[i] for i in rows], _at(cameras, rows), samples),
                cameras,
                lights,
                rows,
                samples,
            )
            for rows in _runs(len(of), batch.device)
        ]
        return _stacked(pieces)
    used = {i: _shape_triangles(batch, i) for i in sorted(set(of))}
    return _drawn(used, of, cameras, lights, samples, two_sided=False)


def render_mesh(
    mesh: Mesh,
    cameras: Sequence[Camera],
    lights: Sequence[Lights] | None = None,
    *,
    color: tuple[float, float, float] = (0.5, 0.5, 0.5),
    gloss: float = 0.15,
    samples: int = 2,
    two_sided: bool = True,
    device: torch.device | str = "cpu",
) -> RenderedViews:
    """Draw a mesh, see `render_shapes`.

    Parameters
    ----------
    mesh : in the frame of the cameras; flat shading if it has no normals
    color : linear RGB if the mesh has no colours
    two_sided : also draw back faces, with flipped normals: for open or inconsistent meshes

    Raises
    ------
    RequestError
        As `render_shapes`, or if the mesh has no faces.
    """
    lights = _checked(cameras, lights)
    if not len(mesh.faces):
        raise RequestError("The mesh has no faces to draw.", "Give a mesh with faces.")
    triangles = _mesh_triangles(mesh, (*color, gloss), torch.device(device))
    of = [0] * len(cameras)
    return _drawn({0: triangles}, of, cameras, lights, samples, two_sided=two_sided)


# ---------------------------------------------------------------- views


def _checked(cameras: Sequence[Camera], lights: Sequence[Lights] | None) -> list[Lights]:
    """Validate the arguments; return one light for each camera."""
    if not cameras:
        raise RequestError("Nothing can be drawn without a camera.", "Give one camera or more.")
    sizes = {(camera.width, camera.height) for camera in cameras}
    if len(sizes) > 1:
        raise RequestError(
            f"Pictures drawn together have one size, not {sorted(sizes)}.",
            "Give cameras of one size.",
        )
    lights = [Lights.studio()] * len(cameras) if lights is None else list(lights)
    if len(lights) != len(cameras):
        raise RequestError(
            f"{len(lights)} lights do not fit {len(cameras)} cameras.",
            "Give one light for each camera.",
        )
    return lights


def _runs(count: int, device: torch.device) -> Iterator[range]:
    """Yield ranges of views that are rendered together."""
    size = VIEWS_CPU if device.type == "cpu" else VIEWS_DEVICE
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _at(items: Sequence, rows: range) -> list:
    return [items[i] for i in rows]


def _stacked(pieces: list[RenderedViews]) -> RenderedViews:
    return RenderedViews(
        *(torch.cat([getattr(p, f.name) for p in pieces]) for f in fields(RenderedViews))
    )


# ---------------------------------------------------------------- triangles


def _shape_triangles(batch: ShapeBatch, index: int) -> Triangles:
    surface = batch.shapes[index].surface
    names = ("vertices", "normals", "materials", "faces")
    return Triangles(*(torch.from_numpy(getattr(surface, n)).to(batch.device) for n in names))


def _mesh_triangles(mesh: Mesh, look: tuple[float, ...], device: torch.device) -> Triangles:
    vertices = torch.from_numpy(np.asarray(mesh.vertices, np.float32))
    faces = torch.from_numpy(np.asarray(mesh.faces, np.int64))
    materials = torch.tensor(look).expand(len(vertices), 4).clone()
    if mesh.colors is not None:
        materials[:, :3] = torch.from_numpy(np.asarray(mesh.colors[:, :3], np.float32))
    if mesh.normals is None:
        corners = vertices[faces]
        flat = torch.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=1)
        normals = torch.nn.functional.normalize(flat, dim=1).repeat_interleave(3, 0)
        vertices, materials = corners.reshape(-1, 3), materials[faces].reshape(-1, 4)
        faces = torch.arange(len(vertices)).reshape(-1, 3)
    else:
        normals = torch.from_numpy(np.asarray(mesh.normals, np.float32))
    return Triangles(*(t.to(device) for t in (vertices, normals, materials, faces)))


def _drawn(
    triangles: dict[int, Triangles],
    of: list[int],
    cameras: Sequence[Camera],
    lights: list[Lights],
    samples: int,
    *,
    two_sided: bool,
) -> RenderedViews:
    device = triangles[of[0]].vertices.device
    pieces = []
    for rows in _runs(len(of), device):
        meshes = [triangles[of[i]] for i in rows]
        hits = _rasterized(meshes, _at(cameras, rows), samples, two_sided)
        pieces.append(_image(hits, cameras, lights, rows, samples))
    return _stacked(pieces)


def _rasterized(
    meshes: list[Triangles], cameras: list[Camera], samples: int, two_sided: bool
) -> Hits:
    """Return the hits of all samples; view i sees mesh i."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])[:-1]
    seen = [
        _seen(mesh.vertices, camera, samples) for mesh, camera in zip(meshes, cameras, strict=True)
    ]
    screen = torch.cat([s[0] for s in seen])
    faces = torch.cat([mesh.faces + int(s) for mesh, s in zip(meshes, starts, strict=True)])
    counts = torch.tensor([len(mesh.faces) for mesh in meshes], device=screen.device)
    view = torch.repeat_interleave(torch.arange(len(meshes), device=screen.device), counts)
    ahead = torch.cat([s[1] for s in seen])
    if not bool(ahead.all()):
        whole = ahead[faces].all(1)
        faces, view = faces[whole], view[whole]
    height, width = cameras[0].height * samples, cameras[0].width * samples
    cover = rasterize(
        screen.index_select(0, faces.view(-1)).view(-1, 3, 3),
        view,
        views=len(meshes),
        height=height,
        width=width,
        two_sided=two_sided,
    )
    corner = faces.index_select(0, cover.triangle)
    view = torch.div(cover.sample, height * width, rounding_mode="floor")
    orthographic = torch.tensor([camera.orthographic for camera in cameras], device=screen.device)[
        view
    ]
    far = torch.stack([s[2] for s in seen])[view]
    # Attributes divided by depth are linear in a perspective image.
    near = screen[:, 2].index_select(0, corner.view(-1)).view(-1, 3)
    weights = cover.weights * torch.where(orthographic[:, None], 1.0, near)
    weights = weights / weights.sum(1, keepdim=True)
    depth = torch.where(orthographic, far - cover.nearness, 1 / cover.nearness)
    table, moved = _attributes(meshes, starts, screen.device)
    rows = table.index_select(0, (corner + moved[view, None]).view(-1)).view(-1, 3, 7)
    mixed = torch.einsum("sk,skc->sc", weights, rows)
    normal = torch.nn.functional.normalize(mixed[:, :3], dim=1)
    return Hits(cover.sample, depth, normal, mixed[:, 3:])


def _attributes(
    meshes: list[Triangles], starts: np.ndarray, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return normals and materials, (N, 7), of each different mesh once.

    The second answer, (V,), is what to add to a vertex number that counts from `starts`.
    """
    unique = list({id(mesh): mesh for mesh in meshes}.values())
    table = torch.cat([torch.cat([mesh.normals, mesh.materials], 1) for mesh in unique])
    firsts = np.cumsum([0, *(len(mesh.vertices) for mesh in unique)])
    first = {id(mesh): int(start) for mesh, start in zip(unique, firsts, strict=False)}
    moved = [first[id(mesh)] - int(start) for mesh, start in zip(meshes, starts, strict=True)]
    return table, torch.tensor(moved, device=device)


def _seen(vertices: Tensor, camera: Camera, samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return columns, rows, nearness, (N, 3), in samples; whether in front, (N,); a far depth."""
    pixels, depth = camera.project(vertices)
    ahead = depth > NEAR
    far = depth.max() + 1.0
    nearness = far - depth if camera.orthographic else 1 / depth.clamp_min(NEAR)
    ahead = torch.ones_like(ahead) if camera.orthographic else ahead
    return torch.cat([pixels * samples, nearness[:, None]], 1), ahead, far


# ---------------------------------------------------------------- images


def _image(
    hits: Hits, cameras: Sequence[Camera], lights: list[Lights], rows: range, samples: int
) -> RenderedViews:
    """Shade samples and average them into the pixels of some of the views."""
    cameras, lights = _at(cameras, rows), _at(lights, rows)
    height, width = cameras[0].height, cameras[0].width
    fine = width * samples
    column = hits.sample % fine
    row = torch.div(hits.sample, fine, rounding_mode="floor")  # over all views
    view = torch.div(row, height * samples, rounding_mode="floor")
    normal, towards = _faced(hits, cameras, view, column, row - view * (height * samples), samples)
    light = shade(hits.material, normal, towards, lights, view).clamp(0, 1)

    pixel = torch.div(row, samples, rounding_mode="floor") * width
    pixel += torch.div(column, samples, rounding_mode="floor")
    total = torch.zeros(len(cameras) * height * width, 4, device=light.device)
    total.index_add_(0, pixel, torch.cat([light, torch.ones_like(light[:, :1])], 1))
    nearest = _nearest(pixel, hits.depth, len(total))
    full = (total[:, 3] > 0).nonzero()[:, 0]
    chosen = nearest[full]
    rgba, depth = torch.zeros_like(total), torch.zeros_like(total[:, 0])
    normals, albedo = torch.zeros_like(total[:, :3]), torch.zeros_like(total[:, :3])
    rgba[full, :3] = srgb_from_linear(total[full, :3] / total[full, 3:])
    rgba[full, 3] = total[full, 3] / samples**2
    depth[full] = hits.depth[chosen]
    normals[full] = normal[chosen]
    albedo[full] = srgb_from_linear(hits.material[chosen, :3].clamp(0, 1))
    size = (len(cameras), height, width)
    return RenderedViews(
        rgba.view(*size, 4), depth.view(size), normals.view(*size, 3), albedo.view(*size, 3)
    )


def _faced(
    hits: Hits, cameras: list[Camera], view: Tensor, column: Tensor, row: Tensor, samples: int
) -> tuple[Tensor, Tensor]:
    """Return normals turned to face the camera, and unit directions to it, (S, 3) each."""
    device = hits.depth.device
    pose = np.stack([camera.world_from_camera[:3, :3].T for camera in cameras])
    intrinsics = np.array([[c.fx, c.fy, c.cx, c.cy, not c.orthographic] for c in cameras])
    intrinsics = torch.as_tensor(intrinsics, dtype=torch.float32, device=device)[view]
    x = ((column + 0.5) / samples - intrinsics[:, 2]) / intrinsics[:, 0] * intrinsics[:, 4]
    y = ((row + 0.5) / samples - intrinsics[:, 3]) / intrinsics[:, 1] * intrinsics[:, 4]
    axes = torch.as_tensor(pose, dtype=torch.float32, device=device)[view]  # rows are camera axes
    ray = x[:, None] * axes[:, 0] + y[:, None] * axes[:, 1] + axes[:, 2]
    towards = -torch.nn.functional.normalize(ray, dim=1)
    behind = (hits.normal * towards).sum(1, keepdim=True) < 0
    return torch.where(behind, -hits.normal, hits.normal), towards


def _nearest(pixel: Tensor, depth: Tensor, count: int) -> Tensor:
    """Return the index of the nearest sample of each of `count` pixels (0 if it has none)."""
    rank = torch.arange(len(pixel), device=pixel.device)
    # Depths of an orthographic camera may be negative; shifted, their bits order as integers.
    shifted = depth - depth.min() + 1.0 if len(depth) else depth
    key = (shifted.view(torch.int32).long() << 32) | rank
    best = torch.full((count,), torch.iinfo(torch.long).max, device=pixel.device)
    best.scatter_reduce_(0, pixel, key, "amin")
    return torch.where(best == torch.iinfo(torch.long).max, 0, best & LOW_BITS)
