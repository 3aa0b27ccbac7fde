"""UCLID-Net: `UCLID_Net_all_classes.pth`, with `image2cam` and `image2depth`; names are ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ...contract.errors import RequestError
from ...geometry.frames import shapenet_frame
from .network import PublishedNetwork

FRAME = shapenet_frame(2.0)
# The sub-networks, and a tensor that the file of no other one holds.
PARTS = {
    "network": "encoder_2D.conv1.weight",
    "camera": "fc.weight",
    "depth": "toplayer.weight",
}


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the network of one to three files, in any order."""
    parts = _by_part(checkpoints)
    state = {f"{part}.{name}": t for part, tensors in parts.items() for name, t in tensors.items()}
    changes = {**_sizes(parts), "legacy": True}
    return PublishedNetwork(state, changes=changes, frame=FRAME)


def _by_part(checkpoints: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Tensor]]:
    parts: dict[str, Mapping[str, Tensor]] = {}
    for tensors in checkpoints:
        for part, key in PARTS.items():
            if key in tensors:
                parts[part] = tensors
    if "network" not in parts:
        raise RequestError(
            f"This is not a checkpoint of UCLID-Net: it lacks {PARTS['network']}.",
            "Give UCLID_Net_all_classes.pth, and with it image2cam and image2depth.",
        )
    return parts


def _sizes(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Any]:
    """Return the configuration's sizes, from the shapes of tensors."""
    network = parts["network"]
    return {
        "width": network["encoder_2D.conv1.weight"].shape[0],
        "deep": network["conv1x1_l4.weight"].shape[0],
        "skip": network["conv1x1_l3.weight"].shape[0],
        "stages": tuple(network[f"decoder_3D.layer{i}.0.bn2.weight"].shape[0] for i in (2, 3, 4)),
        "camera_width": _width(parts.get("camera"), "conv1.weight"),
        "depth_width": _width(parts.get("depth"), "layer0.0.weight"),
    }


def _width(tensors: Mapping[str, Tensor] | None, name: str) -> int:
    return 0 if tensors is None else tensors[name].shape[0]
