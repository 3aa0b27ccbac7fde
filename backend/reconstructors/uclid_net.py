"""UCLID-Net: features lifted to a grid in object space, and a small sheet in each occupied voxel.

Benoit Guillard, Edoardo Remelli, Pascal Fua: "UCLID-Net: Single View Reconstruction in Object
Space", NeurIPS 2020.

    paper            here
    F^2D_i, F^3D_i   maps of `encoder_2D`, lifted by Eq. 1 in `lift_features`
    D                depth map; its points in `lift_depth`, its voxels in `voxels_of`
    H_i              stages of `decoder_3D`, Eq. 2-3; H_0 is the code
    o, f             `decoder_occupancy` and `patch_sampler`, Eq. 4
    tau              `TAU` in training, 0.35 in the authors' code; the paper leaves it open

The method's frame: the object's longest side is 2. Names of parameters are those of the authors'
files, so their state dicts load as they are.

Departures
----------
- Fusion by "mean" is the default: that of H_0, which each view gives alone. Equal views are one
  view, without the fine-tuning that the paper's "sum" of grids (section 4.3) needs; means of grids,
  never seen in training, overlap less.
- Depth is lifted by the inverse of the projection. The authors' code mirrors it along the viewing
  axis; `legacy` weights, which learned that, get it so, and sample maps corner to corner.
- (u, v) on a lattice at inference, drawn at random only in training: the same result every time.
- A depth map of fewer than the published 112 pixels a side is made finer before it is lifted, see
  `lift_depth`: its points would be farther apart than what the clean-up takes for strays.
- Statistics of the fold's norms are of real voxels; the code pads a batch with zeros.
- At inference tau is what suits each object: `likeliest_voxels` are expected to overlap best with
  the truth. Where a network is less sure of all it sees, a fixed one loses whole parts. `legacy`
  weights keep the authors'.
- "compact" takes objects for symmetric: a voxel's logit is the mean of its own and of its mirror
  image's, and of both sheets that of the likelier voxel is folded, on either side. Unseen props,
  of which few are symmetric, overlap better too. The option `symmetry` switches it off.
- While occupancy has learned nothing, all 28^3 voxels may be occupied: 3000 are folded at most.
- Without any occupied voxel the Chamfer term is left away; the code divides by zero.
- The field is made of the oriented sheets, see `fields.patches`; paper and code stop at points.
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
from ..encoders.depth import DepthNetwork, depth_loss
from ..encoders.folding import Folded, convolution_dtype
from ..encoders.lifting import lift_depth, lift_features, voxels_of
from ..encoders.pose import PoseNetwork
from ..encoders.resnet import ResNet
from ..fields.patches import Patches, PatchField
from ..fusion import camera_tensors, reduce_views
from ..geometry.cameras import Camera
from ..geometry.frames import OBJECT_SIDE, similarity
from ..geometry.views import View
from ..images.alpha import network_input
from ..images.framing import OURS, R2N2, Framing, whole_cameras
from ..training.batch import Example
from ..training.recipes import PLAIN, Phase, Recipe, Sampling, adam, small_camera
from .base import (
    SYMMETRY,
    Batch,
    Code,
    Configuration,
    MethodSpec,
    Reconstructor,
    register,
)
from .configuration import SIZE, Ranges
from .published.uclid_net import published_network

GRIDS = (7, 14, 28, 28)  # resolution that the maps F4, F3, F2, F1 are lifted to
VOXELS = 28  # of the occupancy, along a side
TAU = 0.35  # probability from which a voxel is occupied
OCCUPANCY_CODE, FOLD_CODE = 8, 32  # channels of H_0 for the two heads
SAMPLES = 10  # (u, v) drawn in each voxel in training
MOST_FOLDED = 3000  # voxels of each object; a shape has a tenth of all at most
TARGETS = 5000  # surface points of each object in training
LATTICE = 8  # vertices along a sheet's side
TOGETHER = 64  # sheets folded at once at inference: what is between the layers stays in a cache
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
    reach : largest distance of a camera that the camera network predicts, volume units
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


# ---------------------------------------------------------------- the 3D decoder and its heads


class Block3D(nn.Module):
    """A residual block; `upsample` doubles the resolution or only changes the channels."""

    def __init__(self, inputs: int, outputs: int, *, double: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, inputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(inputs)
        self.upsample: nn.Module | None = None
        if double:
            self.conv2 = nn.ConvTranspose3d(inputs, outputs, 2, 2)
            shortcut: nn.Module = nn.ConvTranspose3d(inputs, outputs, 2, 2, bias=False)
        else:
            self.conv2 = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
            shortcut = nn.Conv3d(inputs, outputs, 1, bias=False)
        if double or inputs != outputs:
            self.upsample = nn.Sequential(shortcut, nn.BatchNorm3d(outputs))
        self.bn2 = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.upsample is None else self.upsample(x)
        x = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(x)) + shortcut).relu()


def _stage(inputs: int, outputs: int, *, double: bool = False) -> nn.Sequential:
    return nn.Sequential(Block3D(inputs, outputs, double=double), Block3D(outputs, outputs))


class Decoder3D(nn.Module):
    """Lifted grids at all scales to H_0, (B, 40, 28, 28, 28)."""

    def __init__(self, config: UCLIDConfiguration) -> None:
        super().__init__()
        first, side = config.deep + 2, config.skip + 2  # depth's grid comes twice
        second, third, last = config.stages
        self.layer1 = _stage(first, first)
        self.layer2 = _stage(first, second, double=True)
        self.layer3 = _stage(second + side, third, double=True)
        self.layer4 = _stage(third + side, last)
        self.output_layer = nn.Conv3d(last + side, OCCUPANCY_CODE + FOLD_CODE, 1, bias=False)

    def forward(self, grids: Sequence[Tensor]) -> Tensor:
        """Return H_0 of `grids`, at the resolutions of `GRIDS`, (B, C, N, N, N) each."""
        # Channels last, in training as at inference: a tenth of a step's time.
        deepest, *sides = (g.contiguous(memory_format=torch.channels_last_3d) for g in grids)
        x = self.layer2(self.layer1(deepest))
        for stage, grid in zip((self.layer3, self.layer4, self.output_layer), sides, strict=True):
            x = stage(torch.cat([x, grid], 1))
        return x


class PatchSampler(nn.Module):
    """The folding f of Eq. 4: codes (P, 32) and (u, v) (P, S, 2) to points in the unit voxel."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {"11": FOLD_CODE + 2, "12": 64, "13": 64, "21": FOLD_CODE + 64, "22": 64, "23": 64}
        for name, inputs in sizes.items():
            self.add_module(f"conv{name}", nn.Conv2d(inputs, 64, 1, bias=False))
            self.add_module(f"bn{name}", nn.BatchNorm2d(64))
        self.conv3 = nn.Conv2d(64, 3, 1, bias=False)

    def forward(self, codes: Tensor, where: Tensor) -> Tensor:
        """Return (P, S, 3) in (0, 1).

        The code's share of a layer is the same for all points of a sheet, so it is taken once.
        """
        x = where.flatten(0, 1)  # (P S, channels)
        for index in ("11", "12", "13", "21", "22", "23"):
            conv, norm = (self.get_submodule(f"{kind}{index}") for kind in ("conv", "bn"))
            assert isinstance(conv, nn.Conv2d)
            weight = conv.weight[:, :, 0, 0]
            own = x.shape[1]
            x = F.linear(x, weight[:, -own:], conv.bias)
            if weight.shape[1] > own:
                shared = codes @ weight[:, :-own].T
                x = (x.unflatten(0, where.shape[:2]) + shared[:, None]).flatten(0, 1)
            x = norm(x[..., None, None]).flatten(1).relu()
        return F.linear(x, self.conv3.weight[:, :, 0, 0]).sigmoid().unflatten(0, where.shape[:2])


