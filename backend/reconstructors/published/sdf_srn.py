"""SDF-SRN: the authors' six `.ckpt` files, whose names of parameters are ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...contract.errors import RequestError
from .network import PublishedNetwork

CONFIGURATIONS = {512: "paper", 256: "paper-pascal3d"}  # by the length of the latent code


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the network of one checkpoint, without its optimiser's state."""
    if len(checkpoints) != 1 or "graph" not in checkpoints[0]:
        raise RequestError(
            "A checkpoint of SDF-SRN is one file with an entry `graph`.",
            "Give one of the six files that the authors published.",
        )
    state = checkpoints[0]["graph"]
    head = state.get("encoder.fc.weight")
    if head is None or head.shape[0] not in CONFIGURATIONS:
        raise RequestError(
            "The checkpoint's encoder is not one that the authors published.",
            "Give one of the six files that the authors published.",
        )
    return PublishedNetwork(state, CONFIGURATIONS[head.shape[0]])
