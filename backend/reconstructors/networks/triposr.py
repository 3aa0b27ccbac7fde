"""The networks of TripoSR, under the names of the published checkpoint.

`VisionTransformer` (DINO's ViT-B/16) turns the image into tokens, `Backbone` turns learned triplane
tokens and image tokens into a triplane, `Upsampler` doubles its resolution, and `TriplaneDecoder`
reads density and colour from it.

Weights stay as they are stored (float32, float16, or int8 with a scale for each output), so that a
file can be mapped into memory; `Linear` converts one layer's at a time. Products are computed in a
given dtype, the residual stream and all norms in float32.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - the name torch's own documentation uses
from torch import Tensor, nn

from ...encoders import normalize

GROUPS = 32  # of the backbone's norm
POSITION_OFFSET = 0.1  # added to the number of patches when positions are resized, as in DINO

Tick = Callable[[], object]


class Linear(nn.Linear):
    """A linear layer that computes in the dtype of its input.

    Attributes
    ----------
    scale : (outputs,) float32 factor of an int8 weight's rows; None for other weights
    """

    scale: Tensor | None

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.register_buffer("scale", None, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        dtype = input.dtype
        bias = None if self.bias is None else self.bias.to(dtype)
        if self.scale is None:
            return F.linear(input, self.weight.to(dtype), bias)
        y = F.linear(input, self.weight.to(dtype)) * self.scale.to(dtype)
        return y if bias is None else y + bias

    def real_weight(self) -> Tensor:
        """Return (outputs, inputs): the weight as numbers; the stored tensor where it is."""
        if self.scale is None:
            return self.weight.detach()
        return self.weight.detach().float() * self.scale[:, None]


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Return multi-head attention, (T, heads d), of q (T, heads d), k and v (S, heads d)."""
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(0, 1)[None] for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1).flatten(1)


# ---------------------------------------------------------------- image tokens


class Dense(nn.Module):
    """A linear layer under the name that transformers gives it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x)


class VisionSelfAttention(nn.Module):
    """Queries, keys and values with biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return attend(self.query(x), self.key(x), self.value(x), self.heads)


class VisionAttention(nn.Module):
    """Attention and its output layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = VisionSelfAttention(width, heads)
        self.output = Dense(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.attention(x))


class VisionLayer(nn.Module):
    """A pre-norm layer of the ViT; the exact GELU."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = VisionAttention(width, heads)
        self.intermediate = Dense(width, hidden)
        self.output = Dense(hidden, width)
        self.layernorm_before = nn.LayerNorm(width, eps=1e-12)
        self.layernorm_after = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        x = x + self.attention(self.layernorm_before(x).to(dtype))
        return x + self.output(F.gelu(self.intermediate(self.layernorm_after(x).to(dtype))))


class PatchEmbeddings(nn.Module):
    """Patches of an image, (3, S, S), to (T, width): a convolution without overlap."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, width, patch, stride=patch)

    def forward(self, image: Tensor) -> Tensor:
        layer = self.projection
        assert layer.bias is not None
        weight, bias = layer.weight.to(image), layer.bias.to(image)
        return F.conv2d(image[None], weight, bias, layer.stride)[0].flatten(1).T


class Embeddings(nn.Module):
    """Patches with a class token before them, and positions that fit the image's size.

    The positions of a grid of `positions` x `positions` patches are learned.
    """

    def __init__(self, width: int, patch: int, positions: int) -> None:
        super().__init__()
        self.side, self.patch = positions, patch
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, positions**2 + 1, width))
        self.patch_embeddings = PatchEmbeddings(width, patch)

    def forward(self, image: Tensor) -> Tensor:
        tokens = torch.cat([self.cls_token[0].to(image), self.patch_embeddings(image)])
        return tokens + self.positions(image.shape[-1] // self.patch)

    def positions(self, side: int) -> Tensor:
        """Return (1 + side^2, width) positions, resized as transformers 4.35 does.

        Its scale factor is (side + 0.1) / positions: the samples lie slightly closer together than
        those of a resize to `side` pixels.
        """
        learned = self.position_embeddings[0].float()
        if side == self.side:
            return learned
        grid = learned[1:].unflatten(0, (self.side, self.side)).permute(2, 0, 1)[None]
        factor = (side + POSITION_OFFSET) / self.side
        resized = F.interpolate(
            grid, scale_factor=(factor, factor), mode="bicubic", align_corners=False
        )
        return torch.cat([learned[:1], resized[0].flatten(1).T])


class VisionEncoder(nn.Module):
    """The layers of the ViT."""

    def __init__(self, width: int, heads: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(VisionLayer(width, heads, hidden) for _ in range(layers))


class VisionModel(nn.Module):
    """The ViT; the pooler is in the published file and unused."""

    def __init__(
        self, width: int, heads: int, hidden: int, layers: int, patch: int, positions: int
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(width, patch, positions)
        self.encoder = VisionEncoder(width, heads, hidden, layers)
        self.layernorm = nn.LayerNorm(width, eps=1e-12)
        self.pooler = Dense(width, width)

    def forward(self, image: Tensor, dtype: torch.dtype, tick: Tick) -> Tensor:
        x = self.embeddings(image)
        for layer in self.encoder.layer:
            x = layer(x, dtype)
            tick()
        return self.layernorm(x)


class VisionTransformer(nn.Module):
    """Image (3, S, S), RGB in [0, 1], to tokens (1 + (S / patch)^2, width), class token first."""

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        hidden: int,
        layers: int,
        patch: int,
        positions: int,
    ) -> None:
        super().__init__()
        self.model = VisionModel(width, heads, hidden, layers, patch, positions)

    def forward(self, image: Tensor, dtype: torch.dtype, tick: Tick) -> Tensor:
        return self.model(normalize(image), dtype, tick)


# ---------------------------------------------------------------- triplane


class TriplaneTokens(nn.Module):
    """The learned initial triplane of every object, (3, C, H, H)."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.randn(3, channels, side, side) / side)

    def forward(self) -> Tensor:
        """Return (C, 3 H H) float32, in order of plane, row, column."""
        return self.embeddings.float().transpose(0, 1).flatten(1)


