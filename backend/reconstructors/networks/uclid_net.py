"""The main network of UCLID-Net (Guillard, Remelli, Fua, NeurIPS 2020), figure 1; its training.

    paper         here
    I, P, D       images, `LiftingCameras`, depth maps
    F_s           feature maps of `encoder_2D`, s = 1..4
    G^F, G^D      grids that `lift_features` (Eq. 1) and `lift_depth` with `voxels_of` fill
    H_s           outputs of the stages of `decoder_3D` (Eq. 2-3); H_0 is the code of an object
    occ, fold     `decoder_occupancy` and `patch_sampler` (Eq. 4)
    tau           `TAU`, 0.35 in the authors' code; the paper leaves it open
    Lambda        the (u, v) of a patch: random in training, a lattice at inference

Names of parameters are those of the authors' files, so their state dicts load unchanged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...encoders.decoder3d import Decoder3D
from ...encoders.lifting import LiftingCameras, lift_depth, lift_features, voxels_of
from ...encoders.resnet import ResNet
from ...fields.patch_sampler import PatchSampler
from ...fusion import Fusion, reduce_views
from ...geometry.frames import OBJECT_SIDE
from ...images.framing import OURS, R2N2, Framing
from ...training.recipes import PLAIN, Phase, Recipe, Sampling, adam, small_camera
from ..configuration import SIZE, Configuration, Ranges

GRIDS = (7, 14, 28, 28)  # N_4 to N_1: voxels a side of the grids that F_4 to F_1 are lifted to
VOXELS = 28  # voxels a side of H_0
TAU = 0.35  # probability above which a voxel is occupied
OCCUPANCY_CODE, FOLD_CODE = 8, 32  # channels of H_0 that occ and fold read
SHAPENET_UNIT = OBJECT_SIDE / 0.75  # an object is about three quarters of ShapeNet's unit
PAPER_FRAMING = replace(R2N2, size=224, background="white")


@dataclass(frozen=True)
class UCLIDConfiguration(Configuration):
    """Sizes; the defaults are the paper's.

    Attributes
    ----------
    width : channels of ResNet-18's first stage
    deep, skip : channels of the map that is lifted to 7^3, and of the three others
    stages : channels of the decoder's last three stages
    camera_width, depth_width : of the auxiliary networks' first stages; 0: the weights have none
    nearest, farthest : range of depths that the depth network tells apart, volume units
    reach : greatest distance of a camera that the camera network predicts, volume units
    symmetry : objects are their own mirror images in the plane x = 0
    legacy : the authors' sampling and depth lifting, for imported weights
    """

    ranges: ClassVar[Ranges] = {
        "camera_width": (0, SIZE[1]),
        "depth_width": (0, SIZE[1]),
        "nearest": (1e-3, 1e3),
        "farthest": (1e-3, 1e3),
        "reach": (1e-3, 1e3),
    }
    lengths: ClassVar[Mapping[str, int]] = {"stages": 3}

    framing: Framing = PAPER_FRAMING
    width: int = 64
    deep: int = 290
    skip: int = 30
    stages: tuple[int, ...] = (146, 73, 73)
    camera_width: int = 64
    depth_width: int = 64
    nearest: float = 0.6 * SHAPENET_UNIT
    farthest: float = 2.2 * SHAPENET_UNIT
    reach: float = 1.75 * SHAPENET_UNIT
    symmetry: bool = False
    legacy: bool = False

    def check(self) -> None:
        super().check()
        self.check_order("nearest", "farthest")


PAPER = UCLIDConfiguration()
COMPACT = UCLIDConfiguration(
    framing=replace(OURS, background="white"),
    width=24,
    deep=94,
    skip=14,
    stages=(64, 16, 16),  # convolutions at 28^3 are most of the cost: few channels
    camera_width=12,  # the first stage is at full resolution
    depth_width=20,
    nearest=OURS.near - 1.0,
    farthest=OURS.near + 1.0,
    reach=2 * OURS.near,
    symmetry=True,
)


class UCLIDNetwork(nn.Module):
    """Images, depth maps and cameras to occupancies and patches."""

    def __init__(self, config: UCLIDConfiguration) -> None:
        super().__init__()
        self.encoder_2D = ResNet(width=config.width, norm="instance")
        channels = [config.skip] * 3 + [config.deep]
        for stage, (a, b) in enumerate(zip(self.encoder_2D.widths, channels, strict=True), start=1):
            self.add_module(f"conv1x1_l{stage}", nn.Conv2d(a, b, 1))
        self.decoder_3D = Decoder3D(
            deepest=config.deep + 2,  # the depth grid comes twice
            side=config.skip + 2,
            stages=config.stages,
            outputs=OCCUPANCY_CODE + FOLD_CODE,
        )
        self.decoder_occupancy = nn.Conv3d(OCCUPANCY_CODE, 1, 1)
        self.patch_sampler = PatchSampler(FOLD_CODE)

    def forward(
        self,
        images: Tensor,
        depths: Tensor,
        cameras: LiftingCameras,
        *,
        samples: int,
        most: int,
        generator: torch.Generator | None = None,
        fuse: tuple[Fusion, int] | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the occupancy logits, (N, 28, 28, 28), and N point clouds: figure 1.

        Parameters
        ----------
        images, depths, cameras : as `lift` takes them
        samples, most : as `clouds` takes them
        fuse : as `volume` takes it
        """
        grids = self.lift(images, depths, cameras)  # G^F, G^D: 4 x (N, C, n, n, n), section 3.1
        volume = self.volume(grids, self.decoder_3D, fuse)  # H_0: (N, 40, 28, 28, 28), Eq. 2-3
        # Split, since each slice would fill a whole grid with zeros in the backward pass.
        occupancy, codes = volume.split((OCCUPANCY_CODE, FOLD_CODE), 1)
        logits = self.occupancy_logits(occupancy)  # occ: (N, 28, 28, 28)
        clouds = self.clouds(
            codes, logits.detach(), samples=samples, most=most, generator=generator
        )  # fold: N x (K, 3), Eq. 4
        return logits, clouds

    def lift(self, images: Tensor, depths: Tensor, cameras: LiftingCameras) -> list[Tensor]:
        """Return [G^F, G^D, G^D] at each of `GRIDS`, (N, C, n, n, n) (section 3.1, figure 3).

        Parameters
        ----------
        images : (N, 3, S, S)
        depths : (N, h, h) method units, infinite at the background
        """
        maps = self.encoder_2D.maps(images)  # F_1 to F_4
        clouds = [lift_depth(depth.detach(), cameras, i) for i, depth in enumerate(depths)]
        grids = []
        for stage, resolution in zip((4, 3, 2, 1), GRIDS, strict=True):
            features = self.get_submodule(f"conv1x1_l{stage}")(maps[stage - 1])
            lifted = lift_features(features, resolution, cameras)  # Eq. 1
            seen = torch.stack([voxels_of(cloud, resolution) for cloud in clouds])[:, None]
            grids.append(torch.cat([lifted, seen, seen], 1))
        return grids

    @staticmethod
    def volume(
        grids: Sequence[Tensor],
        decoder: Callable[[Sequence[Tensor]], Tensor],
        fuse: tuple[Fusion, int] | None = None,
    ) -> Tensor:
        """Return H_0 of lifted grids (Eq. 2-3): of each image, or of each object's views fused.

        `fuse` is the rule, "mean" of H_0 or "sum" of the grids, and the number of views.
        """
        if fuse is None:
            return decoder(grids)
        rule, views = fuse
        if rule == "mean":
            return decoder(grids).unflatten(0, (-1, views)).mean(1)
        return decoder([reduce_views(g.unflatten(0, (-1, views)), rule, dim=1) for g in grids])

    def occupancy_logits(self, volume: Tensor) -> Tensor:
        """Return occ, (N, 28, 28, 28), of H_0, (N, 40, 28, 28, 28), or of its first channels."""
        weight, bias = self.decoder_occupancy.weight[0], self.decoder_occupancy.bias
        assert bias is not None
        return (weight * volume[:, :OCCUPANCY_CODE]).sum(1) + bias

    def clouds(
        self,
        codes: Tensor,
        logits: Tensor,
        *,
        samples: int,
        most: int,
        generator: torch.Generator | None,
    ) -> list[Tensor]:
        """Return N point clouds, (K, 3) method frame: the patches of all images, folded at once.

        Parameters
        ----------
        codes : (N, 32, 28, 28, 28), H_0's last channels
        logits : (N, 28, 28, 28)
        samples : random (u, v) of each patch; with 0 the clouds are empty
        most : occupied voxels folded of each image
        """
        chosen = [occupied_sample(p, most, generator) for p in logits.sigmoid()] if samples else []
        counts = [len(voxels) for voxels in chosen]
        if not sum(counts):
            return [codes.new_zeros(0, 3) for _ in codes]
        voxels = torch.cat(chosen)  # (P, 3)
        image = torch.arange(len(codes), device=codes.device)
        image = image.repeat_interleave(torch.tensor(counts, device=codes.device))
        own = codes.movedim(1, -1)[image, *voxels.unbind(1)]  # (P, 32)
        uv = torch.rand(len(voxels), samples, 2, generator=generator).to(codes)
        points = self.fold(own, voxels, uv)  # (P, samples, 3)
        return [patches.flatten(0, 1) for patches in points.split(counts)]

    def fold(
        self, codes: Tensor, voxels: Tensor, uv: Tensor, sampler: PatchSampler | None = None
    ) -> Tensor:
        """Return the patches' points, (P, S, 3) method frame (Eq. 4).

        Parameters
        ----------
        codes : (P, 32), H_0 at the voxels
        voxels : (P, 3) indices
        uv : (P, S, 2) in [0, 1]
        sampler : the network's own, or its copy for inference
        """
        if not len(voxels):
            return uv.new_zeros((0, uv.shape[1], 3))
        return (voxels[:, None] + (sampler or self.patch_sampler)(codes, uv)) * (2 / VOXELS) - 1


