"""Save and load the state of a training run, for exact resumption.

`state.safetensors` holds the network, its EMA and the optimiser's moments; its header holds the
step and the settings. Nothing is pickled. Random numbers need no state: the seed and the step
determine them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..contract.errors import RequestError
from ..reconstructors.storage import read_tensors, write_tensors

FILE = "state.safetensors"
KIND = "training"


def save_state(
    folder: Path,
    model: nn.Module,
    mean: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    header: Mapping[str, Any],
) -> None:
    """Write the state beside the old one and move it into place."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"mean.{name}": tensor for name, tensor in mean.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{n}": torch.as_tensor(t) for n, t in moments.items()}
    write_tensors(folder / FILE, tensors, {"kind": KIND, **header})


def load_state(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]] | None:
    """Return the tensors by group ("model", "mean", "optimizer") and the header; None if new.

    Raises
    ------
    RequestError
        If the file is damaged or does not hold a training state.
    """
    path = folder / FILE
    if not path.exists():
        return None
    tensors, header, _ = read_tensors(path)
    if header.get("kind") != KIND:
        raise RequestError(f"{path} is not a state of a training run.", "Choose another --out.")
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "mean": {}, "optimizer": {}}
    for name, tensor in tensors.items():
        group, _, rest = name.partition(".")
        if group not in groups:
            raise RequestError(f"{path} is not a state of a training run.", "Choose another --out.")
        groups[group][rest] = tensor
    return groups, header


def restore_optimizer(optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    """Restore saved moments of an optimiser with the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
