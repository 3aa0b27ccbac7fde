"""A mesh as a camera that gave no colours saw it: its texture, and its vertices' colours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from levelform.backend.appearance.baking import bake
from levelform.backend.appearance.blending import Appearance, sample
from levelform.backend.appearance.coloring import vertex_normals
from levelform.backend.appearance.photos import prepare
from levelform.backend.appearance.unwrapping import unwrap
from levelform.backend.contract.camera_files import read_posed_images, views_of
from levelform.backend.contract.protocol import Background
from levelform.backend.geometry.cameras import Camera
from levelform.backend.geometry.meshes import Mesh
from levelform.backend.geometry.raster import rasterize
from levelform.backend.geometry.srgb import linear_from_srgb, srgb_from_linear
from levelform.backend.geometry.views import View
from levelform.backend.geometry.volume import Volume
from levelform.backend.images import to_view
from torch import Tensor

OPAQUE = 0.98  # alpha of a pixel inside the silhouette


def sample_views(folder: Path) -> list[View]:
    """Return the images of a sample, posed in the volume's frame."""
    posed = read_posed_images(folder / "transforms.json")
    place = Volume.from_matrix(posed.world_from_volume).world_from_cube
    views = [to_view(data, Background("auto")) for data in views_of(posed)]
    return [View(view.image, view.camera.in_frame(place), view.name) for view in views]


@dataclass(frozen=True)
class Fidelity:
    """Decibels of the peak signal-to-noise ratio inside the silhouette, in sRGB."""

    textured: float
    by_vertex: float


def fidelity(
    mesh: Mesh, views: Sequence[View], held: int, size: int, *, uvs: Tensor | None = None
) -> Fidelity:
    """Colour a mesh from all views but one, and compare it with that one as photographed.

    Pixels of the silhouette that the mesh does not cover count as if the mesh were black there.

    Parameters
    ----------
    mesh : in the views' frame
    size : texels along a side
    uvs : (F, 3, 2); None: it is unwrapped
    """
    vertices = torch.from_numpy(np.ascontiguousarray(mesh.vertices, np.float32))
    faces = torch.from_numpy(mesh.faces.astype(np.int64))
    normals = vertex_normals(vertices, faces)
    uvs = torch.from_numpy(unwrap(mesh, size)) if uvs is None else uvs
    photos = prepare([view for index, view in enumerate(views) if index != held])
    appearance = Appearance(photos, vertices, normals, faces)
    texture = bake(appearance, vertices, normals, faces, uvs, size)
    view = views[held]
    assert view.camera is not None  # all are posed
    pixels, triangle, weights = _seen_by(view.camera, vertices, faces)
    place = (uvs[triangle] * weights).sum(1)
    square = Camera(np.eye(4), 1, 1, 0, 0, size, size)
    at = torch.stack([place[:, 0], 1 - place[:, 1]], 1) * size
    image = linear_from_srgb(torch.from_numpy(texture.image).float() / 255).permute(2, 0, 1)
    colors = appearance(vertices, normals).rgb
    return Fidelity(
        _psnr(pixels, sample(image, at, square), view),
        _psnr(pixels, (colors[faces[triangle]] * weights).sum(1), view),
    )


def _seen_by(camera: Camera, vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pixels that show a mesh, their triangles and (S, 3, 1) weights in space."""
    pixels, depth = camera.project(vertices)
    corners = torch.cat([pixels, (1 / depth)[:, None]], 1)[faces]
    view = torch.zeros(len(faces), dtype=torch.long)
    size = {"height": camera.height, "width": camera.width}
    cover = rasterize(corners, view, views=1, two_sided=True, **size)
    weights = cover.weights * corners[cover.triangle][:, :, 2]
    return cover.sample, cover.triangle, (weights / weights.sum(1, keepdim=True))[..., None]


def _psnr(pixels: Tensor, rgb: Tensor, view: View) -> float:
    truth = view.image.reshape(-1, 4)
    shown = torch.zeros(len(truth), 3)
    shown[pixels] = srgb_from_linear(rgb.clamp(0, 1))
    inside = truth[:, 3] >= OPAQUE
    return -10 * math.log10(float(((shown - truth[:, :3])[inside] ** 2).mean()))
