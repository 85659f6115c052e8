"""Checkpoints: everything a run needs to go on exactly as if it had not been stopped. Safetensors and JSON, no pickle; written whole or not at all.

Tensors: ``model/...`` (parameters and buffers), ``optimiser/<parameter index>/<name>``, ``rng/cpu`` and, on a GPU, ``rng/cuda``. The order of
the samples and the noise of epoch e come from a generator seeded by (seed, e), so an epoch is the unit of resuming. The header holds the
finished epochs, the configuration and a digest of all that is in the file. What is read back must have exactly the tensors, shapes and types that
the run would write, and that digest; checkpoints of before there were digests have the rest checked.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from devices.common.files import write_whole
from devices.common.guard import reading, shown
from devices.errors import InputError
from train.config import TrainConfig
from train.loop.phases import total_epochs

KEY = "nearwire-checkpoint"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps of a parameter


@dataclass(frozen=True)
class Checkpoint:
    """A file's content, its digest checked."""

    path: Path
    epoch: int  # finished epochs
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def error(self, what: str) -> InputError:
        return _error(self.path, what)


def write_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, epoch: int, config: TrainConfig) -> None:
    """Write the state after ``epoch`` finished epochs."""
    tensors = {f"model/{name}": value for name, value in _unshared(model).items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    tensors["rng/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["rng/cuda"] = torch.cuda.get_rng_state()
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    header: dict[str, Any] = {"epoch": epoch, "config": config.model_dump(mode="json")}
    header["digest"] = digest(header, tensors)
    write_whole(path, save(tensors, {KEY: json.dumps(header)}))


def open_checkpoint(path: Path) -> Checkpoint:
    """Read a file; InputError if it is damaged or no checkpoint."""
    with reading(f"checkpoint '{path}'", _again(path)), safe_open(str(path), "pt") as file:
        header = json.loads((file.metadata() or {})[KEY])
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    if not isinstance(header, dict) or not {"epoch", "config"} <= set(header) <= {"epoch", "config", "digest"}:
        raise _error(path, "has a header that is not a checkpoint's")
    if type(header["epoch"]) is not int or header["epoch"] < 0 or not isinstance(header["config"], dict):
        raise _error(path, f"has a damaged header: epoch is {shown(header['epoch'])}")
    if "digest" in header and header["digest"] != digest({name: header[name] for name in ("epoch", "config")}, tensors):
        raise _error(path, "was changed or damaged: its digest is another")
    return Checkpoint(path, header["epoch"], header["config"], tensors)


def finished_epochs(path: Path) -> int:
    """The finished epochs of a checkpoint, which say whether it is of the quantised phase; InputError if it is damaged."""
    return open_checkpoint(path).epoch


def read_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, config: TrainConfig) -> int:
    """Put the state back; returns the finished epochs. InputError if the file is damaged or of a run with another configuration."""
    found = open_checkpoint(path)
    wanted = config.model_dump(mode="json")
    if found.config != wanted:
        changed = sorted(name for name in {*wanted, *found.config} if found.config.get(name) != wanted.get(name))
        raise found.error(f"belongs to a run with other settings: {', '.join(changed) or 'more fields'} differ")
    if found.epoch > total_epochs(config):
        raise found.error(f"is of epoch {found.epoch}, and the run has {total_epochs(config)}")
    _check_tensors(found, model, optimiser)
    model.load_state_dict({name.removeprefix("model/"): value for name, value in found.tensors.items() if name.startswith("model/")}, strict=False)
    state: dict[int, dict[str, Any]] = {}
    for name, value in found.tensors.items():
        if name.startswith("optimiser/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    try:
        torch.set_rng_state(found.tensors["rng/cpu"])
        if "rng/cuda" in found.tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(found.tensors["rng/cuda"])
    except RuntimeError as error:
        raise found.error(f"has a damaged state of the random numbers: {error}") from error
    return found.epoch


def _check_tensors(found: Checkpoint, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """InputError naming the first tensor that is missing, too many or of another shape or type than the run would write."""
    wanted = {f"model/{name}": (tuple(value.shape), value.dtype) for name, value in _unshared(model).items()}
    if found.epoch:
        for index, parameter in enumerate(p for group in optimiser.param_groups for p in group["params"]):
            shapes = ((), tuple(parameter.shape), tuple(parameter.shape))
            types = (torch.float32, parameter.dtype, parameter.dtype)
            wanted |= {f"optimiser/{index}/{name}": (shape, kind) for name, shape, kind in zip(MOMENTS, shapes, types, strict=True)}
    wanted["rng/cpu"] = (tuple(torch.get_rng_state().shape), torch.uint8)
    there = {name: (tuple(value.shape), value.dtype) for name, value in found.tensors.items() if name != "rng/cuda"}
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            raise found.error(f"lacks the tensor '{name}'")
        if name not in wanted:
            raise found.error(f"has a tensor '{name}' that this run does not")
        if there[name] != wanted[name]:
            (shape, kind), (right, other) = there[name], wanted[name]
            raise found.error(f"has '{name}' as {kind} of shape {shape}; it must be {other} of shape {right}")
        if name.endswith("/step") and not 1 <= float(found.tensors[name]) < math.inf:
            raise found.error(f"has '{name}' = {float(found.tensors[name])}; it must be the number of steps that were taken")


def digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """sha256 over the header, and name, type, shape and bytes of every tensor."""
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        found.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _error(path: Path, what: str) -> InputError:
    return InputError(f"checkpoint '{path}' {what}. {_again(path)}")


def _again(path: Path) -> str:
    return f"Start again: without --resume, or remove '{path.parent}'."


def _unshared(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer once: positions are shared between layers."""
    kept = set(model.state_dict())
    return {**dict(model.named_parameters()), **{name: value for name, value in model.named_buffers() if name in kept}}
