"""A mesh coloured from the views, vertex by vertex."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..geometry.meshes import Mesh
from ..ticket import Ticket
from .blending import Appearance, Color, Colors
from .photos import Photo
from .visibility import DEPTH_SIDE


def color_mesh(
    mesh: Mesh,
    photos: Sequence[Photo],
    *,
    side: int = DEPTH_SIDE,
    hidden: Color | None = None,
    ticket: Ticket | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Colour a mesh from photos of it.

    Parameters
    ----------
    mesh : in the frame of the photos' cameras, inside [-1, 1]^3
    side, hidden : see `Appearance`

    Returns
    -------
    colors : (V, 4) float32, linear RGBA
    seen : (V,) float32, 1 where the colour is from photos, 0 where it is filled in
    """
    appearance = appearance_of(mesh, photos, side=side, hidden=hidden, ticket=ticket)
    vertices, normals = tensors(mesh)
    colors = appearance(vertices, normals)
    return rgba(colors), colors.seen.numpy()


def rgba(colors: Colors) -> np.ndarray:
    """Return (N, 4) float32: linear colours, opaque."""
    return torch.cat([colors.rgb, torch.ones_like(colors.rgb[:, :1])], 1).numpy()


def appearance_of(
    mesh: Mesh,
    photos: Sequence[Photo],
    *,
    side: int = DEPTH_SIDE,
    hidden: Color | None = None,
    ticket: Ticket | None = None,
) -> Appearance:
    """Return the `Appearance` of a mesh, see `color_mesh`."""
    vertices, normals = tensors(mesh)
    faces = torch.from_numpy(mesh.faces.astype(np.int64))
    return Appearance(photos, vertices, normals, faces, side=side, hidden=hidden, ticket=ticket)


def tensors(mesh: Mesh) -> tuple[Tensor, Tensor]:
    """Return a mesh's vertices and its normals, from its faces where it has none."""
    vertices = torch.from_numpy(np.ascontiguousarray(mesh.vertices, np.float32))
    if mesh.normals is not None:
        return vertices, torch.from_numpy(np.ascontiguousarray(mesh.normals, np.float32))
    return vertices, vertex_normals(vertices, torch.from_numpy(mesh.faces.astype(np.int64)))


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return (V, 3) unit normals: the mean of the faces around each vertex, weighted by area."""
    a, b, c = vertices[faces].unbind(1)
    across = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        total.index_add_(0, faces[:, corner], across)
    return normalize(total, dim=1)
