"""A texture baked from the photos: each texel is a point on the surface, coloured as such."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, normalize

from ..contract.errors import RequestError
from ..fields.field import Field
from ..geometry.raster import rasterize
from ..geometry.srgb import srgb_from_linear
from ..ticket import Ticket
from .blending import Appearance

BAND = 1 << 20  # texels processed at once
RIM = 3  # texels beyond a chart that continue the nearest ones
DARKEST = 0.02  # minimum linear light to be divided out
BRIGHTEST = 3.0  # maximum factor when a texel's light is divided out
LIGHT_POINTS = 20_000  # on the surface, to measure the usual light


@dataclass(frozen=True)
class Texture:
    """A square image for a mesh with UVs.

    Attributes
    ----------
    image : (S, S, 3) uint8 sRGB, row 0 at the top (v = 1)
    seen : fraction of the surface with colours from photos; the rest is filled in
    """

    image: np.ndarray
    seen: float


def bake(
    appearance: Appearance,
    vertices: Tensor,
    normals: Tensor,
    faces: Tensor,
    uvs: Tensor,
    size: int,
    *,
    field: Field | None = None,
    ticket: Ticket | None = None,
) -> Texture:
    """Bake a texture.

    Parameters
    ----------
    vertices, normals, faces : (V, 3), (V, 3), (F, 3), in the frame of the appearance
    uvs : (F, 3, 2) of each triangle's corners, in [0, 1], v upwards
    size : texels along a side
    field
        The field of the mesh. If it knows the base colour (`Field.albedo`), the light is divided
        out of the photos; else the texture is as photographed.

    Raises
    ------
    RequestError
        If no triangle covers a texel.
    Cancelled
        If the ticket says so.
    """
    ticket = ticket or Ticket()
    usual = _usual_light(vertices, field)
    image = torch.zeros(size * size, 4)
    total, known = 0, 0.0
    for texels, points, directions in _surface(vertices, normals, faces, uvs, size):
        colors = appearance(points, directions)
        image[texels, :3] = _without_light(colors.rgb, points, field, usual)
        image[texels, 3] = 1.0
        total, known = total + len(texels), known + float(colors.seen.sum())
        ticket.advance(float(texels[-1]) / len(image))
    if not total:
        raise RequestError("The UVs of the mesh cover no texel.", "Unwrap the mesh again.")
    padded = _padded(image.reshape(size, size, 4))
    ticket.check()
    pixels = (srgb_from_linear(padded) * 255).round().clamp(0, 255).to(torch.uint8)
    return Texture(pixels.numpy(), known / total)


def _surface(
    vertices: Tensor, normals: Tensor, faces: Tensor, uvs: Tensor, size: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield, a band of rows at a time, (T,) texels with (T, 3) points and (T, 3) unit normals."""
    rows = max(BAND // size, 1)
    place = torch.stack([uvs[..., 0], 1 - uvs[..., 1], torch.ones_like(uvs[..., 0])], 2)
    place = place * place.new_tensor([size, size, 1.0])
    top, bottom = place[..., 1].amin(1), place[..., 1].amax(1)
    for start in range(0, size, rows):
        count = min(rows, size - start)
        here = ((bottom > start) & (top < start + count)).nonzero()[:, 0]
        corners = place[here] - place.new_tensor([0.0, start, 0.0])
        view = torch.zeros(len(here), dtype=torch.long)
        cover = rasterize(corners, view, views=1, height=count, width=size, two_sided=True)
        if not len(cover.sample):
            continue
        owner = faces[here[cover.triangle]]
        weights = cover.weights[..., None]
        points = (vertices[owner] * weights).sum(1)
        directions = normalize((normals[owner] * weights).sum(1), dim=1)
        yield cover.sample + start * size, points, directions


def _without_light(
    rgb: Tensor, points: Tensor, field: Field | None, usual: Tensor | None
) -> Tensor:
    """Return (N, 3) photographed colours as base colours, where the field knows the light.

    Only its brightness is divided out: the estimated hue of the light differs between directions
    that few images see, and would tint the object there.

    The field's colour over its base colour is its estimate of the light. Detail that the field does
    not resolve stays, because photographed colours are divided, not replaced. Images can't separate
    the colour and brightness of the light from the object's, so the usual light counts as white,
    and only a point's deviation from it is divided out.
    """
    factor = None if field is None else _light_factor(points, field)
    if factor is None or usual is None:
        return rgb
    return (rgb * (factor / usual).clamp_max(BRIGHTEST)).clamp(0, 1)


def _usual_light(vertices: Tensor, field: Field | None) -> Tensor | None:
    """Return (1,) the geometric mean over the surface of what `_light_factor` returns."""
    step = max(len(vertices) // LIGHT_POINTS, 1)
    factor = None if field is None else _light_factor(vertices[::step], field)
    return None if factor is None or not len(factor) else factor.log().mean(0).exp()


@torch.no_grad()
def _light_factor(points: Tensor, field: Field) -> Tensor | None:
    """Return (N, 1) a field's base colours over its colours, the geometric mean of the channels.

    None if it knows no light.
    """
    there = points.to(field.device)
    albedo = field.albedo(there)
    lit = None if albedo is None else field.color(there)
    if albedo is None or lit is None:
        return None
    factor = albedo.cpu().clamp_min(DARKEST) / lit[:, :3].cpu().clamp_min(DARKEST)
    return factor.log().mean(1, keepdim=True).exp()


def _padded(image: Tensor) -> Tensor:
    """Return (S, S, 3): an image, (S, S, 4), whose alpha-less texels continue the others.

    Mipmaps and interpolation at a chart's border read the texels around it.
    """
    grown = image.permute(2, 0, 1)[None]
    for _ in range(RIM):
        around = avg_pool2d(grown, 3, 1, 1)
        mean = around / around[:, 3:].clamp_min(1e-12)
        grown = torch.where((grown[:, 3:] == 0) & (around[:, 3:] > 0), mean, grown)
    return _pushed(grown)[0].permute(1, 2, 0)


def _pushed(image: Tensor) -> Tensor:
    """Return (1, 3, S, S): an image of sums, (1, 4, S, S), its gaps filled from coarser ones."""
    own = image[:, :3] / image[:, 3:].clamp_min(1e-12)
    side = image.shape[2]
    if side == 1:
        return own
    even = interpolate(image, size=(side + side % 2,) * 2) if side % 2 else image
    coarse = _pushed(avg_pool2d(even, 2) * 4)
    beyond = interpolate(coarse, size=(side, side), mode="bilinear", align_corners=False)
    known = image[:, 3:].clamp_max(1)
    return own * known + beyond * (1 - known)
