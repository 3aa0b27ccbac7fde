"""The images of a job, kept by a session to colour any mesh of its result."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..fields.field import Field
from ..geometry.meshes import Mesh
from ..geometry.views import View
from ..ticket import Ticket
from .aligning import aligned
from .blending import Appearance, Color
from .coloring import appearance_of, color_mesh
from .photos import Photo, prepare
from .visibility import DEPTH_SIDE

COLOR_BLOCK = 65536  # points per call of a field's colours
NO_PHOTO = (
    "No image says the colors of the mesh: none has a camera, or one was found that does not fit.",
    "Give the images cameras, or use a method that finds them.",
)


class Painter:
    """Photos around a result, prepared when a mesh is coloured for the first time.

    Parameters
    ----------
    views
        With their cameras in the volume's frame; one without is not used.
    estimated : of each view, whether a network estimated its camera
    exposures : of each view, where they are known, see `photos.prepare`
    """

    def __init__(
        self,
        views: Sequence[View],
        estimated: Sequence[bool],
        exposures: Sequence[Sequence[float] | None] | None = None,
    ) -> None:
        self._views = [(_bytes(view.image), (view.camera, view.name)) for view in views]
        self._estimated, self._exposures = estimated, exposures
        self._photos: list[Photo] = []

    @property
    def photos(self) -> list[Photo]:
        """The posed views as photos."""
        if self._views:
            views = [View(image.float() / 255, *rest) for image, rest in self._views]
            self._photos = prepare(views, self._estimated, self._exposures)
            self._views = []
        return self._photos

    def paint(
        self,
        mesh: Mesh,
        field: Field | None = None,
        *,
        own_colors: bool = False,
        ticket: Ticket | None = None,
    ) -> Mesh:
        """Return a mesh with colours; unchanged if none are known.

        Parameters
        ----------
        mesh : in the volume's frame
        field
            The field of the mesh; its own colours fill unseen parts.
        own_colors : take the field's own colours everywhere
        """
        if own_colors and field is not None:
            colors = _own_colors(field, mesh)
            if colors is not None:
                return replace(mesh, colors=colors, seen=None)
        photos = self.fitting(mesh)
        if not photos:
            colors = _own_colors(field, mesh) if field is not None else None
            return replace(mesh, colors=colors, seen=None)
        colors, seen = color_mesh(
            mesh,
            photos,
            side=DEPTH_SIDE,
            hidden=_hidden(field),
            ticket=ticket,
        )
        return replace(mesh, colors=colors, seen=seen)

    def appearance(
        self, mesh: Mesh, field: Field | None = None, ticket: Ticket | None = None
    ) -> Appearance | None:
        """Return the `Appearance` of a mesh; None if no photo fits it."""
        photos = self.fitting(mesh)
        if not photos:
            return None
        quiet = Ticket(cancelled=ticket.cancelled) if ticket is not None else None
        return appearance_of(mesh, photos, hidden=_hidden(field), ticket=quiet)

    def fitting(self, mesh: Mesh) -> list[Photo]:
        """Return the photos with cameras that fit a mesh; estimated cameras are aligned with it."""
        if not len(mesh.faces):
            return []
        vertices = torch.from_numpy(np.ascontiguousarray(mesh.vertices, np.float32))
        faces = torch.from_numpy(mesh.faces.astype(np.int64))
        result = []
        for photo in self.photos:
            fit = aligned(photo, vertices, faces) if photo.estimated else photo
            if fit is not None:
                result.append(fit)
        return result


def _bytes(image: Tensor) -> Tensor:
    """Return an image, floats in [0, 1], in a quarter of the memory."""
    return (image.cpu() * 255).round().to(torch.uint8)


def _hidden(field: Field | None) -> Color | None:
    """Return a field's own colours as a function of points on the CPU."""
    if field is None:
        return None

    @torch.no_grad()
    def colors(points: Tensor) -> Tensor | None:
        parts = [field.color(part) for part in points.to(field.device).split(COLOR_BLOCK)]
        known = [part.cpu() for part in parts if part is not None]
        return torch.cat(known) if len(known) == len(parts) else None

    return colors


def _own_colors(field: Field, mesh: Mesh) -> np.ndarray | None:
    """Return (V, 4) the field's own colours at the vertices; None where it has none."""
    colors = _hidden(field)
    assert colors is not None
    values = colors(torch.from_numpy(np.ascontiguousarray(mesh.vertices, np.float32)))
    return None if values is None else values.numpy()