class Attention(nn.Module):
    """Attention of T tokens to themselves or to S tokens of another width."""

    def __init__(self, width: int, source_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = Linear(width, width, bias=False)
        self.to_k = Linear(source_width, width, bias=False)
        self.to_v = Linear(source_width, width, bias=False)
        self.to_out = nn.ModuleList([Linear(width, width)])

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        source = x if source is None else source
        return self.to_out[0](
            attend(self.to_q(x), self.to_k(source), self.to_v(source), self.heads)
        )


class GatedLinear(nn.Module):
    """GEGLU: the first half of a linear layer's outputs times the exact GELU of the second."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = Linear(inputs, 2 * outputs)

    def forward(self, x: Tensor) -> Tensor:
        values, gates = self.proj(x).chunk(2, -1)
        return values * F.gelu(gates)


class FeedForward(nn.Module):
    """GEGLU of four times the width, and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleDict(
            {"0": GatedLinear(width, 4 * width), "2": Linear(4 * width, width)}
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net["2"](self.net["0"](x))


class Block(nn.Module):
    """A pre-norm block of the backbone."""

    def __init__(self, width: int, heads: int, image_width: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = Attention(width, width, heads)
        self.attn2 = Attention(width, image_width, heads)
        self.ff = FeedForward(width)

    def attend_itself(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return x + SelfAttn(norm1 x)."""
        return x + self.attn1(self.norm1(x).to(dtype))

    def attend_image(self, x: Tensor, image: Tensor) -> Tensor:
        """Return the rest of the block; `image` are tokens in the dtype to compute in."""
        x = x + self.attn2(self.norm2(x).to(image.dtype), image)
        return x + self.ff(self.norm3(x).to(image.dtype))


class Backbone(nn.Module):
    """Triplane tokens (C, T) and image tokens (S, image_width) to triplane tokens (C, T)."""

    def __init__(
        self, channels: int, heads: int, head_width: int, layers: int, image_width: int
    ) -> None:
        super().__init__()
        width = heads * head_width
        self.norm = nn.GroupNorm(GROUPS, channels, eps=1e-6)
        self.proj_in = Linear(channels, width)
        self.transformer_blocks = nn.ModuleList(
            Block(width, heads, image_width) for _ in range(layers)
        )
        self.proj_out = Linear(width, channels)

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks in order."""
        return list(self.transformer_blocks)  # pyright: ignore[reportReturnType]

    def begin(self, tokens: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return (T, width): what comes before the first look at the image.

        It depends on the learned tokens alone: norm, `proj_in`, and the first block's
        self-attention.
        """
        x = self.proj_in(self.norm(tokens[None])[0].T.to(dtype)).float()
        return self.blocks[0].attend_itself(x, dtype)

    def forward(
        self,
        tokens: Tensor,
        image: Tensor,
        dtype: torch.dtype,
        tick: Tick,
        begun: Tensor | None = None,
    ) -> Tensor:
        """Return (C, T); `begun` is what `begin` returned, if that is known."""
        image = image.to(dtype)
        x = self.begin(tokens, dtype) if begun is None else begun
        for index, block in enumerate(self.blocks):
            if index:
                x = block.attend_itself(x, dtype)
            x = block.attend_image(x, image)
            tick()
        return self.proj_out(x.to(dtype)).float().T + tokens  # residual from before the norm


class Upsampler(nn.Module):
    """Planes (3, C, H, H) to (3, outputs, 2 H, 2 H)."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(channels, outputs, 2, stride=2)

    def forward(self, planes: Tensor) -> Tensor:
        layer = self.upsample
        assert layer.bias is not None
        weight, bias = layer.weight.to(planes), layer.bias.to(planes)
        return F.conv_transpose2d(planes, weight, bias, stride=2)


class TriplaneDecoder(nn.Module):
    """Features (N, C) to raw density and colours (N, 4); SiLU between the layers."""

    def __init__(self, inputs: int, width: int, hidden: int) -> None:
        super().__init__()
        modules: list[nn.Module] = []
        for one, other in pairwise([inputs, *[width] * hidden, 4]):
            modules += [nn.Linear(one, other), nn.SiLU()]
        self.layers = nn.Sequential(*modules[:-1])

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)

    @property
    def linear(self) -> list[nn.Linear]:
        """The linear layers in order."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]
