"""The time of one epoch of the paper's 784-2048-10 (spatial, learned gaps) against the same MLP with nn.Linear: nearwire bench epoch_time

Random bytes of MNIST's shape, batch 600, Adam as in ``train fit``, torch's default threads. The two models take turns, one step each, in the
same process, so that whatever else the machine does hits both. Printed: seconds an epoch of each (mean), and the ratio of the medians of the steps
(exit code 3 if it is above --limit).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.data.dataset import Dataset, Split
from runtime.network.network import InputSpec
from train.config import TrainConfig
from train.model.model import build

SAMPLES, BATCH, HIDDEN, CLASSES, WARM_UP = 60_000, 600, 2048, 10, 5


class Linear(nn.Module):
    """The same layers with a weight matrix each."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))

    def forward(self, u: Tensor) -> Tensor:
        out: Tensor = self.layers(u.float() * (1 / 255))
        return out


def stepper(model: nn.Module, optimiser: torch.optim.Optimizer, anneal: Callable[[float], None], x: Tensor, y: Tensor) -> Callable[[int], float]:
    """A function that does step k and returns its seconds."""

    def step(k: int) -> float:
        begin = time.perf_counter()
        anneal(k / (SAMPLES // BATCH))
        index = torch.arange(k * BATCH, (k + 1) * BATCH) % len(x)
        loss = functional.cross_entropy(model(x[index]), y[index])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return time.perf_counter() - begin

    return step


def main() -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=1.15, help="largest ratio that passes (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=1, help="epochs of each (default: %(default)s)")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    spec = InputSpec((28, 28))
    data = Split(rng.integers(0, 256, (SAMPLES, spec.size), np.uint8), rng.integers(0, CLASSES, SAMPLES))
    torch.manual_seed(0)
    config = TrainConfig(hidden=(HIDDEN,), gap="learned", d=3, batch=BATCH)
    spatial = build(config, Dataset("random", spec.shape, tuple("0123456789"), spec, data, data, data))
    linear = Linear(spec.size)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    steps = [
        stepper(spatial, torch.optim.Adam(spatial.groups(config), lr=1e-4, betas=config.betas), spatial.anneal, x, y),
        stepper(linear, torch.optim.Adam(linear.parameters(), lr=1e-4, betas=config.betas), lambda progress: None, x, y),
    ]
    count = arguments.epochs * (SAMPLES // BATCH)
    seconds: list[list[float]] = [[], []]
    for k in range(WARM_UP + count):
        for which in (0, 1) if k % 2 else (1, 0):  # neither always runs in what the other left in the cache
            taken = steps[which](k)
            if k >= WARM_UP:
                seconds[which].append(taken)
    ratio = statistics.median(seconds[0]) / statistics.median(seconds[1])
    for name, taken_all in zip(("spatial, learned gaps", "nn.Linear"), seconds, strict=True):
        print(f"{name:24s}{sum(taken_all) / arguments.epochs:8.3f} s an epoch, median step {statistics.median(taken_all) * 1000:.2f} ms")
    print(f"ratio {ratio:.3f} (limit {arguments.limit}), {torch.get_num_threads()} threads, batch {BATCH}, {count} steps each")
    return 0 if ratio <= arguments.limit else 3


if __name__ == "__main__":
    sys.exit(main())
