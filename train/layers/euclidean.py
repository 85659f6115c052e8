"""The rules of the Euclidean distance, synapse by synapse in both passes: only one (rows, cells) array is alive at a time.

w(cell) = sum_k charge_k * f(u2_k),  u2 = ((y - position_y)**2 + (x - position_x)**2) / reach**2
f: (1 + u2)**-p for inverse (p = 1/2) and inverse_square (p = 1), exp(-u2 / 2) for gaussian
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

POWERS = {"inverse": 0.5, "inverse_square": 1.0}


@dataclass(frozen=True)
class Window:
    """The cells that the synapses lie over."""

    size: tuple[int, ...]  # (height, width)
    channels: int
    channel: Tensor  # (rows, K) index of the map that each synapse reads
    cells_y: Tensor  # (height,) centres of the cells, in cells
    cells_x: Tensor  # (width,)


def euclidean_weights(rule: str, window: Window, position: Tensor, log_reach: Tensor, charge: Tensor) -> Tensor:
    """(rows, channels, height, width) of positions (rows, K, 2), log reaches (rows, K, 1), both of cells, and charges (rows, K)."""
    out: Tensor = _Weights.apply(rule, window, position, log_reach, charge)
    return out


def _values(rule: str, u2: Tensor) -> tuple[Tensor, Tensor]:
    """f(u2) and df / du2."""
    if rule == "gaussian":
        f = torch.exp(-0.5 * u2)
        return f, -0.5 * f
    p = POWERS[rule]
    f = (1 + u2) ** -p
    return f, -p * f / (1 + u2)


class _Weights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rule: str, window: Window, position: Tensor, log_reach: Tensor, charge: Tensor) -> Tensor:
        ctx.rule, ctx.window = rule, window
        ctx.save_for_backward(position, log_reach, charge)
        (height, width), rows = window.size, len(charge)
        out = torch.zeros(rows * window.channels, height * width, device=charge.device)
        first = torch.arange(rows, device=charge.device) * window.channels
        for k in range(charge.shape[1]):
            f, _ = _values(rule, _squared(window, position[:, k], log_reach[:, k])[2])
            out.index_add_(0, first + window.channel[:, k], charge[:, k, None] * f.flatten(1))
        return out.view(rows, window.channels, height, width)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        position, log_reach, charge = ctx.saved_tensors
        window: Window = ctx.window
        rows = torch.arange(len(charge), device=charge.device)
        d_position, d_reach, d_charge = torch.zeros_like(position), torch.zeros_like(log_reach), torch.zeros_like(charge)
        for k in range(charge.shape[1]):
            g = grads[0][rows, window.channel[:, k]]  # (rows, height, width)
            dy, dx, u2 = _squared(window, position[:, k], log_reach[:, k])
            f, slope = _values(ctx.rule, u2)
            d_charge[:, k] = (g * f).sum((1, 2))
            a = g * slope * charge[:, k, None, None]
            reach2 = (2 * log_reach[:, k, 0]).exp()
            d_position[:, k, 0] = -2 * (a.sum(2) * dy).sum(1) / reach2
            d_position[:, k, 1] = -2 * (a.sum(1) * dx).sum(1) / reach2
            d_reach[:, k, 0] = -2 * (a * u2).sum((1, 2))
        return None, None, d_position, d_reach, d_charge


def _squared(window: Window, position: Tensor, log_reach: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(rows, height) and (rows, width) offsets of the cells in cells, and (rows, height, width) u2, for one synapse of every row."""
    dy, dx = window.cells_y - position[:, :1], window.cells_x - position[:, 1:]
    return dy, dx, (dy[:, :, None] ** 2 + dx[:, None, :] ** 2) / (2 * log_reach).exp()[:, :, None]
