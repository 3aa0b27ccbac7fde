"""Deep Meta Functionals: checkpoints that the authors' TensorFlow code writes.

No weights were published; names and layouts follow from the code. The activation is not in the
file; it is taken to be the paper's, ELU.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ...contract.errors import RequestError
from ...encoders.preactivation import MODULES
from ...geometry.frames import PADDED_GRID_SIDE, shapenet_frame
from ...images.framing import R2N2
from .files import require
from .network import PublishedNetwork
from .tensorflow import kernel, matrix

PREFIX = "2d_cnn_model/"
FRAME = shapenet_frame(PADDED_GRID_SIDE)
LEAVES = {"weights": "weight", "Matrix": "weight", "biases": "bias"}
NORM_LEAVES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
HEADS = {"w": "weight", "b": "bias", "g": "scale"}


def published_network(checkpoints: Sequence[Mapping[str, Any]]) -> PublishedNetwork:
    """Return the network of one checkpoint."""
    variables = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in checkpoints[0].items()
        if name.startswith(PREFIX) and "/Adam" not in name and "_skip/" not in name
    }
    require(variables, ["Input/weights", "fully/w0/Matrix"], what="Deep Meta Functionals")
    if any(name.startswith("fully/expand") for name in variables):
        raise RequestError(
            "This checkpoint has hidden layers before its heads (a branch variant).",
            "Only networks as in the paper can be imported.",
        )
    changes = _sizes(variables)
    state = _state(variables, last=changes["hidden_layers"])
    return PublishedNetwork(state, changes=changes, frame=FRAME)


def _sizes(variables: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the entries of the configuration that the shapes of variables show."""
    channels, width = variables["Input/weights"].shape[2:]
    modules = {m.group(1) for n in variables if (m := re.match(r"Residuals/r(\d+)_1/", n))}
    layers = {m.group(1) for n in variables if (m := re.match(r"fully/w(\d+)/", n))}
    hidden_width = variables["fully/b1/Matrix"].shape[1]
    return {
        "framing": replace(R2N2, background="rgba" if channels == 4 else "black"),
        "width": width,
        "blocks": len(modules) // MODULES,
        "connected": sum(bool(re.match(r"fully/decode\d+/Matrix", n)) for n in variables),
        "hidden_layers": len(layers) - 1,
        "hidden_width": hidden_width,
        "coordinates": variables["fully/w0/Matrix"].shape[1] // hidden_width,
        "batch_norm": "Residuals/r1_1/gamma" in variables,
        "connected_style": "code",
        "first_layer_affine": "fully/b0/Matrix" in variables,
    }


def _state(variables: Mapping[str, Tensor], *, last: int) -> dict[str, Tensor]:
    """Return our state dict; `last` is the index of g's last layer.

    That layer is doubled and negated: the authors' g is a pseudo distance with
    P(inside) = sigmoid(-2 g), ours a logit.
    """
    state = {}
    for name, tensor in variables.items():
        scope, leaf = name.rsplit("/", 1)
        if tensor.ndim == 4:
            tensor = kernel(tensor)
        elif tensor.ndim == 2:
            tensor = matrix(tensor)
        if scope in (f"fully/w{last}", f"fully/b{last}"):
            tensor = -2 * tensor
        place = _place(scope, leaf)
        state[place] = tensor.contiguous()
        if leaf == "moving_mean":  # torch counts batches, TensorFlow does not
            count = place.replace("running_mean", "num_batches_tracked")
            state[count] = torch.tensor(0)
    return state


def _place(scope: str, leaf: str) -> str:
    """Return our name of a variable."""
    ours = LEAVES.get(leaf, leaf)
    if scope == "Input":
        return f"encoder.stem.{ours}"
    if match := re.fullmatch(r"Residuals/r(\d+)_([12])", scope):
        block, module = divmod(int(match[1]) - 1, MODULES)
        layer = f"norm{match[2]}" if leaf in NORM_LEAVES else f"conv{match[2]}"
        return f"encoder.blocks.{block}.{module}.{layer}.{NORM_LEAVES.get(leaf, ours)}"
    if match := re.fullmatch(r"fully/decode(\d+)", scope):
        return f"connected.{int(match[1]) - 1}.{ours}"
    if match := re.fullmatch(r"fully/([wbg])(\d+)", scope):
        return f"heads.{match[2]}.{HEADS[match[1]]}.{ours}"
    return f"unknown.{scope}.{ours}"
