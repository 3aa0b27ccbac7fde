"""Several processes or machines that train together, started by `torchrun`; one is the usual."""

import atexit
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


class Group:
    """The processes of a run, found in the environment that `torchrun` sets.

    Attributes
    ----------
    rank, size : which process this is, and of how many
    """

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            # Threads that are left to the interpreter's end can abort a process that has succeeded.
            atexit.register(_leave)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module with gradients that are averaged over the processes."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, find_unused_parameters=True)

    def silent(self, module: nn.Module, wanted: bool) -> AbstractContextManager[None]:
        """Return a context in which gradients stay in their process, if `wanted`."""
        if wanted and isinstance(module, DistributedDataParallel):
            return module.no_sync()
        return nullcontext()

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the means of numbers over the processes."""
        if self.size == 1:
            return dict(values)
        flat = self._placed(torch.tensor(list(values.values()), dtype=torch.float64))
        dist.all_reduce(flat)
        return dict(zip(values, (flat / self.size).tolist(), strict=True))

    def share(self, best: float | None, waited: int) -> tuple[float | None, int]:
        """Return the first process's numbers to all; after a validation, so there is a best."""
        if self.size == 1:
            return best, waited
        values = self._placed(torch.tensor([best or 0.0, float(waited)], dtype=torch.float64))
        dist.broadcast(values, src=0)
        return float(values[0]), int(values[1])

    def _placed(self, values: torch.Tensor) -> torch.Tensor:
        """Return numbers where the processes exchange them."""
        return values.cuda() if dist.get_backend() == "nccl" else values


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
