"""Training in several processes or on several machines, started by `torchrun`."""

import atexit
import gc
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


class Group:
    """The processes of a run, read from the environment variables of `torchrun`.

    Attributes
    ----------
    rank, size : index of this process, and number of processes
    """

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            # Threads still alive at interpreter exit can abort a successful process.
            atexit.register(_leave)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Wrap the module to average gradients over the processes."""
        if self.size == 1:
            return module
        return DistributedDataParallel(module, find_unused_parameters=True)

    def silent(self, module: nn.Module, wanted: bool) -> AbstractContextManager[None]:
        """Return a context without gradient exchange, if `wanted`."""
        if wanted and isinstance(module, DistributedDataParallel):
            return module.no_sync()
        return nullcontext()

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the mean of each number over the processes."""
        if self.size == 1:
            return dict(values)
        flat = self._placed(torch.tensor(list(values.values()), dtype=torch.float64))
        dist.all_reduce(flat)
        return dict(zip(values, (flat / self.size).tolist(), strict=True))

    def share(self, best: float | None, waited: int) -> tuple[float | None, int]:
        """Broadcast the first process's numbers; call it after a validation, when `best` is set."""
        if self.size == 1:
            return best, waited
        values = self._placed(torch.tensor([best or 0.0, float(waited)], dtype=torch.float64))
        dist.broadcast(values, src=0)
        return float(values[0]), int(values[1])

    def _placed(self, values: torch.Tensor) -> torch.Tensor:
        """Move numbers to the device used for communication."""
        return values.cuda() if dist.get_backend() == "nccl" else values


def _leave() -> None:
    gc.collect()  # a wrapped module in a cycle would keep the group's threads
    if dist.is_initialized():
        dist.destroy_process_group()
