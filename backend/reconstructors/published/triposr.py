"""TripoSR: `model.ckpt`, a flat state dict under the names that our network has too."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from .files import require, state_dict_in
from .network import PublishedNetwork

VISION = "image_tokenizer.model"
SIGNS = (
    f"{VISION}.embeddings.patch_embeddings.projection.weight",
    f"{VISION}.embeddings.position_embeddings",
    f"{VISION}.encoder.layer.0.intermediate.dense.weight",
    "tokenizer.embeddings",
    "backbone.proj_in.weight",
    "post_processor.upsample.weight",
    "decoder.layers.0.weight",
)
HEAD_WIDTH = 64  # of both transformers; no tensor shows it


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the network of one checkpoint."""
    state = state_dict_in(checkpoints[0], "state_dict")
    require(state, list(SIGNS), what="TripoSR")
    return PublishedNetwork(state, changes=_sizes(state))


def _sizes(state: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the entries of the configuration that the tensors' shapes show."""
    patches, positions, hidden, tokens, entry, upsample, first = (state[name] for name in SIGNS)
    return {
        "patch": patches.shape[-1],
        "positions": round((positions.shape[1] - 1) ** 0.5),
        "vision_width": patches.shape[0],
        "vision_heads": max(patches.shape[0] // HEAD_WIDTH, 1),
        "vision_hidden": hidden.shape[0],
        "vision_layers": _count(state, f"{VISION}.encoder.layer."),
        "side": tokens.shape[-1],
        "channels": tokens.shape[1],
        "heads": max(entry.shape[0] // HEAD_WIDTH, 1),
        "head_width": min(HEAD_WIDTH, entry.shape[0]),
        "layers": _count(state, "backbone.transformer_blocks."),
        "features": upsample.shape[1],
        "decoder_width": first.shape[0],
        "decoder_layers": _count(state, "decoder.layers.") - 1,
    }


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    """Return how many numbers follow a prefix in the names."""
    return len({n.removeprefix(prefix).split(".")[0] for n in state if n.startswith(prefix)})
