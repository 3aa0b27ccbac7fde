"""Unposed images of Levelform: codes and fields, and batches with estimated cameras for training.

An image and its reflection show an object and its reflection. Both are decoded and averaged: the
errors of two estimated cameras differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..encoders.upright import Sightings, UprightCameraNetwork, choices, read
from ..fields.field import Field
from ..fields.joined import JoinedField
from ..fields.mirrored import ReflectedField
from ..geometry.views import View
from ..images.alpha import premultiply, straighten
from ..images.framing import FramedViews, Framing
from ..training.batch import Batch
from .networks.image_hypernetwork import CAMERAS, UnposedNetwork
from .upright_cameras import middle_distance

# Standard deviations of what is added to estimates in training: a camera network errs less on the
# shapes that it learned from. Radians, logarithm of the size, half sides of the image.
AZIMUTH, ELEVATION, ZOOM, OFFSET = 0.07, 0.05, 0.05, 0.025
DRAWN = 0.25  # fraction of the images whose azimuth is drawn by the network's votes
REFLECTED = "reflected_"  # before the names of a code's tensors of reflected images


def reflected(views: Sequence[View]) -> list[View]:
    """Return views with reflected images and without cameras."""
    return [replace(view, image=view.image.flip(1), camera=None, depth=None) for view in views]


def described_unposed(
    network: UnposedNetwork, framed: FramedViews, flipped: FramedViews | None
) -> dict[str, Tensor]:
    """Return a code's tensors of framed images, and of their reflections where there are any."""
    tensors = network.described_object(framed)
    if flipped is None:
        return tensors
    others = network.described_object(flipped)
    return tensors | {f"{REFLECTED}{name}": tensor for name, tensor in others.items()}


def cameras_among(tensors: Mapping[str, Tensor]) -> frozenset[str]:
    """Return the names of tensors that tell cameras."""
    return frozenset(name for name in tensors if name.removeprefix(REFLECTED) in CAMERAS)


def unposed_field(
    network: UnposedNetwork, tensors: Mapping[str, Tensor], *, symmetry: bool
) -> Field:
    """Return the field of what `described_unposed` made."""
    own = network.field_of(dict(tensors), symmetry=symmetry)
    others = {
        name.removeprefix(REFLECTED): tensor
        for name, tensor in tensors.items()
        if name.startswith(REFLECTED)
    }
    if not others:
        return own
    return JoinedField(own, ReflectedField(network.field_of(others, symmetry=symmetry)), 0.5)


@torch.no_grad()
def with_estimated_cameras(
    network: UprightCameraNetwork, batch: Batch, framing: Framing, *, disturbed: bool
) -> Batch:
    """Return a batch with estimated cameras, its images framed by them.

    Parameters
    ----------
    network
        Run in evaluation mode.
    batch
        Images framed by their masks.
    disturbed
        Add errors to the estimates, by torch's generator.
    """
    in_training = network.training
    network.eval()
    raw = network(batch.images.flatten(0, 1))
    network.train(in_training)
    sightings = _disturbed(raw) if disturbed else read(raw)
    images = framed_by(batch.images.flatten(0, 1), sightings)
    poses, intrinsics = cameras_of(sightings, framing)
    count = batch.images.shape[:2]
    return replace(
        batch,
        images=images.unflatten(0, count),
        camera_from_volume=poses.unflatten(0, count),
        intrinsics=intrinsics.unflatten(0, count),
        orthographic=False,
    )


def framed_by(images: Tensor, sightings: Sightings) -> Tensor:
    """Return images (N, 4, S, S) with the volume's center in the middle, as large as in training.

    Pixels outside the image are transparent.
    """
    scale, zero = sightings.zoom.exp(), torch.zeros_like(sightings.zoom)
    across, down = sightings.offset.unbind(1)
    rows = [torch.stack([scale, zero, across], 1), torch.stack([zero, scale, down], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    taken = F.grid_sample(premultiply(images, dim=-3), grid, align_corners=False)
    return straighten(taken.movedim(-3, -1)).movedim(-1, -3)


def cameras_of(sightings: Sightings, framing: Framing) -> tuple[Tensor, Tensor]:
    """Return (N, 4, 4) and (N, 4): camera_from_volume and intrinsics of images by `framed_by`."""
    count, device = len(sightings.zoom), sightings.zoom.device
    poses = torch.eye(4, device=device).repeat(count, 1, 1)
    poses[:, :3, :3] = sightings.axes
    poses[:, 2, 3] = middle_distance(framing)
    focal, middle = framing.focal * framing.size, framing.size / 2
    intrinsics = torch.tensor([focal, focal, middle, middle], device=device)
    return poses, intrinsics.expand(count, -1)


def _disturbed(raw: Tensor) -> Sightings:
    """Return sightings with errors."""
    likely, _ = choices(raw)
    drawn = torch.rand(len(raw), device=raw.device) < DRAWN
    bins = torch.where(drawn, torch.multinomial(likely, 1)[:, 0], likely.argmax(1))
    sightings = read(raw, bins)
    sizes = torch.tensor([AZIMUTH, ELEVATION, ZOOM, OFFSET, OFFSET], device=raw.device)
    azimuth, elevation, zoom, *offset = (torch.randn(len(raw), 5, device=raw.device) * sizes).T
    return Sightings(
        azimuth=sightings.azimuth + azimuth,
        elevation=sightings.elevation + elevation,
        zoom=sightings.zoom + zoom,
        offset=sightings.offset + torch.stack(offset, 1),
    )
