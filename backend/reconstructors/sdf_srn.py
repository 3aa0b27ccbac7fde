"""SDF-SRN: shapes learned from single images and their silhouettes, without 3D supervision.

Chen-Hsuan Lin, Chaoyang Wang, Simon Lucey: "SDF-SRN: Learning Signed Distance 3D Object
Reconstruction from Static Images", NeurIPS 2020. An image's latent code is turned by a
hypernetwork into the weights of one small network: a signed distance f and a colour g at each
point. A learned marcher finds each pixel's surface point, so that images alone can teach it.

    paper       here
    f, g        GeneratedMLP.level, GeneratedMLP.color
    z, u        depth along the optical axis; a pixel's position on the plane z = 1
    D(u)        signed distance of u to the silhouette's edge, on that plane (`Rays.distance`)
    b(z; u)     `lower_bound`, Eq. 1: no surface is nearer than this to the point at z on the ray
    L_SDF       "silhouette", Eq. 2-4        L_ray     "intersection" and "free", Eq. 8-10
    L_RGB       "render", Eq. 7              L_eik     "eikonal", Eq. 11

The method's frame: ShapeNet's axes, longest side 1, pinhole cameras at distance 2.732 ("paper",
"compact"); or half a crop as the unit and orthographic cameras ("paper-pascal3d").

Departures. Compact networks read |z|, so that objects are their own mirror images: each image is
its mirrored camera's too, and a network that has seen few cannot explain it by a cone. D comes from
the sub-pixel edge of alpha and ends at the frame, beyond which nothing is known, where the authors
count whole pixels; weights 1 / D are capped at half a pixel, as whole pixels did. The mean over the
depths of Eq. 4 is the authors' code, the paper writes a sum. Several views, of which the paper has
none: the mean of their fields (that of their latents gains less by each view), or the intersection,
and a joint test-time optimisation. A camera nearer or farther than the training ones starts its
march as much later or earlier. The marcher's first steps are even and end at the volume's centre:
by torch's own start they end far behind it, where nothing holds f up, and a march that stays there
explains every silhouette.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..contract.options import Option
from ..encoders.resnet import ResNet
from ..fields import Field
from ..fields.fused import FusedFields
from ..fields.generated_mlp import GeneratedField, GeneratedMLP
from ..fields.silhouettes import PADDING, signed_distances
from ..fusion import camera_tensors
from ..geometry.cameras import Camera
from ..geometry.frames import OBJECT_SIDE, shapenet_frame, similarity
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import Framing
from ..ticket import Ticket
from ..training.batch import Example
from ..training.recipes import PLAIN, PRETRAINING, Phase, Recipe, Sampling, adam
from .base import Batch, Code, Configuration, MethodSpec, Reconstructor, register
from .configuration import COUNT, Ranges
from .published.sdf_srn import published_network

MARGIN = 0.01  # epsilon of the ray losses, method units
SILHOUETTE_DEPTHS = 5  # M, depths drawn on each background ray
KNOWN_EDGES = 4096  # silhouettes whose distances are kept, 32 KiB each at 64 pixels
RAYS = 1024  # pixels drawn from each image in a training step
EIKONAL_POINTS = 10_000  # of each object in a training step
MARCHER_MEMORY = 32  # units of the marcher's LSTM
LOOKED = 64  # points of a ray of which the least level is sought
LATERAL = 2  # axis of the method's frames that points to the side of an object
SPHERE_RADIUS = 0.5  # of the sphere that the hypernetwork is trained to at first


@dataclass(frozen=True)
class SDFSRNConfiguration(Configuration):
    """Sizes and settings; the defaults are the paper's for ShapeNet.

    Attributes
    ----------
    latent : size of the image's code
    encoder_width : channels of ResNet-18's first stage
    hidden, hidden_layers : of each of the hypernetwork's MLPs, one for each generated layer
    width, layers : of the generated network
    frequencies : L of the positional encoding; 0 leaves the coordinates alone (Table 3)
    steps, bisections : of the marcher
    distance : of the training cameras from the volume's centre
    start, near, far : first depth of a ray; range of depths for the silhouette's bound
    cube : half the side of the cube where |grad f| = 1 is asked for
    orthographic : trained on PASCAL3D+'s orthographic cameras, in their frame
    render, silhouette, intersection, free, eikonal : weights of the losses
    importance : pixels near the edge count more (Table 3)
    occupancy : f is a logit, positive inside, instead of a distance (Table 3)
    symmetric : an object is its own mirror image, left and right
    """

    ranges: ClassVar[Ranges] = {
        "hidden_layers": (0, COUNT[1]),
        "layers": COUNT,
        "frequencies": (0, 16),
        "steps": COUNT,
        "bisections": (0, COUNT[1]),
        "distance": (1e-3, 1e3),
        "start": (1e-3, 1e3),
        "near": (1e-3, 1e3),
        "far": (1e-3, 1e3),
        "cube": (1e-3, 1e3),
    }

    latent: int = 512
    encoder_width: int = 64
    hidden: int = 512
    hidden_layers: int = 5
    width: int = 128
    layers: int = 4
    frequencies: int = 5
    steps: int = 10
    bisections: int = 10
    distance: float = 2.732
    start: float = 2.0
    near: float = 2.0
    far: float = 3.5
    cube: float = 1.0
    orthographic: bool = False
    render: float = 1.0
    silhouette: float = 3.0
    intersection: float = 1.0
    free: float = 0.1
    eikonal: float = 0.01
    importance: bool = True
    occupancy: bool = False
    symmetric: bool = False

    def check(self) -> None:
        super().check()
        self.check_order("near", "far")


_DISTANCE = 2.732 * OBJECT_SIDE  # of the ShapeNet cameras from the centre, volume units
_FOCAL = 1 / (2 * math.tan(math.radians(15)))  # of their 30 degrees, in image sides
_SHAPENET = Framing(64, focal=_FOCAL, near=_DISTANCE, far=_DISTANCE, margin=0.16)
# PASCAL3D+ crops are 1.2 times the object's longer side; half a crop is the unit.
_CROP = 1.2 * OBJECT_SIDE  # side of a crop, volume units
_PASCAL = Framing(64, focal=2 / _CROP, near=2.0, far=2.0, margin=(1 - 1 / 1.2) / 2)
# The authors' object axes for PASCAL3D+ are (y, -z, -x) of the models', which are ours.
_PASCAL_AXES = np.array([[0, 1, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], np.float64)


# ---------------------------------------------------------------- the hypernetwork


class Generator(nn.Module):
    """The hypernetwork: one MLP for each generated layer; names are those of the authors' files."""

    def __init__(self, config: SDFSRNConfiguration) -> None:
        super().__init__()
        encoded = 6 * config.frequencies + 3
        inputs = [encoded, *[config.width + encoded] * (config.layers - 1)]
        self.sizes = [(size + 1, config.width) for size in inputs]
        self.frequencies = config.frequencies
        self.mirror = LATERAL if config.symmetric else None
        self.hyper_impl = nn.ModuleList(_mlp(config, a * b) for a, b in self.sizes)
        self.hyper_level = nn.ModuleList([_mlp(config, config.width + 1)])
        self.hyper_rgb = nn.ModuleList([_mlp(config, (config.width + 1) * 3)])

    def forward(self, latent: Tensor) -> GeneratedMLP:
        """Return the networks of N latents, (N, latent)."""
        layers = tuple(
            mlp(latent).unflatten(1, size)
            for mlp, size in zip(self.hyper_impl, self.sizes, strict=True)
        )
        level = self.hyper_level[0](latent)[..., None]
        color = self.hyper_rgb[0](latent).unflatten(1, (-1, 3))
        return GeneratedMLP(layers, level, color, self.frequencies, self.mirror)


