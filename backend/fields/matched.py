"""A field adjusted to the silhouette of one view.

What projects outside the silhouette is cut away by the view's cone. Where the silhouette is not
covered, the field is lowered along the rays of those pixels by just what is missing: by the least
value on each ray, which a smooth map of offsets holds. So the field changes nowhere else, and each
ray is filled where the field was closest to a surface.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..geometry.cameras import Camera
from ..geometry.images import resized
from ..ticket import Ticket
from .field import Field
from .hull import HullField, silhouette_map
from .intersection import LOGITS_PER_UNIT

SIDE = 96  # pixels along the longer side of the map of offsets
STEPS = 64  # samples on a ray
STRIDE = 4  # the first of these samples are every fourth one
BLOCK = 1 << 15  # points evaluated at once
MARGIN = 1.02  # the surface is moved slightly past the ray
MOST = {"distance": 0.25, "occupancy": 6.0}  # largest offset: beyond, the field knows of nothing


class MatchedField(Field):
    """max(f - offset, cone) of a field f, see the module.

    Parameters
    ----------
    field
        Of any kind.
    cone
        The hull of the one view.
    camera
        Of that view.
    offsets : (h, w) at least 0, over the whole image
    """

    def __init__(self, field: Field, cone: HullField, camera: Camera, offsets: Tensor) -> None:
        self.field, self.cone, self.camera = field, cone, camera
        self.offsets = offsets.to(field.device)
        self.kind, self.device, self.shift = field.kind, field.device, field.shift
        self.factor = 1.0 if field.kind == "distance" else LOGITS_PER_UNIT

    def __call__(self, points: Tensor) -> Tensor:
        pixels, depth = self.camera.project(points)
        size = points.new_tensor([self.camera.width, self.camera.height])
        grid = (pixels / size * 2 - 1)[None, None]
        offset = F.grid_sample(
            self.offsets[None, None], grid, padding_mode="border", align_corners=False
        )[0, 0, 0]
        offset = torch.where(depth > 0, offset, 0.0)
        return torch.maximum(self.field(points) - offset, self.cone(points) * self.factor)

    def color(self, points: Tensor) -> Tensor | None:
        """Return the field's own colours."""
        return self.field.color(points)

    def albedo(self, points: Tensor) -> Tensor | None:
        """Return the field's own base colours."""
        return self.field.albedo(points)

    def level(self, threshold: float | None = None) -> float:
        """Turn a user's threshold into a level, as the field itself does."""
        return self.field.level(threshold)

    def threshold_of(self, level: float) -> float:
        """Turn a level into a user's threshold, as the field itself does."""
        return self.field.threshold_of(level)


@torch.no_grad()
def matched(
    field: Field, alpha: Tensor, camera: Camera, ticket: Ticket | None = None
) -> MatchedField:
    """Return a field whose silhouette is that of a view.

    Parameters
    ----------
    alpha : (H, W) of the whole image
    camera : its camera, posed in the volume's frame
    """
    cone = HullField([silhouette_map(alpha, camera)], [camera], device=field.device)
    factor = min(SIDE / max(alpha.shape), 1.0)
    height, width = (max(round(side * factor), 2) for side in alpha.shape)
    small = resized(camera, width=width, height=height)
    shrunk = F.interpolate(
        alpha[None, None].float(), (height, width), mode="bilinear", antialias=True
    )[0, 0]
    rows, columns = (shrunk > 0.5).nonzero(as_tuple=True)
    pixels = torch.stack([columns, rows], 1).float() + 0.5
    least = _least_on_rays(field, small, pixels.to(field.device), ticket or Ticket())
    offsets = torch.zeros(height, width, device=field.device)
    missing = (least * MARGIN).clamp(0, MOST[field.kind])
    offsets[rows.to(field.device), columns.to(field.device)] = missing
    return MatchedField(field, cone, camera, _widened(offsets))


def _least_on_rays(field: Field, camera: Camera, pixels: Tensor, ticket: Ticket) -> Tensor:
    """Return (N,) the least value of a field on the part in the volume of each pixel's ray.

    A ray that meets the inside, a value below 0, needs no least value: few samples tell that.
    """
    origins, directions = camera.rays(pixels)
    middle = -(origins * directions).sum(1) / directions.square().sum(1)
    reach = 3**0.5 / directions.norm(dim=1)
    fractions = torch.linspace(-1, 1, STEPS, device=pixels.device)
    coarse = torch.arange(STEPS, device=pixels.device) % STRIDE == STRIDE // 2
    least = pixels.new_full((len(pixels),), torch.inf)
    for chosen in (fractions[coarse], fractions[~coarse]):
        (open_,) = (least > 0).nonzero(as_tuple=True)
        for part in open_.split(BLOCK // len(chosen)):
            ticket.check()
            depths = middle[part, None] + reach[part, None] * chosen  # (n, S)
            points = origins[part, None] + depths[..., None] * directions[part, None]
            values = _values_inside(field, points.float(), depths)
            least[part] = torch.minimum(least[part], values.amin(1).to(least))
    return least


def _values_inside(field: Field, points: Tensor, depths: Tensor) -> Tensor:
    """Return (n, S) a field's values at points (n, S, 3); infinity outside the volume."""
    inside = (points.abs() <= 1).all(2) & (depths > 0)
    values = points.new_full(inside.shape, torch.inf)
    if bool(inside.any()):
        values[inside] = field(points[inside]).to(values)
    return values


def _widened(offsets: Tensor) -> Tensor:
    """Return offsets spread by a pixel, so that interpolation between pixels loses none."""
    return F.max_pool2d(offsets[None, None], 3, 1, 1)[0, 0]
