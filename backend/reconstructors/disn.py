"""DISN: a signed distance from one global feature and local features at a point's projection.

Qiangeng Xu, Weiyue Wang, Duygu Ceylan, Radomir Mech, Ulrich Neumann: "DISN: Deep Implicit Surface
Network for High-quality Single-view 3D Reconstruction", NeurIPS 2019.

    paper          here
    p              `points`, in the method's frame for the decoders, volume frame for projections
    F_G            `globals`, one vector a view; F_L(u, v)  `Maps.sample`
    f(F_L, p)      `local_stream`;  g(F_G, p)  `global_stream`; their sum is 10 times the distance
    m_1, m_2, delta    `NEAR_WEIGHT`, 1, `NEAR`, Eq. 3
    R, t           `CameraNetwork`, Eq. 1-2

Figures 3 and 4: five maps of VGG-16 are resized to the image's size S, and sampled bilinearly at
(u, v), which is clamped to the image.

Departures
----------
- Several views: "mean" is the mean of the distances that each view alone tells, so that V equal
  views are one view. Means of features, which were never seen in training, overlap less with two
  views than with one. "max" is the paper's section 4.4, and needs weights trained with it.
- Images are RGB with ImageNet's normalisation, maps are resized about pixel centres. Imported
  weights (`legacy`) have BGR without it, and TensorFlow 1's rules for resizing and sampling.
- The camera network's own VGG-16 starts from the trained SDF network's; the paper does not tell
  from what.
- "compact" has batch norms in VGG-16: the paper's starts from ImageNet's weights, ours from none,
  from which a VGG-16 without norms learns slowly; that of the camera network learned nothing.
- "compact" takes objects for symmetric: the field is the mean of itself and its mirror image, see
  `fields.mirrored`. Unseen props overlap better too, even those that are not symmetric. The option
  `symmetry` switches it off.
- The camera network's regression keeps a batch-mean loss (Eq. 2), where the code sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..contract.options import Option
from ..encoders import normalize
from ..encoders.pose import CameraNetwork
from ..encoders.vgg import VGG16
from ..fields.field import Field
from ..fields.fused import FusedFields
from ..fields.mirrored import MirroredField
from ..fields.pixel_aligned import DISNField, Maps, Stream
from ..fusion import camera_tensors, project_points, reduce_views
from ..geometry.cameras import Camera
from ..geometry.frames import OBJECT_SIDE, scale_of
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import OURS, R2N2, Framing, whole_cameras
from ..training.recipes import FEWER, PLAIN, Recipe, Sampling, adam, small, small_camera
from .base import (
    SYMMETRY,
    Batch,
    Code,
    Configuration,
    MethodSpec,
    Reconstructor,
    register,
)
from .configuration import Ranges
from .published.disn import published_network

UNIT = 10.0  # the networks predict this many times the distance
NEAR, NEAR_WEIGHT = 0.01, 4.0  # Eq. 3: points inside or this near count this much more
Streams = Literal["two", "one", "global"]
PAPER_FRAMING = replace(R2N2, background="black")


@dataclass(frozen=True)
class DISNConfiguration(Configuration):
    """Sizes; the defaults are the paper's.

    Attributes
    ----------
    picture : side of the image that VGG-16 sees; the framed one is resized to it
    width, hidden, features : VGG-16's first group, its fully connected part, the global feature
    point_widths : of the point MLP
    decoder_widths : of the hidden layers of each decoder
    streams : "two" (the paper's), "one" decoder for everything, or "global" features alone
    binary : inside or outside instead of a distance (Table 4)
    batch_norm, camera_norm : norms in VGG-16, and in the camera network's; the paper's have none
    legacy : the authors' input, resizing and sampling, for imported weights
    symmetry : the field is the mean of itself and its mirror image
    camera : the weights have a camera network
    camera_offset : where the training cameras see the object, (x, y, z) in the camera network's
        space
    camera_unit : length in that space of a length 1 in the volume
    """

    ranges: ClassVar[Ranges] = {
        "picture": (32, 1024),
        "camera_offset": (-1e3, 1e3),
        "camera_unit": (1e-3, 1e3),
    }
    lengths: ClassVar[Mapping[str, int]] = {
        "point_widths": 3,
        "decoder_widths": 2,
        "camera_offset": 3,
    }

    framing: Framing = PAPER_FRAMING
    picture: int = 224
    width: int = 64
    hidden: int = 4096
    features: int = 1024
    point_widths: tuple[int, ...] = (64, 256, 512)
    decoder_widths: tuple[int, ...] = (512, 256)
    streams: Streams = "two"
    binary: bool = False
    legacy: bool = False
    batch_norm: bool = False
    camera_norm: bool = False
    symmetry: bool = False
    camera: bool = True
    camera_offset: tuple[float, ...] = (-0.00193892, 0.00169222, 1.3949631)
    camera_unit: float = (
        0.75 / OBJECT_SIDE
    )  # ShapeNet's, of which an object is about three quarters


PAPER = DISNConfiguration()
COMPACT = DISNConfiguration(
    framing=replace(OURS, background="black"),
    picture=64,  # VGG-16 works at full resolution, so 128 costs it four times as much
    width=16,
    hidden=256,
    features=256,
    point_widths=(32, 64, 128),
    decoder_widths=(192, 96),
    batch_norm=True,
    camera_norm=True,
    symmetry=True,
    camera_offset=(0.0, 0.0, OURS.near),
    camera_unit=1.0,
)
ONE_STREAM_MAPS = 3  # the one-stream variant reads the first three maps


class SDFNetwork(nn.Module):
    """VGG-16, a point MLP for each stream, and the decoders."""

    def __init__(self, config: DISNConfiguration) -> None:
        super().__init__()
        self.config = config
        self.vgg = _vgg(config, batch_norm=config.batch_norm)
        widths = self.vgg.widths
        self.map_count = {"two": len(widths), "one": ONE_STREAM_MAPS, "global": 0}[config.streams]
        local = sum(widths[: self.map_count])
        outputs = 2 if config.binary else 1
        shared = (config.point_widths, config.decoder_widths, outputs)
        self.global_stream = self.local_stream = None
        if config.streams == "one":
            self.local_stream = Stream(config.features + local, *shared)
        else:
            self.global_stream = Stream(config.features, *shared)
        if config.streams == "two":
            self.local_stream = Stream(local, *shared)

    def encode(self, images: Tensor) -> tuple[Tensor, Maps]:
        """Return global features (N, features) and maps of framed images (N, 4, S, S)."""
        vectors, maps = self.vgg(network_image(images, self.config))
        size = self.config.framing.size
        return vectors, Maps(tuple(maps[: self.map_count]), size, self.config.legacy)

    def decode(self, points: Tensor, vectors: Tensor, local: Tensor | None) -> Tensor:
        """Return raw outputs (B, P, 1 or 2) at points (B, P, 3), method frame.

        Parameters
        ----------
        vectors : (B, features)
        local : (B, P, C) local features; None for the variant without
        """
        if self.config.streams == "one":
            assert self.local_stream is not None
            wide = vectors[:, None].expand(-1, points.shape[1], -1)
            return self.local_stream(points, torch.cat([wide, *_given(local)], -1))
        assert self.global_stream is not None
        raw = self.global_stream(points, vectors[:, None])
        if self.local_stream is not None:
            (features,) = _given(local)
            raw = raw + self.local_stream(points, features)
        return raw


def _given(local: Tensor | None) -> tuple[Tensor]:
    assert local is not None
    return (local,)


def _vgg(config: DISNConfiguration, *, batch_norm: bool = False) -> VGG16:
    sizes = {"width": config.width, "hidden": config.hidden, "outputs": config.features}
    return VGG16(**sizes, head=config.picture // 32, batch_norm=batch_norm)


def network_image(images: Tensor, config: DISNConfiguration) -> Tensor:
    """Return what VGG-16 sees, (N, 3, image, image), of framed images (N, 4, S, S)."""
    rgb = network_input(images, config.framing.background)
    if config.legacy:
        return Maps.resize(rgb.flip(1), config.picture, legacy=True)
    size = (config.picture, config.picture)
    if rgb.shape[-2:] != size:
        rgb = F.interpolate(rgb, size, mode="bilinear", align_corners=False)
    # Channels last is how VGG-16 is fast, and how its maps are looked up.
    return normalize(rgb).contiguous(memory_format=torch.channels_last)


def _grouped(code: Code) -> list[dict[str, Tensor]]:
    """Return the tensors of each group of a code's views."""
    groups = code.tensors["groups"]
    return [{n: t[groups == group] for n, t in code.tensors.items()} for group in groups.unique()]


def _with_weight(group: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    """Return a group of views that together count as much as `weight`."""
    return {**group, "shares": weight * group["shares"] / group["shares"].sum()}


BATCH, STEPS = 16, 3_600_000
# The rate falls to 0.9 of itself every 200,000 samples, down to a hundredth of what it was.
STAIR = 200_000 / BATCH / STEPS
PAPER_RECIPES = {
    "main": Recipe(
        (
            adam(
                1e-4,
                STEPS,
                betas=(0.5, 0.999),
                weight_decay=1e-5,
                coupled=True,
                decay="staircase",
                stairs=tuple((k * STAIR, max(0.9**k, 0.01)) for k in range(45)),
            ),
        ),
        Sampling(objects=BATCH, points=(("disn", 2048),), **PLAIN),
        ema=0.0,
        source="DISN section 4 and the authors' code: Adam 1e-4, beta1 0.5, batch 16, the rate "
        "0.9 times as high after every 200,000 samples, L2 term 1e-5",
    ),
    "camera": Recipe(
        (adam(1e-4, 400_000, loss="camera_loss", betas=(0.5, 0.999)),),
        Sampling(objects=16, points=(("disn", 2048),), canonical=True, **PLAIN),
        ("camera",),
        ema=0.0,
        source="DISN, the authors' code",
    ),
}


@register(
    MethodSpec(
        name="disn",
        title="DISN",
        paper="Xu, Wang, Ceylan, Mech, Neumann: DISN: Deep Implicit Surface Network for "
        "High-quality Single-view 3D Reconstruction. NeurIPS 2019",
        summary="Fine detail where the image shows it, by features at each point's projection",
        estimates_camera=True,
        image_size=137,
        fusions=("mean", "max"),
        own_options=(
            SYMMETRY,
            Option(
                "part",
                "choice",
                "both",
                "which of the two streams to show (figure 6)",
                choices=("both", "global", "local"),
            ),
        ),
    )
)
class DISN(Reconstructor):
    """DISN; see the module's docstring."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = DISNConfiguration
    recipes = {
        "paper": PAPER_RECIPES,
        "compact": {
            "main": small(Sampling(points=FEWER, crops=0.3), clip=None, learning_rate=1.5e-3),
            "camera": small_camera(),
        },
    }
    auxiliary = {"camera": ("camera", False)}
    configuration: DISNConfiguration
    published = published_network
    half_precision = (
        "sdf.vgg.forward",
        "sdf.global_stream.hidden",
        "sdf.local_stream.hidden",
        "camera.encoder.forward",
    )
    image_encoder = "sdf.vgg"

    def __init__(self, configuration: DISNConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        self.sdf = SDFNetwork(configuration)
        self.camera = None
        if configuration.camera:
            self.camera = CameraNetwork(
                _vgg(configuration, batch_norm=configuration.camera_norm),
                configuration.features,
                configuration.camera_offset,
            )
            with torch.no_grad():  # a camera at the training distance, of an object of size 1
                self.camera.scale[-1].bias.fill_(1.0)  # pyright: ignore

    # ------------------------------------------------------------ inference

    @torch.no_grad()
    def encode(
        self,
        views: Sequence[View],
        *,
        fusion: str | None = None,
        camera: Literal["given", "estimated"] = "given",
        **options: Any,
    ) -> Code:
        """Encode views to their global features, maps and cameras.

        Parameters
        ----------
        views
            One or more. Where a view has no camera, or `camera` is "estimated", the camera network
            gives one.
        fusion
            "mean" of the views' fields or "max" of their features, see the module's docstring.
        camera
            "given" or "estimated".
        """
        rule = self.check_fusion(fusion)
        framed = self.prepare(views)
        cameras = self._cameras(framed.images, framed.cameras, estimate=camera == "estimated")
        poses, intrinsics = camera_tensors(cameras, self.device)
        vectors, maps = self.sdf.encode(framed.images)
        tensors = {"globals": vectors, "poses": poses, "lenses": intrinsics}
        tensors |= {f"map{index}": level for index, level in enumerate(maps.levels)}
        tensors["shares"] = vectors.new_ones(len(views))
        groups = range(len(views)) if rule == "mean" else [0] * len(views)
        tensors["groups"] = torch.tensor([*groups], device=self.device)
        orthographic = [camera.orthographic for camera in cameras]
        tensors["flat"] = torch.tensor(orthographic, device=self.device)
        return Code(self.spec.name, tensors, {"fusion": rule, "size": maps.size})

    @torch.no_grad()
    def decode(
        self,
        code: Code,
        *,
        symmetry: bool = True,
        part: Literal["both", "global", "local"] = "both",
        **options: Any,
    ) -> Field:
        """Bake one object: the global feature becomes a bias, maps are projected once.

        Parameters
        ----------
        code
            From `encode` or `interpolate`.
        symmetry
            Use that most objects are symmetric, where the weights are so configured.
        part
            Of the two-stream network, the streams apart (figure 6): "global" or "local" alone.
        """
        self.check_code(code)
        if part != "both" and self.configuration.streams != "two":
            raise RequestError("These weights have one stream, so it can't be shown apart.")
        fields = [self._baked(group, code, part) for group in _grouped(code.to(self.device))]
        field = fields[0] if len(fields) == 1 else FusedFields(fields, "mean")
        if symmetry and self.configuration.symmetry:
            return MirroredField(field)
        return field

    def _baked(self, tensors: dict[str, Tensor], code: Code, part: str) -> DISNField:
        """Return the field of one group of views, whose features are fused."""
        levels = tuple(tensors[f"map{index}"] for index in range(self.sdf.map_count))
        return DISNField(
            global_stream=None if part == "local" else self.sdf.global_stream,
            local_stream=None if part == "global" else self.sdf.local_stream,
            tensors=tensors,
            maps=Maps(levels, code.meta["size"], self.configuration.legacy),
            method_from_volume=self.method_from_volume,
            unit=UNIT,
            maximum=code.meta["fusion"] == "max",
        )

    def interpolate(self, first: Code, second: Code, weight: float) -> Code:
        """Blend two objects' global and local features, each looked up by its own camera (Fig. 10).

        `weight` goes from 0, the first, to 1, the second. Views count by their share; that is the
        blend of their features, since what reads them is linear. Of objects with several views
        every view of one is blended with every view of the other.
        """
        for code in (first, second):
            self.check_code(code)
            if code.meta["fusion"] != "mean":
                raise RequestError("Only views fused by their mean can be interpolated.")
        pairs = [
            (_with_weight(one, 1.0 - weight), _with_weight(other, weight))
            for one in _grouped(first)
            for other in _grouped(second)
        ]
        tensors = {
            name: torch.cat([end[name] for pair in pairs for end in pair]) for name in first.tensors
        }
        sizes = [len(one["shares"]) + len(other["shares"]) for one, other in pairs]
        tensors["groups"] = torch.arange(len(pairs)).repeat_interleave(torch.tensor(sizes))
        return replace(first, tensors=tensors)

    @torch.no_grad()
    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Return the camera of each image as it is, posed in the volume's frame (section 3.1.1).

        Found in the image that is cut out around the mask.
        """
        unposed = [replace(view, camera=None) for view in views]
        images = self.prepare(unposed).images
        found = self._cameras(images, (None,) * len(views), estimate=True)
        return whole_cameras(found, views, self.framing)

    def prepare(self, views: Sequence[View]) -> Any:
        """Frame the views; cameras stay in the volume's frame, in which points are projected."""
        framed = super().prepare(views)
        cameras = tuple(c and c.in_frame(self.method_from_volume) for c in framed.cameras)
        return replace(framed, cameras=cameras)

    def _cameras(
        self, images: Tensor, cameras: Sequence[Camera | None], *, estimate: bool
    ) -> list[Camera]:
        """Return a camera for each framed image, (V, 4, S, S): the given or the estimated one."""
        known = [None if estimate else camera for camera in cameras]
        if all(camera is not None for camera in known) or self.configuration.streams == "global":
            front = camera_at(np.eye(3), np.array([0.0, 0.0, self.framing.near]), self.framing)
            return [camera or front for camera in known]
        if self.camera is None:
            raise RequestError(
                "These weights of DISN have no camera network, so every image needs its camera.",
                "Attach the images to cameras, or use weights that can estimate them.",
            )
        found = self.camera(network_image(images, self.configuration)).double().cpu().numpy()
        return [camera or self._rigid(row) for camera, row in zip(known, found, strict=True)]

    def _rigid(self, camera_from_method: np.ndarray) -> Camera:
        """Return the camera that sees the volume as [s R | t], (3, 4), sees the method's frame.

        What a pinhole sees does not change when everything is scaled about it, so the regressed
        scale and the frame's own become a distance.
        """
        matrix = np.vstack([camera_from_method, [0, 0, 0, 1]]) @ self.method_from_volume
        scale = scale_of(matrix)
        if not np.isfinite(matrix).all() or abs(scale) < 1e-6:
            raise RequestError(
                "The camera network found no camera for the image.",
                "Give the image a camera of its own.",
            )
        return camera_at(matrix[:3, :3] / scale, matrix[:3, 3] / scale, self.framing)

    # ------------------------------------------------------------ training

    def outputs(self, batch: Batch, fusion: str | None = None) -> Tensor:
        """Return raw outputs (B, P, 1 or 2) at the batch's points, views fused."""
        rule = self.check_fusion(fusion)
        objects, views = batch.images.shape[:2]
        vectors, maps = self.sdf.encode(batch.images.flatten(0, 1))
        points, local = self.to_method(batch.points), None
        if self.configuration.streams != "global":
            if batch.camera_from_volume is None or batch.intrinsics is None:
                raise RequestError("DISN learns from posed images; this batch has no cameras.")
            pixels, _ = project_points(
                batch.points,
                batch.camera_from_volume,
                batch.intrinsics,
                orthographic=batch.orthographic,
            )  # (B, V, P, 2)
            local = maps.sample(pixels.flatten(0, 1))  # (B V, P, C)
        if rule == "mean":
            points = points.repeat_interleave(views, 0)
            return self.sdf.decode(points, vectors, local).unflatten(0, (objects, views)).mean(1)
        fused = reduce_views(vectors.unflatten(0, (objects, views)), rule, dim=1)
        if local is not None:
            local = reduce_views(local.unflatten(0, (objects, views)), rule, dim=1)
        return self.sdf.decode(points, fused, local)

    def loss(self, batch: Batch, *, fusion: str | None = None) -> dict[str, Tensor]:
        """Return 1000 times the mean of Eq. 3; for `binary` 100 times the cross entropy.

        Weight decay 1e-5 on all matrices belongs to the optimiser.
        """
        if batch.distances is None:
            raise RequestError("DISN learns from signed distances; this batch has none.")
        raw = self.outputs(batch, fusion)
        target = batch.distances * self.scale
        sign = ((raw[..., 0] if raw.shape[-1] == 1 else raw[..., 1] - raw[..., 0]) > 0).float()
        accuracy = (sign == (target > 0).float()).float().mean()
        if self.configuration.binary:
            loss = 100 * F.cross_entropy(raw.flatten(0, 1), (target > 0).long().flatten())
            return {"loss": loss, "sign": accuracy}
        error = (raw[..., 0] - UNIT * target).abs()
        weight = torch.where(target <= NEAR, NEAR_WEIGHT, 1.0)
        return {
            "loss": 1000 * (weight * error).mean(),
            "distance": error.detach().mean() / UNIT,
            "sign": accuracy,
        }

    @torch.no_grad()
    def start_of(self, part: str) -> dict[str, Tensor]:
        """Return the encoder for the camera network: it knows objects already."""
        assert self.camera is not None
        vgg, own = self.sdf.vgg, self.camera.encoder.state_dict()
        lent = vgg.state_dict() if self.configuration.camera_norm else vgg.folded_state()
        if any(name not in lent or lent[name].shape != own[name].shape for name in own):
            return {}
        return {f"camera.encoder.{name}": lent[name] for name in own}

    @property
    def level_unit(self) -> str:
        """A probability where these weights predict inside or outside."""
        return "probability" if self.configuration.binary else "distance"

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the last bias of a stream."""
        stream = self.sdf.local_stream or self.sdf.global_stream
        assert stream is not None
        bias = stream.decoder[-1].bias
        assert isinstance(bias, nn.Parameter)
        if self.configuration.binary:  # the field is the logit outside less that inside
            bias[0] += level
        else:
            bias -= UNIT * self.scale * level

    def camera_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean of Eq. 2: squared distances in camera space under found and true camera.

        Alone in its own training run: the camera network shares nothing with the rest.
        """
        if self.camera is None or batch.camera_from_volume is None:
            raise RequestError("There is no camera network to train, or no cameras to learn from.")
        views = batch.images.shape[1]
        found = self.camera(
            network_image(batch.images.flatten(0, 1), self.configuration)
        ).unflatten(0, (-1, views))
        points = self.to_method(batch.points)
        predicted = torch.einsum("bvij,bpj->bvpi", found[..., :3], points)
        predicted = predicted + found[..., None, :, 3]
        true = torch.einsum("bvij,bpj->bvpi", batch.camera_from_volume[..., :3, :3], batch.points)
        true = (true + batch.camera_from_volume[..., None, :3, 3]) * self.configuration.camera_unit
        squared = (predicted - true).square().sum(-1)
        return {"loss": squared.mean(), "d3D": squared.detach().sqrt().mean()}


# ---------------------------------------------------------------- cameras of the renders


def camera_at(rotation: np.ndarray, translation: np.ndarray, framing: Framing) -> Camera:
    """Return the training camera with this camera_from_world: (3, 3) rotation, (3,) translation."""
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    pose[:3, 3] = -rotation.T @ translation
    size = framing.size
    focal = framing.focal * size
    return Camera(pose, focal, focal, size / 2, size / 2, size, size)


def render_matrix(
    azimuth: float,
    elevation: float,
    ratio: float,
    *,
    size: int = 137,
    center: Sequence[float] = (0.0, 0.0, 0.0),
    radius: float = 1.0,
    translation: Sequence[float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Return the authors' `trans_mat`, (4, 3): [p 1] times it is (u w, v w, w).

    Parameters
    ----------
    azimuth, elevation : degrees, from the renders' metadata
    ratio : of the camera's distance to 1.75
    size : side of the image in pixels
    center, radius : `norm_params`: p of the unit sphere's frame is radius p + center in ShapeNet's
    translation : (sx, sy, sz), of the "hard" renders
    """
    a, e = np.radians([-azimuth, -elevation])
    ca, sa, ce, se = np.cos(a), np.sin(a), np.cos(e), np.sin(e)
    world = np.array([[ca * ce, -sa, ca * se], [sa * ce, ca, sa * se], [-se, 0, ce]]).T
    axes = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    pose = np.column_stack([np.diag([1.0, -1, -1]) @ axes @ world, [0, 0, 1.75 * ratio]])
    upright = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    moved = np.eye(4)
    moved[:3, 3] = translation[0], translation[2], -translation[1]
    norm = np.diag([radius, radius, radius, 1.0])
    norm[:3, 3] = center
    focal = 35 / 32 * size
    intrinsics = np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])
    return (intrinsics @ pose @ upright @ moved @ norm).T
