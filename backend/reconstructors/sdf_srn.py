"""SDF-SRN: shapes learned from single images and their silhouettes, without 3D supervision.

Chen-Hsuan Lin, Chaoyang Wang, Simon Lucey: "SDF-SRN: Learning Signed Distance 3D Object
Reconstruction from Static Images", NeurIPS 2020. A hypernetwork turns an image's latent code into
the weights of one small network: a signed distance f and a colour g at each point. A learned
marcher finds each pixel's surface point, so images alone can supervise it. `SDFSRN.forward` goes
from images to what their rays see (figure 3); `networks.sdf_srn` explains f, g and h. Beside them

    paper       here
    z, u        depth along the optical axis; a pixel's position on the plane z = 1
    D(u)        distance of u to the silhouette's edge, on that plane: `SilhouetteRays.distance`
    b(z; u)     `SilhouetteRays.lower_bound`, Eq. 1: no surface is nearer to the point at z
    L_SDF       "silhouette", Eq. 2-4        L_ray     "intersection" and "free", Eq. 8-10
    L_RGB       "render", Eq. 7              L_eik     "eikonal", Eq. 11

The method's frame: ShapeNet's axes, longest side 1, pinhole cameras at distance 2.732 ("paper",
"compact"); or half a crop as the unit and orthographic cameras ("paper-pascal3d").

Departures
----------
- "compact" reads |z|, so an object is its own mirror image and each image supervises its mirrored
  camera too; otherwise a network trained on few views satisfies each silhouette with a viewing
  cone.
- D is measured to the sub-pixel edge of alpha and ends at the image's frame, outside which nothing
  is known; the authors count whole pixels. Weights 1 / D are capped at half a pixel, as whole
  pixels cap them.
- The authors' object-to-camera matrix for PASCAL3D+ has the determinant -1. Imported networks are
  mirrored back, so their objects are not mirror images; see `published.sdf_srn`.
- Eq. 4 is a mean over depths, as in the authors' code; the paper writes a sum.
- The paper has one view. Several are fused by the mean of their fields (that of their latents gains
  less with each view) or their intersection; test-time optimisation fits them jointly, by the loop
  of `backend.fit` and with its held-out pixels: it returns the last state that predicts them well.
- A camera nearer or farther than the training ones starts its march that much earlier or later.
- "paper" is trained for airplanes' and cars' 100,000 steps; the authors' chairs had 200,000
  (`--steps 201000`), their airplanes 1 as the weight of L_SDF (`--set silhouette=1`). The encoder
  starts from ImageNet's weights where `--imagenet` names their file, else at random.
- The marcher starts with even steps that end at the volume's centre. With PyTorch's default init
  it overshoots the object into a region where f is unconstrained, a degenerate solution that
  satisfies every silhouette.
"""

from collections.abc import Generator as Yields
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..contract.options import Option
from ..encoders.resnet import ResNet
from ..fields import Field
from ..fields.fused import FusedFields
from ..fields.generated_mlp import GeneratedField, GeneratedMLP
from ..fields.silhouette_rays import SilhouetteRays, silhouette_rays
from ..fit.running import run
from ..fusion import camera_tensors
from ..geometry.frames import shapenet_frame, similarity
from ..geometry.views import View
from ..images.alpha import network_input
from ..ticket import Ticket
from ..training.batch import Example
from .base import Batch, Code, MethodSpec, Reconstructor, register
from .latent_fit import latent_fit
from .networks.sdf_srn import (
    COMPACT,
    COMPACT_RECIPE,
    CROP,
    PAPER,
    PAPER_PASCAL3D,
    PAPER_RECIPE,
    PASCAL_AXES,
    PASCAL_RECIPE,
    Generator,
    Marcher,
    SDFSRNConfiguration,
    Traced,
)
from .published.sdf_srn import published_network

MARGIN = 0.01  # epsilon of the ray losses, method units
SILHOUETTE_DEPTHS = 5  # M, depths sampled on each background ray
RAYS = 1024  # pixels sampled from each image in a training step
EIKONAL_POINTS = 10_000  # of each object in a training step
RAY_POINTS = 64  # points of a ray among which its least level is found
SPHERE_RADIUS = 0.5  # of the sphere that the hypernetwork is first trained to, method units


