"""UCLID-Net: image features and depth lifted to a 3D grid; a small patch in each occupied voxel.

Benoit Guillard, Edoardo Remelli, Pascal Fua: "UCLID-Net: Single View Reconstruction in Object
Space", NeurIPS 2020. Figure 1 is `UCLIDNetwork.forward`, where the paper's symbols are explained;
P and D, camera and depth map, are given or estimated (`estimates`). H_0 is an object's code.

The method's frame: the object's longest side is 2.

Departures
----------
- Several views are fused by the "mean" of each view's H_0, so V equal views are one view. The
  paper's "sum" of lifted grids (section 4.3) needs fine-tuning; means of lifted grids, which
  training never shows, score a lower IoU.
- Depth is lifted by the inverse of the projection. The authors' code mirrors it along the viewing
  axis; `legacy` (imported) weights keep the authors' mirrored lifting and align_corners=True, and
  get images cut at an alpha of one half, as the authors' are.
- (u, v) form a lattice at inference, so the result is deterministic.
- A depth map of fewer than the published 112 pixels a side is upsampled before it is lifted: its
  points would be sparser than the outlier-removal radius, and all be discarded.
- The fold's batch norms see real voxels only; the authors' code pads a batch with zeros.
- At inference tau maximises the expected IoU per object (`likeliest_voxels`); a fixed one drops
  parts where the network is under-confident. `legacy` weights keep the authors'.
- "compact" assumes symmetric objects: a voxel's logit is the mean of its own and its mirror
  voxel's, and both sides use the patch decoded at the more probable voxel of the pair. Unseen
  props, few of them symmetric, score a higher IoU too. The option `symmetry` switches it off.
- At most 3000 voxels are folded: an untrained network may call all 28^3 occupied.
- "paper" trains on inferred cameras and depth maps where the weights have these networks, else on
  true ones. Its first epoch has batches of 28 as the others have; the authors' has batches of 2.
- Images without an occupied voxel have no Chamfer term; the authors' code divides by zero.
- The field is made of the oriented patches, see `fields.patches`; the paper stops at points.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..contract.options import Option
from ..encoders.camera_estimates import given_or_estimated, rigid_cameras
from ..encoders.depth import DepthNetwork
from ..encoders.depth_estimates import DepthRange
from ..encoders.folding import Folded, convolution_dtype
from ..encoders.lifting import LiftingCameras, voxels_of
from ..encoders.pose import PoseNetwork
from ..fields.expected_iou import likeliest_voxels
from ..fields.mirrored import likelier_voxels, mirror
from ..fields.patches import Patches, PatchField
from ..fusion import camera_tensors, reduce_views
from ..geometry.cameras import Camera
from ..geometry.chamfer import mean_chamfer, random_points
from ..geometry.frames import OBJECT_SIDE, similarity
from ..geometry.projection import in_camera_axes
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.depths import framed_depth
from ..training.batch import Example
from .base import SYMMETRY, Batch, Code, MethodSpec, register
from .estimates import EstimatesCameras, EstimatesDepths
from .networks.uclid_net import (
    COMPACT,
    COMPACT_RECIPES,
    OCCUPANCY_CODE,
    PAPER,
    PAPER_RECIPES,
    TAU,
    VOXELS,
    UCLIDConfiguration,
    UCLIDNetwork,
)
from .published.uclid_net import published_network

SAMPLES = 10  # points of each patch in training
MOST_FOLDED = 3000  # voxels folded of one object; a shape occupies a tenth of all at most
TARGETS = 5000  # surface points of each object in training
LATTICE = 8  # vertices along a patch's side
LEGACY_CUT = 0.5  # the authors' images are background where alpha is below
FOLDED_AT_ONCE = 64  # patches; their activations fit in a processor's cache


@register(
    MethodSpec(
        name="uclid-net",
        title="UCLID-Net",
        paper="Guillard, Remelli, Fua: UCLID-Net: Single View Reconstruction in Object Space. "
        "NeurIPS 2020",
        summary="A coarse volume with a small patch in each voxel; estimates camera and depth",
        estimates_camera=True,
        fusions=("mean", "sum"),
        own_options=(
            SYMMETRY,
            Option("lattice", "int", LATTICE, "vertices along each patch's side", 2, 64),
        ),
    )
)
class UCLIDNet(EstimatesCameras, EstimatesDepths):
    """UCLID-Net with its camera and depth networks; see the module's docstring."""

    configurations = {"paper": PAPER, "compact": COMPACT}
    configuration_class = UCLIDConfiguration
    recipes = {"paper": PAPER_RECIPES, "compact": COMPACT_RECIPES}
    auxiliary = {"camera": ("camera_width", 0), "depth": ("depth_width", 0)}
    configuration: UCLIDConfiguration
    published = published_network
    calibrated_on = "voxel"
    half_precision = (
        "network.encoder_2D.maps",
        "network.decoder_3D.forward",
        "depth.features",
    )

    def __init__(self, configuration: UCLIDConfiguration = COMPACT) -> None:
        super().__init__(configuration)
        sizes = configuration
        self.network = UCLIDNetwork(sizes)
        self.camera = self.depth = None
        if sizes.camera_width:
            self.camera = PoseNetwork(width=sizes.camera_width, farthest=sizes.reach)
        if sizes.depth_width:
            self.depth = DepthNetwork(sizes.depth_width)
        self.depth_range = DepthRange(
            sizes.nearest, sizes.farthest, sizes.framing.near, sizes.framing.far
        )
        self.folded_decoder = Folded(self.network.decoder_3D)
        self.folded_sampler = Folded(self.network.patch_sampler)
        self.set_frame(similarity(scale=2 / OBJECT_SIDE))

    # ------------------------------------------------------------ inference

    @torch.no_grad()
    def encode(
        self,
        views: Sequence[View],
        *,
        fusion: str | None = None,
        camera: Literal["given", "estimated"] = "given",
        depth: Sequence[Tensor | None] | None = None,
    ) -> Code:
        """Encode views to H_0, (40, 28, 28, 28).

        Parameters
        ----------
        views
            One or more.
        fusion
            "mean" of H_0; or "sum" of the lifted grids, for weights that were fine-tuned to it
            (section 4.3).
        camera
            "given" uses a view's own camera where it has one.
        depth
            A depth map (S, S) of each *framed* image in volume units, infinite at the background;
            None for a view is estimated; None as a whole: the views' own, else estimated.
        """
        rule = self.check_fusion(fusion)
        grids = self.lift(views, camera=camera, depth=depth)
        volume = self.network.volume(grids, self._decode_grids, (rule, len(views)))[0]
        seen = reduce_views(grids[2][:, -1], rule)  # the last channel at 28^3 is the depth's
        return Code(self.spec.name, {"grid": volume, "depth_grid": seen})

    @torch.no_grad()
    def lift(
        self,
        views: Sequence[View],
        *,
        camera: Literal["given", "estimated"] = "given",
        depth: Sequence[Tensor | None] | None = None,
    ) -> list[Tensor]:
        """Return the grids that the 3D decoder reads, (V, C, n, n, n); see `encode`."""
        framed = self.prepare(views)
        images = self.network_images(framed.images)
        given = [None if camera == "estimated" else c for c in framed.cameras]
        cameras = given_or_estimated(given, lambda: self._estimated_in_method(framed.images))
        own = [None if v.depth is None else framed_depth(v, self.framing) for v in views]
        depths = self.depth_maps(images, cameras, depth or own)
        grids = [
            self.network.lift(
                images[i : i + 1], depths[i][None] * self.scale, self._lifting([camera])
            )
            for i, camera in enumerate(cameras)  # perspective and orthographic views may mix
        ]
        return [torch.cat(level) for level in zip(*grids, strict=True)]

    def _estimated_in_method(self, images: Tensor) -> list[Camera]:
        volume_from_method = np.linalg.inv(self.method_from_volume)
        return [camera.in_frame(volume_from_method) for camera in self.estimated_cameras(images)]

    def _lifting(self, cameras: Sequence[Camera]) -> LiftingCameras:
        """Return cameras of one kind as `UCLIDNetwork.lift` takes them."""
        extrinsics, intrinsics = camera_tensors(cameras, self.device)
        legacy, orthographic = self.configuration.legacy, cameras[0].orthographic
        return LiftingCameras(extrinsics, intrinsics, self.framing.size, orthographic, legacy)

    def _decode_grids(self, grids: Sequence[Tensor]) -> Tensor:
        """Return H_0 of grids, (N, 40, 28, 28, 28), by the decoder with folded norms."""
        dtype = convolution_dtype(grids[0])
        packed = [g.to(dtype, memory_format=torch.channels_last_3d) for g in grids]
        return self.folded_decoder(dtype)(packed).to(grids[0])

    @torch.no_grad()
    def decode(self, code: Code, *, lattice: int = LATTICE, symmetry: bool = True) -> PatchField:
        """Make the watertight field of the patches; see `fields.patches`.

        Parameters
        ----------
        code
            From `encode`.
        lattice
            Vertices along a patch's side.
        symmetry
            Assume a symmetric object, where the weights are so configured.
        """
        patches = self.patches(code, lattice=lattice, symmetry=symmetry)
        return PatchField(patches, self.method_from_volume)

    @torch.no_grad()
    def patches(self, code: Code, *, lattice: int = LATTICE, symmetry: bool = True) -> Patches:
        """Return the patches of the occupied voxels on a lattice of (u, v), method frame."""
        axis = torch.linspace(0, 1, lattice, device=self.device)
        uv = torch.cartesian_prod(axis, axis)
        vertices, voxels = self.fold_at(code, lambda count: uv.expand(count, -1, -1), symmetry)
        return Patches(vertices, voxels, VOXELS)

    @torch.no_grad()
    def fold_at(
        self, code: Code, places: Callable[[int], Tensor], symmetry: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return points of the patches of the occupied voxels, and these voxels.

        Parameters
        ----------
        places
            Returns (u, v) in [0, 1], (P, S, 2), for P patches.

        Returns
        -------
        (P, S, 3), method frame, and (P, 3) indices.
        """
        voxels = self.coarse_volume(code, symmetry=symmetry).nonzero()  # (P, 3)
        volume = code.tensors["grid"].to(self.device)
        source, mirrored = voxels, voxels.new_zeros(len(voxels), dtype=torch.bool)
        if symmetry and self.configuration.symmetry:
            source, mirrored = likelier_voxels(voxels, self.voxel_logits(code, symmetry=False))
        codes = volume[OCCUPANCY_CODE:, *source.unbind(1)].T  # (P, 32)
        uv, sampler = places(len(voxels)), self.folded_sampler()
        parts = (each.split(FOLDED_AT_ONCE) for each in (codes, source, uv))
        folded = [
            self.network.fold(own, where, at, sampler)
            for own, where, at in zip(*parts, strict=True)
        ]
        vertices = torch.cat(folded) if folded else uv.new_zeros(0, uv.shape[1], 3)
        vertices[mirrored] = mirror(vertices[mirrored])
        return vertices, voxels

    @torch.no_grad()
    def coarse_volume(self, code: Code, *, symmetry: bool = True) -> Tensor:
        """Return (28, 28, 28) bool: the occupied voxels of the method's frame (section 3.2)."""
        return self.occupied(self.voxel_logits(code, symmetry=symmetry).sigmoid())

    @torch.no_grad()
    def voxel_logits(self, code: Code, *, symmetry: bool = True) -> Tensor:
        """Return (28, 28, 28) logits of the probability that a voxel is occupied."""
        self.check_code(code)
        own = self.network.occupancy_logits(code.tensors["grid"].to(self.device)[None])[0]
        return (own + own.flip(0)) / 2 if symmetry and self.configuration.symmetry else own

    def occupied(self, probability: Tensor) -> Tensor:
        """Return (28, 28, 28) bool: which voxels are folded at inference."""
        if self.configuration.legacy:
            return probability > TAU
        return likeliest_voxels(probability, MOST_FOLDED)

    @torch.no_grad()
    def calibration_sample(self, example: Example) -> tuple[Tensor, Tensor]:
        """Return minus the voxels' logits, and which voxels hold points of the surface."""
        if example.surface is None:
            raise RequestError("The data set has no points of surfaces.", "Make it with --surface.")
        surface = self.to_method(example.surface.float())
        return -self.voxel_logits(self.encode(example.views)), voxels_of(surface, VOXELS) > 0

    def solid_at(self, values: Tensor, level: float) -> Tensor:
        """Return which voxels are folded when every logit is raised by `level`."""
        return self.occupied((level - values).sigmoid())

    def candidate_levels(self, values: Tensor, ground_truth: Tensor) -> list[float]:
        """Return the candidate offsets of the occupancies' logits."""
        return np.linspace(-3.0, 3.0, 61).tolist()

    def apply_calibration(self, level: float) -> dict[str, float]:
        """Raise every voxel's logit."""
        self.shift_occupancy(level)
        return {"occupancy raised by": level}

    def shift_occupancy(self, logit: float) -> None:
        """Raise the logit of every voxel's occupancy."""
        bias = self.network.decoder_occupancy.bias
        assert bias is not None
        with torch.no_grad():
            bias += logit

    @property
    def object_from_volume(self) -> np.ndarray:
        """The camera network's object frame: the method's axes, the volume's unit (section 3.3)."""
        return similarity(scale=1 / self.scale) @ self.method_from_volume

    def camera_input(self, images: Tensor) -> Tensor:
        """Return what all networks of these weights see."""
        return self.network_images(images)

    def network_images(self, images: Tensor) -> Tensor:
        """Return RGB images on the training background; `legacy` weights know hard edges."""
        cut = LEGACY_CUT if self.configuration.legacy else None
        return network_input(images, self.framing.background, cut=cut)

    # ------------------------------------------------------------ training

    def loss(
        self,
        batch: Batch,
        generator: torch.Generator | None = None,
        *,
        warm_up: bool = False,
        fusion: str | None = None,
        samples: int = SAMPLES,
        predicted_depth: bool = False,
        predicted_camera: bool = False,
    ) -> dict[str, Tensor]:
        """Return CD + 100 BCE (section 3.3); with `warm_up` only the second term.

        Each view counts as an image of its own unless `fusion` names a rule. `samples` points of
        each patch are compared. With `predicted_depth`, weights that have a depth network train on
        predicted rather than true depth, as the authors do, to match inference; with
        `predicted_camera` does the same with predicted cameras.
        """
        if batch.surface is None or batch.depth is None or batch.camera_from_volume is None:
            raise RequestError(
                "UCLID-Net learns from surfaces, depth and cameras; some are missing.",
                "Train it on a data set with depth maps.",
            )
        views = batch.images.shape[1]
        fuse = None if fusion is None else (self.check_fusion(fusion), views)
        surfaces = self.to_method(batch.surface).repeat_interleave(1 if fusion else views, 0)
        targets = [random_points(each, TARGETS, generator) for each in surfaces]
        inputs = self.network_inputs(batch, predicted_depth, predicted_camera)
        logits, clouds = self.network(
            *inputs,
            samples=0 if warm_up else samples,
            most=MOST_FOLDED,
            generator=generator,
            fuse=fuse,
        )
        true = torch.stack([voxels_of(points, VOXELS) for points in targets])
        entropy = F.binary_cross_entropy_with_logits(logits, true)
        terms = {"loss": 100 * entropy, "occupancy": entropy}
        if warm_up:
            return terms
        chamfer = mean_chamfer(clouds, targets)
        return {**terms, "loss": terms["loss"] + chamfer, "chamfer": chamfer}

    def network_inputs(
        self, batch: Batch, predicted_depth: bool = False, predicted_camera: bool = False
    ) -> tuple[Tensor, Tensor, LiftingCameras]:
        """Return what `UCLIDNetwork.lift` takes, of all views of a batch."""
        assert batch.camera_from_volume is not None
        assert batch.intrinsics is not None
        assert batch.depth is not None
        images = self.network_images(batch.images.flatten(0, 1))
        depths = batch.depth.flatten(0, 1)
        if predicted_depth and self.depth is not None:
            with torch.no_grad():
                distance = batch.camera_from_volume[..., 2, 3].flatten()
                depths = self.estimated_depths(images, distance)
        extrinsics, intrinsics = self.cameras_to_method(
            batch.camera_from_volume, batch.intrinsics, orthographic=batch.orthographic
        )
        if predicted_camera and self.camera is not None:
            with torch.no_grad():
                matrices = self.camera(images)
            extrinsics, intrinsics = rigid_cameras(matrices, self.scale, self.framing)
        size, legacy = images.shape[-1], self.configuration.legacy
        cameras = LiftingCameras(extrinsics, intrinsics, size, batch.orthographic, legacy)
        return images, depths * self.scale, cameras

    def camera_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean absolute difference of surface points under estimated and true camera."""
        if self.camera is None or batch.surface is None or batch.camera_from_volume is None:
            raise RequestError(
                "The data set has no cameras to learn from, or the method has no camera network.",
                "Train weights with a camera network, on posed images.",
            )
        images = self.network_images(batch.images.flatten(0, 1))
        estimated = self.camera(images).unflatten(0, batch.images.shape[:2])
        axes = torch.tensor(self.method_from_volume[:3, :3] / self.scale).to(estimated)
        predicted = in_camera_axes((batch.surface @ axes.T)[:, None], estimated)
        true = in_camera_axes(batch.surface[:, None], batch.camera_from_volume)
        return {"loss": (predicted - true).abs().mean()}
