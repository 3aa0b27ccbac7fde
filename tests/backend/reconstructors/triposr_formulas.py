"""TripoSR written out as formulas on a state dict, line by line, in float64; and a tiny network.

Nothing here is shared with the network itself: attention, norms, the bicubic resize of positions
and the bilinear samples are spelled out.
"""

import math
from dataclasses import replace

import torch
from levelform.backend.reconstructors.triposr import FRAMING, TripoSRConfiguration

TINY = TripoSRConfiguration(
    framing=replace(FRAMING, size=64),
    patch=8,
    positions=5,
    vision_width=128,
    vision_heads=2,
    vision_hidden=96,
    vision_layers=2,
    side=4,
    channels=64,
    heads=2,
    head_width=64,
    layers=3,
    features=5,
    decoder_width=16,
    decoder_layers=3,
)


def triplane(state, image, sizes):
    """Return (3, features, 2 side, 2 side) of a prepared image (3, S, S)."""
    image_tokens = vision_tokens(state, image, sizes)
    tokens = torch.cat(list(state["tokenizer.embeddings"].flatten(2)), 1)  # (C, 3 side^2)
    x = linear(state, "backbone.proj_in", group_norm(state, "backbone.norm", tokens).T)
    for index in range(sizes.layers):
        at = f"backbone.transformer_blocks.{index}."
        normed = layer_norm(state, at + "norm1", x, 1e-5)
        x = x + backbone_attention(state, at + "attn1.", normed, normed, sizes.heads)
        normed = layer_norm(state, at + "norm2", x, 1e-5)
        x = x + backbone_attention(state, at + "attn2.", normed, image_tokens, sizes.heads)
        wide = linear(state, at + "ff.net.0.proj", layer_norm(state, at + "norm3", x, 1e-5))
        half = wide.shape[1] // 2
        x = x + linear(state, at + "ff.net.2", wide[:, :half] * gelu(wide[:, half:]))
    tokens = linear(state, "backbone.proj_out", x).T + tokens
    side, planes = sizes.side, []
    for plane in range(3):
        one = tokens[:, plane * side**2 : (plane + 1) * side**2].unflatten(1, (side, side))
        planes.append(upsampled(state, one))
    return torch.stack(planes)


def vision_tokens(state, image, sizes):
    """Return (1 + patches, width) image tokens."""
    prefix, patch = "image_tokenizer.model.", sizes.patch
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=image.dtype)[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225], dtype=image.dtype)[:, None, None]
    image = (image - mean) / std
    count = image.shape[1] // patch
    patches = [
        image[:, r * patch : (r + 1) * patch, c * patch : (c + 1) * patch].flatten()
        for r in range(count)
        for c in range(count)
    ]
    kernel = state[prefix + "embeddings.patch_embeddings.projection.weight"].flatten(1)
    bias = state[prefix + "embeddings.patch_embeddings.projection.bias"]
    x = torch.cat(
        [state[prefix + "embeddings.cls_token"][0], torch.stack(patches) @ kernel.T + bias]
    )
    x = x + positions(state[prefix + "embeddings.position_embeddings"][0], count)
    for index in range(sizes.vision_layers):
        at = f"{prefix}encoder.layer.{index}."
        normed = layer_norm(state, at + "layernorm_before", x, 1e-12)
        q, k, v = (
            linear(state, f"{at}attention.attention.{name}", normed)
            for name in ("query", "key", "value")
        )
        mixed = attention(q, k, v, sizes.vision_heads)
        x = x + linear(state, at + "attention.output.dense", mixed)
        normed = layer_norm(state, at + "layernorm_after", x, 1e-12)
        hidden = gelu(linear(state, at + "intermediate.dense", normed))
        x = x + linear(state, at + "output.dense", hidden)
    return layer_norm(state, prefix + "layernorm", x, 1e-12)