@register(
    MethodSpec(
        name="sdf-srn",
        title="SDF-SRN",
        paper="Lin, Wang, Lucey: SDF-SRN: Learning Signed Distance 3D Object Reconstruction from "
        "Static Images. NeurIPS 2020",
        summary="A smooth surface with colors, learned from images and silhouettes alone",
        fusions=("mean", "intersection"),
        own_options=(
            Option(
                "optimize",
                "int",
                0,
                "steps of test-time optimization, for posed images (the paper takes 500)",
                0,
                10_000,
            ),
        ),
    )
)
class SDFSRN(Reconstructor):
    """SDF-SRN; see the module's docstring."""

    configuration: SDFSRNConfiguration
    published = published_network
    half_precision = ("encoder.forward",)
    calibrated_on = "silhouette"
    configuration_class = SDFSRNConfiguration
    configurations = {"paper": PAPER, "paper-pascal3d": PAPER_PASCAL3D, "compact": COMPACT}
    recipes = {
        "paper": {"main": PAPER_RECIPE},
        "paper-pascal3d": {"main": PASCAL_RECIPE},
        "compact": {"main": COMPACT_RECIPE},
    }
    image_encoder = "encoder"

    def __init__(self, configuration: SDFSRNConfiguration) -> None:
        super().__init__(configuration)
        self.encoder = ResNet(width=configuration.encoder_width, outputs=configuration.latent)
        self.generator = Generator(configuration)
        self.renderer = Marcher(configuration)
        frame = shapenet_frame(1.0)
        if configuration.orthographic:
            frame = similarity(scale=2 / CROP) @ PASCAL_AXES
        self.set_frame(frame)

    def forward(self, images: Tensor, rays: SilhouetteRays) -> tuple[GeneratedMLP, Traced]:
        """Return the implicit functions of N images, and what they show along rays: figure 3.

        Parameters
        ----------
        images : (N, 4, S, S) straight alpha
        rays : of the N images
        """
        latent = self.latents(images)  # E: (N, latent)
        implicit = self.generator(latent)  # f and g, (N, P, 3) -> (N, P) and (N, P, 3)
        traced = self.renderer(implicit, rays.origins, rays.directions)  # h, Eq. 5-6
        return implicit, traced

    def latents(self, images: Tensor) -> Tensor:
        """Return (N, latent) of images, (N, 4, S, S) straight alpha."""
        return self.encoder(network_input(images, "white") * 2 - 1)

    def rays(
        self, images: Tensor, extrinsics: Tensor, intrinsics: Tensor, orthographic: bool
    ) -> SilhouetteRays:
        """Return the ray of every pixel, cameras in the method's frame; see `silhouette_rays`."""
        distance = self.configuration.distance
        return silhouette_rays(
            images, extrinsics, intrinsics, distance=distance, orthographic=orthographic
        )

    # ------------------------------------------------------------ inference

    def encode(
        self,
        views: Sequence[View],
        *,
        fusion: str | None = None,
        optimize: int = 0,
        ticket: Ticket | None = None,
    ) -> Code:
        """Encode views to their latents, (V, latent), or to one for all if it is optimised.

        Parameters
        ----------
        views
            One or more; only `optimize` needs cameras.
        fusion
            Of the views' fields: "mean"; or "intersection", for networks whose objects are fat.
        optimize
            Steps of test-time optimisation (section 4.1; the paper takes 500).
        ticket
            Progress out, cancel in, for the optimisation.
        """
        codes = self.codes(views, fusion=fusion, optimize=optimize, ticket=ticket)
        while True:
            try:
                next(codes)
            except StopIteration as end:
                return end.value

    def codes(
        self,
        views: Sequence[View],
        *,
        fusion: str | None = None,
        optimize: int = 0,
        ticket: Ticket | None = None,
        **_: Any,
    ) -> Yields[Code, None, Code]:
        """Return what `encode` does; yield the codes of an optimisation on the way."""
        rule = self.check_fusion(fusion)

        def code(latents: Tensor) -> Code:
            return Code(self.spec.name, {"latent": latents}, {"fusion": rule})

        with torch.no_grad():
            latents = self.latents(self.prepare(views).images)
        if not optimize:
            return code(latents)
        fit = latent_fit(self, latents.mean(0), views, steps=optimize)
        state = fit.state()
        for shown in run(fit, Ticket() if ticket is None else ticket):
            state = shown.state
            if not shown.final:
                yield code(state.code[None])
        return code(state.code[None])

    @torch.no_grad()
    def decode(self, code: Code) -> Field:
        """Generate each view's network, bake it, and fuse their fields."""
        self.check_code(code)
        fields = [
            GeneratedField(
                self.generator(latent[None]),
                method_from_volume=self.method_from_volume,
                occupancy=self.configuration.occupancy,
            )
            for latent in code.tensors["latent"].to(self.device)
        ]
        return fields[0] if len(fields) == 1 else FusedFields(fields, code.meta["fusion"])

    def rays_of(self, views: Sequence[View]) -> SilhouetteRays:
        """Return the rays of views whose cameras project alike; refuse a view without a camera."""
        framed = self.prepare(views)
        cameras = [camera for camera in framed.cameras if camera is not None]
        if len(cameras) < len(views):
            raise RequestError(
                "Rays are compared with the images, so each image needs its camera.",
                "Attach the images to cameras, or leave the optimization out.",
            )
        tensors = camera_tensors(cameras, self.device)
        return self.rays(framed.images, *tensors, cameras[0].orthographic)

    @torch.no_grad()
    def calibration_sample(self, example: Example) -> tuple[Tensor, Tensor]:
        """Return `least_along_rays`: calibration too sees nothing but images, masks and cameras."""
        return self.least_along_rays(example.views[0])

    @torch.no_grad()
    def least_along_rays(self, view: View) -> tuple[Tensor, Tensor]:
        """Return the least value of the field of a posed view on each pixel's ray.

        Returns
        -------
        (R,) values in the field's unit, of `RAY_POINTS` points between `near` and `far`; (R,) bool,
        which pixels are in the silhouette.

        Raises
        ------
        RequestError
            If the view has no camera.
        """
        rays = self.rays_of([view])
        implicit = self.generator(self.latents(self.prepare([view]).images))
        factor = -1.0 if self.configuration.occupancy else 1 / self.scale
        least = torch.full_like(rays.distance, torch.inf)
        for depth in torch.linspace(self.configuration.near, self.configuration.far, RAY_POINTS):
            value = implicit(rays.origins + depth * rays.directions) * factor
            least = torch.minimum(least, value)
        return least[0], rays.inside[0]

    @property
    def level_unit(self) -> str:
        """A probability where these weights predict occupancy."""
        return "probability" if self.configuration.occupancy else "distance"

    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the bias of the level's head."""
        *_, last = self.generator.hyper_level[0].children()
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias[0] += level if self.configuration.occupancy else -level * self.scale

    # ------------------------------------------------------------ training

    def loss(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        *,
        rays: int = RAYS,
        eikonal_points: int = EIKONAL_POINTS,
    ) -> dict[str, Tensor]:
        """Return the loss of Eq. 7-11; every view of the batch is an image of its own.

        `rays` of each image are sampled, and `eikonal_points` of its cube for Eq. 11.
        """
        if batch.camera_from_volume is None or batch.intrinsics is None:
            raise RequestError(
                "SDF-SRN learns from posed images; this batch has no cameras.",
                "Train it on a data set with cameras.",
            )
        images = batch.images.flatten(0, 1)
        cameras = self.cameras_to_method(
            batch.camera_from_volume, batch.intrinsics, orthographic=batch.orthographic
        )
        sampled = self.rays(images, *cameras, batch.orthographic).sample(rays, generator)
        implicit, traced = self(images, sampled)
        terms = self.ray_losses(implicit, traced, sampled, generator)
        eikonal = self.eikonal(implicit, eikonal_points, generator)
        return {**terms, "loss": terms["loss"] + eikonal, "eikonal": eikonal}

    def ray_losses(
        self,
        implicit: GeneratedMLP,
        traced: Traced,
        rays: SilhouetteRays,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses on rays, and their weighted sum under "loss"; see section 3."""
        config = self.configuration
        weights = torch.ones_like(rays.distance)
        if config.importance:
            weights = 1 / torch.maximum(rays.distance, rays.half_pixel)
        inside, outside = weights * rays.inside, weights * ~rays.inside
        last = traced.levels[-1]
        if config.occupancy:  # Table 3: every bound becomes a binary cross entropy on the logit
            hit, miss = F.softplus(-last), F.softplus(last)
            free = F.softplus(traced.levels[:-1]).mean()
        else:
            hit, miss = (last + MARGIN).relu(), (MARGIN - last).relu()  # Eq. 8, 9
            free = (MARGIN - traced.levels[:-1]).relu().mean()  # Eq. 10
        terms = {
            "render": F.mse_loss(traced.color, rays.color),  # Eq. 7
            "silhouette": self._silhouette(implicit, rays, outside, generator),  # Eq. 4
            "intersection": _weighted_mean(hit, inside) + _weighted_mean(miss, outside),
            "free": free,
        }
        weighted = (getattr(config, name) * term for name, term in terms.items())
        return {"loss": sum(weighted, free.new_zeros(())), **terms}

    def _silhouette(
        self,
        implicit: GeneratedMLP,
        rays: SilhouetteRays,
        weights: Tensor,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return the loss of Eq. 4: on background rays f is at least b at sampled depths."""
        config = self.configuration
        shape = (SILHOUETTE_DEPTHS, *rays.inside.shape)
        fraction = torch.rand(shape, generator=generator).to(rays.distance)
        depth = config.near + (config.far - config.near) * fraction  # (M, N, R)
        points = rays.at(depth).transpose(0, 1).flatten(1, 2)  # (N, M R, 3)
        level = implicit(points).unflatten(1, (shape[0], -1)).transpose(0, 1)  # (M, N, R)
        lack = F.softplus(level) if config.occupancy else (rays.lower_bound(depth) - level).relu()
        return _weighted_mean(lack, weights)

    def eikonal(
        self, implicit: GeneratedMLP, points: int, generator: torch.Generator | None
    ) -> Tensor:
        """Return the weighted loss of Eq. 11, (|grad f| - 1)^2; 0 for an occupancy."""
        config = self.configuration
        if config.occupancy or not config.eikonal:
            return implicit.level_head.new_zeros(())
        count = len(implicit.level_head)
        where = self._cube_points(count, points, generator).requires_grad_(True)
        (gradient,) = torch.autograd.grad(implicit(where).sum(), where, create_graph=True)
        return config.eikonal * (gradient.norm(dim=-1) - 1).square().mean()

    def pretraining_loss(
        self, count: int, generator: torch.Generator | None = None, *, points: int = EIKONAL_POINTS
    ) -> Tensor:
        """Return the loss of the first stage: random latents give a sphere.

        Without it training may get stuck; it is in the authors' code, not in the paper. Small
        hypernetworks depend more on the latent, so many latents (`count`) teach them more than many
        `points` for each.
        """
        size = (count, self.configuration.latent)
        implicit = self.generator(torch.randn(size, generator=generator).to(self.device))
        where = self._cube_points(count, points, generator)
        distance = where.norm(dim=-1) - SPHERE_RADIUS
        level = implicit(where)
        if self.configuration.occupancy:
            return F.binary_cross_entropy_with_logits(level, (distance < 0).to(level))
        return F.mse_loss(level, distance)

    def _cube_points(self, count: int, points: int, generator: torch.Generator | None) -> Tensor:
        fraction = torch.rand(count, points, 3, generator=generator).to(self.device)
        return (fraction * 2 - 1) * self.configuration.cube


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean; 0 where all weights are."""
    weights = weights.expand_as(values)
    return (values * weights).sum() / weights.sum().clamp_min(1e-12)
