"""Trained parameters, optimiser, gradient clipping, and the loss as a module."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ..contract.errors import RequestError
from ..reconstructors import Reconstructor
from .recipes import Phase, Recipe


def choose_parameters(model: Reconstructor, recipe: Recipe) -> list[nn.Parameter]:
    """Return the parameters trained by a recipe; freeze the others.

    Raises
    ------
    RequestError
        If the network lacks the part.
    """
    wanted = tuple(f"{name}." for name in recipe.modules)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not wanted or name.startswith(wanted))
    chosen = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not chosen:
        raise RequestError(
            f"This network has no part {', '.join(recipe.modules)} to train.",
            "Choose another --part.",
        )
    return chosen


def optimizer_of(
    phase: Phase, parameters: Sequence[nn.Parameter], device: torch.device
) -> torch.optim.Optimizer:
    """Return a phase's optimiser; weight decay applies only to matrices and kernels."""
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": phase.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    kind = torch.optim.Adam if phase.coupled else torch.optim.AdamW
    fused = device.type in ("cpu", "cuda")
    return kind(groups, lr=phase.learning_rate, betas=phase.betas, fused=fused)


def clip_gradients(phase: Phase, parameters: Sequence[nn.Parameter]) -> None:
    """Clip the gradient's norm: that of all parameters together, or of each (`clip_each`)."""
    if phase.clip is None:
        return
    groups = [[parameter] for parameter in parameters] if phase.clip_each else [parameters]
    for tensors in groups:
        nn.utils.clip_grad_norm_(tensors, phase.clip)


class Loss(nn.Module):
    """A reconstructor's loss as the forward of a module, as required by DDP."""

    def __init__(self, model: Reconstructor) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Any, name: str, options: Mapping[str, Any]) -> Any:
        """Return the terms of the loss `name`; pretraining takes no batch."""
        loss = getattr(self.model, name)
        return loss(**options) if batch is None else loss(batch, **options)