def occupied_sample(probability: Tensor, most: int, generator: torch.Generator | None) -> Tensor:
    """Return the indices, (P, 3), of the occupied voxels; a random sample of `most` if more."""
    voxels = (probability > TAU).nonzero()
    if len(voxels) <= most:
        return voxels
    chosen = torch.randperm(len(voxels), generator=generator)[:most]
    return voxels[chosen.to(voxels.device)]


# ---------------------------------------------------------------- how it is trained

FOUND = {"predicted_depth": True}
INFERRED = {"predicted_depth": True, "predicted_camera": True}  # as the authors' code
POINT = (("uniform", 1),)  # the fewest: its losses use none
PAPER_RECIPES = {
    "main": Recipe(
        (
            adam(1e-3, 1_090, options={"warm_up": True, **INFERRED}),
            adam(1e-3, 109_000, options=INFERRED),
            adam(1e-4, 54_500, options=INFERRED),
        ),
        Sampling(objects=28, points=POINT, surface=5000, depth=True, **PLAIN),
        ("network",),
        ema=0.0,
        source="UCLID-Net 4.1: one epoch of occupancy alone (the authors' in batches of 2), "
        "Adam 1e-3, 1e-4 from epoch 100 of 150, batch 28",
    ),
    "camera": Recipe(
        tuple(
            adam(learning_rate, epochs * 1_388, loss="camera_loss", clip=0.1)
            for learning_rate, epochs in ((1e-3, 100), (1e-4, 200))
        ),
        Sampling(objects=22, points=POINT, surface=8192, canonical=True, **PLAIN),
        ("camera",),
        ema=0.0,
        source="UCLID-Net, the authors' code: Adam 1e-3, 1e-4 from epoch 100 of 300, batch 22, "
        "gradients clipped at 0.1",
    ),
    "depth": Recipe(
        tuple(
            adam(
                learning_rate,
                epochs * 372,
                loss="depth_loss",
                options={"gradients": gradients, "normals": normals},
                weight_decay=4e-5,
                coupled=True,
            )
            for gradients, normals, learning_rate, epochs in (
                (False, False, 1e-4, 4),
                (True, False, 1e-4, 4),
                (True, True, 1e-4, 92),
                (True, True, 1e-5, 50),
            )
        ),
        Sampling(objects=82, points=POINT, depth=True, **PLAIN),
        ("depth",),
        ema=0.0,
        source="UCLID-Net, the authors' code: Adam 1e-4, 1e-5 from epoch 100 of 150, batch 82; "
        "terms of gradients from epoch 4, of normals from epoch 8",
    ),
}
COMPACT_RECIPES = {
    "main": Recipe(
        (
            Phase(options={"warm_up": True, **FOUND}, steps=300, clip=10.0),
            Phase(options={"samples": 4, **FOUND}, steps=8000, clip=10.0),
        ),
        Sampling(objects=16, points=POINT, surface=2500, depth=True, crops=0.3),
        ("network",),
    ),
    "camera": small_camera(),
    "depth": Recipe(
        (
            Phase("depth_loss", {"gradients": False, "normals": False}, steps=1000, clip=10.0),
            Phase("depth_loss", steps=3000, learning_rate=5e-4, clip=10.0),
        ),
        Sampling(objects=16, points=POINT, depth=True, crops=0.3),
        ("depth",),
    ),
}
