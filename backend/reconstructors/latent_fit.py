"""SDF-SRN's test-time optimisation: a latent follows the training losses on its own images.

Section 4.1 has one view. Here several, of perspective and orthographic cameras alike, share the
latent, and their losses add up. The network does not change.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..fields.silhouette_rays import SilhouetteRays, joined
from ..fit.code_fit import CodeFit
from ..fit.rays import held_out
from ..geometry.views import View

if TYPE_CHECKING:
    from .sdf_srn import SDFSRN

RAYS = 4096  # of all views, in each step: as many as one image has
EIKONAL_POINTS = 10_000  # in each step


def latent_fit(
    model: "SDFSRN",
    latent: Tensor,
    views: Sequence[View],
    *,
    steps: int = 500,
    learning_rate: float = 1e-2,
) -> CodeFit:
    """Return the optimisation of a latent, (latent,); see `SDFSRN.codes`.

    Rays, depths and points are sampled alike in every call.

    Raises
    ------
    RequestError
        If a view has no camera.
    """
    parts = [model.rays_of([view]) for view in views]
    size = model.framing.size
    pixel = torch.arange(size * size, device=model.device)
    rows, columns = pixel // size, pixel % size
    held = torch.cat([held_out(rows, columns, number) for number in range(len(views))])

    def loss(code: Tensor, rays: SilhouetteRays, generator: torch.Generator) -> Tensor:
        implicit = model.generator(code[None])
        traced = model.renderer(implicit, rays.origins, rays.directions)
        terms = model.ray_losses(implicit, traced, rays, generator)
        eikonal = model.eikonal(implicit, EIKONAL_POINTS, generator)
        return len(views) * terms["loss"] + eikonal

    return CodeFit(latent, joined(parts), held, loss, budget=steps, drawn=RAYS, rate=learning_rate)
