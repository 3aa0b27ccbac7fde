"""The main network of DISN (Xu, Wang, Ceylan, Mech, Neumann, NeurIPS 2019): figure 4.

paper         here
p             points in the method's frame
F_G(I)        global features of VGG-16, one vector an image
F_L(p, I)     local features: `Maps.sample` at the pixel (u, v) of p (figure 3)
f(F_G, p)     `global_stream`
f(F_L, p)     `local_stream`; the sum of both streams is `UNIT` times the distance
3DCNN         `volume`: the baseline of section 4.1, a grid of `UNIT` times the distance
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ...encoders import normalize
from ...encoders.vgg import VGG16
from ...fields.grid import sample_grid
from ...fields.pixel_aligned import Maps, Stream
from ...fusion import Fusion, reduce_views
from ...geometry.frames import OBJECT_SIDE
from ...images.alpha import network_input
from ...images.framing import OURS, R2N2, Framing
from ...training.recipes import PLAIN, Recipe, Sampling, adam
from ..configuration import Configuration, Ranges
from .volume_decoder import VERTICES, VolumeDecoder

UNIT = 10.0  # the network predicts this many times the distance
Streams = Literal["two", "one", "global", "volume"]
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
    volume_widths : channels of the 3D CNN
    streams : "two" (the paper's), "one" decoder for everything, "global" features alone, or
        "volume", the 3D CNN that the paper compares with
    binary : inside or outside instead of a distance (Table 4)
    batch_norm, camera_norm : norms in VGG-16, and in the camera network's; the paper's have none
    legacy : the authors' input, resizing and sampling, for imported weights
    symmetry : the field is averaged with its reflection in x = 0
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
        "volume_widths": 6,
        "camera_offset": 3,
    }

    framing: Framing = PAPER_FRAMING
    picture: int = 224
    width: int = 64
    hidden: int = 4096
    features: int = 1024
    point_widths: tuple[int, ...] = (64, 256, 512)
    decoder_widths: tuple[int, ...] = (512, 256)
    volume_widths: tuple[int, ...] = (128, 128, 128, 64, 64, 32)
    streams: Streams = "two"
    binary: bool = False
    legacy: bool = False
    batch_norm: bool = False
    camera_norm: bool = False
    symmetry: bool = False
    camera: bool = True
    camera_offset: tuple[float, ...] = (-0.00193892, 0.00169222, 1.3949631)
    camera_unit: float = 0.75 / OBJECT_SIDE  # an object is about three quarters of ShapeNet's unit


PAPER = DISNConfiguration()
PAPER_VOLUME = replace(PAPER, streams="volume")
COMPACT = DISNConfiguration(
    framing=replace(OURS, background="black"),
    picture=64,  # VGG-16 works at full resolution, so 128 costs it four times as much
    width=16,
    hidden=256,
    features=256,
    point_widths=(32, 64, 128),
    decoder_widths=(192, 96),
    volume_widths=(64, 64, 48, 32, 16, 8),
    batch_norm=True,
    camera_norm=True,
    symmetry=True,
    camera_offset=(0.0, 0.0, OURS.near),
    camera_unit=1.0,
)
ONE_STREAM_MAPS = 3  # the one-stream variant reads the first three maps


class SDFNetwork(nn.Module):
    """VGG-16, and a decoder for each stream."""

    def __init__(self, config: DISNConfiguration) -> None:
        super().__init__()
        self.config = config
        self.vgg = vgg_of(config, batch_norm=config.batch_norm)
        widths = self.vgg.widths
        self.map_count = {"two": len(widths), "one": ONE_STREAM_MAPS}.get(config.streams, 0)
        local = sum(widths[: self.map_count])
        outputs = 2 if config.binary else 1
        shared = (config.point_widths, config.decoder_widths, outputs)
        self.global_stream = self.local_stream = self.volume = None
        if config.streams == "volume":
            self.volume = VolumeDecoder(config.features, config.volume_widths, outputs)
        elif config.streams == "one":
            self.local_stream = Stream(config.features + local, *shared)
        else:
            self.global_stream = Stream(config.features, *shared)
        if config.streams == "two":
            self.local_stream = Stream(local, *shared)

    def forward(
        self, images: Tensor, points: Tensor, pixels: Tensor | None, fuse: tuple[Fusion, int]
    ) -> Tensor:
        """Return raw outputs, (B, P, 1 or 2), of B objects seen in V views each: figure 4.

        Parameters
        ----------
        images : (B V, 4, S, S) framed
        points : (B, P, 3) method frame
        pixels : (B V, P, 2), where the points project; None for the variant without local features
        fuse : the rule, "mean" of the outputs or "max" of the features, and V
        """
        rule, views = fuse
        global_, maps = self.encode(images)  # F_G: (B V, features)
        local = None if pixels is None else maps.sample(pixels)  # F_L: (B V, P, C), figure 3
        if rule == "mean":
            points = points.repeat_interleave(views, 0)  # (B V, P, 3)
            return self.decode(points, global_, local).unflatten(0, (-1, views)).mean(1)
        global_ = reduce_views(global_.unflatten(0, (-1, views)), rule, dim=1)  # (B, features)
        if local is not None:
            local = reduce_views(local.unflatten(0, (-1, views)), rule, dim=1)  # (B, P, C)
        return self.decode(points, global_, local)

    def encode(self, images: Tensor) -> tuple[Tensor, Maps]:
        """Return global features (N, features) and maps of framed images (N, 4, S, S)."""
        vectors, maps = self.vgg(network_image(images, self.config))
        size = self.config.framing.size
        return vectors, Maps(tuple(maps[: self.map_count]), size, self.config.legacy)

    def decode(self, points: Tensor, global_: Tensor, local: Tensor | None) -> Tensor:
        """Return f(F_G, p) + f(F_L, p), (B, P, 1 or 2), at points (B, P, 3), method frame.

        Parameters
        ----------
        global_ : (B, features)
        local : (B, P, C); None for the variant without
        """
        if self.volume is not None:
            return sample_grid(self.volume(global_), points)
        if self.global_stream is None:  # one stream reads both
            assert self.local_stream is not None
            assert local is not None
            joined = torch.cat([global_[:, None].expand(-1, points.shape[1], -1), local], -1)
            return self.local_stream(points, joined)
        raw = self.global_stream(points, global_[:, None])
        if self.local_stream is not None:
            assert local is not None
            raw = raw + self.local_stream(points, local)
        return raw

    @property
    def last_bias(self) -> nn.Parameter:
        """The bias that is added to every output."""
        stream = self.local_stream or self.global_stream
        last = self.volume.last if self.volume is not None else stream and stream.decoder[-1]
        bias = getattr(last, "bias", None)
        assert isinstance(bias, nn.Parameter)
        return bias


def vgg_of(config: DISNConfiguration, *, batch_norm: bool) -> VGG16:
    sizes = {"width": config.width, "hidden": config.hidden, "outputs": config.features}
    return VGG16(**sizes, head=config.picture // 32, batch_norm=batch_norm)


def network_image(images: Tensor, config: DISNConfiguration) -> Tensor:
    """Return what VGG-16 sees, (N, 3, P, P) for P = `image`, of framed images (N, 4, S, S)."""
    if config.legacy:  # the authors' images keep their straight colours where alpha is not 0
        rgb = network_input(images, config.framing.background, cut=0.0)
        return Maps.resize(rgb.flip(1), config.picture, legacy=True)
    rgb = network_input(images, config.framing.background)
    size = (config.picture, config.picture)
    if rgb.shape[-2:] != size:
        rgb = F.interpolate(rgb, size, mode="bilinear", align_corners=False)
    # Channels last is fastest for VGG-16, and for sampling its maps.
    return normalize(rgb).contiguous(memory_format=torch.channels_last)


# ---------------------------------------------------------------- recipes

BATCH, STEPS = 16, 3_600_000
CAMERA_BATCH, CAMERA_STEPS = 32, 400_000


def _stairs(batch: int, steps: int) -> tuple[tuple[float, float], ...]:
    """Return the rate's factors: 0.9 after every 200,000 samples, down to a hundredth."""
    stair = 200_000 / batch / steps
    return tuple((k * stair, max(0.9**k, 0.01)) for k in range(45) if k * stair < 1)


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
                stairs=_stairs(BATCH, STEPS),
            ),
        ),
        Sampling(objects=BATCH, points=(("disn", 2048),), **PLAIN),
        ema=0.0,
        source="DISN section 4 and the authors' code: Adam 1e-4, beta1 0.5, batch 16, the rate "
        "0.9 times as high after every 200,000 samples, L2 term 1e-5",
    ),
    "camera": Recipe(
        (
            adam(
                1e-4,
                CAMERA_STEPS,
                loss="camera_loss",
                decay="staircase",
                stairs=_stairs(CAMERA_BATCH, CAMERA_STEPS),
            ),
        ),
        Sampling(objects=CAMERA_BATCH, points=(("disn", 2048),), canonical=True, **PLAIN),
        ("camera",),
        ema=0.0,
        source="DISN, the authors' code: Adam 1e-4 (2e-5 for renderings of 3D-R2N2), batch 32, the "
        "rate 0.9 times as high after every 200,000 samples",
    ),
}


VOLUME_RECIPE = replace(
    PAPER_RECIPES["main"],
    sampling=Sampling(objects=BATCH, points=(("disn-grid", VERTICES**3),), **PLAIN),
    source="DISN section 4.1: the encoder, loss and schedule of DISN, distances at the grid's "
    "vertices",
)
