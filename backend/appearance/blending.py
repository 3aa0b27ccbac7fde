"""Colours of surface points from the photos that see them.

Two bands, after Burt and Adelson ("A Multiresolution Spline", ACM TOG 1983): the low band is
averaged widely, which hides seams between photos of different exposure; detail comes almost
entirely from the photo with the highest weight, so it stays sharp where photos do not align.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ..geometry.cameras import Camera
from ..ticket import Ticket
from .filling import Filling
from .gains import solve_gains
from .photos import Photo
from .visibility import DEPTH_SIDE, Sight, look, weigh

LOOKING = 0.85  # fraction of the time before the first colour is known
BLOCK = 1 << 17  # points coloured between two checks of the ticket
DETAIL_POWER = 4.0  # how much more detail depends on the best photo than the low band
FAINTEST = 1e-5  # relative weight of a half seen point
GAIN_POINTS = 4096  # points to compare exposures at
WELL = 0.1  # minimum weight, relative to the highest, for exposures to be compared

Color = Callable[[Tensor], Tensor | None]


@dataclass(frozen=True)
class Colors:
    """Colours of points.

    Attributes
    ----------
    rgb : (N, 3) float32, linear
    seen : (N,) float32 in [0, 1]: 1 where the colour is from photos, 0 where it is filled in
    """

    rgb: Tensor
    seen: Tensor


class Appearance:
    """Photos around a mesh, ready to colour points on it.

    Parameters
    ----------
    photos
        Posed in the mesh's frame.
    vertices, normals, faces : (V, 3), (V, 3) unit length, (F, 3)
        The mesh, inside [-1, 1]^3.
    side : pixels of the longer side of the depth maps
    hidden
        The method's own colours, (N, 3 or 4) at (N, 3) points, for unseen points; None: fill them
        smoothly.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        vertices: Tensor,
        normals: Tensor,
        faces: Tensor,
        *,
        side: int = DEPTH_SIDE,
        hidden: Color | None = None,
        ticket: Ticket | None = None,
    ) -> None:
        self.photos, self._hidden = photos, hidden
        self._ticket = ticket or Ticket()
        self._vertices, self._normals = vertices, normals
        self._sights: list[Sight] = []
        for done, photo in enumerate(photos):
            self._ticket.advance(LOOKING * done / len(photos))
            self._sights.append(look(photo, vertices, faces, side=side))
        self._scale = self._weight_scale()
        self.gains = self._gains()
        self._filling: Filling | None = None

    def __call__(self, points: Tensor, normals: Tensor) -> Colors:
        """Return the colours of surface points.

        Parameters
        ----------
        points : (N, 3) ; normals : (N, 3) unit length

        Raises
        ------
        Cancelled
            If the ticket says so.
        """
        blocks = [
            self._block(points[start : start + BLOCK], normals[start : start + BLOCK])
            for start in range(0, len(points), BLOCK)
        ]
        if not blocks:
            return Colors(points.new_zeros((0, 3)), points.new_zeros(0))
        return Colors(torch.cat([b.rgb for b in blocks]), torch.cat([b.seen for b in blocks]))

    # ------------------------------------------------------------ inside

    def _block(self, points: Tensor, normals: Tensor) -> Colors:
        colors = self._photographed(points, normals)
        hidden = (colors.seen < 0.999).nonzero()[:, 0]
        if len(hidden):
            other = self._unseen(points[hidden])
            colors.rgb[hidden] = torch.lerp(other, colors.rgb[hidden], colors.seen[hidden, None])
        return colors

    def _photographed(self, points: Tensor, normals: Tensor) -> Colors:
        """Return the photos' colours; black where no photo sees a point."""
        low, detail = points.new_zeros((len(points), 4)), points.new_zeros((len(points), 4))
        for photo, sight, gain in zip(self.photos, self._sights, self.gains, strict=True):
            self._ticket.check()
            index, pixels, weight = weigh(sight, points, normals)
            weight = weight * (photo.sharpness / self._scale)
            coarse = sample(photo.low, pixels, sight.camera) * gain
            fine = sample(photo.color, pixels, sight.camera) * gain - coarse
            _add(low, index, coarse, weight)
            _add(detail, index, fine, weight**DETAIL_POWER)
        rgb = low[:, :3] / low[:, 3:].clamp_min(1e-20)
        rgb += detail[:, :3] / detail[:, 3:].clamp_min(1e-30)
        return Colors(rgb.clamp(0, 1), low[:, 3] / (low[:, 3] + FAINTEST))

    def _unseen(self, points: Tensor) -> Tensor:
        """Return (N, 3) colours of points that no photo sees well."""
        own = None if self._hidden is None else self._hidden(points)
        if own is not None:
            return own[:, :3]
        if self._filling is None:
            known = self._photographed(self._vertices, self._normals)
            self._filling = Filling(self._vertices, known.rgb, known.seen)
        return self._filling(points)

    def _weight_scale(self) -> float:
        """Return the reference of weights: that of the closest frontal view of the mesh."""
        points, normals = self._sample()
        weights = [weigh(sight, points, normals)[2] for sight in self._sights]
        return max((float(weight.max()) for weight in weights if len(weight)), default=1.0)

    def _gains(self) -> Tensor:
        """Return (P, 3) factors of each photo's colours."""
        points, normals = self._sample()
        colors = points.new_zeros((len(self.photos), len(points), 3))
        seen = torch.zeros((len(self.photos), len(points)), dtype=torch.bool)
        for row, (photo, sight) in enumerate(zip(self.photos, self._sights, strict=True)):
            index, pixels, weight = weigh(sight, points, normals)
            well = weight > WELL * self._scale
            colors[row, index] = sample(photo.low, pixels, sight.camera)
            seen[row, index[well]] = True
        return solve_gains(colors, seen)

    def _sample(self) -> tuple[Tensor, Tensor]:
        """Return points of the mesh, spread evenly over its vertices, and their normals."""
        step = max(len(self._vertices) // GAIN_POINTS, 1)
        return self._vertices[::step], self._normals[::step]


def _add(total: Tensor, index: Tensor, rgb: Tensor, weight: Tensor) -> None:
    """Add weighted colours, and the weights, to the rows of seen points."""
    total.index_add_(0, index, torch.cat([rgb * weight[:, None], weight[:, None]], 1))


def sample(image: Tensor, pixels: Tensor, camera: Camera) -> Tensor:
    """Return (N, C) an image, (C, H, W), at pixel positions of a camera of any size, bilinear."""
    size = pixels.new_tensor([camera.width, camera.height])
    grid = (2.0 * pixels / size - 1.0)[None, None]
    return grid_sample(
        image[None].float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )[0, :, 0].T
