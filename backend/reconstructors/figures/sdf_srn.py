"""SDF-SRN: colour, depth, silhouette and normals of an object, rendered (figures 4 to 7)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ...fusion import camera_tensors
from ...geometry.cameras import Camera
from ..base import Code
from ..sdf_srn import SDFSRN


@dataclass(frozen=True)
class Rendering:
    """An image of an object, H x W pixels.

    Attributes
    ----------
    color : (H, W, 3) sRGB in [0, 1]
    depth : (H, W) along the optical axis, volume units
    silhouette : (H, W) bool
    normals : (H, W, 3) unit gradient of f, volume frame
    """

    color: Tensor
    depth: Tensor
    silhouette: Tensor
    normals: Tensor


@torch.no_grad()
def render(model: SDFSRN, code: Code, camera: Camera) -> Rendering:
    """Render an object by the learned marcher, which is reliable near the training cameras.

    Parameters
    ----------
    code
        The object; of several latents their mean is rendered.
    camera
        Posed in the volume's frame.
    """
    image = torch.ones(1, 4, camera.height, camera.width, device=model.device)
    own = camera.in_frame(np.linalg.inv(model.method_from_volume))
    rays = model.rays(image, *camera_tensors([own], model.device), own.orthographic)
    implicit = model.generator(code.tensors["latent"].to(model.device).mean(0, keepdim=True))
    traced = model.renderer(implicit, rays.origins, rays.directions)
    points = rays.at(traced.depth)[0]  # (H W, 3)
    with torch.enable_grad():
        leaf = points.requires_grad_(True)
        (gradient,) = torch.autograd.grad(implicit(leaf[None]).sum(), leaf)
    outward = -1.0 if model.configuration.occupancy else 1.0
    axes = torch.tensor(model.method_from_volume[:3, :3] / model.scale).to(points)
    shape = (camera.height, camera.width)
    return Rendering(
        color=(traced.color[0] / 2 + 0.5).unflatten(0, shape),
        depth=((traced.depth + rays.advance)[0] / model.scale).unflatten(0, shape),
        silhouette=(outward * traced.levels[-1, 0] <= 0).unflatten(0, shape),
        normals=F.normalize(outward * gradient @ axes, dim=-1).unflatten(0, shape),
    )
