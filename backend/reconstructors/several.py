"""Several posed views of Levelform: what its network of views reads, its field and its loss."""

from collections.abc import Mapping, Sequence
from itertools import count, takewhile

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..fields.levelled import interpolated
from ..fields.several_views import Round, SeveralViews, SeveralViewsField, depth_loss
from ..fields.view_silhouettes import Silhouettes, pixel_distances
from ..fusion import camera_tensors
from ..images.framing import FramedViews

# Weight of g's logits beside those of the network of several views, by number of views. g knows its
# categories well, but needs their front; the other one needs no front, and more views.
OWN_WEIGHTS = {1: 0.5, 2: 0.35, 4: 0.1, 6: 0.0}
SOFT, DEPTH = 0.3, 0.1  # weights in the loss of several views


def own_weight(views: int, fewest: int) -> float:
    """Return g's weight for so many views; `fewest`: see `LevelformConfiguration`."""
    return interpolated(OWN_WEIGHTS, views) if fewest == 1 else 0.0


def described_views(
    framed: FramedViews, vectors: Tensor, maps: Sequence[Tensor]
) -> dict[str, Tensor]:
    """Return the tensors of a code: silhouettes, cameras and features of framed, posed images."""
    cameras = [camera for camera in framed.cameras if camera is not None]
    device = vectors.device
    poses, intrinsics = camera_tensors(cameras, device)
    alpha = framed.images[:, 3].cpu().numpy()
    distances = torch.from_numpy(np.stack([pixel_distances(one) for one in alpha]))
    orthographic = torch.tensor([camera.orthographic for camera in cameras], device=device)
    tensors = {"vectors": vectors, "distances": distances.to(device)}
    tensors |= {"poses": poses, "lenses": intrinsics, "flat": orthographic}
    return tensors | {f"maps{i}": level for i, level in enumerate(maps)}


def several_field(network: SeveralViews, tensors: Mapping[str, Tensor]) -> SeveralViewsField:
    """Return the field of what `described_views` made."""
    read = ("distances", "poses", "lenses", "flat")
    views = Silhouettes(*(tensors[name][None] for name in read))
    names = (f"maps{level}" for level in count())
    maps = [tensors[name] for name in takewhile(tensors.__contains__, names)]
    return SeveralViewsField(network, maps, tensors["vectors"], views)


def several_loss(network: SeveralViews, batch: Round) -> dict[str, Tensor]:
    """Return the loss on the fused logits: see `Levelform.several_loss`."""
    views = batch.views
    surface = network.surface([level.flatten(0, 1) for level in batch.maps], views)
    with torch.autocast(batch.points.device.type, enabled=False):
        logits = network(batch.points, views, surface, batch.vectors)
        entropy = F.binary_cross_entropy_with_logits(logits, batch.inside)
        depth, error = depth_loss(surface, batch.depth)
        fraction, true = logits.sigmoid(), batch.inside
        missed = 1 - soft_iou(fraction, true, torch.ones_like(true, dtype=torch.bool))
    solid, inside = logits > 0, true > 0.5
    counted = surface.interval.valid & batch.depth.isfinite()
    front = (surface.interval.front - batch.depth).abs()[counted].mean()
    return {
        "loss": entropy + SOFT * missed + DEPTH * depth,
        "entropy": entropy,
        "depth": error,
        "front": front,
        "iou": (solid & inside).sum() / (solid | inside).sum().clamp(min=1),
    }


def soft_iou(fraction: Tensor, inside: Tensor, even: Tensor) -> Tensor:
    """Return the mean over objects of intersection by union.

    Parameters
    ----------
    fraction : (B, P) in [0, 1], how much each point is thought to be inside
    inside : (B, P) 0 or 1, the truth
    even : (B, P) bool, the points that count
    """
    both = (fraction * inside * even).sum(1)
    either = ((fraction + inside - fraction * inside) * even).sum(1)
    return (both / either.clamp_min(1e-6)).mean()
