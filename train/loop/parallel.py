"""Data-parallel training: torchrun starts the same command several times, every process takes its share of every batch.

    torchrun --nproc-per-node=2 -m train fit ...

What is random is drawn for the whole batch, by sample, in every process; the loss is the mean over the whole batch, and so are the statistics
of normalisations. So N processes follow the curve of one with the same batch, up to the order in which floats are added. Lightning Fabric joins the
processes (gloo on processors, NCCL on GPUs) and averages gradients. Process 0 alone writes files and prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from devices.errors import InputError
from train.model.normalisation import Normalisation
from train.spiking.dynamics import Shared, SpikingNeurons

NAMES = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")  # of torchrun's variables


@dataclass(frozen=True)
class Processes:
    """This process among those that train one network."""

    rank: int = 0
    count: int = 1
    fabric: Any = None  # Lightning Fabric, if there are more than one

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """This process's samples of a batch."""
        return slice(batch * self.rank // self.count, batch * (self.rank + 1) // self.count)

    def total(self, value: Tensor) -> Tensor:
        """The sum over the processes."""
        return value if self.fabric is None else self.fabric.all_reduce(value, reduce_op="sum")

    def agreed(self, flag: bool) -> bool:
        """What process 0 says."""
        return flag if self.fabric is None else bool(self.fabric.broadcast(flag, src=0))

    def wait(self) -> None:
        """Until every process is here."""
        if self.fabric is not None:
            self.fabric.barrier()

    @contextmanager
    def joined(self, model: nn.Module, batch: int) -> Iterator[Callable[..., Tensor]]:
        """The model's forward pass for training steps; gradients are averaged, normalisations and spiking neurons see the whole batch."""
        if self.fabric is None:
            yield model
            return
        norms = [module for module in model.modules() if isinstance(module, Normalisation)]
        spiking = [module for module in model.modules() if isinstance(module, SpikingNeurons)]
        for norm in norms:
            norm.total = _Total.apply
        for neurons in spiking:
            neurons.shared = Shared(batch, self.rows(batch), _total)
        try:
            yield self.fabric.setup_module(model, move_to_device=False)
        finally:
            for norm in norms:
                norm.total = None
            for neurons in spiking:
                neurons.shared = None


class _Total(torch.autograd.Function):
    """The sum over the processes; the gradient of what every process holds is the sum of what they all pass back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _total(value)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return _total(grads[0])


def _total(value: Tensor) -> Tensor:
    out = value.clone()
    torch.distributed.all_reduce(out)
    return out


ALONE = Processes()


def started_by_torchrun(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes torchrun started; 1 without it."""
    return int(environment["WORLD_SIZE"]) if all(name in environment for name in NAMES) else 1


def is_first(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process may write and print, known before the processes meet."""
    return started_by_torchrun(environment) == 1 or environment["RANK"] == "0"


def meet(device: torch.device, batch: int, environment: Mapping[str, str] = os.environ) -> tuple[Processes, torch.device]:
    """The processes that torchrun started, and this one's device. InputError if a batch has fewer samples than there are processes."""
    count = started_by_torchrun(environment)
    if count == 1:
        return ALONE, device
    if batch < count:
        raise InputError(f"batch is {batch}, but {count} processes share it. Allowed: {count} or more, or fewer processes.")
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    local = int(environment["LOCAL_WORLD_SIZE"])
    backend = "nccl" if device.type == "cuda" else "gloo"
    fabric = Fabric(accelerator=device.type, devices=local, num_nodes=count // local, strategy=DDPStrategy(process_group_backend=backend))
    fabric.launch()
    return Processes(fabric.global_rank, count, fabric), fabric.device