class UCLIDNetwork(nn.Module):
    """The main network: encoder, lifting, decoder and heads."""

    def __init__(self, config: UCLIDConfiguration) -> None:
        super().__init__()
        self.config = config
        self.encoder_2D = ResNet(width=config.width, norm="instance")
        widths = self.encoder_2D.widths
        outputs = [config.skip] * 3 + [config.deep]
        for index, (a, b) in enumerate(zip(widths, outputs, strict=True), start=1):
            self.add_module(f"conv1x1_l{index}", nn.Conv2d(a, b, 1))
        self.decoder_3D = Decoder3D(config)
        self.decoder_occupancy = nn.Conv3d(OCCUPANCY_CODE, 1, 1)
        self.patch_sampler = PatchSampler()

    def lift(
        self, images: Tensor, depths: Tensor, poses: Tensor, intrinsics: Tensor, orthographic: bool
    ) -> list[Tensor]:
        """Return the lifted grids of N images, (N, C, n, n, n) for n in `GRIDS`.

        Parameters
        ----------
        images : (N, 3, S, S)
        depths : (N, h, h) method units, infinite at the background
        poses : (N, 4, 4) camera_from_method; `intrinsics` (N, 4), pixels of the images
        """
        image_size = images.shape[-1]
        shared = {
            "image_size": image_size,
            "legacy": self.config.legacy,
            "orthographic": orthographic,
        }
        clouds = [
            lift_depth(depth.detach(), pose, own_intrinsics, **shared)
            for depth, pose, own_intrinsics in zip(depths, poses, intrinsics, strict=True)
        ]
        grids = []
        maps = self.encoder_2D.maps(images)
        for index, count in zip((4, 3, 2, 1), GRIDS, strict=True):
            features = self.get_submodule(f"conv1x1_l{index}")(maps[index - 1])
            lifted = lift_features(features, count, poses, intrinsics, **shared)
            seen = torch.stack([voxels_of(cloud, count) for cloud in clouds])[:, None]
            grids.append(torch.cat([lifted, seen, seen], 1))
        return grids

    def occupancy_logits(self, grid: Tensor) -> Tensor:
        """Return (N, 28, 28, 28) of H_0, (N, 40, 28, 28, 28), or of its first channels."""
        weight, bias = self.decoder_occupancy.weight[0], self.decoder_occupancy.bias
        assert bias is not None
        return (weight * grid[:, :OCCUPANCY_CODE]).sum(1) + bias

    def occupancy(self, grid: Tensor) -> Tensor:
        """Return (N, 28, 28, 28) probabilities of H_0, (N, 40, 28, 28, 28)."""
        return self.occupancy_logits(grid).sigmoid()

    @staticmethod
    def active(probability: Tensor) -> Tensor:
        """Return (P, 3) indices of the voxels, of (28, 28, 28), that are occupied."""
        return (probability > TAU).nonzero()

    def fold(
        self, codes: Tensor, voxels: Tensor, where: Tensor, sampler: PatchSampler | None = None
    ) -> Tensor:
        """Return (P, S, 3) points, method frame (Eq. 4).

        Parameters
        ----------
        codes : (P, 32), H_0 at the voxels
        voxels : (P, 3) indices
        where : (P, S, 2) of (u, v) in [0, 1]
        sampler : the network's own, or its copy for inference
        """
        if not len(voxels):
            return where.new_zeros((0, where.shape[1], 3))
        return (voxels[:, None] + (sampler or self.patch_sampler)(codes, where)) * (2 / VOXELS) - 1


