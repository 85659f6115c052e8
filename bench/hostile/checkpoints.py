"""Surfaces ``checkpoint`` and ``metrics``: the files of a run that is to go on. What is accepted is put into a model, and trained with."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from bench.hostile.mutate import bytes_of, json_of, value_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from runtime.data.dataset import Dataset, Split
from runtime.network.network import InputSpec
from train.config import TrainConfig
from train.loop.checkpoint import KEY, digest, read_checkpoint, write_checkpoint
from train.loop.fit import train_epoch
from train.loop.phases import optimiser_of, phases
from train.loop.run_folder import RunFolder
from train.model.model import build

SIZE, CLASSES, SAMPLES = 20, 3, 32
CONFIG = TrainConfig(model="dense", hidden=(4,), epochs=3, batch=16)
TYPES = (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.uint8, torch.bool)


def _data() -> Dataset:
    chance = np.random.default_rng(0)
    part = Split(chance.integers(0, 256, (SAMPLES, SIZE)).astype(np.uint8), chance.integers(0, CLASSES, SAMPLES))
    return Dataset("noise", (SIZE,), ("a", "b", "c"), InputSpec((SIZE,)), part, part, part)


def _model() -> tuple[Any, torch.optim.Optimizer, Dataset]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = _data()
    model = build(CONFIG, data)
    return model, optimiser_of(model, CONFIG, phases(CONFIG)[0]), data


def seeds() -> Sequence[bytes]:
    """Checkpoints before the first epoch and after it."""
    model, optimiser, data = _model()
    found = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "checkpoint"
        for epoch in (0, 1):
            write_checkpoint(path, model, optimiser, epoch, CONFIG)
            found.append(path.read_bytes())
            _train(model, optimiser, data)
    return found


def _train(model: Any, optimiser: torch.optim.Optimizer, data: Dataset) -> None:
    train_epoch(CONFIG, data.shape, model, optimiser, torch.tensor(data.train.x), torch.tensor(data.train.y), 0)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A change of any byte, of the header's text, or of header and tensors with the digest that they then have."""
    size = int.from_bytes(content[:8], "little")
    outer = json.loads(content[8 : 8 + size])
    choice = rng.randrange(10)
    if choice < 2:
        return bytes_of(content, rng)
    header, tensors = json.loads(outer["__metadata__"][KEY]), load(content)
    if choice < 4:
        outer["__metadata__"][KEY] = json_of(header, rng)
        raw = json.dumps(outer).encode("utf-8", "surrogatepass")
        return len(raw).to_bytes(8, "little") + raw + content[8 + size :]
    if choice < 6:
        header = value_of(header, rng)
    else:
        _change(tensors, rng)
    if isinstance(header, dict):
        header.pop("digest", None)
        if rng.randrange(3):
            with contextlib.suppress(ValueError, TypeError):  # a header that no digest is of
                header["digest"] = digest({name: header.get(name) for name in ("epoch", "config")}, tensors)
    return save(tensors, {KEY: json.dumps(header).encode("utf-8", "backslashreplace").decode()})


def _change(tensors: dict[str, Tensor], rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 4))):
        name = rng.choice(sorted(tensors))
        value = tensors[name]
        match rng.randrange(7):
            case 0 if len(tensors) > 1:
                del tensors[name]
            case 1:
                tensors[rng.choice((name + "x", "model/x", "optimiser/99/step", "optimiser/x/y/z", "rng/cuda", "", "optimiser/"))] = value.clone()
            case 2:
                tensors[name] = value.reshape(-1)[: rng.randrange(value.numel() + 1)].clone()
            case 3:
                tensors[name] = value.to(rng.choice(TYPES))
            case 4:
                tensors[name] = value[None].clone()
            case 5:
                tensors[name] = value.T.contiguous() if value.ndim == 2 else value.reshape(1, -1).clone()
            case _ if value.numel():
                flat = value.clone().reshape(-1)
                number = rng.choice((float("nan"), float("inf"), -1.0, 0.0, 1e30)) if value.is_floating_point() else rng.randrange(2)
                flat[rng.randrange(flat.numel())] = number
                tensors[name] = flat.reshape(value.shape)


def run_checkpoint(count: int, seed: int) -> Report:
    """``checkpoint.safetensors``."""
    model, optimiser, data = _model()

    def read(path: Path) -> int:
        return read_checkpoint(path, model, optimiser, CONFIG)

    def use(epoch: int) -> None:
        _train(model, optimiser, data)

    return run_surface(Surface("checkpoint", "checkpoint.safetensors", seeds, mutate, read, use), count, seed)


def run_metrics(count: int, seed: int) -> Report:
    """``metrics.jsonl``."""
    row = {"phase": "float", "loss": 1.5, "validation_accuracy": 0.5, "rate": 0.1, "epoch_seconds": 0.1, "seconds": 1.0}
    rows = [row | {"epoch": k} for k in range(1, 6)]

    def mutation(content: bytes, rng: random.Random) -> bytes:
        if rng.randrange(3) == 0:
            return bytes_of(content, rng)
        lines = [json.dumps(one).encode() for one in rows]
        lines[rng.randrange(len(lines))] = json_of(rng.choice(rows), rng).encode("utf-8", "surrogatepass")
        return b"\n".join(lines) + rng.choice((b"\n", b""))

    content = "".join(json.dumps(one) + "\n" for one in rows).encode()
    surface = Surface("metrics", "metrics.jsonl", lambda: [content], mutation, lambda path: RunFolder(path.parent).cut_metrics(3))
    return run_surface(surface, count, seed)
