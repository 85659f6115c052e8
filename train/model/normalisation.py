"""Batch normalisation while training, without a gain, and folded away before anything is written.

    y = (x - mean) / sqrt(variance + eps) + bias          per row, over the batch and, behind replicated layers, over the positions

A row is a neuron or a prototype. Folded, the layer's own values are multiplied by 1 / sqrt(variance + eps) and its bias becomes
bias - mean / sqrt(variance + eps), so a network file and a device know nothing of it. Mean and variance of the folded form are those of
a whole pass over training data (``recalibrate``), not the moving averages of the last steps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Normalisation(nn.Module):
    """(samples, rows * positions) to the same shape."""

    def __init__(self, rows: int, eps: float) -> None:
        super().__init__()
        self.rows = rows
        self.norm = nn.BatchNorm1d(rows, eps=eps, affine=False)
        self.bias = nn.Parameter(torch.zeros(rows))
        self.total: Callable[[Tensor], Tensor] | None = None  # differentiable sum over the processes that share a batch; None: there is one

    def forward(self, x: Tensor) -> Tensor:
        positions = x.view(len(x), self.rows, -1)
        if self.training and self.total is not None:
            return (self._over_processes(positions, self.total) + self.bias[:, None]).view(len(x), -1)
        if positions.shape[2] == 1:
            return self.norm(x) + self.bias
        return (self.norm(positions) + self.bias[:, None]).view(len(x), -1)

    def _over_processes(self, x: Tensor, total: Callable[[Tensor], Tensor]) -> Tensor:
        """What ``norm`` gives, moving averages included, for the part x (samples, rows, positions) of a batch."""
        count = total(torch.tensor([float(len(x) * x.shape[2])], device=x.device))
        mean = total(x.sum((0, 2))) / count
        centred = x - mean[:, None]
        variance = total(centred.square().sum((0, 2))) / count
        norm = self.norm
        with torch.no_grad():
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
            norm.num_batches_tracked += 1
        return centred * torch.rsqrt(variance + norm.eps)[:, None]

    def folded(self) -> tuple[Tensor, Tensor]:
        """(gain, bias), each (rows,): what the layer in front has to take over."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        gain = torch.rsqrt(variance + self.norm.eps)
        return gain, self.bias.detach() - mean * gain


@torch.no_grad()
def recalibrate(model: nn.Module, x: Tensor, batch: int = 1000) -> None:
    """Set the statistics of every normalisation in ``model`` to the plain mean over (n, size) bytes ``x``."""
    norms = [module.norm for module in model.modules() if isinstance(module, Normalisation)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average
    training = model.training
    model.train()
    for at in range(0, len(x), batch):
        model(x[at : at + batch])
    model.train(training)
    for norm in norms:
        norm.momentum = 0.1
