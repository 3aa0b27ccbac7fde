"""From a finished mesh to one with UVs and a texture."""

import io
from dataclasses import dataclass

import numpy as np
import torch

from ..contract.errors import WorkError
from ..fields.field import Field
from ..geometry.meshes import Mesh
from ..ticket import Ticket
from .baking import Texture, bake
from .blending import Colors
from .coloring import tensors
from .painter import NO_PHOTO, Painter

COMPRESSION = 4  # of the PNG: half a second at 2k, a tenth larger than at the highest level


@dataclass(frozen=True)
class ColoredMesh:
    """Colours of a mesh from the images.

    Attributes
    ----------
    colors : of its vertices
    texture : None if none was requested
    """

    colors: Colors
    texture: Texture | None


def paint(
    painter: Painter,
    mesh: Mesh,
    field: Field | None = None,
    *,
    uvs: np.ndarray | None = None,
    size: int = 0,
    ticket: Ticket | None = None,
) -> ColoredMesh:
    """Colour a mesh, and bake its texture if it has UVs.

    Parameters
    ----------
    mesh : in the volume's frame
    field : the field of the mesh, see `Appearance` and `bake`
    uvs : (F, 3, 2) of the corners of its triangles, in [0, 1], v upwards
    size : texels along a side of the texture

    Raises
    ------
    WorkError
        If no image has a camera that fits the mesh.
    """
    appearance = painter.appearance(mesh, field, ticket)
    if appearance is None:
        message, hint = NO_PHOTO
        raise WorkError(message, hint)
    vertices, normals = tensors(mesh)
    colors = appearance(vertices, normals)
    if uvs is None:
        return ColoredMesh(colors, None)
    faces = torch.from_numpy(mesh.faces.astype(np.int64))
    corners = torch.from_numpy(np.ascontiguousarray(uvs, np.float32))
    texture = bake(appearance, vertices, normals, faces, corners, size, field=field, ticket=ticket)
    return ColoredMesh(colors, texture)


def png(texture: Texture) -> bytes:
    """Return a texture as the bytes of a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(texture.image).save(file, "PNG", compress_level=COMPRESSION)
    return file.getvalue()
