"""Occupancy Networks: `onet_img2mesh*.pt`, with current or legacy (`fc_gamma`) names."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ...geometry.frames import shapenet_frame
from .files import require, state_dict_in
from .network import PublishedNetwork

FRAME = shapenet_frame(1.0)


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the network of one checkpoint."""
    tensors = state_dict_in(checkpoints[0], "model")
    require(tensors, ["decoder.fc_p.weight", "encoder.fc.weight"], what="Occupancy network")
    state = _current_names(tensors)
    features, pooled = state["encoder.fc.weight"].shape
    sizes = {
        "width": pooled // 8,
        "features": features,
        "hidden": state["decoder.fc_p.weight"].shape[0],
        "blocks": len({n.split(".")[1] for n in state if n.startswith("decoder.block")}),
    }
    return PublishedNetwork(state, changes=sizes, frame=FRAME)


def _current_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return legacy linear layers, `fc_gamma` and `fc_beta`, as today's 1 x 1 convolutions."""
    state = {}
    for name, tensor in tensors.items():
        for kind in ("gamma", "beta"):
            if f".fc_{kind}." in name:
                name = name.replace(f".fc_{kind}.", f".conv_{kind}.")
                tensor = tensor[..., None] if name.endswith("weight") else tensor
        state[name] = tensor
    return state