def positions(learned, count):
    """Return (1 + count^2, width): a bicubic resize with the scale factor (count + 0.1) / side."""
    side = math.isqrt(len(learned) - 1)
    grid = learned[1:].unflatten(0, (side, side))
    taps = torch.zeros(count, side, dtype=learned.dtype)
    for index in range(count):
        place = (index + 0.5) * side / (count + 0.1) - 0.5
        for offset in (-1, 0, 1, 2):
            tap = math.floor(place) + offset
            taps[index, min(max(tap, 0), side - 1)] += cubic(abs(place - tap))
    resized = torch.einsum("ri,cj,ijw->rcw", taps, taps, grid)
    return torch.cat([learned[:1], resized.flatten(0, 1)])


def cubic(x, a=-0.75):
    """Return Keys' kernel at a distance x."""
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def backbone_attention(state, at, x, source, heads):
    q = x @ state[at + "to_q.weight"].T
    k, v = (source @ state[f"{at}to_{name}.weight"].T for name in "kv")
    return linear(state, at + "to_out.0", attention(q, k, v, heads))


def attention(q, k, v, heads):
    """Return (T, width): each head's softmax(q k / sqrt(d)) v, side by side."""
    width = q.shape[1] // heads
    mixed = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = q[:, part] @ k[:, part].T / math.sqrt(width)
        weights = (scores - scores.amax(1, keepdim=True)).exp()
        mixed.append(weights / weights.sum(1, keepdim=True) @ v[:, part])
    return torch.cat(mixed, 1)


def linear(state, at, x):
    return x @ state[at + ".weight"].T + state[at + ".bias"]


def layer_norm(state, at, x, eps):
    centred = x - x.mean(1, keepdim=True)
    std = (centred.square().mean(1, keepdim=True) + eps).sqrt()
    return centred / std * state[at + ".weight"] + state[at + ".bias"]


def group_norm(state, at, x, groups=32, eps=1e-6):
    """Return (C, T): each of the groups of channels over all its values."""
    grouped = x.reshape(groups, -1)
    centred = grouped - grouped.mean(1, keepdim=True)
    normed = (centred / (centred.square().mean(1, keepdim=True) + eps).sqrt()).reshape(x.shape)
    return normed * state[at + ".weight"][:, None] + state[at + ".bias"][:, None]


def gelu(x):
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def upsampled(state, plane):
    """Return (outputs, 2 h, 2 w): every pixel becomes two by two."""
    kernel, bias = (state[f"post_processor.upsample.{name}"] for name in ("weight", "bias"))
    height, width = plane.shape[1:]
    out = torch.zeros(len(bias), 2 * height, 2 * width, dtype=plane.dtype)
    for down in range(2):
        for right in range(2):
            out[:, down::2, right::2] = torch.einsum(
                "chw,co->ohw", plane, kernel[:, :, down, right]
            )
    return out + bias[:, None, None]


def raw_outputs(state, planes, points, layers):
    """Return (N, 4) at points (N, 3) of [-0.87, 0.87]^3: raw density and colours."""
    x = torch.stack([point_features(planes, point / 0.87) for point in points])
    for index in range(layers + 1):
        x = linear(state, f"decoder.layers.{2 * index}", x)
        x = x / (1 + (-x).exp()) if index < layers else x
    return x


def point_features(planes, point):
    """Return (3 features,) at a point of [-1, 1]^3: bilinear, 0 beyond a plane's pixels."""
    size, taken = planes.shape[-1], []
    for plane, (across, down) in zip(planes, ((0, 1), (0, 2), (1, 2)), strict=True):
        column, row = ((float(point[axis]) + 1) * size / 2 - 0.5 for axis in (across, down))
        total = torch.zeros(plane.shape[0], dtype=plane.dtype)
        for r in (math.floor(row), math.floor(row) + 1):
            for c in (math.floor(column), math.floor(column) + 1):
                if 0 <= r < size and 0 <= c < size:
                    total += plane[:, r, c] * (1 - abs(row - r)) * (1 - abs(column - c))
        taken.append(total)
    return torch.cat(taken)