def _mlp(config: SDFSRNConfiguration, outputs: int) -> nn.Sequential:
    sizes = [config.latent, *[config.hidden] * config.hidden_layers]
    hidden = [module for a, b in pairwise(sizes) for module in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], outputs))


# ---------------------------------------------------------------- the learned ray marcher


@dataclass(frozen=True)
class Traced:
    """Where N x R rays ended.

    levels : (steps + 1, N, R), f at each marched point, the last one where the march ended
    depth : (N, R) after bisection
    level, color : (N, R) and (N, R, 3) there
    """

    levels: Tensor
    depth: Tensor
    level: Tensor
    color: Tensor


class Marcher(nn.Module):
    """The marcher of Eq. 5-6, shared by all objects; names are those of the authors' files."""

    def __init__(self, config: SDFSRNConfiguration) -> None:
        super().__init__()
        self.config = config
        self.ray_lstm = nn.LSTMCell(config.width, MARCHER_MEMORY)
        self.lstm_pred = nn.Linear(MARCHER_MEMORY, 1)
        for bias in (self.ray_lstm.bias_ih, self.ray_lstm.bias_hh):
            with torch.no_grad():
                bias[MARCHER_MEMORY : 2 * MARCHER_MEMORY] = 1.0  # remember at first
        with torch.no_grad():  # even steps to the volume's centre at first
            self.lstm_pred.weight *= 0.1
            self.lstm_pred.bias.fill_((config.distance - config.start) / config.steps)

    def forward(self, implicit: GeneratedMLP, origins: Tensor, directions: Tensor) -> Traced:
        """Trace rays, (N, R, 3) each; a depth is what `directions` is multiplied by."""
        depths, levels = self.march(implicit, origins, directions)
        # f is positive in front of the surface; an occupancy's logit is negative there.
        front = -1.0 if self.config.occupancy else 1.0

        def ahead(depth: Tensor) -> Tensor:
            return front * implicit(origins + depth[..., None] * directions)

        depth = bisect(ahead, depths[-2], depths[-1], front * levels[-2], self.config.bisections)
        features = implicit.features(origins + depth[..., None] * directions)
        return Traced(levels, depth, implicit.level(features), implicit.color(features))

    def march(
        self, implicit: GeneratedMLP, origins: Tensor, directions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return depths and levels, (steps + 1, N, R), of the points that the march visits."""
        depth = torch.full_like(origins[..., 0], self.config.start)
        state: tuple[Tensor, Tensor] | None = None
        depths, levels = [], []
        for _ in range(self.config.steps):
            features = implicit.features(origins + depth[..., None] * directions)
            depths.append(depth)
            levels.append(implicit.level(features))
            output, memory = self.ray_lstm(features.flatten(0, 1), state)
            state = output, memory
            depth = depth + self.lstm_pred(output).abs().view_as(depth)
        depths.append(depth)
        levels.append(implicit(origins + depth[..., None] * directions))
        return torch.stack(depths), torch.stack(levels)


def bisect(function: Any, near: Tensor, far: Tensor, at_near: Tensor, count: int) -> Tensor:
    """Return where `function` of depth changes its sign between `near` and `far`, elementwise.

    `at_near` is the function at `near`; without a change of sign the far end is approached.
    Differentiable in both ends; of the function only its sign is asked.
    """
    middle = (near + far) / 2
    for _ in range(count):
        middle = (near + far) / 2
        with torch.no_grad():
            value = function(middle)
        same = torch.where(at_near >= 0, value > 0, value <= 0)
        near, far = torch.where(same, middle, near), torch.where(same, far, middle)
    return middle


# ---------------------------------------------------------------- what images tell


@dataclass(frozen=True)
class Rays:
    """Pixels of N images and their rays, all in the method's frame.

    Attributes
    ----------
    origins, directions : (N, R, 3); a depth is what `directions` is multiplied by. The origins are
        moved along their rays until the volume's centre is as deep as for the training cameras
    depth_offset : (N, 1) how far they were moved: the depth from the camera is this much more
    color : (N, R, 3) the image on white, in [-1, 1]
    inside : (N, R) bool, the silhouette
    distance : (N, R) at least 0, to the silhouette's edge, on the plane z = 1; orthographic: a
        length
    offset : (N, R), |u| on the plane z = 1; 0 for orthographic cameras
    half_pixel : (N, 1), in the unit of `distance`
    """

    origins: Tensor
    directions: Tensor
    depth_offset: Tensor
    color: Tensor
    inside: Tensor
    distance: Tensor
    offset: Tensor
    half_pixel: Tensor
    orthographic: bool

    def choose(self, count: int, generator: torch.Generator | None) -> "Rays":
        """Return `count` rays of each image, drawn without replacement."""
        images, rays = self.inside.shape
        if count >= rays:
            return self
        draw = torch.rand(images, rays, generator=generator).to(self.inside.device)
        chosen = draw.topk(count, dim=1).indices
        wide = chosen[..., None].expand(-1, -1, 3)
        vectors = (v.gather(1, wide) for v in (self.origins, self.directions, self.color))
        scalars = (s.gather(1, chosen) for s in (self.inside, self.distance, self.offset))
        origins, directions, color = vectors
        inside, distance, offset = scalars
        return replace(
            self,
            origins=origins,
            directions=directions,
            color=color,
            inside=inside,
            distance=distance,
            offset=offset,
        )


def lower_bound(depth: Tensor, rays: Rays) -> Tensor:
    """Return b(z; u) of Eq. 1 in closed form at `depth`, broadcastable to (N, R)."""
    if rays.orthographic:
        return rays.distance.expand_as(depth)
    reach = rays.offset + rays.distance
    return (depth + rays.depth_offset) * rays.distance / torch.sqrt(1 + reach**2)


def _weighted(values: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean; 0 where all weights are."""
    weights = weights.expand_as(values)
    return (values * weights).sum() / weights.sum().clamp_min(1e-12)


# ---------------------------------------------------------------- the method


PAPER_RECIPE = Recipe(
    (
        adam(1e-4, 1000, loss=PRETRAINING, options={"count": 16}),
        adam(1e-4, 100_000),
    ),
    Sampling(objects=16, points=(("uniform", 1),), fixed_view=True, **PLAIN),
    ema=0.0,
    source="SDF-SRN section 4 and the authors' options: Adam 1e-4, batch 16",
)
COMPACT_RECIPE = Recipe(
    (
        # The error is in what depends on the latent: many latents, few points each.
        Phase(
            loss=PRETRAINING,
            options={"count": 64, "points": 64},
            steps=700,
            learning_rate=6e-3,
            weight_decay=0.0,
            clip=0.3,
        ),
        # Rays cost most, so each image gives few of them and a step sees more images.
        Phase(
            options={"rays": 128, "eikonal_points": 100},
            betas=(0.9, 0.999),
            weight_decay=0.0,
        ),
    ),
    Sampling(objects=16, points=(("uniform", 1),), fixed_view=True, augment=("colors",)),
)


@register(
    MethodSpec(
        name="sdf-srn",
        title="SDF-SRN",
        paper="Lin, Wang, Lucey: SDF-SRN: Learning Signed Distance 3D Object Reconstruction from "
        "Static Images. NeurIPS 2020",
        summary="A smooth surface with colours, learned from images and silhouettes alone",
        image_size=64,
        fusions=("mean", "intersection"),
        own_options=(
            Option(
                "optimize",
                "int",
                0,
                "steps of test-time optimisation, for posed images (the paper takes 500)",
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
    recipes = {"paper": {"main": PAPER_RECIPE}, "compact": {"main": COMPACT_RECIPE}}
    configurations = {
        "paper": SDFSRNConfiguration(_SHAPENET),
        "paper-pascal3d": SDFSRNConfiguration(
            _PASCAL,
            latent=256,
            hidden=256,
            hidden_layers=1,
            width=64,
            distance=2.5,
            start=1.2,
            near=1.2,
            far=3.8,
            cube=2.0,
            orthographic=True,
            render=10.0,
            eikonal=1.0,
        ),
        "compact": SDFSRNConfiguration(
            _SHAPENET,
            latent=256,
            encoder_width=32,
            hidden=64,
            hidden_layers=1,
            width=48,
            symmetric=True,
        ),
    }

    def __init__(self, configuration: SDFSRNConfiguration) -> None:
        super().__init__(configuration)
        self.encoder = ResNet(width=configuration.encoder_width, outputs=configuration.latent)
        self.generator = Generator(configuration)
        self.renderer = Marcher(configuration)
        frame = shapenet_frame(1.0)
        if configuration.orthographic:
            frame = similarity(scale=2 / _CROP) @ _PASCAL_AXES
        self.set_frame(frame)

    # ------------------------------------------------------------ inference

    @torch.no_grad()
    def encode(
        self,
        views: Sequence[View],
        *,
        fusion: str | None = None,
        optimize: int = 0,
        ticket: Ticket | None = None,
        **options: Any,
    ) -> Code:
        """Encode views to their latents, (V, latent), or to one of them all if it is optimised.

        Parameters
        ----------
        views
            One or more; cameras are needed for `optimize` alone.
        fusion
            Of the views' fields: "mean"; or "intersection", for networks whose objects are fat.
        optimize
            Steps of test-time optimisation (section 4.1; the paper takes 500).
        ticket
            Progress out, cancel in, for the optimisation.
        """
        rule = self.check_fusion(fusion)
        latents = self.latents(self.prepare(views).images)
        if optimize:
            latents = self.optimize(latents.mean(0), views, steps=optimize, ticket=ticket)[None]
        return Code(self.spec.name, {"latent": latents}, {"fusion": rule})

    @torch.no_grad()
    def decode(self, code: Code, **options: Any) -> Field:
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

    def latents(self, images: Tensor) -> Tensor:
        """Return (N, latent) of images, (N, 4, S, S) straight alpha."""
        return self.encoder(network_input(images, "white") * 2 - 1)

    def optimize(
        self,
        latent: Tensor,
        views: Sequence[View],
        *,
        steps: int = 500,
        learning_rate: float = 1e-2,
        ticket: Ticket | None = None,
    ) -> Tensor:
        """Fit a latent, (latent,), to posed views by the training losses; the network stays.

        Several views share the latent and add up (section 4.1 has one). Draws of depths and points
        are the same in every call.

        Raises
        ------
        RequestError
            If a view has no camera.
        """
        framed = self.prepare(views)
        if None in framed.cameras:
            raise RequestError(
                "Test-time optimisation compares with the images, so each needs its camera.",
                "Attach the images to cameras, or leave the optimisation away.",
            )
        cameras = [camera for camera in framed.cameras if camera is not None]
        poses, intrinsics = camera_tensors(cameras, self.device)
        rays = self.rays(framed.images, poses, intrinsics, cameras[0].orthographic)
        generator = torch.Generator().manual_seed(0)
        code = latent.detach().clone().requires_grad_(True)
        optimizer = torch.optim.Adam([code], lr=learning_rate)
        for step in range(steps):
            if ticket is not None:
                ticket.advance(step / steps)
            with torch.enable_grad():
                implicit = self.generator(code[None])
                loss = self.ray_losses(implicit.expand(len(views)), rays, generator)["loss"]
                loss = len(views) * loss + self._eikonal(implicit, EIKONAL_POINTS, generator)
                code.grad = torch.autograd.grad(loss, code)[0]
            optimizer.step()
        return code.detach()

    @torch.no_grad()
    def calibration_sample(self, example: Example) -> tuple[Tensor, Tensor]:
        """Return `least_along_rays`: calibration too sees nothing but images, masks and cameras."""
        return self.least_along_rays(example.views[0])

    @torch.no_grad()
    def least_along_rays(self, view: View) -> tuple[Tensor, Tensor]:
        """Return the least value that the field of a posed view has on each pixel's ray.

        Returns
        -------
        (R,) values in the field's unit, of `LOOKED` points between `near` and `far`; (R,) bool,
        which pixels are in the silhouette.

        Raises
        ------
        RequestError
            If the view has no camera.
        """
        framed = self.prepare([view])
        (camera,) = framed.cameras
        if camera is None:
            raise RequestError("Rays are of an image with its camera.")
        poses, intrinsics = camera_tensors([camera], self.device)
        rays = self.rays(framed.images, poses, intrinsics, camera.orthographic)
        implicit = self.generator(self.latents(framed.images))
        factor = -1.0 if self.configuration.occupancy else 1 / self.scale
        least = torch.full_like(rays.distance, torch.inf)
        for depth in torch.linspace(self.configuration.near, self.configuration.far, LOOKED):
            value = implicit(rays.origins + depth * rays.directions) * factor
            least = torch.minimum(least, value)
        return least[0], rays.inside[0]

    @property
    def level_unit(self) -> str:
        """A probability where these weights predict occupancy."""
        return "probability" if self.configuration.occupancy else "distance"

    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the bias of the written head."""
        *_, last = self.generator.hyper_level[0].children()
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias[0] += level if self.configuration.occupancy else -level * self.scale

    @torch.no_grad()
    def render(self, code: Code, camera: Camera) -> dict[str, Tensor]:
        """Render an object by the learned marcher, reliable near the training cameras.

        Parameters
        ----------
        code
            The object; of several latents their mean is rendered.
        camera
            Posed in the volume's frame.

        Returns
        -------
        dict
            "color" (H, W, 3) in [0, 1]; "depth" (H, W) in volume units; "silhouette" (H, W) bool;
            "normals" (H, W, 3) unit gradient of f, volume frame.
        """
        image = torch.ones(1, 4, camera.height, camera.width, device=self.device)
        own = camera.in_frame(torch.linalg.inv(torch.tensor(self.method_from_volume)).numpy())
        rays = self.rays(image, *camera_tensors([own], self.device), own.orthographic)
        implicit = self.generator(code.tensors["latent"].to(self.device).mean(0, keepdim=True))
        traced = self.renderer(implicit, rays.origins, rays.directions)
        ends = (rays.origins + traced.depth[..., None] * rays.directions)[0]
        rotation = torch.tensor(self.method_from_volume[:3, :3] / self.scale).to(ends)
        with torch.enable_grad():
            leaf = ends.requires_grad_(True)
            (slope,) = torch.autograd.grad(implicit(leaf[None]).sum(), leaf)
        sign = -1.0 if self.configuration.occupancy else 1.0
        shape = (camera.height, camera.width)
        return {
            "color": (traced.color[0] / 2 + 0.5).unflatten(0, shape),
            "depth": ((traced.depth + rays.depth_offset)[0] / self.scale).unflatten(0, shape),
            "silhouette": (sign * traced.levels[-1, 0] <= 0).unflatten(0, shape),
            "normals": F.normalize(sign * slope @ rotation, dim=-1).unflatten(0, shape),
        }

    # ------------------------------------------------------------ training

    def rays(
        self, images: Tensor, camera_from_method: Tensor, intrinsics: Tensor, orthographic: bool
    ) -> Rays:
        """Return the ray of every pixel.

        Parameters
        ----------
        images : (N, 4, H, W) straight alpha
        camera_from_method : (N, 4, 4), camera axes x right, y down, z forward
        intrinsics : (N, 4), fx fy cx cy in pixels; orthographic: pixels per method unit
        """
        height, width = images.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(height, device=images.device) + 0.5,
            torch.arange(width, device=images.device) + 0.5,
            indexing="ij",
        )
        pixels = torch.stack([x, y], -1).reshape(1, -1, 2)
        u = (pixels - intrinsics[:, None, 2:]) / intrinsics[:, None, :2]  # (N, R, 2)
        rotation, translation = camera_from_method[:, :3, :3], camera_from_method[:, :3, 3]
        zero, one = torch.zeros_like(u[..., :1]), torch.ones_like(u[..., :1])
        if orthographic:
            starts, ahead = torch.cat([u, zero], -1), torch.cat([zero, zero, one], -1)
        else:
            starts, ahead = torch.zeros_like(torch.cat([u, zero], -1)), torch.cat([u, one], -1)
        pitch = 1 / intrinsics[:, :2]
        alphas = images[:, 3].detach().cpu().numpy()
        apart = torch.stack(
            [
                _edge_distances(alpha.tobytes(), (height, width), (px, py))
                for alpha, (px, py) in zip(alphas, pitch.tolist(), strict=True)
            ]
        ).to(images.device)
        origins = (starts - translation[:, None]) @ rotation  # the inverse of a rigid motion
        directions = ahead @ rotation
        depth_offset = translation[:, 2:] - self.configuration.distance
        return Rays(
            origins + depth_offset[..., None] * directions,
            directions,
            depth_offset,
            (network_input(images, "white") * 2 - 1).flatten(2).transpose(1, 2),
            images[:, 3].flatten(1) >= 0.5,
            apart.flatten(1),
            torch.zeros_like(u[..., 0]) if orthographic else u.norm(dim=-1),
            pitch.amin(1, keepdim=True) / 2,
            orthographic,
        )

    def ray_losses(
        self, implicit: GeneratedMLP, rays: Rays, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Return the losses on rays, and their weighted sum under "loss"; see section 3."""
        config = self.configuration
        traced = self.renderer(implicit, rays.origins, rays.directions)
        weights = torch.ones_like(rays.distance)
        if config.importance:
            weights = 1 / torch.maximum(rays.distance, rays.half_pixel)
        inside, outside = weights * rays.inside, weights * ~rays.inside
        last = traced.levels[-1]
        if config.occupancy:  # Table 3: every bound becomes a binary cross entropy on the logit
            hit, miss = F.softplus(-last), F.softplus(last)
            free = F.softplus(traced.levels[:-1]).mean()
        else:
            hit, miss = (last + MARGIN).relu(), (MARGIN - last).relu()
            free = (MARGIN - traced.levels[:-1]).relu().mean()
        terms = {
            "render": F.mse_loss(traced.color, rays.color),
            "silhouette": self._silhouette(implicit, rays, outside, generator),
            "intersection": _weighted(hit, inside) + _weighted(miss, outside),
            "free": free,
        }
        weighted = (getattr(config, name) * term for name, term in terms.items())
        return {"loss": sum(weighted, free.new_zeros(())), **terms}

    def _silhouette(
        self, implicit: GeneratedMLP, rays: Rays, weights: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Return the loss of Eq. 4: on background rays f is at least b at drawn depths."""
        config = self.configuration
        shape = (SILHOUETTE_DEPTHS, *rays.inside.shape)
        draw = torch.rand(shape, generator=generator).to(rays.distance)
        depth = config.near + (config.far - config.near) * draw  # (M, N, R)
        points = rays.origins + depth[..., None] * rays.directions  # (M, N, R, 3)
        level = implicit(points.transpose(0, 1).flatten(1, 2)).unflatten(1, (shape[0], -1))
        level = level.transpose(0, 1)
        lack = F.softplus(level) if config.occupancy else (lower_bound(depth, rays) - level).relu()
        return _weighted(lack, weights)

    def _eikonal(
        self, implicit: GeneratedMLP, points: int, generator: torch.Generator | None
    ) -> Tensor:
        """Return the weighted loss of Eq. 11, (|grad f| - 1)^2; 0 for an occupancy."""
        config = self.configuration
        if config.occupancy or not config.eikonal:
            return implicit.level_head.new_zeros(())
        count = len(implicit.level_head)
        where = self._cube_points(count, points, generator).requires_grad_(True)
        (slope,) = torch.autograd.grad(implicit(where).sum(), where, create_graph=True)
        return config.eikonal * (slope.norm(dim=-1) - 1).square().mean()

    def loss(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        *,
        rays: int = RAYS,
        eikonal_points: int = EIKONAL_POINTS,
    ) -> dict[str, Tensor]:
        """Return the loss of Eq. 7-11; every view of the batch is an image of its own.

        `rays` of each image are drawn, and `eikonal_points` of its cube for Eq. 11.
        """
        if batch.camera_from_volume is None or batch.intrinsics is None:
            raise RequestError("SDF-SRN learns from posed images; this batch has no cameras.")
        images = batch.images.flatten(0, 1)
        poses, intrinsics = self._own_cameras(batch)
        chosen = self.rays(images, poses, intrinsics, batch.orthographic).choose(rays, generator)
        implicit = self.generator(self.latents(images))
        terms = self.ray_losses(implicit, chosen, generator)
        eikonal = self._eikonal(implicit, eikonal_points, generator)
        return {**terms, "loss": terms["loss"] + eikonal, "eikonal": eikonal}

    def pretraining_loss(
        self, count: int, generator: torch.Generator | None = None, *, points: int = EIKONAL_POINTS
    ) -> Tensor:
        """Return the loss of the first stage: random latents give a sphere.

        Without it training may get stuck; the authors' code has it, the paper does not tell. Small
        hypernetworks depend more on the latent, so a step teaches them more with many latents
        (`count`) than with many `points` for each.
        """
        size = (count, self.configuration.latent)
        implicit = self.generator(torch.randn(size, generator=generator).to(self.device))
        where = self._cube_points(count, points, generator)
        distance = where.norm(dim=-1) - SPHERE_RADIUS
        level = implicit(where)
        if self.configuration.occupancy:
            return F.binary_cross_entropy_with_logits(level, (distance < 0).to(level))
        return F.mse_loss(level, distance)

    def _own_cameras(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the batch's cameras for the method's frame: poses (N, 4, 4), intrinsics (N, 4)."""
        assert batch.camera_from_volume is not None
        assert batch.intrinsics is not None
        matrix = torch.tensor(self.method_from_volume).inverse().to(batch.camera_from_volume)
        poses = batch.camera_from_volume.flatten(0, 1) @ matrix
        poses = torch.cat([poses[:, :3] * self.scale, poses[:, 3:]], 1)  # unit axes again
        intrinsics = batch.intrinsics.flatten(0, 1).clone()
        if batch.orthographic:
            intrinsics[:, :2] /= self.scale
        return poses, intrinsics

    def _cube_points(self, count: int, points: int, generator: torch.Generator | None) -> Tensor:
        draw = torch.rand(count, points, 3, generator=generator).to(self.device)
        return (draw * 2 - 1) * self.configuration.cube


@lru_cache(maxsize=KNOWN_EDGES)
def _edge_distances(alpha: bytes, shape: tuple[int, int], pitch: tuple[float, float]) -> Tensor:
    """Return (H, W), at least 0: how far each pixel is from the silhouette's edge.

    Training asks for the same images in each epoch, and these take a fifth of a step.

    Parameters
    ----------
    alpha : of float32 (H, W), in rows
    pitch : of a pixel along x and y
    """
    signed = signed_distances(np.frombuffer(alpha, np.float32).reshape(shape), pitch)
    return torch.from_numpy(signed[PADDING:-PADDING, PADDING:-PADDING]).abs()
