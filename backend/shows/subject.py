"""The object that a show is about."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import RequestError, WorkError
from ..contract.shows import Exhibit
from ..extraction import extract
from ..fields import Field
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..reconstructors import Code, Reconstructor
from ..ticket import Ticket


@dataclass(frozen=True)
class Subject:
    """A model and its code of one object.

    Attributes
    ----------
    model : in evaluation mode
    code : of the object
    views : the encoded ones, cameras in the volume's frame; empty: unknown
    shape : the decoded field, moved to its level
    level : of the field at the surface
    resolution : cells along the longest side of meshes
    seed : of random samples
    ticket : progress out, cancel in
    """

    model: Reconstructor
    code: Code
    views: tuple[View, ...]
    shape: Field
    level: float = 0.0
    resolution: int = 128
    seed: int = 0
    ticket: Ticket = field(default_factory=Ticket)

    def mesh(self, field: Field | None = None, level: float | None = None) -> Mesh:
        """Return the mesh of a field, by default of the object's, without colours.

        Raises
        ------
        WorkError
            If it has no surface.
        """
        level = self.level if level is None else level
        try:
            mesh = extract(
                field or self.shape, self.resolution, level=level, color=False, ticket=self.ticket
            )
        except RequestError:
            mesh = Mesh.empty()
        if not len(mesh.faces):
            raise WorkError(
                "The field has no surface to show: the whole volume is on one side of it.",
                "Try another level, or another image.",
            )
        return mesh


def mesh_exhibit(
    name: str,
    vertices: Tensor | np.ndarray,
    faces: Tensor | np.ndarray | None,
    *,
    colors: Tensor | None = None,
    values: dict[str, Tensor] | None = None,
    place: int = 0,
    step: int = -1,
) -> Exhibit:
    """Return a mesh, or points without faces, with numbers of each vertex by name."""
    columns = dict(values or {})
    table = None
    if columns:
        table = _array(torch.stack([column.float().cpu() for column in columns.values()], 1))
    return Exhibit(
        "",
        name,
        _array(vertices),
        None if faces is None else _array(faces, np.int32),
        None if colors is None else _array(colors),
        tuple(columns),
        table,
        place=place,
        step=step,
    )


def image_exhibit(name: str, image: np.ndarray | Tensor) -> Exhibit:
    """Return an image, (H, W, 3 or 4) sRGB in [0, 1]."""
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else image
    return Exhibit("", name, image=png((array.clip(0, 1) * 255 + 0.5).astype(np.uint8)))


def png(pixels: np.ndarray) -> np.ndarray:
    """Return the bytes, (N,) uint8, of a PNG file of pixels (H, W, 3 or 4) uint8."""
    from io import BytesIO

    from PIL import Image

    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return np.frombuffer(file.getvalue(), np.uint8)


def depth_image(depth: Tensor, shown: Tensor | None = None) -> Tensor:
    """Return a depth map, (H, W), as an image (H, W, 4): near is white, far dark.

    Parameters
    ----------
    shown : (H, W) bool, pixels that show the object; None: those of finite depth
    """
    seen = depth.isfinite() if shown is None else shown & depth.isfinite()
    if not seen.any():
        return torch.zeros(*depth.shape, 4)
    near, far = depth[seen].aminmax()
    gray = 1 - 0.85 * (depth - near) / (far - near).clamp_min(1e-9)
    gray = torch.where(seen, gray, 0.0)[..., None].expand(-1, -1, 3)
    return torch.cat([gray, seen[..., None].to(gray)], -1).cpu()


def of_all_views(views: Sequence[View]) -> list[str]:
    """Return a suffix for a view's exhibits: empty for a single view, else its number."""
    return [""] if len(views) == 1 else [f" {index}" for index in range(len(views))]


def _array(values: Tensor | np.ndarray, dtype: type = np.float32) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    return np.ascontiguousarray(values, dtype)