# ---------------------------------------------------------------- the method


FOUND = {"predicted_depth": True}
POINT = (("uniform", 1),)  # the fewest: its losses use none
PAPER_RECIPES = {
    "main": Recipe(
        (
            adam(1e-3, 1_090, options={"warm_up": True, **FOUND}),
            adam(1e-3, 109_000, options=FOUND),
            adam(1e-4, 54_500, options=FOUND),
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


@register(
    MethodSpec(
        name="uclid-net",
        title="UCLID-Net",
        paper="Guillard, Remelli, Fua: UCLID-Net: Single View Reconstruction in Object Space. "
        "NeurIPS 2020",
        summary="A coarse volume with a small sheet in each voxel; estimates camera and depth",
        estimates_camera=True,
        image_size=224,
        fusions=("mean", "sum"),
        own_options=(
            SYMMETRY,
            Option("lattice", "int", LATTICE, "vertices along each patch's side", 2, 64),
        ),
    )
)
class UCLIDNet(Reconstructor):
    """UCLID-Net; see the module's docstring."""

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
        self.network = UCLIDNetwork(configuration)
        self.camera = self.depth = None
        if configuration.camera_width:
            self.camera = PoseNetwork(
                width=configuration.camera_width, farthest=configuration.reach
            )
        if configuration.depth_width:
            self.depth = DepthNetwork(configuration.depth_width)
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
        **options: Any,
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
            None, as a whole or for a view, is estimated.
        """
        rule = self.check_fusion(fusion)
        grids = self.lift(views, camera=camera, depth=depth)
        if rule != "mean":
            grids = [reduce_views(level, rule)[None] for level in grids]
        seen = grids[2][:, -1].mean(0)  # at 28^3 the last channel is depth's
        grid = self._decoded(grids).mean(0)
        return Code(self.spec.name, {"grid": grid, "depth_grid": seen})

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
        images = network_input(framed.images, self.framing.background)
        known = [None if camera == "estimated" else c for c in framed.cameras]
        cameras = self._cameras(images, known)
        maps = self._depths(images, cameras, depth or [None] * len(views))
        poses, intrinsics = camera_tensors(cameras, self.device)
        grids = [
            self.network.lift(
                images[i : i + 1], d[None], poses[i : i + 1], intrinsics[i : i + 1], c.orthographic
            )
            for i, (d, c) in enumerate(zip(maps, cameras, strict=True))
        ]
        return [torch.cat(level) for level in zip(*grids, strict=True)]

    def _decoded(self, grids: Sequence[Tensor]) -> Tensor:
        """Return H_0 of grids, (N, 40, 28, 28, 28), by the folded decoder."""
        dtype = convolution_dtype(grids[0])
        packed = [g.to(dtype, memory_format=torch.channels_last_3d) for g in grids]
        return self.folded_decoder(dtype)(packed).to(grids[0])

    @torch.no_grad()
    def decode(
        self, code: Code, *, lattice: int = LATTICE, symmetry: bool = True, **options: Any
    ) -> PatchField:
        """Make the watertight field of the patches; see `fields.patches`.

        Parameters
        ----------
        code
            From `encode`.
        lattice
            Vertices along a sheet's side.
        symmetry
            Use that most objects are symmetric, where the weights are so configured.
        """
        patches = self.patches(code, lattice=lattice, symmetry=symmetry)
        return PatchField(patches, self.method_from_volume)

    @torch.no_grad()
    def patches(self, code: Code, *, lattice: int = LATTICE, symmetry: bool = True) -> Patches:
        """Return the sheets on a lattice of (u, v), method frame."""
        voxels = self.coarse_volume(code, symmetry=symmetry).nonzero()
        grid = code.tensors["grid"].to(self.device)
        folded, across = voxels, voxels.new_zeros(len(voxels), dtype=torch.bool)
        if symmetry and self.configuration.symmetry:
            own = self.network.occupancy_logits(grid[None])[0]
            across = (own.flip(0) > own)[tuple(voxels.unbind(1))]
            folded = torch.where(across[:, None], _other_side(voxels), voxels)
        codes = grid[OCCUPANCY_CODE:, *folded.unbind(1)].T
        axis = torch.linspace(0, 1, lattice, device=self.device)
        where, sampler = torch.cartesian_prod(axis, axis), self.folded_sampler()
        parts = [
            self.network.fold(of, part, where.expand(len(part), -1, -1), sampler)
            for of, part in zip(codes.split(TOGETHER), folded.split(TOGETHER), strict=True)
        ]
        vertices = torch.cat(parts)
        vertices[across] *= vertices.new_tensor([-1.0, 1.0, 1.0])
        return Patches(vertices, voxels, VOXELS)

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
        """Return logits by which occupancies may be raised or lowered."""
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

    def patch_mesh(self, code: Code, *, lattice: int = LATTICE, seed: int = 0) -> dict[str, Any]:
        """Return the sheets as one open mesh, coloured by patch.

        Returns
        -------
        dict
            "vertices" (P k^2, 3) volume frame; "faces" (P 2 (k-1)^2, 3) without degenerate ones;
            "colors" (P k^2, 4), one colour a sheet; "patch" (P k^2,) its index.
        """
        patches = self.patches(code, lattice=lattice)
        inverse = torch.tensor(np.linalg.inv(self.method_from_volume)).to(patches.vertices)
        vertices = patches.vertices.flatten(0, 1) @ inverse[:3, :3].T + inverse[:3, 3]
        faces = patches.faces().flatten(0, 1)
        edges = vertices[faces[:, 1:]] - vertices[faces[:, :1]]
        areas = torch.linalg.cross(edges[:, 0], edges[:, 1]).norm(dim=1) / 2
        index = torch.arange(len(patches.vertices)).repeat_interleave(lattice**2)
        palette = torch.rand(
            len(patches.vertices), 3, generator=torch.Generator().manual_seed(seed)
        )
        colors = torch.cat([palette, torch.ones_like(palette[:, :1])], 1)[index]
        return {
            "vertices": vertices,
            "faces": faces[areas > 1e-10],
            "colors": colors,
            "patch": index,
        }

    @torch.no_grad()
    def estimate_cameras(self, views: Sequence[View]) -> list[Camera]:
        """Return the camera of each image as it is, posed in the volume's frame (section 3.3).

        Found in the image that is cut out around the mask.
        """
        unposed = [replace(view, camera=None) for view in views]
        images = network_input(self.prepare(unposed).images, self.framing.background)
        cameras = self._cameras(images, [None] * len(views))
        found = [camera.in_frame(self.method_from_volume) for camera in cameras]
        return whole_cameras(found, views, self.framing)

    @torch.no_grad()
    def estimate_depths(self, views: Sequence[View]) -> list[Tensor]:
        """Return the depth map of each framed image, volume units, infinite at the background."""
        framed = self.prepare(views)
        images = network_input(framed.images, self.framing.background)
        found = self._depths(images, framed.cameras, [None] * len(views))
        return [depth / self.scale for depth in found]

    def _cameras(self, images: Tensor, known: Sequence[Camera | None]) -> list[Camera]:
        """Return cameras in the method's frame: the known ones, else the camera network's."""
        if all(camera is not None for camera in known):
            return [camera for camera in known if camera is not None]
        if self.camera is None:
            raise RequestError(
                "These weights of UCLID-Net have no camera network, so every image needs its "
                "camera.",
                "Attach the images to cameras, or use weights that can estimate them.",
            )
        found = self.camera(images).double().cpu().numpy()
        size, focal = self.framing.size, self.framing.focal * self.framing.size
        cameras = []
        for camera, row in zip(known, found, strict=True):
            pose = np.eye(4)
            pose[:3, :3] = row[:, :3].T
            # The network's object space has the volume's unit; the method's frame its own.
            pose[:3, 3] = -row[:, :3].T @ row[:, 3] * self.scale
            own = Camera(pose, focal, focal, size / 2, size / 2, size, size)
            cameras.append(camera or own)
        return cameras

    def _depths(
        self,
        images: Tensor,
        cameras: Sequence[Camera | None],
        given: Sequence[Tensor | None],
    ) -> list[Tensor]:
        """Return depth maps in method units, infinite at the background.

        The depth network sees every object as from a training distance; what its camera stands
        farther (or nearer) than those is added.
        """
        maps = []
        for image, camera, depth in zip(images, cameras, given, strict=True):
            if depth is None:
                ahead = self.framing.near
                if camera is not None:
                    ahead = -float(camera.center @ camera.forward) / self.scale
                depth = self._predicted_depths(image[None], torch.tensor([ahead]).to(image))[0]
            maps.append(depth.to(self.device) * self.scale)
        return maps

    def _predicted_depths(self, images: Tensor, ahead: Tensor) -> Tensor:
        """Return the depth network's maps, (N, h, h) volume units, infinite at the background.

        `ahead`, (N,), is how far along the optical axis the volume's centre is from each camera.
        """
        if self.depth is None:
            raise RequestError(
                "These weights of UCLID-Net have no depth network, so every image needs its depth.",
                "Use weights that can estimate it.",
            )
        config, fraction = self.configuration, self.depth(images)
        depth = config.nearest + fraction * (config.farthest - config.nearest)
        depth = depth + self._depth_excess(ahead)[:, None, None]
        return torch.where(fraction > 0.99, torch.inf, depth)

    def _depth_excess(self, distance: Tensor) -> Tensor:
        """Return how much farther than the training cameras a distance is, volume units."""
        return distance - distance.clamp(self.framing.near, self.framing.far)

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
    ) -> dict[str, Tensor]:
        """Return CD + 100 BCE (section 3.3); with `warm_up` the second term alone.

        Each view counts as an image of its own unless `fusion` names a rule. `samples` points of
        each occupied voxel's sheet are compared. With `predicted_depth`, weights that have a depth
        network learn from what it finds, as the authors' do: its errors are what they will meet.
        """
        if batch.surface is None or batch.depth is None or batch.camera_from_volume is None:
            raise RequestError(
                "UCLID-Net learns from surfaces, depth and cameras; some are missing."
            )
        grid = self.grids(batch, fusion, predicted_depth=predicted_depth)
        targets = self._targets(batch, generator, repeat=1 if fusion else batch.images.shape[1])
        true = torch.stack([voxels_of(points, VOXELS) for points in targets])
        # Split, for slices would each fill a whole grid with zeros on the way back.
        occupancy, folding = grid.split((OCCUPANCY_CODE, FOLD_CODE), 1)
        logits = self.network.occupancy_logits(occupancy)
        entropy = F.binary_cross_entropy_with_logits(logits, true)
        terms = {"loss": 100 * entropy, "occupancy": entropy}
        if warm_up:
            return terms
        probability = logits.detach().sigmoid()
        chamfer = self._chamfer(folding, probability, targets, samples, generator)
        return {**terms, "loss": terms["loss"] + chamfer, "chamfer": chamfer}

    def grids(
        self, batch: Batch, fusion: str | None = None, *, predicted_depth: bool = False
    ) -> Tensor:
        """Return H_0 of the batch's views, (B V, 40, ...), or of its objects, (B, 40, ...)."""
        assert batch.camera_from_volume is not None
        assert batch.intrinsics is not None
        assert batch.depth is not None
        images = network_input(batch.images.flatten(0, 1), self.framing.background)
        poses, intrinsics = self._own_cameras(batch)
        depths = batch.depth.flatten(0, 1)
        if predicted_depth and self.depth is not None:
            with torch.no_grad():
                ahead = batch.camera_from_volume[..., 2, 3].flatten()
                depths = self._predicted_depths(images, ahead)
        depths = depths * self.scale
        grids = self.network.lift(images, depths, poses, intrinsics, batch.orthographic)
        if fusion is None:
            return self.network.decoder_3D(grids)
        shape = batch.images.shape[:2]
        rule = self.check_fusion(fusion)
        if rule == "mean":
            return self.network.decoder_3D(grids).unflatten(0, shape).mean(1)
        grids = [reduce_views(grid.unflatten(0, shape), rule, dim=1) for grid in grids]
        return self.network.decoder_3D(grids)

    def camera_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean absolute difference of surface points under found and true camera."""
        if self.camera is None or batch.surface is None or batch.camera_from_volume is None:
            raise RequestError("There is no camera network to train, or no cameras to learn from.")
        images = network_input(batch.images.flatten(0, 1), self.framing.background)
        found = self.camera(images).unflatten(0, batch.images.shape[:2])
        axes = torch.tensor(self.method_from_volume[:3, :3] / self.scale).to(found)
        points = batch.surface @ axes.T
        predicted = torch.einsum("bvij,bpj->bvpi", found[..., :3], points) + found[..., None, :, 3]
        true = torch.einsum("bvij,bpj->bvpi", batch.camera_from_volume[..., :3, :3], batch.surface)
        true = true + batch.camera_from_volume[..., None, :3, 3]
        return {"loss": (predicted - true).abs().mean()}

    def depth_loss(
        self, batch: Batch, *, gradients: bool = True, normals: bool = True
    ) -> dict[str, Tensor]:
        """Return the depth network's loss; its last two terms come in late in training."""
        if self.depth is None or batch.depth is None:
            raise RequestError("There is no depth network to train, or no depth to learn from.")
        config = self.configuration
        images = network_input(batch.images.flatten(0, 1), self.framing.background)
        depth = batch.depth
        if batch.camera_from_volume is not None:
            depth = depth - self._depth_excess(batch.camera_from_volume[..., 2, 3])[..., None, None]
        fraction = (depth.flatten(0, 1) - config.nearest) / (config.farthest - config.nearest)
        true = fraction.clamp(0, 1)[:, ::2, ::2]
        return {"loss": depth_loss(self.depth(images), true, gradients=gradients, normals=normals)}

    def _targets(
        self, batch: Batch, generator: torch.Generator | None, *, repeat: int
    ) -> list[Tensor]:
        """Return surface points, (5000, 3) method frame, drawn anew for each image."""
        assert batch.surface is not None
        surface, targets = self.to_method(batch.surface), []
        for points in surface.repeat_interleave(repeat, 0):
            chosen = torch.randperm(len(points), generator=generator)[:TARGETS]
            targets.append(points[chosen.to(points.device)])
        return targets

    def _chamfer(
        self,
        codes: Tensor,
        probability: Tensor,
        targets: Sequence[Tensor],
        samples: int,
        generator: torch.Generator | None,
    ) -> Tensor:
        """Return the mean squared Chamfer distance of the images' folded points.

        Sheets of all images, whose codes are (N, 32, 28, 28, 28), are folded at once. Pictures
        without an occupied voxel are left away; it is 0 if all are.
        """
        chosen = [self._folded_voxels(each, generator) for each in probability]
        counts = [len(voxels) for voxels in chosen]
        voxels = torch.cat(chosen)
        if not len(voxels):
            return codes.new_zeros(())
        owner = torch.arange(len(codes), device=codes.device)
        owner = owner.repeat_interleave(torch.tensor(counts, device=codes.device))
        codes = codes.movedim(1, -1)[owner, *voxels.unbind(1)]  # (P, 32)
        where = torch.rand(len(voxels), samples, 2, generator=generator).to(codes)
        found = self.network.fold(codes, voxels, where).split(counts)
        distances = [
            _squared_chamfer(folded.flatten(0, 1), points)
            for folded, points in zip(found, targets, strict=True)
            if len(folded)
        ]
        return torch.stack(distances).mean()

    def _folded_voxels(self, probability: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the indices, (P, 3), of the voxels of one image that a step folds."""
        voxels = self.network.active(probability)
        if len(voxels) <= MOST_FOLDED:
            return voxels
        chosen = torch.randperm(len(voxels), generator=generator)[:MOST_FOLDED]
        return voxels[chosen.to(voxels.device)]

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


def likeliest_voxels(probability: Tensor, most: int) -> Tensor:
    """Return the voxels, bool like `probability`, that should overlap best with the occupied ones.

    Of the k likeliest, the expected intersection is the sum of their probabilities p, the expected
    union is k and the sum of all others' p. k is the one, at most `most`, with the greatest ratio J
    of the two. One voxel more would raise it if its p were above J / (1 + J): that is this object's
    tau, between 0 and 1/2; the authors' 0.35 suits J = 0.54.
    """
    ranked, order = probability.flatten().double().sort(descending=True, stable=True)
    count = torch.arange(1, len(ranked) + 1, device=ranked.device)
    shared = ranked.cumsum(0)
    iou = shared / (count + shared[-1] - shared)
    chosen = order[: int(iou[:most].argmax()) + 1]
    occupied = torch.zeros(len(ranked), dtype=torch.bool, device=ranked.device)
    occupied[chosen] = True
    return occupied.view(probability.shape)


def _other_side(voxels: Tensor) -> Tensor:
    """Return the indices, (P, 3), of the mirror images of voxels in the plane x = 0."""
    return torch.cat([VOXELS - 1 - voxels[:, :1], voxels[:, 1:]], 1)


def _squared_chamfer(found: Tensor, true: Tensor) -> Tensor:
    """Return the mean squared distances of two clouds, (N, 3) and (M, 3), both ways added."""
    forward = (found - true[_nearest(found, true)]).square().sum(1)
    backward = (found[_nearest(true, found)] - true).square().sum(1)
    return forward.mean() + backward.mean()


@torch.no_grad()
def _nearest(points: Tensor, others: Tensor) -> Tensor:
    """Return (N,): which of `others`, (M, 3), is nearest to each of `points`, (N, 3).

    Of tens of millions of pairs only these have a gradient. A CPU finds them soonest in a tree,
    other devices among all pairs.
    """
    if points.device.type != "cpu":
        return torch.cdist(points, others).argmin(1)
    from scipy.spatial import KDTree

    _, index = KDTree(others.numpy()).query(points.numpy())
    return torch.from_numpy(np.asarray(index, np.int64))
