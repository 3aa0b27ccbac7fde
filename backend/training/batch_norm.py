"""Batch norm statistics of EMA weights (precise BN)."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from ..reconstructors import Reconstructor
from .recipes import Phase

BatchNorm = nn.modules.batchnorm._BatchNorm


def batch_norms(model: nn.Module, modules: Sequence[str]) -> list[BatchNorm]:
    """Return the batch norms with statistics in the named sub-networks; without names, all."""
    wanted = tuple(f"{name}." for name in modules)
    return [
        module
        for name, module in model.named_modules()
        if isinstance(module, BatchNorm)
        and module.running_mean is not None
        and (not wanted or f"{name}.".startswith(wanted))
    ]


def recalibrate(
    model: Reconstructor,
    norms: Sequence[BatchNorm],
    batches: Iterable[Any],
    phase: Phase,
    seed: int,
) -> None:
    """Recompute the statistics of batch norms as means over batches.

    Statistics copied from the live weights do not match the EMA weights and lower the IoU at high
    learning rates. Layers not run by the loss keep theirs; torch's `update_bn` would reset
    them.

    Parameters
    ----------
    model
        The EMA network, in evaluation mode before and after the call.
    batches
        Batches on the model's device.
    phase
        Phase with the loss for running the network.
    """
    before = [(norm.momentum, copy.deepcopy(norm.state_dict())) for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    with torch.random.fork_rng(devices=[]):  # keep gradients on: a loss may differentiate the field
        torch.manual_seed(seed)
        for batch in batches:
            getattr(model, phase.loss)(batch, **phase.options)
    for norm, (momentum, state) in zip(norms, before, strict=True):
        if norm.num_batches_tracked:
            state = norm.state_dict() | {"num_batches_tracked": state["num_batches_tracked"]}
        norm.load_state_dict(state)
        norm.momentum = momentum
        norm.eval()
