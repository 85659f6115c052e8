"""Out of memory: what asked for how much, and the settings that lower it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from devices.errors import NearwireError
from train.config import TrainConfig
from train.config.structure import structure

CPU_ALLOCATOR = "DefaultCPUAllocator"  # in the message of the RuntimeError that torch raises on a CPU
BLOCK = 2**20


class OutOfMemory(NearwireError):
    """Of a run that had begun, the checkpoint of the last finished epoch is kept."""


@contextmanager
def explained(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Turn a failed allocation into one error that says how to need less."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _error(config, device, str(error)) from error
    except RuntimeError as error:
        if CPU_ALLOCATOR not in str(error):
            raise
        raise _error(config, device, str(error)) from error


def _error(config: TrainConfig, device: torch.device, message: str) -> OutOfMemory:
    allocation = re.search(r"allocate (\d+) bytes|allocate ([\d.]+ [KMGT]iB)", message)
    size = "" if allocation is None else f": {allocation[2] or f'{int(allocation[1]) / BLOCK:,.0f} MiB'} more were not to be had"
    ways = [f"--batch (it is {config.batch})"]
    tiled = [layer.kind for layer in structure(config) if layer.tiles]
    if tiled and config.weights != "tiled":
        ways.append(f"--weights tiled, which keeps no weights of {tiled[0]} layers while training in floats")
    if config.spiking is not None:
        ways.append(f"fewer time steps (spiking.steps is {config.spiking.steps})")
    ways.append("fewer outputs of its layers" if config.layers else "fewer --hidden neurons")
    where = "the GPU" if device.type == "cuda" else "the machine"
    return OutOfMemory(f"{where} is out of memory{size}. Lower {ways[0]}, or take {' or '.join(ways[1:])}.")
