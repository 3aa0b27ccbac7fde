"""The camera network of our own method: where an upright image was taken from.

An image without a camera is cropped to its mask, so nothing in it tells distance, aim or focal
length: what is left to find is the direction it was taken from, how large the object's frame
appears, and where its centre appears. The camera is taken to be upright, as people hold it.

The azimuth is a choice among bins and an offset in the chosen one: many objects look almost alike
from two sides, and the mean of two guesses, which a regression would learn, is wrong for both.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..images.alpha import premultiply
from .trunk import Trunk

BINS = 24  # of azimuth, 15 degrees each
WIDTH = 2 * math.pi / BINS
FINE = 4.0  # weight in the loss of all that is regressed, against the choice of the bin


@dataclass(frozen=True)
class Sightings:
    """How N images were taken.

    Attributes
    ----------
    azimuth : (N,) radians from the front, -Y, counter-clockwise seen from above
    elevation : (N,) radians above the horizon
    zoom : (N,) natural logarithm of how large the volume appears, 0 as in training images
    offset : (N, 2) where the volume's centre appears; the square image is [-1, 1]^2, y down
    """

    azimuth: Tensor
    elevation: Tensor
    zoom: Tensor
    offset: Tensor

    @property
    def axes(self) -> Tensor:
        """(N, 3, 3) rotations, camera_from_volume: rows right, down and forward."""
        sin_a, cos_a = self.azimuth.sin(), self.azimuth.cos()
        sin_e, cos_e = self.elevation.sin(), self.elevation.cos()
        zero = torch.zeros_like(sin_a)
        right = torch.stack([cos_a, sin_a, zero], -1)
        down = torch.stack([sin_e * sin_a, -sin_e * cos_a, -cos_e], -1)
        forward = torch.stack([-cos_e * sin_a, cos_e * cos_a, -sin_e], -1)
        return torch.stack([right, down, forward], -2)


class UprightCameraNetwork(nn.Module):
    """Pictures (N, 4, S, S), RGBA with straight alpha, to the `Sightings` of the volume in them.

    Parameters
    ----------
    stem, stride, widths
        Of its own `Trunk`.
    """

    def __init__(self, *, stem: int, stride: int = 2, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.trunk = Trunk(stem=stem, stride=stride, widths=widths, maps=False)
        self.head = nn.Linear(self.trunk.features, 2 * BINS + 4)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 2 BINS + 4) raw numbers: bins' logits, offsets, elevation, zoom, offset."""
        return self.head(self.trunk(premultiply(images, dim=-3))[0].float())

    def sightings(self, images: Tensor) -> Sightings:
        """Return the most probable sightings."""
        return read(self(images))


def read(raw: Tensor, bins: Tensor | None = None) -> Sightings:
    """Return the sightings of the network's raw numbers, in the most probable or the given bins."""
    logits, offsets, rest = raw.split([BINS, BINS, 4], 1)
    chosen = logits.argmax(1) if bins is None else bins
    offset = offsets.gather(1, chosen[:, None])[:, 0].tanh() / 2
    bounded = rest.tanh()
    return Sightings(
        azimuth=(chosen + offset + 0.5) * WIDTH,
        elevation=bounded[:, 0] * (math.pi / 2),
        zoom=2 * bounded[:, 1],
        offset=bounded[:, 2:],
    )


def choices(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Return probability and azimuth (radians) of each bin, (N, BINS) both, of the raw numbers."""
    logits, offsets, _ = raw.split([BINS, BINS, 4], 1)
    places = torch.arange(BINS, device=raw.device) + offsets.tanh() / 2 + 0.5
    return logits.softmax(1), places * WIDTH


def sighting_loss(raw: Tensor, true: Sightings) -> Tensor:
    """Return the cross entropy of the azimuth's bin, plus the errors of all else, smooth L1."""
    place = true.azimuth.remainder(2 * math.pi) / WIDTH
    bins = place.long().clamp(max=BINS - 1)
    predicted = read(raw, bins)
    pairs = [
        (predicted.azimuth / WIDTH, place),
        (predicted.elevation, true.elevation),
        (predicted.zoom, true.zoom.clamp(-2, 2)),
        (predicted.offset, true.offset.clamp(-1, 1)),
    ]
    fine = torch.stack([F.smooth_l1_loss(a, b, beta=0.1) for a, b in pairs]).sum()
    return F.cross_entropy(raw[:, :BINS], bins) + FINE * fine


def true_sightings(
    camera_from_volume: Tensor, intrinsics: Tensor, *, size: int, unit: float, orthographic: bool
) -> Sightings:
    """Return how cameras see the volume.

    Parameters
    ----------
    camera_from_volume : (N, 4, 4)
    intrinsics : (N, 4) fx fy cx cy, pixels
    size : side of the image in pixels
    unit : how large a length 1 at the volume's centre appears in training images, in sides
    orthographic : the cameras are
    """
    rotation, translation = camera_from_volume[:, :3, :3], camera_from_volume[:, :3, 3]
    away = (
        -rotation[:, 2]
        if orthographic
        else F.normalize(-(rotation.mT @ translation[..., None])[..., 0])
    )
    depth = torch.ones_like(translation[:, 2]) if orthographic else translation[:, 2]
    center = translation[:, :2] / depth[:, None] * intrinsics[:, :2] + intrinsics[:, 2:]
    distance = torch.ones_like(depth) if orthographic else translation.norm(dim=1)
    return Sightings(
        azimuth=torch.atan2(away[:, 0], -away[:, 1]),
        elevation=away[:, 2].clamp(-1, 1).asin(),
        zoom=(intrinsics[:, 0] / (size * distance * unit)).log(),
        offset=2 * center / size - 1,
    )
