"""Shape from silhouettes: the largest shape that every image's alpha allows.

A. Laurentini: The Visual Hull Concept for Silhouette-Based Image Understanding, PAMI 1994.

Nothing is learned, so nothing is invented either: a hollow that no silhouette shows stays filled.
The cones are kept as signed distances (`fields.hull`), not carved into voxels, so the surface is
exact to a fraction of a pixel and can be meshed at any resolution.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..contract.errors import RequestError
from ..fields.hull import HullField, silhouette_map
from ..fields.silhouettes import EDGE
from ..geometry.cameras import Camera
from ..geometry.images import shrink
from ..geometry.views import View
from .base import Code, MethodSpec, Reconstructor, register

LONGEST = 1024  # pixels; larger images are averaged down, their edges keep their place
FIRST_CELLS = 32  # a side of the volume, where the proof that it is empty starts

SPEC = MethodSpec(
    name="visual-hull",
    title="Visual hull",
    paper="Laurentini, The Visual Hull Concept for Silhouette-Based Image Understanding, 1994",
    summary="Carves the object out of its silhouettes; needs posed images with alpha.",
    needs_camera=True,
    needs_weights=False,
    fusions=("intersection",),
)


@register(SPEC)
class VisualHull(Reconstructor):
    """The intersection of the silhouettes' cones."""

    def __init__(self) -> None:
        super().__init__()
        # Without parameters the module would not know where `to` moved it.
        self.register_buffer("anchor", torch.zeros(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the field computes."""
        return self.get_buffer("anchor").device

    @torch.no_grad()
    def encode(self, views: Sequence[View]) -> Code:
        """Measure the silhouettes.

        Parameters
        ----------
        views
            Posed in the volume's frame, alpha is the silhouette.

        Raises
        ------
        RequestError
            If there is no view, one has no camera, no alpha, an empty silhouette or one that fills
            the image, or if no point of the volume lies inside all silhouettes.
        """
        self.check_views(views)
        for view in views:
            check_silhouette(view)
        small = [shrink(view, LONGEST) for view in views]
        tensors, frames = {}, []
        for index, view in enumerate(small):
            assert view.camera is not None  # check_views
            tensors[f"distance_{index}"] = silhouette_map(view.image[..., 3], view.camera)
            frames.append(view.camera.to_transforms())
        meta = {"names": [view.name for view in views], "frames": frames}
        code = Code(self.spec.name, tensors, meta).to(self.device)
        check_overlap(self.decode(code), meta["names"])
        return code

    @torch.no_grad()
    def decode(self, code: Code) -> HullField:
        """Stack the silhouettes for look-up."""
        self.check_code(code)
        frames = code.meta["frames"]
        return HullField(
            [code.tensors[f"distance_{index}"] for index in range(len(frames))],
            [Camera.from_transforms(frame) for frame in frames],
            device=self.device,
        )


def check_silhouette(view: View) -> None:
    """Refuse an image whose alpha shows no silhouette.

    Raises
    ------
    RequestError
        If alpha is full everywhere, or nowhere above one half, or nowhere below.
    """
    alpha = view.image[..., 3]
    low, high = (float(extreme) for extreme in alpha.aminmax())
    if not low <= high:
        raise RequestError(
            f"{view.name}: the image's alpha holds numbers that are not finite.",
            "Save the image again.",
        )
    if high < EDGE:
        raise RequestError(
            f"{view.name}: the silhouette is empty, alpha is nowhere above {high:.2f}.",
            "Check that the object is in the image, or leave this view out.",
        )
    if low > 1.0 - 1e-3:
        raise RequestError(
            f"{view.name}: the image has no transparent background, its alpha is full.",
            "Say what the background is: the color of the image's corners, or a chosen color.",
        )
    if low >= EDGE:
        raise RequestError(
            f"{view.name}: the silhouette fills the whole image and says nothing of the shape.",
            "Take an image that shows some background, or leave this view out.",
        )


def check_overlap(hull: HullField, names: Sequence[str]) -> None:
    """Refuse silhouettes that leave nothing of the volume, naming the view that disagrees.

    Raises
    ------
    RequestError
        If every point of the volume's cube is outside some silhouette.
    """
    if not is_empty(hull):
        return
    guilty = disagreeing_view(hull)
    if guilty is None:
        raise RequestError(
            "The silhouettes do not overlap in the volume: nothing in it is inside all of them.",
            "Move or enlarge the volume so that it holds the object, and check the cameras.",
        )
    raise RequestError(
        f"The silhouettes do not overlap in the volume: {names[guilty]} disagrees with the others.",
        "Check that camera's pose and image, or leave it out.",
    )


@torch.no_grad()
def is_empty(hull: HullField) -> bool:
    """Return whether [-1, 1]^3 has no point inside; parts thinner than 1/512 may be missed."""
    centers, half = _cell_centers(hull, FIRST_CELLS), 1.0 / FIRST_CELLS
    assert hull.lipschitz is not None  # every hull's is known
    while half > 1 / 512 and len(centers):
        values = hull(centers)
        if bool((values < 0).any()):
            return False
        centers = centers[values <= hull.lipschitz * half * math.sqrt(3)]
        half /= 2
        corners = torch.tensor(list(itertools.product((-half, half), repeat=3)))
        centers = (centers[:, None] + corners.to(centers)).reshape(-1, 3)
    return True


@torch.no_grad()
def disagreeing_view(hull: HullField) -> int | None:
    """Return the one view without which most of the volume is left; None if none frees any."""
    outside = hull.per_view(_cell_centers(hull, 64)) >= 0  # (V, N)
    alone = outside & (outside.sum(0) == 1)
    freed = alone.sum(1)
    best = int(freed.argmax())
    return best if len(freed) > 1 and int(freed[best]) > 0 else None


def _cell_centers(hull: HullField, cells: int) -> Tensor:
    """Return (cells^3, 3) the middles of the cells of a grid over [-1, 1]^3."""
    side = (torch.arange(cells, device=hull.device) + 0.5) * (2.0 / cells) - 1.0
    return torch.cartesian_prod(side, side, side)
