"""TripoSR: one image of any object to a triplane, by a large transformer.

"TripoSR: Fast 3D Object Reconstruction from a Single Image", Tochilkin, Pankratz, Liu, Huang,
Letts, Li, Liang, Laforte, Jampani, Cao, 2024 (VAST and Stability AI). The paper describes the
network in section 2; sizes and constants are those of the authors' code and of the `config.yaml`
beside their weights. Code and weights: MIT, copyright (c) 2024 Tripo AI & Stability AI. The image
encoder is DINO's ViT-B/16 (Apache-2.0, Facebook).

    paper                          here
    image encoder                  `image_tokenizer`, a ViT whose tokens all go on
    triplane tokens                `tokenizer`, learned
    image-to-triplane decoder      `backbone` and `post_processor`
    triplane-based NeRF            `decoder`: raw density and colour from three planes' features

Density is exp(raw - 1), and the surface is where it is 25. The field is the logarithm, ln(25 /
density) = 1 + ln 25 - raw, so a level is the probability density / (density + 25).

Names of parameters are those of the published checkpoint. There is no training here: `recipes` is
empty, and weights are imported or fetched.

Departures
----------
- What does not depend on the image (`Backbone.begin`) is computed once, at import.
- Weights may be stored in half precision or int8, and products computed in bfloat16; `levelform
  import` measures what this changes.
- The network has no camera input and answers in the frame of its image. A given camera's azimuth
  turns the result, and its image is levelled first; its elevation and distance are not used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor

from ..contract.errors import RequestError
from ..encoders import folding
from ..fields.triplane import TriplaneField, sample_planes
from ..geometry.cameras import Camera
from ..geometry.frames import similarity
from ..geometry.views import View
from ..images.foreground import centred_foreground
from ..images.framing import Framing, frame_view
from ..ticket import Ticket
from .base import Code, Configuration, MethodSpec, Reconstructor, register
from .building import within
from .configuration import COUNT, Ranges
from .networks.triposr import (
    Backbone,
    Linear,
    TriplaneDecoder,
    TriplaneTokens,
    Upsampler,
    VisionTransformer,
)
from .published.triposr import published_network
from .storage import SCALE, Precision, check_stored, pack
from .weights import check_fit

SPEC = MethodSpec(
    name="triposr",
    title="TripoSR",
    paper="Tochilkin et al., TripoSR: Fast 3D Object Reconstruction from a Single Image, 2024",
    summary="One image of any object, with colors: the largest network here, fetched on request.",
    max_views=1,
    level_unit="probability",
)

RADIUS = 0.87  # half the side of the cube of the planes
DENSITY_BIAS = -1.0
SURFACE_DENSITY = 25.0
SURFACE = math.log(SURFACE_DENSITY) - DENSITY_BIAS  # raw density at the surface
FOREGROUND_RATIO = 0.85
DEFAULT_DISTANCE, DEFAULT_FIELD_OF_VIEW = 1.9, 40.0  # of the authors' cameras; degrees
FOLDED = "folded.tokens"  # in a file: what `Backbone.begin` returns, flat to stay in float32
VISION_COST = 0.1  # of a layer of the image encoder, in blocks of the backbone

# x towards the camera, y to its right, z up; the object frame's front is -Y.
METHOD_FROM_OBJECT = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)

FRAMING = Framing(
    size=512,
    background="grey",
    focal=0.5 / math.tan(math.radians(DEFAULT_FIELD_OF_VIEW / 2)),
    near=DEFAULT_DISTANCE / RADIUS,
    far=DEFAULT_DISTANCE / RADIUS,
    margin=(1 - FOREGROUND_RATIO) / 2,
)


@dataclass(frozen=True)
class TripoSRConfiguration(Configuration):
    """Sizes of the networks; the defaults are the published ones."""

    ranges: ClassVar[Ranges] = {
        "vision_layers": COUNT,
        "layers": COUNT,
        "decoder_layers": COUNT,
    }

    framing: Framing = FRAMING
    patch: int = 16  # side of the image encoder's patches, in pixels
    positions: int = 14  # side of the grid of its learned positions
    vision_width: int = 768
    vision_heads: int = 12
    vision_hidden: int = 3072
    vision_layers: int = 12
    side: int = 32  # of the triplane of tokens
    channels: int = 1024  # of a token
    heads: int = 16
    head_width: int = 64
    layers: int = 16
    features: int = 40  # of a plane that the decoder reads
    decoder_width: int = 64
    decoder_layers: int = 9  # hidden ones


PAPER = TripoSRConfiguration()


@register(SPEC)
class TripoSR(Reconstructor):
    """Image encoder, triplane transformer and decoder; see the module's docstring."""

    configurations = {"paper": PAPER}
    configuration_class = TripoSRConfiguration
    configuration: TripoSRConfiguration
    published = published_network
    imported_as = "float16"

    def __init__(self, configuration: TripoSRConfiguration = PAPER) -> None:
        super().__init__(configuration)
        sizes = configuration
        self.image_tokenizer = VisionTransformer(
            width=sizes.vision_width,
            heads=sizes.vision_heads,
            hidden=sizes.vision_hidden,
            layers=sizes.vision_layers,
            patch=sizes.patch,
            positions=sizes.positions,
        )
        self.tokenizer = TriplaneTokens(sizes.channels, sizes.side)
        self.backbone = Backbone(
            sizes.channels, sizes.heads, sizes.head_width, sizes.layers, sizes.vision_width
        )
        self.post_processor = Upsampler(sizes.channels, sizes.features)
        self.decoder = TriplaneDecoder(
            3 * sizes.features, sizes.decoder_width, sizes.decoder_layers
        )
        self.exact = False  # compute in float32 on every processor
        self.register_buffer("begun", None, persistent=False)
        self.begun: Tensor | None
        self.set_frame(similarity(scale=RADIUS) @ METHOD_FROM_OBJECT)

    # ---------------------------------------------------------------- network

    def forward(self, image: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return raw density (N,) and sRGB colours (N, 3), in float32.

        Parameters
        ----------
        image : (3, S, S) the prepared image
        points : (N, 3) volume frame
        """
        planes = self.scene_code(image, dtype=torch.float32)
        features = sample_planes(planes, self.to_method(points) / RADIUS)  # (N, 3 features)
        raw = self.decoder(features)
        return raw[:, 0], raw[:, 1:].sigmoid()

    def scene_code(
        self, image: Tensor, *, dtype: torch.dtype | None = None, ticket: Ticket | None = None
    ) -> Tensor:
        """Return the triplane, (3, features, 2 side, 2 side), of a prepared image (3, S, S).

        `dtype` is that of the products; None: `computing`. The ticket is checked once a layer.
        """
        dtype = dtype or self.computing
        sizes, ticket = self.configuration, ticket or Ticket()
        advance = _Advance(ticket, VISION_COST * sizes.vision_layers + sizes.layers)
        image_tokens = self.image_tokenizer(image, dtype, lambda: advance(VISION_COST))
        tokens = self.tokenizer()  # (channels, 3 side^2)
        tokens = self.backbone(tokens, image_tokens, dtype, lambda: advance(1.0), self.begun)
        planes = tokens.unflatten(1, (3, sizes.side, sizes.side)).transpose(0, 1)
        return self.post_processor(planes)

    @property
    def computing(self) -> torch.dtype:
        """Dtype of the products: bfloat16 where the processor multiplies it faster."""
        if self.exact:
            return torch.float32
        if self.device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
        fast = self.device.type == "cpu" and folding.has_bfloat16()
        return torch.bfloat16 if fast else torch.float32

    @torch.no_grad()
    def fold(self) -> None:
        """Compute in float32, once, what does not depend on the image; see `Backbone.begin`."""
        self.begun = self.backbone.begin(self.tokenizer())

    # ---------------------------------------------------------------- inference

    @torch.no_grad()
    def encode(self, views: Sequence[View], *, ticket: Ticket | None = None) -> Code:
        """Return the triplane of one view, and its camera's azimuth if it has a camera."""
        self.check_views(views)
        (view,) = views
        image = self.prepared(view).to(self.device)
        if self.begun is None:
            self.fold()
        azimuth = 0.0 if view.camera is None else azimuth_of(view.camera)
        planes = self.scene_code(image, ticket=ticket)
        return Code(SPEC.name, {"planes": planes}, {"azimuth": azimuth})

    def prepared(self, view: View) -> Tensor:
        """Return (3, S, S): the object centred on grey, resized as in the authors' code.

        An image with a camera is levelled first: the volume's +Z is up in it.
        """
        size = self.framing.size
        if view.camera is not None:
            view = frame_view(view, replace(self.framing, size=2 * size))
        image = centred_foreground(view.image, ratio=FOREGROUND_RATIO, name=view.name)
        resized = F.interpolate(
            image[None], (size, size), mode="bilinear", align_corners=False, antialias=True
        )
        return resized[0]

    @torch.no_grad()
    def decode(self, code: Code) -> TriplaneField:
        """Bake the decoder's first layer into the planes, and the frames into one."""
        self.check_code(code)
        layers = [(m.weight.detach(), m.bias.detach()) for m in self.decoder.linear]
        turned = rotation_about_z(-float(code.meta.get("azimuth", 0.0)))
        return TriplaneField(
            code.tensors["planes"].to(self.device, torch.float32),
            layers,
            plane_from_volume=similarity(scale=1 / RADIUS) @ self.method_from_volume @ turned,
            surface=SURFACE,
        )

    @torch.no_grad()
    def shift_level(self, level: float) -> None:
        """Move the surface to where the field was `level`, by the decoder's last bias."""
        self.decoder.linear[-1].bias[0] += level

    # ---------------------------------------------------------------- weights

    def packed(self, precision: Precision) -> dict[str, Tensor]:
        """Return the weights as they are stored, with what `fold` computed.

        "int8" holds for the transformers' linear layers; other matrices, kernels and embeddings
        are then in float16. The decoder, which is small, stays in float32.
        """
        if self.begun is None:
            self.fold()
        assert self.begun is not None
        state = self.state_dict()
        linear = {f"{name}.weight": m for name, m in self.named_modules() if isinstance(m, Linear)}
        state |= {name: module.real_weight() for name, module in linear.items()}
        exact = {name: t for name, t in state.items() if name.startswith("decoder.")}
        rest = {name: t for name, t in state.items() if name not in exact}
        if precision == "int8":
            rounded = pack({name: rest.pop(name) for name in linear}, "int8")
            return {**exact, **rounded, **pack(rest, "float16"), FOLDED: self.begun.flatten()}
        return {**exact, **pack(rest, precision), FOLDED: self.begun.flatten()}

    @classmethod
    def assembled(cls, configuration: Any, tensors: Mapping[str, Tensor], *, source: str) -> Self:
        """Return the network with the stored tensors themselves as weights, nothing copied.

        Tensors of a mapped file stay in the file. A network on the meta device takes no memory,
        whatever a header asks for; one that does not fit its tensors is then refused.
        """
        check_stored(tensors)
        scales = {n.removesuffix(SCALE): t for n, t in tensors.items() if n.endswith(SCALE)}
        weights = {n: t for n, t in tensors.items() if not n.endswith(SCALE) and n != FOLDED}
        with torch.device("meta"), within(sum(map(torch.numel, weights.values())), source=source):
            model = cls(configuration).requires_grad_(False)
        layers = {f"{n}.weight": m for n, m in model.named_modules() if isinstance(m, Linear)}
        strays = sorted(scales.keys() - layers.keys())
        if strays:
            raise RequestError(
                f"{source} scales {strays[0]}, which is not a linear layer of a transformer.",
                "Import the checkpoint again.",
            )
        own = {n: t.to(torch.int8) if n in scales else t for n, t in model.state_dict().items()}
        check_fit(own, weights, title=SPEC.title, source=source)
        model.load_state_dict({n: _kept(n, t) for n, t in weights.items()}, assign=True)
        for name, scale in scales.items():
            layers[name].scale = scale.float()
        if FOLDED in tensors:
            model.begun = _begun(tensors[FOLDED], configuration, source)
        return model

    @classmethod
    def import_checkpoint(cls, checkpoints: Sequence[Mapping[str, Any]]) -> Self:
        """Return the network that the authors' checkpoint holds, its tensors not copied."""
        network = published_network(checkpoints)
        configuration = replace(PAPER, **network.changes)
        return cls.assembled(configuration, network.state, source="The checkpoint")


class _Advance:
    """Counts the cost of layers and reports it to a ticket, which may cancel."""

    def __init__(self, ticket: Ticket, total: float) -> None:
        self._ticket, self._total, self._done = ticket, total, 0.0

    def __call__(self, cost: float) -> None:
        self._done += cost
        self._ticket.advance(self._done / self._total)


def azimuth_of(camera: Camera) -> float:
    """Return the angle, in radians about +Z, from -Y to the direction from the volume to a camera.

    A camera above or below the volume has none; 0 then.
    """
    backward = -camera.forward if camera.orthographic else camera.center
    x, y = backward[:2]
    if math.hypot(x, y) < 1e-6 * float(np.linalg.norm(backward)):
        return 0.0
    return math.atan2(x, -y)


def rotation_about_z(angle: float) -> np.ndarray:
    """Return the (4, 4) rotation by `angle` radians about +Z."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def _kept(name: str, tensor: Tensor) -> Tensor:
    """Return a stored tensor as the network holds it: what is small, or exact, in float32."""
    exact = tensor.ndim < 2 or name.startswith("decoder.")
    return tensor.float() if exact and tensor.is_floating_point() else tensor


def _begun(tensor: Tensor, configuration: TripoSRConfiguration, source: str) -> Tensor:
    """Return what `fold` computed, (3 side^2, width), from a file's flat tensor."""
    shape = (3 * configuration.side**2, configuration.heads * configuration.head_width)
    if tensor.shape != (math.prod(shape),) or not tensor.float().isfinite().all():
        raise RequestError(
            f"{source} holds {FOLDED} of the shape {tuple(tensor.shape)}, or with numbers that are "
            f"not finite; {math.prod(shape):,} finite numbers belong there.",
            "Import the checkpoint again.",
        )
    return tensor.float().view(shape)
