"""DISN: a signed distance from one global feature and local features at a point's projection.

Qiangeng Xu, Weiyue Wang, Duygu Ceylan, Radomir Mech, Ulrich Neumann: "DISN: Deep Implicit Surface
Network for High-quality Single-view 3D Reconstruction", NeurIPS 2019. Figure 4 is
`SDFNetwork.forward`, where the paper's symbols are explained. Beside them

    paper              here
    m_1, m_2, delta    `NEAR_WEIGHT`, 1 and `NEAR` (Eq. 3)
    R, t               `CameraNetwork` (Eq. 1-2, figure 5)

Departures
----------
- Several views are fused by the "mean" of the distance that each view predicts alone, so V equal
  views are one view. Means of features, which training never shows, score a lower IoU with two
  views than with one. "max" is the paper's section 4.4 and needs weights trained with it.
- Images are RGB with ImageNet's normalisation and maps are resized about pixel centres. `legacy`
  (imported) weights keep BGR without normalisation, straight colours at soft edges, and TensorFlow
  1's resizing and sampling.
- The camera network's VGG-16 starts from the trained SDF network's; the paper does not say from
  what. Its loss is the mean over the batch (Eq. 2), where the authors' code sums and adds an L2
  term. VGG-16 starts from ImageNet's weights where `--imagenet` names their file.
- "compact" has batch norms in VGG-16. The paper's starts from ImageNet's weights, ours from none,
  and without norms it learns slowly; the camera network's learned nothing.
- "3d-cnn" is the baseline of section 4.1. Its grid has 65^3 vertices as in the authors' code (the
  paper says 64^3), over our volume. Each step takes as many random vertices of the grid as there
  are; "compact" with `streams=volume` learns from points between them, by trilinear interpolation.
- "compact" assumes symmetric objects: the field is averaged with its reflection, see
  `fields.mirrored`. Unseen props score a higher IoU too, even asymmetric ones. The option
  `symmetry` switches it off.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.options import Option
from ..encoders.camera_estimates import given_or_estimated, training_camera_at
from ..encoders.pose import CameraNetwork
from ..fields.field import Field
from ..fields.fused import FusedFields
from ..fields.grid import GridField
from ..fields.mirrored import MirroredField
from ..fields.pixel_aligned import DISNField, Maps
from ..fusion import camera_tensors, project_points
from ..geometry.cameras import Camera
from ..geometry.projection import in_camera_axes
from ..geometry.views import View
from ..images.framing import FramedViews
from ..training.recipes import FEWER, Sampling, small, small_camera
from .base import (
    SYMMETRY,
    Batch,
    Code,
    MethodSpec,
    register,
)
from .estimates import EstimatesCameras
from .networks.disn import (
    COMPACT,
    PAPER,
    PAPER_RECIPES,
    PAPER_VOLUME,
    UNIT,
    VOLUME_RECIPE,
    DISNConfiguration,
    SDFNetwork,
    network_image,
    vgg_of,
)
from .published.disn import published_network

NEAR, NEAR_WEIGHT = 0.01, 4.0  # Eq. 3: points inside or this near count this much more


def view_groups(code: Code) -> list[dict[str, Tensor]]:
    """Return the tensors of each group of a code's views; a group's features are fused."""
    groups = code.tensors["groups"]
    return [{n: t[groups == group] for n, t in code.tensors.items()} for group in groups.unique()]


def _weighted(group: dict[str, Tensor], weight: float) -> dict[str, Tensor]:
    """Return a group of views whose weights sum to `weight`."""
    return {**group, "shares": weight * group["shares"] / group["shares"].sum()}


CAMERAS = frozenset({"poses", "lenses", "flat", "groups"})  # of a code


@register(
    MethodSpec(
        name="disn",
        title="DISN",
        paper="Xu, Wang, Ceylan, Mech, Neumann: DISN: Deep Implicit Surface Network for "
        "High-quality Single-view 3D Reconstruction. NeurIPS 2019",
        summary="Fine detail where the image shows it, by features at each point's projection",
        estimates_camera=True,
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
class DISN(EstimatesCameras):
    """DISN; see the module's docstring."""

    configurations = {"paper": PAPER, "3d-cnn": PAPER_VOLUME, "compact": COMPACT}
    configuration_class = DISNConfiguration
    recipes = {
        "paper": PAPER_RECIPES,
        "3d-cnn": {"main": VOLUME_RECIPE},
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
        "sdf.volume.forward",
        "camera.encoder.forward",
    )
    image_encoder = "sdf.vgg"

    def __init__(self, configuration: DISNConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        self.sdf = SDFNetwork(configuration)
        self.camera = None
        if configuration.camera:
            self.camera = CameraNetwork(
                vgg_of(configuration, batch_norm=configuration.camera_norm),
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
    ) -> Code:
        """Encode views to their global features, maps and cameras.

        Parameters
        ----------
        views
            One or more. Where a view has no camera, or `camera` is "estimated", the camera network
            estimates it.
        fusion
            "mean" of the views' fields or "max" of their features, see the module's docstring.
        camera
            "given" or "estimated".
        """
        rule = self.check_fusion(fusion)
        framed = self.prepare(views)
        given = [None if camera == "estimated" else c for c in framed.cameras]
        cameras = self._cameras(framed.images, given)
        extrinsics, intrinsics = camera_tensors(cameras, self.device)
        vectors, maps = self.sdf.encode(framed.images)
        groups = range(len(views)) if rule == "mean" else [0] * len(views)
        tensors = {
            "globals": vectors,
            "poses": extrinsics,
            "lenses": intrinsics,
            **{f"map{index}": level for index, level in enumerate(maps.levels)},
            "shares": vectors.new_ones(len(views)),  # weights of the views
            "groups": torch.tensor([*groups], device=self.device),
            "flat": torch.tensor([c.orthographic for c in cameras], device=self.device),
        }
        return Code(self.spec.name, tensors, {"fusion": rule, "size": maps.size}, CAMERAS)

    @torch.no_grad()
    def decode(
        self,
        code: Code,
        *,
        symmetry: bool = True,
        part: Literal["both", "global", "local"] = "both",
    ) -> Field:
        """Bake one object: the global feature becomes a bias, maps are projected once.

        Parameters
        ----------
        code
            From `encode` or `blend`.
        symmetry
            Assume a symmetric object, where the weights are so configured.
        part
            Which stream of the two-stream network to decode (figure 6): "both" or one of them.
        """
        self.check_code(code)
        if part != "both" and self.configuration.streams != "two":
            raise RequestError(
                "These weights have one stream, so it can't be shown apart.", "Leave `part` out."
            )
        fields = [self._baked(group, code, part) for group in view_groups(code.to(self.device))]
        field = fields[0] if len(fields) == 1 else FusedFields(fields, "mean")
        if symmetry and self.configuration.symmetry:
            return MirroredField(field)
        return field

    def blend(self, codes: Sequence[Code], weights: Sequence[float]) -> Code:
        """Blend objects' features, each sampled by its own camera (figure 10), never matrices.

        What reads the features is linear, so blending them is weighting the views. Every view of
        an object is blended with every view of the others.

        Raises
        ------
        RequestError
            If views were fused by another rule than "mean".
        """
        for code in codes:
            self.check_code(code)
            if code.meta["fusion"] != "mean":
                raise RequestError(
                    "Only views fused by their mean can be interpolated.",
                    "Encode all objects with the fusion `mean`.",
                )
        rounds = [
            [_weighted(group, weight) for group, weight in zip(groups, weights, strict=True)]
            for groups in product(*map(view_groups, codes))
        ]
        tensors = {
            name: torch.cat([end[name].to(self.device) for each in rounds for end in each])
            for name in codes[0].tensors
        }
        sizes = [sum(len(end["shares"]) for end in each) for each in rounds]
        groups = torch.arange(len(rounds)).repeat_interleave(torch.tensor(sizes))
        return replace(codes[0], tensors={**tensors, "groups": groups.to(self.device)})

    def _baked(self, tensors: dict[str, Tensor], code: Code, part: str) -> Field:
        """Return the field of one group of views, whose features are fused."""
        if self.sdf.volume is not None:
            return self._volume(tensors, maximum=code.meta["fusion"] == "max")
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

    def _volume(self, tensors: dict[str, Tensor], *, maximum: bool) -> GridField:
        """Return the 3D CNN's grid of one group of views."""
        assert self.sdf.volume is not None
        vectors, weights = tensors["globals"], tensors["shares"]
        vector = vectors.amax(0) if maximum else weights @ vectors / weights.sum()
        raw = self.sdf.volume(vector[None])[0]
        binary = self.configuration.binary
        values = raw[1] - raw[0] if binary else raw[0] / (UNIT * self.scale)
        kind = "occupancy" if binary else "distance"
        return GridField(values, grid_from_volume=self.method_from_volume, kind=kind)

    def prepare(self, views: Sequence[View]) -> FramedViews:
        """Frame the views; cameras stay in the volume's frame, in which points are projected."""
        framed = super().prepare(views)
        cameras = tuple(c and c.in_frame(self.method_from_volume) for c in framed.cameras)
        return replace(framed, cameras=cameras)

    def _cameras(self, images: Tensor, given: Sequence[Camera | None]) -> list[Camera]:
        """Return a camera for each framed image, (V, 4, S, S): the given or the estimated one."""
        if not self.sdf.map_count:  # nothing is projected, so any camera will do
            front = np.array([0.0, 0.0, self.framing.near])
            return [c or training_camera_at(np.eye(3), front, self.framing) for c in given]
        return given_or_estimated(given, lambda: self.estimated_cameras(images))

    @property
    def object_from_volume(self) -> np.ndarray:
        """The camera network's object frame is the method's (section 3.1.1)."""
        return self.method_from_volume

    def camera_input(self, images: Tensor) -> Tensor:
        """Return what VGG-16 sees of framed images."""
        return network_image(images, self.configuration)

    # ------------------------------------------------------------ training

    def outputs(self, batch: Batch, fusion: str | None = None) -> Tensor:
        """Return raw outputs (B, P, 1 or 2) at the batch's points, views fused."""
        rule = self.check_fusion(fusion)
        pixels = None
        if self.sdf.map_count:
            if batch.camera_from_volume is None or batch.intrinsics is None:
                raise RequestError(
                    "DISN learns from posed images; this batch has no cameras.",
                    "Train it on a data set with cameras.",
                )
            pixels, _ = project_points(
                batch.points,
                batch.camera_from_volume,
                batch.intrinsics,
                orthographic=batch.orthographic,
            )  # (B, V, P, 2)
            pixels = pixels.flatten(0, 1)
        points, images = self.to_method(batch.points), batch.images.flatten(0, 1)
        return self.sdf(images, points, pixels, (rule, batch.images.shape[1]))

    def loss(self, batch: Batch, *, fusion: str | None = None) -> dict[str, Tensor]:
        """Return 1000 times the mean of Eq. 3; for `binary` 100 times the cross entropy."""
        if batch.distances is None:
            raise RequestError(
                "DISN learns from signed distances; this batch has none.",
                "Train it on a data set of closed meshes, whose distances are known.",
            )
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
        """Start the camera network's encoder from the SDF network's, which knows objects."""
        assert isinstance(self.camera, CameraNetwork)
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
        """Move the surface to where the field was `level`, by the last bias."""
        bias = self.sdf.last_bias
        if self.configuration.binary:  # the field is the logit outside less that inside
            bias[0] += level
        else:
            bias -= UNIT * self.scale * level

    def camera_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean of Eq. 2: squared distances in camera space, estimated to true camera.

        The camera network shares nothing with the rest, so it is trained alone.
        """
        if self.camera is None or batch.camera_from_volume is None:
            raise RequestError(
                "The data set has no cameras to learn from, or the method has no camera network.",
                "Train weights with a camera network, on posed images.",
            )
        shape, points = batch.images.shape[:2], self.to_method(batch.points)
        estimated = self.camera(self.camera_input(batch.images.flatten(0, 1))).unflatten(0, shape)
        predicted = in_camera_axes(points[:, None], estimated)
        true = in_camera_axes(batch.points[:, None], batch.camera_from_volume)
        squared = (predicted - true * self.configuration.camera_unit).square().sum(-1)
        return {"loss": squared.mean(), "d3D": squared.detach().sqrt().mean()}
