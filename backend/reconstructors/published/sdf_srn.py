"""SDF-SRN: the authors' six `.ckpt` files, whose names of parameters are ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ...contract.errors import RequestError
from .network import PublishedNetwork

CONFIGURATIONS = {512: "paper", 256: "paper-pascal3d"}  # by the length of the latent code
REFLECTED = "paper-pascal3d"  # its networks know objects mirrored along `LATERAL`
LATERAL, COORDINATES = 2, 3  # axis to the side of an object in the method's frame
LAYERS = "generator.hyper_impl."  # the parameters of hidden layers are these and an index


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the network of one checkpoint, without its optimiser's state.

    The object-to-camera matrix of the authors' code for PASCAL3D+ has the determinant -1, so these
    networks learned mirror images of the objects. They are mirrored back; see `reflected`.
    """
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
    name = CONFIGURATIONS[head.shape[0]]
    if name == REFLECTED:
        state = reflected(state, *_sizes(state))
    return PublishedNetwork(state, name)


def _sizes(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Return the width of the generated layers, and of the encoded position."""
    features = state["renderer.ray_lstm.weight_ih"].shape[1]
    first = _last(state, LAYERS + "0.")
    return features, state[f"{first}.bias"].shape[0] // features - 1


def reflected(state: Mapping[str, Tensor], width: int, encoded: int) -> dict[str, Tensor]:
    """Return the state of a hypernetwork whose objects are mirrored along `LATERAL`; exact.

    Sines of a coordinate and the coordinate itself change their signs with it, cosines do not. So
    the generated weights that read them change theirs, which are outputs of the hypernetwork's last
    layers.

    Parameters
    ----------
    width : of the generated layers
    encoded : length of an encoded position, 6 L + 3
    """
    frequencies = (encoded - COORDINATES) // (2 * COORDINATES)
    signs = torch.ones(encoded)
    start = 2 * frequencies * LATERAL
    signs[start : start + frequencies] = -1.0
    signs[encoded - COORDINATES + LATERAL] = -1.0
    changed = dict(state)
    layers = {name.removeprefix(LAYERS).partition(".")[0] for name in state if LAYERS in name}
    for layer in layers:
        last = _last(state, f"{LAYERS}{layer}.")
        outputs = state[f"{last}.bias"].shape[0]
        rows = torch.ones(outputs // width)  # the bias, hidden features, the encoded position
        rows[-encoded:] = signs
        each = rows.repeat_interleave(width)
        changed[f"{last}.weight"] = state[f"{last}.weight"] * each[:, None]
        changed[f"{last}.bias"] = state[f"{last}.bias"] * each
    return changed


def _last(state: Mapping[str, Tensor], prefix: str) -> str:
    """Return the name of the last linear layer below a prefix."""
    numbers = [
        int(name[len(prefix) :].partition(".")[0]) for name in state if name.startswith(prefix)
    ]
    if not numbers:
        raise RequestError(
            f"The checkpoint lacks the parameters {prefix}*.",
            "Give one of the six files that the authors published.",
        )
    return f"{prefix}{max(numbers)}"
