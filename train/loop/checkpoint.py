"""Checkpoints: everything a run needs to go on exactly as if it had not been stopped. Safetensors and JSON, no pickle; written whole or not at all.

Tensors: ``model/...`` (parameters and buffers), ``optimiser/<parameter index>/<name>``, ``rng/cpu`` and, on a GPU, ``rng/cuda``. The order of
the samples and the noise of epoch e come from a generator seeded by (seed, e), so an epoch is the unit of resuming.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from devices.common.files import write_whole
from devices.errors import InputError
from train.config import TrainConfig


def write_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, epoch: int, config: TrainConfig) -> None:
    """Write the state after ``epoch`` finished epochs."""
    tensors = {f"model/{name}": value for name, value in _unshared(model).items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors["rng/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["rng/cuda"] = torch.cuda.get_rng_state()
    header = {"epoch": epoch, "config": config.model_dump(mode="json")}
    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, {"nearwire-checkpoint": json.dumps(header)})
    write_whole(path, content)


def finished_epochs(path: Path) -> int:
    """The finished epochs of a checkpoint, which say whether it is of the quantised phase; InputError if it is damaged."""
    try:
        with safe_open(str(path), "pt") as file:
            return int(json.loads((file.metadata() or {})["nearwire-checkpoint"])["epoch"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"checkpoint '{path}' cannot be read: {error}. Start again: without --resume, or remove '{path.parent}'.") from error


def read_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, config: TrainConfig) -> int:
    """Put the state back; returns the finished epochs. InputError if the file is damaged or of a run with another configuration."""
    again = f"Start again: without --resume, or remove '{path.parent}'."
    try:
        with safe_open(str(path), "pt") as file:
            header = json.loads((file.metadata() or {})["nearwire-checkpoint"])
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"checkpoint '{path}' cannot be read: {error}. {again}") from error
    if header["config"] != config.model_dump(mode="json"):
        changed = [name for name, value in config.model_dump(mode="json").items() if header["config"].get(name) != value]
        raise InputError(f"checkpoint '{path}' belongs to a run with other settings: {', '.join(changed) or 'more fields'} differ. {again}")
    model.load_state_dict({name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}, strict=False)
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["rng/cpu"])
    if "rng/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng/cuda"])
    return int(header["epoch"])


def _unshared(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer once: positions are shared between layers."""
    kept = set(model.state_dict())
    return {**dict(model.named_parameters()), **{name: value for name, value in model.named_buffers() if name in kept}}
